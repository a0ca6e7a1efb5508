"""The network against its NumPy twin, and what padding, batches and steps must not change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from seq2seq import twin_network
from seq2seq.networks import (
    LATENT,
    SHAPES,
    TRANSFORMERS,
    VS,
    VT,
    attending,
    check_gradients,
    random_batch,
    random_network,
    run,
)

from wordkit.decoding.steps import decode
from wordkit.nn.dropout import dropout_generator
from wordkit.nn.network import inference, select
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.network import Seq2SeqNetwork, initialize


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_it_computes_what_the_twin_does(config: Seq2SeqConfig, dtype: torch.dtype) -> None:
    """Each pair of a batch as the twin does it alone: so padding changes nothing."""
    network, batch = random_network(config, dtype=dtype), random_batch()
    params = {name: p.detach().double().numpy() for name, p in network.named_parameters()}
    close = {"atol": 1e-12 if dtype == torch.float64 else 2e-5, "rtol": 1e-5}
    found, seen = run(network, batch)
    for pair, length in enumerate(batch.lengths.tolist()):
        source, inputs = batch.sources[:length, pair].tolist(), batch.inputs[:, pair].tolist()
        log_p, weights = twin_network.log_probs(config, params, source, inputs)
        np.testing.assert_allclose(found[:, pair].detach(), log_p, **close)
        if weights is None or seen is None:
            assert weights is seen
            continue
        np.testing.assert_allclose(seen[pair, :, :length].detach(), weights, **close)
        assert (seen[pair, :, length:] == 0).all()


@pytest.mark.parametrize("config", TRANSFORMERS, ids=str)
def test_padding_changes_nothing_in_a_transformer(config: Seq2SeqConfig) -> None:
    """Each pair of a batch as it is alone, step by step and all steps at once."""
    network, batch = random_network(config), random_batch()
    with inference(network):
        found, seen = run(network, batch)
        features, _ = network(batch.inputs, network.encode(batch.sources, batch.lengths))
        at_once = network.output.log_probs(features)
        torch.testing.assert_close(at_once, found)
        for pair, length in enumerate(batch.lengths.tolist()):
            alone = network.encode(batch.sources[:length, [pair]], batch.lengths[[pair]])
            features, _ = network(batch.inputs[:, [pair]], alone)
            torch.testing.assert_close(network.output.log_probs(features), found[:, [pair]])
            assert seen is not None
            assert (seen[pair, ..., length:] == 0).all()
            torch.testing.assert_close(
                seen[pair].sum(-1), torch.ones(seen[pair].shape[:-1]).to(seen)
            )


@pytest.mark.parametrize("config", TRANSFORMERS, ids=str)
def test_a_later_unit_changes_no_earlier_feature(config: Seq2SeqConfig) -> None:
    network, batch = random_network(config), random_batch()
    other = batch.inputs.clone()
    other[2:] = (other[2:] + 1) % VT
    state = network.encode(batch.sources, batch.lengths)
    found, changed = (network(inputs, state)[0] for inputs in (batch.inputs, other))
    assert torch.equal(found[:2], changed[:2]) and not torch.equal(found[2:], changed[2:])


@pytest.mark.parametrize("config", [*SHAPES, *TRANSFORMERS], ids=str)
def test_gradients_are_central_differences(config: Seq2SeqConfig) -> None:
    network, batch = random_network(config), random_batch()

    def loss() -> torch.Tensor:
        features, _ = network(batch.inputs, network.encode(batch.sources, batch.lengths))
        return network.output.loss(features, batch.targets, 0.1)

    check_gradients(network, loss)


@pytest.mark.parametrize("config", [*SHAPES, *TRANSFORMERS, *LATENT], ids=str)
def test_steps_and_sequences_may_be_taken_one_by_one(config: Seq2SeqConfig) -> None:
    network, batch = random_network(config), random_batch()
    state, chosen = network.encode(batch.sources, batch.lengths), torch.tensor([2, 0, 0])
    whole, last = network(batch.inputs, state)
    first, between = network(batch.inputs[:1], state)
    rest, end = network(batch.inputs[1:, chosen], select(between, chosen))
    torch.testing.assert_close(first, whole[:1])
    torch.testing.assert_close(rest, whole[1:, chosen])
    torch.testing.assert_close(end, select(last, chosen))


@pytest.mark.parametrize("config", [*SHAPES, *TRANSFORMERS, *LATENT], ids=str)
def test_empty_sources_have_a_state_too(config: Seq2SeqConfig) -> None:
    network = random_network(config)
    [one, other] = decode(network, 0, network.initial_state(2), 2, max_length=3, eos=0)
    assert one.ids == other.ids and one.log_probability < 0
    assert one.log_probability == pytest.approx(other.log_probability)


def test_dropout_is_drawn_in_training_alone() -> None:
    network, batch = (
        random_network(replace(attending("dot"), hidden=64, dropout=0.5)),
        (random_batch()),
    )
    assert torch.equal(run(network, batch)[0], run(network, batch)[0])
    network.train()
    drawn = []
    for seed in (1, 1, 2):
        with dropout_generator(torch.Generator().manual_seed(seed)):
            drawn.append(run(network, batch)[0])
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("config", [*SHAPES, *TRANSFORMERS], ids=str)
def test_all_weights_start_within_their_range(config: Seq2SeqConfig) -> None:
    width = 20 if config.dim == config.hidden else 10
    network = Seq2SeqNetwork(replace(config, hidden=20, dim=width), VS, VT)
    constant = ("bias", "peephole_weights", "norm")
    for name, parameter in network.named_parameters():
        if not name.endswith(constant):
            torch.nn.init.constant_(parameter, torch.nan)
    initialize(network, torch.Generator().manual_seed(1))
    for name, parameter in network.named_parameters():
        assert torch.isfinite(parameter).all(), name
        assert parameter.abs().max() <= 1, name
        assert name.endswith(constant) or parameter.std() > 0, name
