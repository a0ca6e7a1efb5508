"""Output layers: from features to the logits, loss and log-probabilities of words.

Notation: T steps, B sequences of a batch, F features, V words, D length of a word's vector.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.errors import ConfigError
from wordkit.nn.cross_entropy import linear_cross_entropy, linear_target_log_probs
from wordkit.nn.network import linear
from wordkit.nn.sampled_softmax import sampled_cross_entropy

__all__ = ["AdaptiveOutputLayer", "OutputLayer", "default_cutoffs"]

_SMALL = 256  # words whose logits need no chunks


class OutputLayer(nn.Module):
    """A linear layer and a softmax.

    Args:
        features: F.
        words: V.
        tied: the input embeddings, (V, D), which are the weights too (Press and Wolf 2017); a
            projection is added where F is not D. None: weights of its own.
    """

    cutoffs: list[int] | None = None
    """The first word of each cluster but the first, in an adaptive softmax."""

    def __init__(self, features: int, words: int, tied: nn.Parameter | None = None) -> None:
        super().__init__()
        self.projection: nn.Parameter | None = None
        self.weight = nn.Parameter(torch.empty(words, features)) if tied is None else tied
        if self.weight.shape[1] != features:
            self.projection = nn.Parameter(torch.empty(self.weight.shape[1], features))
        self.bias = nn.Parameter(torch.zeros(words))

    def logits(self, features: Tensor) -> Tensor:
        """Return the logits of all words, (T, B, V)."""
        return linear(self._projected(features), self.weight, self.bias)

    def loss(self, features: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Return the sum of −log p of the targets, in nats.

        Args:
            features: shape (T, B, F).
            targets: shape (T, B), int64; −1 where there is none.
            label_smoothing: fraction of the probability that is given to all words alike.
        """
        hidden, ids = self._projected(features).flatten(0, 1), targets.flatten()
        if len(self.bias) < _SMALL:
            logits = linear(hidden, self.weight, self.bias)
            return F.cross_entropy(
                logits, ids, ignore_index=-1, reduction="sum", label_smoothing=label_smoothing
            )
        return linear_cross_entropy(
            hidden, self.weight, self.bias, ids, label_smoothing=label_smoothing
        )

    def sampled_loss(
        self, features: Tensor, targets: Tensor, negatives: Tensor, log_expected: Tensor,
        *, sparse: bool = False,
    ) -> Tensor:  # fmt: skip
        """Return the sum of −log p of the targets among the negatives, in nats.

        Args:
            features, targets: as for :meth:`loss`.
            negatives, log_expected, sparse: as for
                :func:`wordkit.nn.sampled_softmax.sampled_cross_entropy`.
        """
        return sampled_cross_entropy(
            self._projected(features).flatten(0, 1), self.weight, self.bias, targets.flatten(),
            negatives, log_expected, sparse=sparse,
        )  # fmt: skip

    @torch.no_grad()
    def target_log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return log p of each target, (T, B), natural; 0 where it is −1. No gradients."""
        hidden = self._projected(features).flatten(0, 1)
        found = linear_target_log_probs(hidden, self.weight, self.bias, targets.flatten())
        return found.view_as(targets)

    @torch.no_grad()
    def log_probs(self, features: Tensor) -> Tensor:
        """Return log p of every word, (T, B, V), natural. No gradients."""
        return torch.log_softmax(self.logits(features), -1)

    def _projected(self, features: Tensor) -> Tensor:
        return features if self.projection is None else linear(features, self.projection)


class AdaptiveOutputLayer(OutputLayer):
    """The adaptive softmax of Grave et al. (2017), which spends little on rare words.

    Args:
        features: F.
        words: V, ordered by frequency.
        cutoffs: where clusters begin, ascending, from 1 to V − 1; None: as
            :func:`default_cutoffs` chooses them for Zipf's law.
        div_value: how many times narrower the vectors of each cluster are than those of the one
            before; less where none would be left of the width.

    Raises:
        ConfigError: the cutoffs do not ascend, or are out of their range.
    """

    def __init__(
        self, features: int, words: int, cutoffs: Sequence[int] | None = None,
        div_value: float = 4.0,
    ) -> None:  # fmt: skip
        nn.Module.__init__(self)  # it has other parameters
        if cutoffs is None:
            cutoffs = default_cutoffs(10**9 // np.arange(1, words + 1))
        bounds = list(cutoffs)
        if not bounds or sorted({*bounds, 0, words}) != [0, *bounds, words]:
            raise ConfigError(f"cutoffs must ascend from 1 to {words - 1}, not {bounds}")
        narrowest = 0.999 * features ** (1 / len(bounds))  # so that one value is left at least
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
            features, words, bounds, div_value=min(div_value, narrowest), head_bias=True
        )
        self.cutoffs = bounds

    def loss(self, features: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Return the sum of −log p of the targets, in nats.

        Raises:
            ConfigError: smoothing is asked for, which needs the probabilities of all words.
        """
        if label_smoothing:
            raise ConfigError(
                f"label_smoothing must be 0 with an adaptive softmax, not {label_smoothing}"
            )
        hidden, ids = features.flatten(0, 1), targets.flatten()
        present = ids >= 0
        if not bool(present.any()):
            return hidden.sum() * 0
        with torch.autocast(features.device.type, enabled=False):  # torch's layer fails in it
            log_p: Tensor = self.softmax(hidden[present], ids[present]).output
            return -log_p.sum()

    @torch.no_grad()
    def target_log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return log p of each target, (T, B), natural; 0 where it is −1. No gradients."""
        values, present = features.new_zeros(targets.shape), targets >= 0
        if bool(present.any()):
            values[present] = self.softmax(features[present], targets[present]).output
        return values

    @torch.no_grad()
    def log_probs(self, features: Tensor) -> Tensor:
        """Return log p of every word, (T, B, V), natural. No gradients."""
        found: Tensor = self.softmax.log_prob(features.flatten(0, 1))
        return found.view(*features.shape[:2], -1)


_COVERED = (0.8, 0.95, 0.99)  # of the text, by the words before each cutoff
_MIN_CLUSTER_WORDS = 100  # below this a product of its own does not pay


def default_cutoffs(counts: npt.NDArray[np.int64]) -> list[int]:
    """Return where clusters begin: after the words that make up 80, 95 and 99 % of the text.

    Grave et al. (2017) choose cutoffs by the cost of the products of a device; frequent words in
    a small head, and few clusters, are what their rule comes to for a text of natural language.

    Args:
        counts: how often each word occurs, most frequent first, shape (V,).

    Raises:
        ConfigError: there are too few words for clusters.
    """
    V = len(counts)
    if V < 2:
        raise ConfigError(f"an adaptive softmax needs at least 2 words, not {V}")
    cumulated = np.cumsum(np.asarray(counts, np.float64))
    cutoffs: list[int] = []
    for cutoff in np.searchsorted(cumulated, np.array(_COVERED) * cumulated[-1]) + 1:
        first = (cutoffs[-1] if cutoffs else 0) + _MIN_CLUSTER_WORDS
        if first <= cutoff <= V - _MIN_CLUSTER_WORDS:
            cutoffs.append(int(cutoff))
    return cutoffs or [max(V // 2, 1)]
