"""The network: tied weights, carried state, dropout in its places."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from models import SHAPES, random_model
from torch import Tensor

from wordkit.lm.config import ModelConfig
from wordkit.lm.model import RecurrentModel
from wordkit.recurrent.layer import Carried, detached

V, T, B = 12, 7, 3
IDS = torch.randint(0, V, (T, B), generator=torch.Generator().manual_seed(5))


def network(**config: Any) -> RecurrentModel:
    return random_model(words=V, **{"dropout": 0.0, **config}).module


def top_of(model: RecurrentModel, ids: Tensor = IDS, state: Carried | None = None) -> Tensor:
    with torch.no_grad():
        return model(ids, state or model.start_state(ids.shape[1])).top


# --- shape ----------------------------------------------------------------------------------------


def test_tying_really_shares_one_tensor() -> None:
    tied, untied = network(), network(tied=False)
    assert tied.output is tied.embedding
    assert untied.output is not untied.embedding
    count = {name: p.numel() for name, p in tied.named_parameters()}
    assert "output" not in count and sum(count.values()) == V * 6 + V + 4 * 6 * (6 + 6 + 1)
    assert sum(p.numel() for p in untied.parameters()) == sum(count.values()) + V * 6
    with torch.no_grad():
        tied.embedding[4] = 7.0
    assert (tied.output[4] == 7.0).all()
    without_first = IDS.clamp(min=1)  # it goes in nowhere, but comes out
    for model in (tied, untied):
        model.loss(model(without_first, model.start_state(B)).top, IDS).backward()
        gradient = model.embedding.grad
        assert gradient is not None
        assert bool(gradient[0].any()) == (model is tied)


def test_tying_shares_one_tensor_after_a_move_too() -> None:
    model = RecurrentModel(ModelConfig(hidden=4), V).to(torch.float64)
    assert model.output is model.embedding


def test_a_projection_stands_where_sizes_differ() -> None:
    projected = network(dim=4, hidden=6)
    assert projected.projection is not None and projected.projection.shape == (4, 6)
    top = torch.randn(T, B, 6)
    torch.testing.assert_close(projected.outgoing(top), top.reshape(-1, 6) @ projected.projection.T)
    for shape in ({"dim": 6}, {"dim": 4, "tied": False}, {"last_hidden": 4, "layers": 2}):
        assert network(hidden=6, **shape).projection is None, shape


@pytest.mark.parametrize("name", SHAPES)
def test_probabilities_are_those_of_the_loss(name: str) -> None:
    """Σ −log p of the targets, and the probabilities of all words, which sum to 1."""
    model = network(**SHAPES[name]).eval()
    top = top_of(model)
    with torch.no_grad():
        targets = IDS.flip(0).clone()
        targets[2, 1] = -1
        flat = targets.reshape(-1)
        table = model.log_probabilities(top)
        assert table.shape == (T * B, V)
        torch.testing.assert_close(table.exp().sum(1), torch.ones(T * B))
        there = flat >= 0
        expected = table[there, flat[there]]
        loss = model.loss(top, targets)
        assert float(loss) == pytest.approx(-float(expected.sum()), rel=1e-5)
        torch.testing.assert_close(model.token_log_probabilities(top, targets)[there], expected)


@pytest.mark.parametrize("name", ["lstm", "projected", "untied"])
def test_the_output_layer_is_a_matrix_and_a_bias(name: str) -> None:
    model = network(**SHAPES[name]).eval()
    top = top_of(model)
    with torch.no_grad():
        flat = top.reshape(T * B, -1)
        if model.projection is not None:
            flat = flat @ model.projection.T
        expected = torch.log_softmax(flat @ model.output.T + model.bias, 1)
        torch.testing.assert_close(model.log_probabilities(top), expected)


def test_residual_connections() -> None:
    """Where the widths are the same, each layer adds what it puts out to what went in."""
    with_, without = (network(layers=2, dim=6, residual=flag).eval() for flag in (True, False))
    with torch.no_grad():
        for model in (with_, without):
            for layer in model.layers:  # an LSTM of zeros puts out zeros
                for parameter in layer.parameters():
                    parameter.zero_()
    torch.testing.assert_close(top_of(with_), with_.embedding.detach()[IDS])
    assert not top_of(without).any()
    narrow = network(layers=2, dim=4, residual=True, tied=False).eval()
    with torch.no_grad():
        narrow.layers[1].weight_input.zero_()
        narrow.layers[1].weight_hidden.zero_()
        narrow.layers[1].bias.zero_()
        first, _ = narrow.layers[0](
            narrow.embedding[IDS], narrow.start_state(B)[0], narrow.layers[0].weight_hidden, "fp32"
        )
    torch.testing.assert_close(top_of(narrow), first, msg="around the second layer alone")


# --- state ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("cut", [1, 4])
def test_carried_state_equals_one_long_pass(name: str, cut: int) -> None:
    model = network(**SHAPES[name]).eval()
    with torch.no_grad():
        whole = model(IDS, model.start_state(B))
        first = model(IDS[:cut], model.start_state(B))
        second = model(IDS[cut:], first.state)
    torch.testing.assert_close(torch.cat([first.top, second.top]), whole.top)
    for ours, theirs in zip(second.state, whole.state, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", ["lstm", "gru", "two layers"])
def test_tracks_do_not_know_of_each_other(name: str) -> None:
    model = network(**SHAPES[name]).eval()
    whole = top_of(model)
    for track in range(B):
        torch.testing.assert_close(top_of(model, IDS[:, [track]]), whole[:, [track]])


def test_a_detached_state_ends_the_way_back() -> None:
    model = network()
    first = model(IDS, model.start_state(B))
    model(IDS, detached(first.state)).top.sum().backward()
    once = model.layers[0].weight_hidden.grad.clone()
    model.zero_grad()
    first = model(IDS, model.start_state(B))
    model(IDS, first.state).top.sum().backward()
    assert not torch.allclose(once, model.layers[0].weight_hidden.grad)


# --- dropout --------------------------------------------------------------------------------------


def dropped_columns(model: RecurrentModel, seed: int = 1) -> Tensor:
    """Where the top of a window is 0: shape (T, B, H)."""
    model.train()
    model.generator = torch.Generator().manual_seed(seed)
    return top_of(model) == 0


def test_locked_dropout_has_one_mask_along_time_and_ordinary_has_not() -> None:
    locked = dropped_columns(network(output_dropout=0.5, hidden=40))
    assert (locked == locked[0]).all() and 0.3 < float(locked.float().mean()) < 0.7
    assert not torch.equal(locked[0, 0], locked[0, 1]), "each track has its own"
    plain = dropped_columns(network(output_dropout=0.5, hidden=40, locked_dropout=False))
    assert len({tuple(step.flatten().tolist()) for step in plain}) == T
    assert 0.4 < float(plain.float().mean()) < 0.6


@pytest.mark.parametrize(
    "share",
    ["dropout", "input_dropout", "between_dropout", "output_dropout", "word_dropout",
     "weight_drop"],
)  # fmt: skip
def test_each_dropout_is_for_training_alone_and_by_seed(share: str) -> None:
    model = network(layers=2, **{share: 0.5})
    plain = network(layers=2).eval()
    assert torch.equal(top_of(model.eval()), top_of(plain))
    model.train()
    drawn = []
    for seed in (1, 1, 2):
        model.generator = torch.Generator().manual_seed(seed)
        drawn.append(top_of(model))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], top_of(plain))


def test_what_comes_out_raw_is_before_the_last_dropout() -> None:
    model = network(output_dropout=0.5, hidden=20).train()
    model.generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        features = model(IDS, model.start_state(B))
    kept = features.top != 0
    torch.testing.assert_close(features.top[kept], 2 * features.raw[kept])
    assert features.raw.all()


def test_nothing_is_dropped_from_the_state_that_is_carried() -> None:
    """Never along time: with dropout behind the last layer alone, the state is as without."""
    dropping, plain = network(output_dropout=0.6).train(), network()
    with torch.no_grad():
        ours = dropping(IDS, dropping.start_state(B)).state
        theirs = plain(IDS, plain.start_state(B)).state
    assert all(map(torch.equal, ours[0], theirs[0]))


def test_a_dropped_word_is_dropped_wherever_it_stands() -> None:
    model = network(word_dropout=0.5, cell="rnn", hidden=6).train()
    with torch.no_grad():
        layer = model.layers[0]
        layer.weight_input.copy_(torch.eye(6))
        layer.weight_hidden.zero_()
        layer.bias.zero_()
    model.generator = torch.Generator().manual_seed(3)
    vectors = top_of(model).atanh()  # what went in
    for word in IDS.unique():
        rows = vectors[word == IDS]
        expected = torch.zeros(6) if not rows[0].any() else 2 * model.embedding[word].detach()
        torch.testing.assert_close(rows, expected.expand_as(rows), rtol=1e-4, atol=1e-5)


def test_weight_drop_leaves_the_weights_themselves() -> None:
    model = network(weight_drop=0.5).train()
    before = model.layers[0].weight_hidden.detach().clone()
    model.loss(model(IDS, model.start_state(B)).top, IDS).backward()
    assert torch.equal(model.layers[0].weight_hidden, before)
    gradient = model.layers[0].weight_hidden.grad
    assert gradient is not None
    assert 0.3 < float((gradient == 0).float().mean()) < 0.7, "what is dropped has no gradient"


# --- adaptive -------------------------------------------------------------------------------------


def test_an_adaptive_output_has_vectors_of_its_own() -> None:
    model = network(adaptive=True, tied=False)
    assert model.adaptive is not None
    names = {name for name, _ in model.named_parameters()}
    assert "output" not in names and "bias" not in names
    assert any(name.startswith("adaptive.") for name in names)
