"""One step of the torch engine: against loops over pairs, and against autograd."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor
from torch_cases import DEVICES, numpy

from wordkit.word2vec import Word2VecConfig, torch_losses
from wordkit.word2vec.huffman import HuffmanTree, huffman_tree
from wordkit.word2vec.sampling import noise_probabilities
from wordkit.word2vec.torch_architectures import make_architecture
from wordkit.word2vec.torch_batches import Blocks
from wordkit.word2vec.torch_losses import NegativeSampling, make_loss
from wordkit.word2vec.torch_rows import Rows

Doubles = npt.NDArray[np.float64]
Pair = tuple[int, int]

V, D, S = 12, 5, 16
COUNTS = np.arange(V, 0, -1) ** 2
TREE = huffman_tree(COUNTS)
MODELS = [
    (arch, gradient, loss)
    for arch, gradient in (("skipgram", "true"), ("cbow", "true"), ("cbow", "word2vec"))
    for loss in ("ns", "hs", "softmax")
]
SAFE = 4.0  # what a learning rate times a mass may come to


# --- a batch, and a step by the engine ------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A batch of blocks as the engine sees it, and the weights before the step."""

    config: Word2VecConfig
    blocks: Blocks
    negatives: Tensor
    inputs: Doubles
    outputs: Doubles


def case_of(arch: str, gradient: str, loss: str, *, seed: int = 0, negative: int = 5) -> Case:
    """Blocks of random words with random links; in the last one, and for one centre, none."""
    random = np.random.default_rng(seed)
    config = Word2VecConfig(
        arch=arch, cbow_gradient=gradient, loss=loss, dim=D, window=2, negative=negative
    )  # type: ignore[arg-type]
    T = {"ns": 16, "hs": 1, "softmax": 16}[loss]
    G, J = 64 // T, T + 4
    links = torch.from_numpy(random.random((G, J, T)) < 0.4)
    links[-1] = False
    links[0, :, 0] = False
    centres, contexts = (torch.from_numpy(random.integers(0, V, (G, n))) for n in (T, J))
    N = max(64, negative) if loss == "ns" else 0
    inputs, outputs = np.zeros((V, S)), np.zeros((V, S))
    inputs[:, :D], outputs[:, :D] = random.standard_normal((2, V, D))
    return Case(
        config,
        Blocks(centres, contexts, links),
        torch.from_numpy(random.integers(0, V, (G, N))),
        inputs,
        outputs,
    )


def step(case: Case, lr: float, device: str = "cpu") -> tuple[float, Doubles, Doubles]:
    """The loss before a step by the engine, and the weights after it."""
    inputs, outputs = (
        Rows(torch.from_numpy(array.astype(np.float32)).to(device))
        for array in (case.inputs, case.outputs)
    )
    blocks = Blocks(*(getattr(case.blocks, n).to(device) for n in ("centres", "contexts", "links")))
    loss = make_loss(outputs, COUNTS, case.config)
    architecture = make_architecture(inputs, case.config)
    cost = architecture.step(blocks, case.negatives.to(device), loss, lr)
    return float(cost), numpy(inputs.weights), numpy(outputs.weights)


# --- the same, pair by pair -----------------------------------------------------------------------


@dataclass
class Sums:
    """What the dot products of a batch come to: the loss, gradients and masses."""

    loss: float
    inputs: Doubles
    outputs: Doubles
    input_mass: Doubles
    output_mass: Doubles


def slow_sums(case: Case) -> Sums:
    """Loops over blocks, centres, contexts and outputs, in float64."""
    sums = Sums(0.0, np.zeros((V, S)), np.zeros((V, S)), np.zeros(V), np.zeros(V))
    links = case.blocks.links.numpy()
    for g, t in itertools.product(range(len(links)), range(links.shape[2])):
        centre = int(case.blocks.centres[g, t])
        words = [int(case.blocks.contexts[g, j]) for j in np.flatnonzero(links[g, :, t])]
        groups = [[word] for word in words] if case.config.arch == "skipgram" else [words]
        for group in groups:
            if group:
                add_prediction(sums, case, group, centre, case.negatives[g].tolist())
    return sums


