"""The mixture of softmaxes (Yang, Dai, Salakhutdinov and Cohen 2018).

One softmax of a linear layer makes log-probabilities of a rank no higher than its width. K of them
over the same words, weighted by the features, do not: p = Σₖ πₖ softmax(W tanh(Pₖ h) + b).

Notation: T steps, B sequences of a batch, F features, V words, D length of a word's vector, K
softmaxes, N tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from wordkit.errors import ConfigError
from wordkit.nn.network import linear, widest_float
from wordkit.nn.output import OutputLayer

__all__ = ["MixtureOutputLayer"]

_CHUNK_LOGITS = 1 << 22  # that are held at a time


class MixtureOutputLayer(OutputLayer):
    """A mixture of softmaxes, whose word vectors and biases are one matrix for all.

    Args:
        features: F.
        words: V.
        softmaxes: K.
        tied: the input embeddings, (V, D), which are the weights too; None: weights of its own,
            with D = F.
    """

    def __init__(
        self, features: int, words: int, softmaxes: int, tied: nn.Parameter | None = None
    ) -> None:
        nn.Module.__init__(self)  # it has other parameters
        self.softmaxes = softmaxes
        self.projection = None
        self.weight = nn.Parameter(torch.empty(words, features)) if tied is None else tied
        self.bias = nn.Parameter(torch.zeros(words))
        self.prior = nn.Parameter(torch.empty(softmaxes, features))
        self.latent = nn.Parameter(torch.empty(softmaxes * self.weight.shape[1], features))
        self.latent_bias = nn.Parameter(torch.zeros(len(self.latent)))

    def loss(self, features: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Return the sum of −log p of the targets, in nats; gradients compute the logits again.

        Raises:
            ConfigError: smoothing is asked for.
        """
        if label_smoothing:
            raise ConfigError(
                f"label_smoothing must be 0 with a mixture of softmaxes, not {label_smoothing}"
            )
        log_p = self._target_log_probs(features, targets)
        return -log_p.sum(dtype=widest_float(log_p.device)).to(features.dtype)

    @torch.no_grad()
    def target_log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return log p of each target, (T, B), natural; 0 where it is −1. No gradients."""
        return self._target_log_probs(features, targets)

    @torch.no_grad()
    def log_probs(self, features: Tensor) -> Tensor:
        """Return log p of every word, (T, B, V), natural. No gradients."""
        log_prior, hidden = self._latent(features)
        found = torch.full((), -torch.inf, device=features.device)
        for k in range(self.softmaxes):
            log_p = linear(hidden[..., k, :], self.weight, self.bias).log_softmax(-1)
            found = torch.logaddexp(found, log_p + log_prior[..., k, None])
        return found

    def _latent(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log of the softmaxes' weights, (…, K), and the input of each, (…, K, D)."""
        log_prior = linear(features, self.prior).log_softmax(-1)
        hidden = torch.tanh(linear(features, self.latent, self.latent_bias))
        return log_prior, hidden.view(*hidden.shape[:-1], self.softmaxes, -1)

    def _target_log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        log_prior, hidden = (part.flatten(0, 1) for part in self._latent(features))  # (N, K, …)
        rows = max(_CHUNK_LOGITS // (len(self.weight) * self.softmaxes), 1)
        parts = zip(
            *(torch.split(part, rows) for part in (log_prior, hidden, targets.flatten())),
            strict=True,
        )
        found = [
            checkpoint(
                _mixed, *part, self.weight, self.bias, use_reentrant=False,
                preserve_rng_state=False,
            )
            for part in parts
        ]  # fmt: skip
        return torch.cat(found).view(targets.shape)


def _mixed(
    log_prior: Tensor, hidden: Tensor, targets: Tensor, weight: Tensor, bias: Tensor
) -> Tensor:
    """Return log p of each target, (N,); 0 where it is −1."""
    log_p = linear(hidden, weight, bias).log_softmax(-1)  # (N, K, V)
    ids = targets.clamp(min=0)[:, None, None].expand(-1, hidden.shape[1], 1)
    found = (log_prior + log_p.gather(2, ids).squeeze(2)).logsumexp(1)
    return found.masked_fill(targets < 0, 0.0)
