"""The latent variable of a sequence model: its prior and posterior, and their terms in the loss.

Diagonal Gaussians, as in Kingma and Welling (2014); given a context, as in Serban et al. (2017).

Notation: B sequences of a batch, Z dimensions of the latent variable, D size of a hidden state, H
hidden units, T steps of the target, E dimensions of an embedding, V units.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wordkit.nn.config import NetworkConfig, full_name
from wordkit.nn.initialization import initialize_matrix
from wordkit.nn.network import linear
from wordkit.nn.recurrent import RecurrentStack
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig

__all__ = ["Gaussian", "LatentVariable", "kl_divergence", "kl_penalty", "standard_normal"]


class Gaussian(NamedTuple):
    """A Gaussian with a diagonal covariance matrix, for each sequence of a batch."""

    mean: Tensor
    """Shape (B, Z)."""

    log_variance: Tensor
    """Shape (B, Z), natural."""

    def sample(self, noise: Tensor) -> Tensor:
        """Return the mean and the standard deviation times the noise, (B, Z), with gradients.

        Args:
            noise: standard normal numbers, shape (B, Z).
        """
        return self.mean + (self.log_variance / 2).exp() * noise

    def log_density(self, z: Tensor) -> Tensor:
        """Return log p of points, (B, Z), natural: shape (B,)."""
        squares = (z - self.mean).square() * (-self.log_variance).exp()
        return -(squares + self.log_variance + math.log(2 * math.pi)).sum(-1) / 2


def standard_normal(like: Tensor) -> Gaussian:
    """Return the standard normal distribution, of the shape of a tensor."""
    return Gaussian(torch.zeros_like(like), torch.zeros_like(like))


def kl_divergence(q: Gaussian, p: Gaussian) -> Tensor:
    """Return KL(q ‖ p) of each dimension, (B, Z), in nats."""
    log_ratio = q.log_variance - p.log_variance
    squares = (q.mean - p.mean).square() * (-p.log_variance).exp()
    return (log_ratio.exp() + squares - 1 - log_ratio) / 2


def kl_penalty(kl: Tensor, config: Seq2SeqTrainingConfig, fraction: float) -> Tensor:
    """Return the KL divergences as the objective has them, summed, in nats.

    Their weight is annealed (Bowman et al. 2016, section 3.1), and their mean counts with at least
    the free bits, so that it gains nothing below them (Kingma et al. 2016, appendix C.8, with all
    dimensions as one group: dimensions with free bits of their own all stay noisy).

    Args:
        kl: of each sequence and dimension, shape (B, Z).
        config: ``kl_annealing`` and ``free_bits``.
        fraction: of the training that is done.
    """
    weight = min(fraction / config.kl_annealing, 1.0) if config.kl_annealing else 1.0
    return weight * len(kl) * kl.sum(1).mean().clamp(min=config.free_bits)


class GaussianNetwork(nn.Module):
    """A hidden layer of tanh units, and the mean and log-variance from it.

    Args:
        inputs: size of the input.
        hidden: H.
        latent: Z.
    """

    def __init__(self, inputs: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.hidden = nn.Parameter(torch.empty(hidden, inputs))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.weight = nn.Parameter(torch.empty(2 * latent, hidden))
        self.bias = nn.Parameter(torch.zeros(2 * latent))

    def initialize(self, config: NetworkConfig, generator: torch.Generator) -> None:
        """Draw the weights as the settings say."""
        for matrix in (self.hidden, self.weight):
            initialize_matrix(matrix, len(self.hidden), config, generator)

    def forward(self, x: Tensor) -> Gaussian:
        """Return the Gaussian given x, (B, inputs)."""
        hidden = torch.tanh(linear(x, self.hidden, self.hidden_bias))
        return Gaussian(*linear(hidden, self.weight, self.bias).chunk(2, -1))


class LatentVariable(nn.Module):
    """The prior and the posterior of a latent variable z, and a bag of words predicted from it.

    Of an autoencoder, whose source is its target, the prior is the standard normal distribution.

    Args:
        config: of the model.
        latent: Z.
    """

    def __init__(self, config: Seq2SeqConfig, latent: int) -> None:
        super().__init__()
        D = config.width
        cell = full_name(config.cell, config.activation)
        self.from_source = GaussianNetwork(D, D, latent)
        """The prior; of an autoencoder the posterior."""
        self.from_both: GaussianNetwork | None = None
        """The posterior, given source and target."""
        if not config.autoencode:
            self.target_encoder = RecurrentStack(cell, [config.dim, D])
            self.from_both = GaussianNetwork(2 * D, D, latent)
        self.bag = nn.Parameter(torch.empty(config.dim, D + latent))

    def initialize(self, config: NetworkConfig, generator: torch.Generator) -> None:
        """Draw the weights of the bag of words; the networks draw theirs themselves."""
        initialize_matrix(self.bag, self.bag.shape[1], config, generator)

    def distributions(
        self, given: Gaussian, context: Tensor, vectors: Tensor, lengths: Tensor
    ) -> tuple[Gaussian, Gaussian]:
        """Return the posterior and the prior.

        Args:
            given: what ``from_source`` has made of the source.
            context: the encoded source, shape (B, D).
            vectors: embeddings of the target, shape (T, B, E).
            lengths: of each target, from 1 to T, shape (B,), int64.
        """
        if self.from_both is None:
            return given, standard_normal(given.mean)
        before = self.target_encoder.initial_state(len(lengths))
        _, layers = self.target_encoder(vectors, before, lengths)
        return self.from_both(torch.cat([context, layers[-1][0]], -1)), given

    def bag_loss(self, context: Tensor, z: Tensor, embedding: Tensor, targets: Tensor) -> Tensor:
        """Return the sum of −log p of the targets, in nats, whose order is not predicted.

        Zhao, Zhao and Eskenazi 2017, section 3.3, with the output embeddings of the decoder.

        Args:
            context: the encoded source, shape (B, D).
            z: shape (B, Z).
            embedding: of the units, shape (V, E).
            targets: shape (T, B), int64; −1 where there is none.
        """
        logits = linear(linear(torch.cat([context, z], -1), self.bag), embedding)
        log_p = logits.log_softmax(-1).gather(1, targets.clamp(min=0).t())
        return -log_p.masked_fill(targets.t() < 0, 0).sum()