def add_prediction(
    sums: Sums, case: Case, words: list[int], centre: int, negatives: list[int]
) -> None:
    """One prediction of a centre, from the mean of some words."""
    x = case.inputs[words].mean(0)
    back, total = np.zeros(S), 0.0
    for row, weight, error, cost, mass in targets(case, x, centre, negatives):
        sums.loss += weight * cost
        sums.outputs[row] += weight * error * x
        sums.output_mass[row] += mass
        back += weight * error * case.outputs[row]
        total += mass
    if case.config.loss == "softmax":
        total = 4.0
    share = 1 / len(words) if case.config.cbow_gradient == "true" else 1
    for word in words:
        sums.inputs[word] += share * back
        sums.input_mass[word] += share * total


def targets(
    case: Case, x: Doubles, centre: int, negatives: list[int]
) -> list[tuple[int, float, float, float, float]]:
    """Row, weight, −derivative by the dot product, loss and mass of each output."""
    if case.config.loss == "softmax":
        scores = case.outputs @ x
        p = np.exp(scores) / np.exp(scores).sum()
        loss = -np.log(p[centre])
        return [
            (w, 1.0, float(w == centre) - p[w], loss if w == centre else 0.0, 4 * p[w])
            for w in range(V)
        ]
    if case.config.loss == "hs":
        way = slice(TREE.starts[centre], TREE.starts[centre + 1])
        rows = [
            (int(node), 1.0, 1 - int(turn))
            for node, turn in zip(TREE.nodes[way], TREE.turns[way], strict=True)
        ]
    else:
        others = [w for w in negatives if w != centre]
        weight = case.config.negative / len(others) if others else 0.0
        rows = [(centre, 1.0, 1)] + [(w, weight, 0) for w in others]
    found = []
    for row, weight, label in rows:
        z = float(case.outputs[row] @ x)
        p = 1 / (1 + np.exp(-z))
        found.append((row, weight, label - p, -np.log(p if label else 1 - p), weight))
    return found


def after(before: Doubles, change: Doubles, mass: Doubles, lr: float) -> Doubles:
    """The weights after a step, which is shorter for rows of a large mass."""
    rates = [min(lr, SAFE / m) if m else lr for m in mass]
    return before + np.array(rates)[:, None] * change


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("arch", "gradient", "loss"), MODELS)
def test_a_step_is_that_of_its_pairs(device: str, arch: str, gradient: str, loss: str) -> None:
    case = case_of(arch, gradient, loss)
    sums = slow_sums(case)
    # With the larger rate, some rows take a shorter step, and some do not.
    masses = np.concatenate([sums.input_mass, sums.output_mass])
    mixed = SAFE / np.median(masses)
    assert (masses * mixed > SAFE * 1.01).any()
    assert (masses * mixed < SAFE * 0.99).any()
    for lr in (1e-3, mixed):
        cost, inputs, outputs = step(case, lr, device)
        assert cost == pytest.approx(sums.loss, rel=1e-5)
        expected = after(case.inputs, sums.inputs, sums.input_mass, lr)
        np.testing.assert_allclose(inputs, expected, rtol=1e-4, atol=1e-5)
        expected = after(case.outputs, sums.outputs, sums.output_mass, lr)
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
        assert not inputs[:, D:].any()
        assert not outputs[:, D:].any()
        assert np.abs(inputs - case.inputs).max() > 1e-3
        assert np.abs(outputs - case.outputs).max() > 1e-3


# --- the same, by autograd ------------------------------------------------------------------------


