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
    the index in its upper 32 bits. After Vose, "A Linear Algorithm for Generating Random Numbers
    with a Given Distribution" (1991). One entry of eight bytes a word stays in the processor's
    cache, where word2vec.c's list of 10⁸ words does not.
    """
    V = len(probabilities)
    scaled = (probabilities * V).tolist()
    alias = list(range(V))
    small = [i for i, p in enumerate(scaled) if p < 1]
    large = [i for i, p in enumerate(scaled) if p >= 1]
    while small and large:
        less, more = small.pop(), large[-1]
        alias[less] = more
        scaled[more] -= 1 - scaled[less]
        if scaled[more] < 1:
            small.append(large.pop())
    likeliest = int(probabilities.argmax())
    for i in small + large:  # left over by rounding: certain, or never drawn
        scaled[i], alias[i] = (1.0, i) if probabilities[i] else (0.0, likeliest)
    own = np.minimum(np.array(scaled) * 2.0**32, 2.0**32 - 1).astype(np.uint64)
    return own | np.array(alias, dtype=np.uint64) << np.uint64(32)
