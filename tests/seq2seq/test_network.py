"""The network against its NumPy twin, and what padding and directions must not change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import (
    BASE,
    CELLS,
    SHAPES,
    VS,
    VT,
    E,
    H,
    attending,
    made,
    random_batch,
    twin_name,
    twin_of,
)
from twin_network import Batch, TwinNetwork

from wordkit.recurrent.layer import RecurrentLayer
from wordkit.seq2seq.config import AttentionKind, Seq2SeqConfig
from wordkit.seq2seq.network import Seq2SeqNetwork, start_weights


def run(network: Seq2SeqNetwork, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
    """log p, (T, B, V), and the weights of attention, (B, T, S)."""
    inputs = torch.from_numpy(batch.inputs)
    decoded = network.decode(inputs, network.start(torch.from_numpy(batch.sources)))
    flat = network._outgoing(decoded.features) @ network.vectors_out.T + network.bias
    return flat.log_softmax(-1).unflatten(0, inputs.shape), decoded.weights


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_it_computes_what_the_twin_does(config: Seq2SeqConfig, dtype: torch.dtype) -> None:
    network, params = made(config, dtype=dtype)
    batch = random_batch()
    twin = TwinNetwork(params, twin_of(config))
    logits, weights = twin.logits(batch)
    log_p, seen = run(network, batch)
    close = {"atol": 1e-10} if dtype == torch.float64 else {"atol": 2e-5}
    np.testing.assert_allclose(log_p.detach(), log_softmax(logits), **close)
    if weights is None:
        assert seen is None
    else:
        np.testing.assert_allclose(seen.detach().transpose(0, 1), weights, **close)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_its_gradients_are_those_of_the_twin(config: Seq2SeqConfig, dtype: torch.dtype) -> None:
    network, params = made(config, dtype=dtype)
    batch = random_batch()
    loss, gradients = TwinNetwork(params, twin_of(config)).loss_and_gradients(batch)
    targets = torch.from_numpy(batch.targets)
    decoded = network.decode(
        torch.from_numpy(batch.inputs), network.start(torch.from_numpy(batch.sources))
    )
    found = network.loss(decoded.features, targets) / int((targets >= 0).sum())
    found.backward()
    close = 1e-9 if dtype == torch.float64 else 2e-5
    assert found.item() == pytest.approx(loss, close)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        np.testing.assert_allclose(parameter.grad, gradients[twin_name(name)], atol=close)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("directions", ["one", "concat", "sum"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_batch_of_mixed_lengths_is_each_pair_alone(
    cell: str, directions: str, precision: str
) -> None:
    config = attending(
        "additive", cell=cell, directions=directions, layers=2, hidden=32, residual=True
    )
    network, _ = made(config, dtype=torch.float32)
    network.precision = precision
    batch = random_batch(S=9, T=7, B=6)
    together, seen = run(network, batch)
    for pair in range(6):
        places, steps = batch.sources[:, pair] >= 0, batch.targets[:, pair] >= 0
        alone, alone_seen = run(
            network, Batch(batch.sources[places, pair, None], batch.inputs[:, pair, None], ())
        )
        close = {"atol": 2e-5 if precision == "fp32" else 0.05}
        np.testing.assert_allclose(
            together[steps, pair].detach(), alone[steps, 0].detach(), **close
        )
        np.testing.assert_allclose(seen[pair][:, places].detach(), alone_seen[0].detach(), **close)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("cell", [*CELLS, "relu"])
def test_padding_leaves_a_state_of_zeros_exactly_as_it_is(cell: str, precision: str) -> None:
    config = replace(BASE, hidden=40, cell="rnn" if cell == "relu" else cell,
                     activation="relu" if cell == "relu" else "tanh")  # fmt: skip
    network, _ = made(config, dtype=torch.float32)
    network.precision = precision
    sources = torch.randint(VS, (8, 50))
    sources[:5] = -1
    sources[:, 0] = 1  # so that not all are alike
    encoded = network.encoder(sources, precision, None)
    assert (encoded.outputs[:5, 1:] == 0).all()
    assert (encoded.outputs[5:, 1:] != 0).any()


@pytest.mark.parametrize("kind", ["dot", "general", "additive"])
def test_attention_is_a_mean_over_the_true_places(kind: AttentionKind) -> None:
    network, _ = made(attending(kind, directions="concat"), dtype=torch.float32)
    batch = random_batch(seed=3, S=7, T=5, B=6)
    _, weights = run(network, batch)
    missing = torch.from_numpy(batch.sources < 0).T.unsqueeze(1).expand_as(weights)
    assert (weights[missing] == 0).all() and missing.any()
    torch.testing.assert_close(weights.sum(-1), torch.ones(6, 5))
    assert (weights[~missing] > 0).all()


@pytest.mark.parametrize("joining", ["concat", "sum"])
@pytest.mark.parametrize("cell", CELLS)
def test_two_directions_are_two_runs_joined(cell: str, joining: str) -> None:
    both, _ = made(replace(BASE, cell=cell, directions=joining))
    one, _ = made(replace(BASE, cell=cell))
    sources = torch.tensor([[1, 2], [0, 3], [4, 5]])
    joined = both.encoder(sources, "fp32", None)
    runs = []
    stacks = both.encoder.layers, both.encoder.backward_layers
    for layers, read in zip(stacks, (sources, sources.flip(0)), strict=True):
        one.encoder.embedding.data = both.encoder.embedding.data
        one.encoder.layers = layers
        runs.append(one.encoder(read, "fp32", None))
    forward, backward = runs
    parts = [(forward.outputs, backward.outputs.flip(0))]
    parts += list(zip(forward.state[0], backward.state[0], strict=True))
    expected = [torch.cat(p, -1) if joining == "concat" else p[0] + p[1] for p in parts]
    for found, wanted in zip((joined.outputs, *joined.state[0]), expected, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_step_by_step_is_as_all_at_once(config: Seq2SeqConfig) -> None:
    network, _ = made(config)
    batch = random_batch()
    inputs, state = torch.from_numpy(batch.inputs), network.start(torch.from_numpy(batch.sources))
    whole = network.decode(inputs, state)
    steps = []
    for row in inputs.split(1):
        done = network.decode(row, state)
        state = done.state
        steps.append(done.features)
    torch.testing.assert_close(torch.cat(steps), whole.features)


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_pairs_are_taken_out_of_a_state(config: Seq2SeqConfig) -> None:
    network, _ = made(config)
    batch = random_batch()
    inputs, chosen = torch.from_numpy(batch.inputs), torch.tensor([2, 0, 0])
    first = network.decode(inputs[:1], network.start(torch.from_numpy(batch.sources)))
    whole = network.decode(inputs[1:], first.state)
    some = network.decode(inputs[1:, chosen], first.state.take(chosen))
    torch.testing.assert_close(some.features, whole.features[:, chosen])


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn-tanh", "rnn-relu"])
def test_a_device_pads_as_the_processor_does(cell: str) -> None:
    layer = RecurrentLayer(cell, E, H)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(6, 3, E)
    padding = torch.zeros(6, 3, dtype=torch.bool)
    padding[:4, 0] = padding[:1, 2] = True
    state = tuple(torch.zeros(3, H) for _ in range(layer.cell.states))
    here = layer(x, state, layer.weight_hidden, "fp32", padding=padding)
    told, weight = layer._told_of_padding(x, padding)
    there = layer._on_device(told, weight, None, state, layer.weight_hidden, "fp32")
    torch.testing.assert_close(there, here)
    assert (there[0][padding] == 0).all() and (here[0][padding] == 0).all()


def test_dropout_is_drawn_in_training_alone() -> None:
    network, _ = made(replace(BASE, hidden=64, dropout=0.5, attention="dot"), dtype=torch.float32)
    batch = random_batch()
    network.eval()
    assert torch.equal(run(network, batch)[0], run(network, batch)[0])
    network.train()
    drawn = []
    for seed in (1, 1, 2):
        network.generator = torch.Generator().manual_seed(seed)
        drawn.append(run(network, batch)[0])
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_tied_vectors_are_one_tensor() -> None:
    network = Seq2SeqNetwork(replace(BASE, tied=True), VS, VT)
    assert network.output is None and network.vectors_out is network.decoder.embedding
    assert network.projection is not None and network.projection.shape == (E, H)


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_all_weights_start_within_their_range(config: Seq2SeqConfig) -> None:
    network = Seq2SeqNetwork(
        replace(config, hidden=20, dim=20 if config.dim == config.hidden else 10), VS, VT
    )
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, torch.nan)
    for name, parameter in network.named_parameters():
        if name.endswith(("bias", "extra")):
            torch.nn.init.zeros_(parameter)
    start_weights(network, torch.Generator().manual_seed(1))
    for name, parameter in network.named_parameters():
        assert torch.isfinite(parameter).all(), name
        assert parameter.abs().max() <= 1, name
        if not name.endswith(("bias", "extra")):
            assert parameter.std() > 0, name
