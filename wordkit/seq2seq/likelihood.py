"""The likelihood of targets given their sources; with a latent variable, bounds of it.

Notation: T steps of the target, B sequences of a batch, K samples, Z dimensions of the latent
variable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wordkit.decoding.scoring import NO_NUMBERS
from wordkit.errors import DivergenceError
from wordkit.evaluation import Likelihood
from wordkit.nn.network import inference, widest_float
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.latent import kl_divergence
from wordkit.seq2seq.network import Seq2SeqNetwork

__all__ = ["TargetLikelihoods", "normal_noise", "target_likelihoods", "total_likelihood"]


_STEPS = 256  # of long targets at a time, as attention takes memory for each


class TargetLikelihoods(NamedTuple):
    """The log-likelihood of each target of a batch, (B,) each, in nats."""

    log_p: Tensor
    """log p(target | source); with a latent variable a lower bound: the mean of K importance
    weights, Burda, Grosse and Salakhutdinov 2016, equation 8."""

    elbo: Tensor
    """The ELBO, by the same samples; without a latent variable ``log_p``."""

    kl: Tensor
    """The KL divergence of the posterior from the prior; without a latent variable 0."""


def target_likelihoods(
    network: Seq2SeqNetwork, state: DecoderState, inputs: Tensor, targets: Tensor,
    noise: Tensor | None = None,
) -> TargetLikelihoods:  # fmt: skip
    """Return the log-likelihoods of a batch, or with a latent variable their bounds.

    Args:
        network: evaluated without dropout and gradients.
        state: of the sources, before the first step.
        inputs: the unit before each target, shape (T, B), int64.
        targets: shape (T, B), int64; −1 at padding.
        noise: standard normal numbers for the samples, shape (K, B, Z); None: there is no latent
            variable.

    Raises:
        DivergenceError: the network gives no numbers.
    """
    wide = widest_float(targets.device)

    def log_p_of(state: DecoderState) -> Tensor:
        total = torch.zeros(targets.shape[1], dtype=wide, device=targets.device)
        for ids, right in zip(
            *(torch.split(part, _STEPS) for part in (inputs, targets)), strict=True
        ):
            features, state = network(ids, state)
            total += network.output.target_log_probs(features, right).to(wide).sum(0)
        return total

    with inference(network):
        if noise is None:
            log_p = log_p_of(state)
            found = TargetLikelihoods(log_p, log_p, torch.zeros_like(log_p))
        else:
            posterior, prior = network.distributions(state, targets)
            samples, weights = [], []
            for each in noise:
                z = posterior.sample(each)
                samples.append(log_p_of(state._replace(latent=z, distribution=None)))
                ratio = prior.log_density(z) - posterior.log_density(z)
                weights.append(samples[-1] + ratio.to(wide))
            kl = kl_divergence(posterior, prior).to(wide).sum(1)
            bound = torch.stack(weights).logsumexp(0) - math.log(len(noise))
            found = TargetLikelihoods(bound, torch.stack(samples).mean(0) - kl, kl)
    if not bool(torch.isfinite(torch.stack(found)).all()):
        raise DivergenceError(NO_NUMBERS)
    return found


def normal_noise(samples: int, numbers: Iterable[int], latent: int, seed: int = 1) -> Tensor:
    """Return standard normal numbers, (K, B, Z), which depend on the number of each target alone.

    Args:
        samples: K.
        numbers: of the targets.
        latent: Z.
        seed: of the random numbers.
    """
    drawn = [
        np.random.default_rng([seed, int(number)]).standard_normal((samples, latent), np.float32)
        for number in numbers
    ]
    return torch.from_numpy(np.stack(drawn, 1))


def total_likelihood(
    parts: Iterable[TargetLikelihoods], tokens: int, samples: int | None
) -> Likelihood:
    """Return the likelihood of all targets, from that of each.

    Args:
        parts: of the batches.
        tokens: units of the targets, with an end for each.
        samples: K; None: there is no latent variable.
    """
    log_p, elbo, kl = (torch.cat(each).double().cpu() for each in zip(*parts, strict=True))
    total, targets = float(log_p.sum()), len(log_p)
    if samples is None:
        return Likelihood(total, tokens, targets)
    return Likelihood(total, tokens, targets, samples, float(elbo.mean()), float(kl.mean()))
