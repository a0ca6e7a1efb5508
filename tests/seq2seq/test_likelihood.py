"""The likelihood of targets, and its bounds: against sums by hand and against an integral."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from seq2seq.networks import BASE, random_batch, random_network
from seq2seq.toy_pairs import SMALL, random_model, toy_pairs
from torch import Tensor

from wordkit.errors import ConfigError, DivergenceError
from wordkit.nn.network import inference
from wordkit.seq2seq import likelihood
from wordkit.seq2seq.batches import PairBatch
from wordkit.seq2seq.evaluation import iter_evaluate_pairs
from wordkit.seq2seq.likelihood import normal_noise, target_likelihoods
from wordkit.seq2seq.network import Seq2SeqNetwork

MODES = (replace(BASE, latent=1), replace(BASE, latent=1, autoencode=True))


def likelihoods(network: Seq2SeqNetwork, batch: PairBatch, noise: Tensor | None) -> Any:
    with inference(network):
        state = network.encode(batch.sources, batch.lengths)
    return target_likelihoods(network, state, batch.inputs, batch.targets, noise)


def test_long_targets_are_measured_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn of 50,000 words took 30 GB for its attention at once."""
    network, batch = random_network(BASE), random_batch()
    whole = likelihoods(network, batch, None).log_p
    monkeypatch.setattr(likelihood, "_STEPS", 2)
    assert len(batch.inputs) > 2
    torch.testing.assert_close(likelihoods(network, batch, None).log_p, whole)


@pytest.mark.parametrize("config", MODES, ids=str)
def test_the_bound_rises_with_the_samples_to_the_likelihood(config: Any) -> None:
    """In its mean over 100 seeds it does not fall; with many samples it is the integral over z.

    The draws of a larger sample are those of several smaller ones, so the mean rises exactly.
    """
    network, batch = random_network(config), random_batch()
    with inference(network):
        state = network.encode(batch.sources, batch.lengths)
        _, prior = network.distributions(state, batch.targets)
        points = torch.linspace(-9, 9, 3001, dtype=torch.float64)
        values = []
        for point in points:
            z = prior.sample(point.expand(4, 1))
            features, _ = network(batch.inputs, state._replace(latent=z))
            log_p = network.output.target_log_probs(features, batch.targets).sum(0)
            values.append(log_p - point**2 / 2 - math.log(2 * math.pi) / 2)
        whole = torch.stack(values).logsumexp(0) + math.log(float(points[1] - points[0]))
    noise = torch.cat([normal_noise(32, range(4), 1, seed) for seed in range(100)], 1).double()
    parts = (batch.sources, batch.lengths, batch.inputs, batch.targets)
    many = PairBatch(*(torch.cat([part] * 100, -1) for part in parts))
    found = [likelihoods(network, many, draws) for draws in noise.split(1)]
    elbo = torch.stack([each.elbo for each in found]).mean()
    means = [float(torch.stack([each.log_p for each in found]).mean())]
    for samples in (4, 16, 32):
        found = [likelihoods(network, many, draws) for draws in noise.split(samples)]
        means.append(float(torch.stack([each.log_p for each in found]).mean()))
        assert torch.stack([each.elbo for each in found]).mean() == pytest.approx(float(elbo))
    assert means == sorted(means) and means[-1] > means[0] + 0.01
    assert float(elbo) == pytest.approx(means[0], abs=0.1)
    assert means[-1] < float(whole.mean()) + 0.01
    best = likelihoods(network, batch, normal_noise(3000, range(4), 1).double())
    torch.testing.assert_close(best.log_p, whole, atol=0.02, rtol=0)


def test_without_a_latent_variable_it_is_exact() -> None:
    network, batch = random_network(BASE), random_batch()
    found = likelihoods(network, batch, None)
    with inference(network):
        features, _ = network(batch.inputs, network.encode(batch.sources, batch.lengths))
        loss = network.output.loss(features, batch.targets)
    assert float(found.log_p.sum()) == pytest.approx(-float(loss))
    assert torch.equal(found.elbo, found.log_p) and not found.kl.any()


def test_an_evaluation_has_it_whatever_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = toy_pairs(30, lambda text: "WXYZ"[: len(text)])
    for latent in (None, 3):
        model = random_model(replace(SMALL, latent=latent))
        score = iter_evaluate_pairs(model, pairs, samples=4).result()
        known = score.likelihood
        assert known is not None and known.tokens == score.units + 30 and known.targets == 30
        assert known.perplexity == pytest.approx(math.exp(-known.log_likelihood / known.tokens))
        monkeypatch.setattr("wordkit.seq2seq.evaluation._MAX_CELLS", 1)
        again = iter_evaluate_pairs(model, pairs, samples=4).result().likelihood
        monkeypatch.undo()
        assert again is not None
        assert again.log_likelihood == pytest.approx(known.log_likelihood, rel=1e-5)
        if latent is None:
            assert (known.samples, known.elbo, known.kl) == (0, None, None)
            continue
        assert known.samples == 4 and known.elbo is not None and known.kl is not None
        assert known.kl > 0 and known.elbo * 30 <= known.log_likelihood
        more = iter_evaluate_pairs(model, pairs, samples=300).result().likelihood
        assert more is not None and more.log_likelihood > known.log_likelihood
    with pytest.raises(ConfigError, match="samples must be at least 1, not 0"):
        iter_evaluate_pairs(model, pairs, samples=0)
    with torch.no_grad():
        model.network.output.bias[0] = np.nan
    with pytest.raises(DivergenceError, match="are no numbers"):
        iter_evaluate_pairs(model, pairs).result()
