"""Sampling of word2vec: subsampling of frequent words, and the noise distribution.

V is the number of words.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["alias_table", "keep_probabilities", "noise_probabilities"]

Counts = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


def keep_probabilities(counts: Counts, sample: float) -> Doubles:
    """Return the probability that subsampling keeps each word where it occurs, shape (V,).

    √(t/f) + t/f for a word of relative frequency f, at most 1, as in word2vec.c. (The paper,
    Mikolov et al. 2013, "Distributed Representations of Words and Phrases", equation 5, has the
    first term only.)

    Args:
        counts: how often each word occurs, shape (V,).
        sample: t; 0 keeps all.
    """
    if sample == 0:
        return np.ones(len(counts))
    threshold = sample * max(int(counts.sum()), 1) / np.maximum(counts, 1)
    probabilities: Doubles = np.minimum(np.sqrt(threshold) + threshold, 1.0)
    return probabilities


def noise_probabilities(counts: Counts, exponent: float) -> Doubles:
    """Return the noise distribution of negative sampling, shape (V,): by frequency to a power.

    A word that does not occur is never drawn, unless none does.
    """
    counts = counts if counts.any() else np.ones_like(counts)
    weights: Doubles = np.where(counts > 0, np.maximum(counts, 1).astype(np.float64) ** exponent, 0)
    probabilities: Doubles = weights / weights.sum()
    return probabilities


def alias_table(probabilities: Doubles) -> npt.NDArray[np.uint64]:
    """Build an alias table, which draws from a distribution in constant time, shape (V,).

    Take an entry at random: with probability (lower 32 bits)/2³² the draw is its own index, else
    the index in its upper 32 bits. Walker (1977), built by prefix sums as in Hübschle-Schneider and
    Sanders, "Parallel Weighted Random Sampling" (2019). One entry of eight bytes a word stays in
    the processor's cache, where word2vec.c's list of 10⁸ words does not.
    """
    V = len(probabilities)
    scaled = probabilities * V
    own, alias = scaled.copy(), np.arange(V, dtype=np.uint64)
    is_large = scaled >= min(scaled.max(), 1.0)
    small, large = np.flatnonzero(~is_large), np.flatnonzero(is_large)
    # the large ones, one after the other, fill up the small ones; one that is used up in the
    # middle of a small one has become small itself, and is filled up by the next
    lacking = np.concatenate([[0.0], np.cumsum(1 - scaled[small])])
    spare = np.cumsum(scaled[large] - 1)
    filling = np.searchsorted(spare, lacking[:-1], side="right")
    alias[small] = large[np.minimum(filling, len(large) - 1)]
    own[large] = 1 - np.maximum(lacking[np.searchsorted(lacking[:-1], spare)] - spare, 0)
    alias[large[:-1]], own[large[-1]] = large[1:], 1.0
    return np.minimum(own * 2.0**32, 2.0**32 - 1).astype(np.uint64) | alias << np.uint64(32)
