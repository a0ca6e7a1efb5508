"""One step of the torch engine, against autograd in float64, pair by pair."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from chunk_cases import MODELS
from torch import Tensor
from torch_cases import DEVICES, numpy

from wordkit.word2vec import Word2VecConfig, torch_steps
from wordkit.word2vec.huffman import huffman_tree
from wordkit.word2vec.sampling import noise_probabilities
from wordkit.word2vec.torch_blocks import Blocks
from wordkit.word2vec.torch_steps import Rows, Stepper, make_loss

Doubles = npt.NDArray[np.float64]

V, D, S = 12, 5, 16
COUNTS = np.arange(V, 0, -1) ** 2
TREE = huffman_tree(COUNTS)
MAX_STEP = 4.0  # that a learning rate times the weight of a row may come to


# --- a batch, and a step by the engine ------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A batch of blocks as the engine sees it, and the weights before the step."""

    config: Word2VecConfig
    blocks: Blocks
    negatives: Tensor
    inputs: Doubles
    outputs: Doubles


def case_of(arch: str, gradient: str, loss: str, *, negative: int = 5) -> Case:
    """Blocks of random words with random links; in the last one, and for one centre, none."""
    random = np.random.default_rng(0)
    config = Word2VecConfig(
        arch=arch, cbow_gradient=gradient, loss=loss, dim=D, window=2, negative=negative
    )  # type: ignore[arg-type]
    T = {"ns": 16, "hs": 1, "softmax": 16}[loss]
    G, J = 64 // T, T + 4
    links = torch.from_numpy(random.random((G, J, T)) < 0.4)
    links[-1] = False
    links[0, :, 0] = False
    centres, contexts = (torch.from_numpy(random.integers(0, V, (G, n))) for n in (T, J))
    negatives = random.integers(0, V, (G, max(64, negative) if loss == "ns" else 0))
    inputs, outputs = np.zeros((V, S)), np.zeros((V, S))
    inputs[:, :D], outputs[:, :D] = random.standard_normal((2, V, D))
    blocks = Blocks(centres, contexts, links)
    return Case(config, blocks, torch.from_numpy(negatives), inputs, outputs)


def step(case: Case, lr: float, device: str = "cpu") -> tuple[float, Doubles, Doubles]:
    """The loss before a step by the engine, and the weights after it."""
    inputs, outputs = (
        Rows(torch.from_numpy(array.astype(np.float32)).to(device))
        for array in (case.inputs, case.outputs)
    )
    blocks = Blocks(*(getattr(case.blocks, n).to(device) for n in ("centres", "contexts", "links")))
    stepper = Stepper(inputs, make_loss(outputs, COUNTS, case.config), case.config)
    cost = stepper.step(blocks, case.negatives.to(device), lr)
    return float(cost), numpy(inputs.weights), numpy(outputs.weights)


# --- the same, pair by pair -----------------------------------------------------------------------


class Slow:
    """The loss of a batch with its gradients, and the weight of all dot products of each row."""

    def __init__(self, case: Case) -> None:
        self.inputs, self.outputs = (
            torch.from_numpy(array).requires_grad_() for array in (case.inputs, case.outputs)
        )
        self.input_weight, self.output_weight = torch.zeros(2, V, dtype=torch.float64)
        self.loss = torch.zeros((), dtype=torch.float64)
        self._config, links = case.config, case.blocks.links
        for g, t in itertools.product(range(len(links)), range(links.shape[2])):
            words = case.blocks.contexts[g, links[g, :, t]]
            groups = words.split(1) if case.config.arch == "skipgram" else [words]
            for group in groups:
                if len(group):
                    self._predict(group, int(case.blocks.centres[g, t]), case.negatives[g])
        if self.loss.requires_grad:
            self.loss.backward()  # type: ignore[no-untyped-call]

    def _predict(self, words: Tensor, centre: int, negatives: Tensor) -> None:
        """Predict a centre from the mean of some words."""
        rows = self.inputs[words]
        x = rows.mean(0)
        if self._config.cbow_gradient == "word2vec":  # each word gets the gradient of a sum
            x = rows.sum(0) - (rows.sum(0) - x).detach()
        weight = self._add_loss(x, centre, negatives)
        scale = 1 / len(words) if self._config.cbow_gradient == "true" else 1
        self.input_weight.index_add_(0, words, torch.full((len(words),), scale * weight).double())

    def _add_loss(self, x: Tensor, centre: int, negatives: Tensor) -> float:
        """Add the loss of one prediction; return the weight of its dot products."""
        if self._config.loss == "softmax":
            log_p = (self.outputs @ x).log_softmax(0)
            self.loss = self.loss - log_p[centre]
            self.output_weight += 4 * log_p.detach().exp()
            return 4.0
        if self._config.loss == "hs":
            path = slice(TREE.starts[centre], TREE.starts[centre + 1])
            rows, labels = (
                torch.from_numpy(TREE.nodes[path]),
                1 - torch.from_numpy(TREE.codes[path]),
            )
            weights = torch.ones(len(rows)).double()
        else:
            others = negatives[negatives != centre]
            rows = torch.cat([torch.tensor([centre]), others])
            labels = (torch.arange(len(rows)) == 0).int()
            each = self._config.negative / max(len(others), 1)
            weights = torch.where(labels == 1, 1.0, each).double()
        signs = 2 * labels.double() - 1
        self.loss = self.loss - (weights * F.logsigmoid(signs * (self.outputs[rows] @ x))).sum()
        self.output_weight.index_add_(0, rows, weights)
        return float(weights.sum())