def written_out_loss(case: Case, inputs: Tensor, outputs: Tensor) -> Tensor:
    """The loss of the batch as formulas of whole tensors, float64."""
    blocks, links = case.blocks, case.blocks.links.double()
    x = inputs[blocks.contexts]
    if case.config.arch == "cbow":
        counts = links.sum(1)
        x = torch.einsum("gjt,gjd->gtd", links, x) / counts.clamp(min=1)[..., None]
        links = torch.diag_embed((counts > 0).double())
    if case.config.loss == "softmax":
        log_p = (x @ outputs.T).log_softmax(2)
        chosen = log_p.gather(2, blocks.centres[:, None].expand(-1, x.shape[1], -1))
        return -(chosen * links).sum()
    if case.config.loss == "hs":
        return ways_loss(TREE, x, links, blocks.centres, outputs)
    right = torch.einsum("gid,gtd->git", x, outputs[blocks.centres])
    wrong = torch.einsum("gid,gnd->gin", x, outputs[case.negatives])
    others = (blocks.centres[..., None] != case.negatives[:, None]).double()
    mean = others / others.sum(2, keepdim=True).clamp(min=1)
    against = torch.einsum("gtn,gin->git", mean, -torch.nn.functional.logsigmoid(-wrong))
    losses = -torch.nn.functional.logsigmoid(right) + case.config.negative * against
    return (losses * links).sum()


def ways_loss(
    tree: HuffmanTree, x: Tensor, links: Tensor, centres: Tensor, outputs: Tensor
) -> Tensor:
    """−log p of each centre by the product of its turns, T = 1."""
    total = x.new_zeros(())
    for g, centre in enumerate(centres[:, 0].tolist()):
        way = slice(tree.starts[centre], tree.starts[centre + 1])
        turns = torch.from_numpy(tree.turns[way].astype(np.float64))
        z = x[g] @ outputs[tree.nodes[way]].T
        p = torch.sigmoid(z) * (1 - turns) + torch.sigmoid(-z) * turns
        total = total - (p.prod(1).log() * links[g, :, 0]).sum()
    return total


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
@pytest.mark.parametrize("arch", ["skipgram", "cbow"])
def test_a_step_goes_down_the_gradient(arch: str, loss: str) -> None:
    case = case_of(arch, "true", loss, seed=3)
    inputs, outputs = (
        torch.from_numpy(array).requires_grad_() for array in (case.inputs, case.outputs)
    )
    total = written_out_loss(case, inputs, outputs)
    total.backward()  # type: ignore[no-untyped-call]
    lr = 2.0**-10  # so small that no row takes a shorter step
    cost, new_inputs, new_outputs = step(case, lr)
    assert cost == pytest.approx(total.item(), rel=1e-5)
    for before, now, gradient in (
        (case.inputs, new_inputs, inputs.grad),
        (case.outputs, new_outputs, outputs.grad),
    ):
        assert gradient is not None
        np.testing.assert_allclose((now - before) / lr, -gradient.numpy(), rtol=1e-3, atol=2e-3)
        assert gradient.abs().max() > 1


def test_the_full_softmax_does_not_depend_on_how_much_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for arch in ("skipgram", "cbow"):
        case = case_of(arch, "true", "softmax")
        monkeypatch.undo()
        at_once = step(case, 0.01)
        monkeypatch.setattr(torch_losses, "_LOGITS", 5 * V)
        assert step(case, 0.01)[0] == pytest.approx(at_once[0], rel=1e-6)
        for part, whole in zip(step(case, 0.01)[1:], at_once[1:], strict=True):
            np.testing.assert_allclose(part, whole, rtol=1e-5, atol=1e-6)


def test_a_batch_without_links_changes_nothing() -> None:
    for arch, gradient, loss in MODELS:
        case = case_of(arch, gradient, loss)
        case.blocks.links[:] = False
        cost, inputs, outputs = step(case, 0.1)
        assert cost == 0
        np.testing.assert_array_equal(inputs, case.inputs.astype(np.float32))
        np.testing.assert_array_equal(outputs, case.outputs.astype(np.float32))


