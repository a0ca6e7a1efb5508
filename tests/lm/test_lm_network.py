"""The network and the loss of a window: tied weights, dropout in its places, what is minimized."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from lm.models import SHAPES, random_model, vocabulary_of
from lm.test_token_stream import stream_of
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from wordkit.lm.config import ModelConfig, TrainingConfig, with_softmax
from wordkit.lm.data import Window
from wordkit.lm.network import LanguageModelNetwork
from wordkit.lm.task import LanguageModelTask
from wordkit.nn.dropout import dropout_generator

V, T, B = 12, 5, 3
DRAWN = torch.Generator().manual_seed(4)
IDS, TARGETS = (torch.randint(0, V, (T, B), generator=DRAWN) for _ in range(2))
TARGETS[-1, 2] = -1
WORDS = T * B - 1


def network_of(**config: Any) -> LanguageModelNetwork:
    return random_model(**{"dropout": 0.0, **config}).network.train()


def features_of(network: LanguageModelNetwork, seed: int = 1, ids: Tensor = IDS) -> Tensor:
    with torch.no_grad(), dropout_generator(torch.Generator().manual_seed(seed)):
        return network(ids, network.initial_state(ids.shape[1]))[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", SHAPES)
def test_state_kept_over_a_cut_equals_the_whole(name: str) -> None:
    network = network_of(**SHAPES[name]).eval()
    with torch.no_grad():
        whole, final = network(IDS, network.initial_state(B))
        first, state = network(IDS[:2], network.initial_state(B))
        second, after = network(IDS[2:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(after, final)
    alone = features_of(network, ids=IDS[:, [1]])
    torch.testing.assert_close(alone, whole[:, [1]], msg="sequences are independent")


def test_tying_shares_one_tensor_after_a_move_too() -> None:
    network = LanguageModelNetwork(ModelConfig(hidden=6), V).to(torch.float64)
    assert network.output.weight is network.embedding
    names = dict(network.named_parameters())
    assert sum(p.numel() for p in names.values()) == V * 6 + V + 4 * 6 * (6 + 6 + 1)
    assert "output.weight" not in names
    untied = LanguageModelNetwork(ModelConfig(hidden=6, tied=False), V)
    assert untied.output.weight is not untied.embedding


PLACES = ["dropout", "input_dropout", "between_dropout", "output_dropout", "word_dropout"]


@pytest.mark.parametrize("place", [*PLACES, "weight_drop"])
def test_each_dropout_is_for_training_alone_and_by_seed(place: str) -> None:
    network, plain = network_of(layers=2, **{place: 0.5}), features_of(network_of(layers=2))
    drawn = [features_of(network, seed) for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], plain)
    assert torch.equal(features_of(network.eval()), plain)


def test_dropout_of_the_output_is_locked_and_not_along_time() -> None:
    network = network_of(output_dropout=0.5, hidden=40)
    dropped = features_of(network) == 0
    assert (dropped == dropped[0]).all() and 0.3 < float(dropped.float().mean()) < 0.7
    assert not torch.equal(dropped[0, 0], dropped[0, 1]), "each sequence has its own"
    free = features_of(network_of(output_dropout=0.5, hidden=40, locked_dropout=False)) == 0
    assert len({tuple(step.flatten().tolist()) for step in free}) == T
    with torch.no_grad():
        states = [n(IDS, n.initial_state(B))[1] for n in (network, network_of(hidden=40))]
    torch.testing.assert_close(*states, msg="nothing is dropped from the state")


def test_a_dropped_word_is_dropped_wherever_it_stands() -> None:
    network: Any = network_of(word_dropout=0.5, cell="rnn", hidden=6)
    layer = network.recurrent.layers[0]
    with torch.no_grad():
        layer.weight_input.copy_(torch.eye(6))
        layer.weight_hidden.zero_()
        layer.bias.zero_()
    vectors = features_of(network, seed=3).atanh()  # what went in
    dropped = set()
    for word in IDS.unique():
        rows = vectors[word == IDS]
        kept = bool(rows[0].any())
        dropped.add(not kept)
        expected = 2 * network.embedding[word].detach() if kept else torch.zeros(6)
        torch.testing.assert_close(rows, expected.expand_as(rows), rtol=1e-4, atol=1e-5)
    assert dropped == {True, False}


# --- the loss of a window -------------------------------------------------------------------------


def task_of(network: LanguageModelNetwork, **settings: Any) -> LanguageModelTask:
    config = TrainingConfig(**{"batch": B, "steps": T, "softmax": "exact", **settings})
    return LanguageModelTask(network, vocabulary_of(V), stream_of(60), None, config, {})


def window() -> Window:
    return Window(IDS, TARGETS, WORDS)


def loss_by_torch(network: Any, smoothing: float = 0.0) -> Tensor:
    features, _ = network(IDS, network.initial_state(B))
    logits = features @ network.output.weight.T + network.output.bias
    return F.cross_entropy(
        logits.flatten(0, 1), TARGETS.flatten(), ignore_index=-1, label_smoothing=smoothing
    )


def test_the_mean_over_all_targets_is_minimized_and_their_sum_reported() -> None:
    network = network_of()
    found = task_of(network).loss(window(), 0.0)
    expected = loss_by_torch(network)
    torch.testing.assert_close(found.objective, expected)
    torch.testing.assert_close(found.loss, WORDS * expected.detach())
    assert (found.tokens, found.units, found.sparse) == (WORDS, WORDS, [])
    leaves = list(network.parameters())
    for ours, theirs in zip(
        torch.autograd.grad(found.objective, leaves), torch.autograd.grad(expected, leaves),
        strict=True,
    ):  # fmt: skip
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_smoothing_and_penalties_are_trained_on_and_not_reported() -> None:
    network = network_of()
    task, plain = task_of(network, label_smoothing=0.2), loss_by_torch(network).detach()
    found = task.loss(window(), 0.0)
    torch.testing.assert_close(found.objective, loss_by_torch(network, 0.2))
    torch.testing.assert_close(found.loss, WORDS * plain)
    assert task.loss(window(), 0.0).loss is None, "only now and then is it known"
    features, _ = network(IDS, network.initial_state(B))
    for name, expected in (
        ("activation_penalty", features.square().mean()),
        ("temporal_penalty", features.diff(dim=0).square().mean()),
    ):
        found = task_of(network, **{name: 2.0}).loss(window(), 0.0)
        torch.testing.assert_close(found.objective - plain, 2 * expected)
        torch.testing.assert_close(found.loss, WORDS * plain)


def test_a_window_goes_on_from_the_state_of_the_one_before_it() -> None:
    network = network_of()
    task = task_of(network)
    with torch.no_grad():
        first, state = network(IDS, network.initial_state(B))
        second = network.output.loss(network(IDS, state)[0], TARGETS)
    found = [task.loss(window(), 0.0) for _ in range(2)]
    torch.testing.assert_close(found[1].loss, second)
    assert len(first) == T and found[1].objective.requires_grad
    next(iter(task.batches(1, 0)))
    torch.testing.assert_close(task.loss(window(), 0.0).loss, found[0].loss)


@pytest.mark.parametrize("samples", [3, V])
def test_a_sampled_loss_has_sparse_gradients_until_its_exact_end(samples: int) -> None:
    """With all words as samples it is the exact one."""
    network = network_of(tied=False)
    task = task_of(network, softmax="sampled", samples=samples, exact_fraction=0.25)
    found = task.loss(window(), 0.7)
    exact = loss_by_torch(network).detach()
    torch.testing.assert_close(found.loss, WORDS * exact)
    assert bool(found.objective.detach().isclose(exact)) == (samples == V)
    found.objective.backward()
    sparse = {n for n, p in network.named_parameters() if p.grad is not None and p.grad.is_sparse}
    assert sparse == {"embedding", "output.weight", "output.bias"}
    assert len(found.sparse) == 3
    network.zero_grad()
    task.loss(window(), 0.75).objective.backward()
    assert not any(p.grad.is_sparse for p in network.parameters() if p.grad is not None)


def test_what_auto_stands_for() -> None:
    """Sampling pays where there are many more words than samples."""
    auto, shape = TrainingConfig(samples=100), ModelConfig()
    for config, words, device, expected in (
        (auto, 400, "cpu", "sampled"), (auto, 399, "cpu", "exact"), (auto, 400, "cuda", "exact"),
        (TrainingConfig(samples=100, optimizer="sgd"), 10**6, "cpu", "exact"),
        (TrainingConfig(samples=100, label_smoothing=0.1), 10**6, "cpu", "exact"),
    ):  # fmt: skip
        found = with_softmax(config, shape, words, device)
        assert found.softmax == expected


def test_lengths_of_windows_are_drawn_and_the_rate_goes_with_them() -> None:
    network = network_of()
    task = task_of(network, vary_steps=True, steps=12, batch=1)
    task._windows = type(task._windows)(stream_of(9000), 1, 12)
    lengths = [len(w.inputs) for w in task.batches(0, 0)]
    assert sum(lengths) == 9000 and 10 < np.mean(lengths) < 13
    assert min(lengths[:-1]) >= 5 and len(set(lengths)) > 8
    assert [len(w.inputs) for w in task.batches(0, 40)] == lengths[40:], "the same ones again"
    assert [len(w.inputs) for w in task.batches(1, 0)] != lengths
    assert task.loss(Window(IDS[:, :1], TARGETS[:, :1], T), 0.0).lr_scale == T / 12