def after(before: Doubles, gradient: Tensor | None, weight: Tensor, lr: float) -> Doubles:
    """The weights after a step, which is shorter for rows of a large weight."""
    assert gradient is not None
    rates = [min(lr, MAX_STEP / w) if w else lr for w in weight.tolist()]
    return before - np.array(rates)[:, None] * gradient.numpy()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("negative", [5, 100])  # drawn for a block of 16: 64, and 100
@pytest.mark.parametrize(("arch", "gradient", "loss"), MODELS)
def test_a_step_is_that_of_its_pairs(
    device: str, arch: str, gradient: str, loss: str, negative: int
) -> None:
    if negative > 5 and loss != "ns":
        return
    case = case_of(arch, gradient, loss, negative=negative)
    slow = Slow(case)
    # With the larger rate, some rows take a shorter step, and some do not.
    weights = torch.cat([slow.input_weight, slow.output_weight])
    mixed = MAX_STEP / float(weights.median())
    assert (weights * mixed > MAX_STEP * 1.01).any()
    assert (weights * mixed < MAX_STEP * 0.99).any()
    for lr in (1e-3, mixed):
        cost, inputs, outputs = step(case, lr, device)
        assert cost == pytest.approx(slow.loss.item(), rel=1e-5)
        for before, now, gradients, weight in (
            (case.inputs, inputs, slow.inputs.grad, slow.input_weight),
            (case.outputs, outputs, slow.outputs.grad, slow.output_weight),
        ):
            expected = after(before, gradients, weight, lr)
            np.testing.assert_allclose(now, expected, rtol=1e-4, atol=1e-5)
            assert not now[:, D:].any()
            assert np.abs(now - before).max() > 1e-3


def test_the_full_softmax_does_not_depend_on_how_much_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for arch in ("skipgram", "cbow"):
        case = case_of(arch, "true", "softmax")
        monkeypatch.undo()
        at_once = step(case, 0.01)
        monkeypatch.setattr(torch_steps, "_MAX_LOGITS", 5 * V)
        for part, whole in zip(step(case, 0.01), at_once, strict=True):
            np.testing.assert_allclose(part, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("others", [0, 1, 2])
def test_hardly_a_negative_that_is_not_the_centre(others: int) -> None:
    """As in a text of one word and a hapax: what is left weighs as much as all would."""
    case = case_of("skipgram", "true", "ns")
    case.blocks.centres[:] = 3
    case.negatives[:] = 3
    case.negatives[:, :others] = 7
    cost, _, outputs = step(case, 1e-4)
    assert cost == pytest.approx(Slow(case).loss.item(), rel=1e-5)
    changed = np.flatnonzero((outputs != case.outputs.astype(np.float32)).any(1))
    assert changed.tolist() == ([3, 7] if others else [3])


# --- the limit of a step --------------------------------------------------------------------------


def test_many_changes_of_a_row_do_not_carry_it_away() -> None:
    """1,000 changes of weight 2 at rate 0.1 would be a step of 200."""
    rows = Rows(torch.zeros(3, 2))
    where = torch.tensor([1] * 1000 + [2])
    change = torch.tensor([[2.0, 0.0]]).repeat(1001, 1)
    rows.add(where, change, torch.full((1001,), 2.0), 0.1)
    expected = torch.tensor([[0, 0], [MAX_STEP, 0], [0.2, 0]])
    torch.testing.assert_close(rows.weights, expected, rtol=1e-4, atol=0)
    rows.add(where[-1:], torch.ones(1, 2), torch.ones(1), 0.1)  # no weight is left from before
    assert rows.weights[2].tolist() == pytest.approx([0.3, 0.1])
    before = rows.weights.clone()
    rows.add(torch.tensor([0, 1]), torch.ones(2, 2), torch.tensor([0.0, 5.0]), 0.0)
    torch.testing.assert_close(rows.weights, before)  # at a learning rate of 0


# --- negatives ------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("exponent", [0.75, 0.0, 1.0])
def test_negatives_are_drawn_by_frequency_to_a_power(device: str, exponent: float) -> None:
    counts = np.array([4000, 900, 90, 9, 1])
    outputs = Rows(torch.zeros(5, 16, device=device))
    loss = make_loss(outputs, counts, Word2VecConfig(ns_exponent=exponent))
    drawn = loss.draw(5000, torch.Generator(device).manual_seed(0))
    assert drawn.shape == (5000, 64)
    found = np.bincount(numpy(drawn).ravel(), minlength=5)
    for count, p in zip(found, noise_probabilities(counts, exponent), strict=True):
        deviation = (drawn.numel() * p * (1 - p)) ** 0.5
        assert count == pytest.approx(drawn.numel() * p, abs=1 + 5 * deviation)