@pytest.mark.parametrize("others", [0, 1, 2])
def test_hardly_a_negative_that_is_not_the_centre(others: int) -> None:
    """As in a text of one word and a hapax: what is left weighs as much as all would."""
    case = case_of("skipgram", "true", "ns")
    case.blocks.centres[:] = 3
    case.negatives[:] = 3
    case.negatives[:, :others] = 7
    sums = slow_sums(case)
    cost, _, outputs = step(case, 1e-4)
    assert cost == pytest.approx(sums.loss, rel=1e-5)
    changed = np.flatnonzero((outputs != case.outputs.astype(np.float32)).any(1))
    assert changed.tolist() == ([3, 7] if others else [3])


# --- the limit of a step --------------------------------------------------------------------------


def test_many_changes_of_a_row_do_not_carry_it_away() -> None:
    """1,000 changes of weight 2 at rate 0.1 would be a step of 200."""
    rows = Rows(torch.zeros(3, 2))
    where = torch.tensor([1] * 1000 + [2])
    change = torch.tensor([[2.0, 0.0]]).repeat(1001, 1)
    rows.add(where, change, torch.full((1001,), 2.0), 0.1)
    assert rows.weights.tolist() == [
        [0, 0],
        [pytest.approx(SAFE, rel=1e-4), 0],
        [pytest.approx(0.2), 0],
    ]
    rows.add(where[-1:], torch.ones(1, 2), torch.ones(1), 0.1)  # no mass is left from before
    assert rows.weights[2].tolist() == pytest.approx([0.3, 0.1])


def test_a_step_of_no_length() -> None:
    rows = Rows(torch.ones(2, 2))
    rows.add(torch.tensor([0, 1]), torch.ones(2, 2), torch.tensor([0.0, 5.0]), 0.0)
    assert rows.weights.tolist() == [[1, 1], [1, 1]]


# --- negatives ------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_negatives_are_drawn_by_frequency_to_a_power(device: str) -> None:
    counts = np.array([4000, 900, 90, 9, 1])
    outputs = Rows(torch.zeros(5, 16, device=device))
    for exponent in (0.75, 0.0, 1.0):
        config = Word2VecConfig(ns_exponent=exponent)
        loss = make_loss(outputs, counts, config)
        assert isinstance(loss, NegativeSampling)
        drawn = loss.draw(5000, torch.Generator(device).manual_seed(0))
        assert drawn.shape == (5000, 64)
        found = np.bincount(numpy(drawn).ravel(), minlength=5)
        p = noise_probabilities(counts, exponent)
        for count, chance in zip(found, p, strict=True):
            deviation = (drawn.numel() * chance * (1 - chance)) ** 0.5
            assert count == pytest.approx(drawn.numel() * chance, abs=1 + 5 * deviation)


def test_as_many_negatives_as_are_asked_for() -> None:
    outputs = Rows(torch.zeros(V, S))
    for negative, shared in ((1, 64), (64, 64), (200, 200)):
        loss = make_loss(outputs, COUNTS, Word2VecConfig(negative=negative))
        drawn = loss.draw(3, torch.Generator().manual_seed(0))
        assert drawn.shape == (3, shared)
        assert loss.outputs_in_block == loss.centres_in_block + shared


@pytest.mark.parametrize("negative", [1, 5, 64, 100])
def test_negatives_weigh_as_much_as_are_asked_for(negative: int) -> None:
    """With zero vectors, each pair costs log 2 and each of its negatives does."""
    case = case_of("skipgram", "true", "ns", negative=negative)
    zero = np.zeros_like(case.inputs)
    cost, _, _ = step(replace(case, inputs=zero, outputs=zero), 0.1)
    pairs = int(case.blocks.links.sum())
    assert cost == pytest.approx(pairs * (1 + negative) * np.log(2), rel=1e-5)


def test_losses_without_negatives() -> None:
    for loss in ("hs", "softmax"):
        config: Any = Word2VecConfig(loss=loss)  # type: ignore[arg-type]
        drawn = make_loss(Rows(torch.zeros(V, S)), COUNTS, config).draw(7, torch.Generator())
        assert drawn.shape == (7, 0)
