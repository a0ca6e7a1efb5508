"""The compiled loops of phrases: pairs of neighbours, runs of equal ones, and sentences joined.

V is the number of words, P of phrases. A pair of words is one int64: the first word, and below it
32 bits of the second. All loops release the GIL.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.kernels.jit import njit

__all__ = ["count_runs", "gather_pairs", "join_sentences", "tally"]

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@njit(nogil=True, cache=True)
def gather_pairs(
    ids: Ints, offsets: Longs, lengths: Any, firsts: tuple[int, int], out: Longs
) -> Any:
    """Write the pairs of neighbours within sentences whose first word is in a range.

    Args:
        ids, offsets: of the corpus.
        lengths: (V,) int8: words of each word, from 1; the joined ones have several. 0: it is in
            no phrase.
        firsts: the range of first words.
        out: one longer than there are tokens of these words.

    Returns:
        The number of pairs.
    """
    n = 0
    for s in range(len(offsets) - 1):
        for i in range(offsets[s], offsets[s + 1] - 1):
            a, b = np.int64(ids[i]), np.int64(ids[i + 1])
            out[n] = a << 32 | b
            # no branch, which would be mispredicted
            n += (firsts[0] <= a) & (a < firsts[1]) & (lengths[a] > 0) & (lengths[b] > 0)
    return n


@njit(nogil=True, cache=True)
def count_runs(pairs: Longs, least: int, counts: Longs) -> int:
    """Move those of sorted pairs that come often enough to the front, one of each.

    Args:
        pairs: sorted; changed.
        least: minimum count.
        counts: (len(pairs) // least,), set to their counts.

    Returns:
        Their number.
    """
    n, start = 0, 0
    for i in range(1, len(pairs) + 1):
        if i == len(pairs) or pairs[i] != pairs[start]:
            if i - start >= least:
                pairs[n] = pairs[start]
                counts[n] = i - start
                n += 1
            start = i
    return n


@njit(nogil=True, cache=True)
def join_sentences(
    ids: Ints,
    offsets: Longs,
    sentences: tuple[int, int],
    phrases: tuple[Longs, Ints],
    out: Ints,
    ends: Ints,
) -> int:
    """Join the phrases of a range of sentences, from left to right.

    Args:
        ids, offsets: of the corpus.
        sentences: the range.
        phrases: starts (V + 1,) and seconds (P,): phrase p, of ``starts[a] <= p < starts[a + 1]``,
            is a with ``seconds[p]``, which rise within each a.
        out: ids; phrase p is V + p.
        ends: where each sentence ends in ``out``.

    Returns:
        The number of ids.
    """
    starts, seconds = phrases
    V = len(starts) - 1
    n = 0
    for s in range(sentences[0], sentences[1]):
        i, end = offsets[s], offsets[s + 1]
        while i < end:
            a = ids[i]
            low, high = starts[a], starts[a + 1]
            out[n] = a
            i += 1
            if low < high and i < end:
                b = ids[i]
                while high - low > 1:
                    middle = (low + high) >> 1
                    if seconds[middle] <= b:
                        low = middle
                    else:
                        high = middle
                if seconds[low] == b:
                    out[n] = V + low
                    i += 1
            n += 1
        ends[s - sentences[0]] = n
    return n


@njit(nogil=True, cache=True)
def tally(ids: Ints, position: int, counts: Longs, firsts: Longs) -> None:
    """Count ids and note where each comes first, from ``position`` on.

    Args:
        ids: a part of a text; the parts come in order.
        position: the tokens before it.
        counts, firsts: by id; the counts are 0 before the first part.
    """
    for i in range(len(ids)):
        if counts[ids[i]] == 0:
            firsts[ids[i]] = position + i
        counts[ids[i]] += 1
