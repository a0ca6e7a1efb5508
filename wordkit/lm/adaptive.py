"""An output layer that spends little on rare words: the adaptive softmax.

N tokens, V words, H width of a hidden vector.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from wordkit.errors import ConfigError

__all__ = ["AdaptiveOutput", "default_cutoffs"]

_COVERED = (0.8, 0.95, 0.99)  # of the text, by the words before each cutoff
_LEAST = 100  # words in a cluster: below this a product of its own does not pay


def default_cutoffs(counts: npt.NDArray[np.int64]) -> list[int]:
    """Where clusters begin: after the words that make up 80, 95 and 99 % of the text.

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
    shares = np.cumsum(np.asarray(counts, np.float64))
    cutoffs: list[int] = []
    for place in np.searchsorted(shares, np.array(_COVERED) * shares[-1]) + 1:
        least = (cutoffs[-1] if cutoffs else 0) + _LEAST
        if least <= place <= V - _LEAST:
            cutoffs.append(int(place))
    return cutoffs or [max(V // 2, 1)]


class AdaptiveOutput(nn.Module):
    """The adaptive softmax of Grave et al. (2017); words are ordered by frequency.

    Args:
        width: H.
        words: V.
        cutoffs: where clusters begin, ascending, from 1 to V − 1; None: as
            :func:`default_cutoffs` chooses them for Zipf's law.
        div_value: how many times narrower the vectors of each cluster are than those of the one
            before; less where none would be left of the width.
    """

    def __init__(
        self,
        width: int,
        words: int,
        cutoffs: Sequence[int] | None = None,
        div_value: float = 4.0,
    ) -> None:
        super().__init__()
        if cutoffs is None:
            cutoffs = default_cutoffs(10**9 // np.arange(1, words + 1))
        places = list(cutoffs)
        if not places or sorted({*places, 0, words}) != [0, *places, words]:
            raise ConfigError(f"cutoffs must ascend from 1 to {words - 1}, not {places}")
        div_value = min(div_value, width ** (1 / len(places)))
        # no cluster's vectors may be so narrow that nothing is left of them
        div_value = min(div_value, 0.999 * width ** (1 / len(places)))
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
            width, words, places, div_value=div_value, head_bias=True
        )

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """The sum of −log p of the targets, in nats: a scalar.

        Args:
            hidden: shape (N, H).
            targets: shape (N,), int64; −1 where there is nothing to predict.
        """
        there = targets >= 0
        if not bool(there.any()):
            return hidden.sum() * 0
        return -self.softmax(hidden[there], targets[there]).output.sum()  # type: ignore[no-any-return]

    @torch.no_grad()
    def token_log_probabilities(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """log p of each target, shape (N,), natural; 0 where the target is −1. No gradients."""
        values = hidden.new_zeros(len(hidden))
        there = targets >= 0
        if bool(there.any()):
            values[there] = self.softmax(hidden[there], targets[there]).output
        return values

    @torch.no_grad()
    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """log p of every word, shape (N, V), natural. No gradients."""
        return self.softmax.log_prob(hidden)
