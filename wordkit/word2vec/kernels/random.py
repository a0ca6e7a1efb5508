"""Random draws of word2vec: subsampling, window radii and negative samples."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wordkit.kernels.jit import njit
from wordkit.kernels.random import Counter, below, mixed
from wordkit.word2vec.kernels.arguments import Text

__all__ = ["Counter", "Table", "Words", "below", "kept_words", "mixed", "negative"]

Table = npt.NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


class Words(NamedTuple):
    """The n words of a chunk that are kept."""

    rows: Any  # (n,) int32
    begins: Any  # (n,) int32: where, among them, the sentence of each begins
    ends: Any  # (n,) int32: where it ends


@njit(nogil=True, cache=True)
def negative(noise: Table, counter: Counter) -> Any:
    """Return a word drawn from an alias table."""
    random = mixed(counter)
    column = ((random >> _SHIFT) * np.uint64(len(noise))) >> _SHIFT
    entry = noise[column]
    alias = entry >> _SHIFT
    # no branch, which might be mispredicted
    return np.int64(alias + (column - alias) * np.uint64((random & _LOW) < (entry & _LOW)))


@njit(nogil=True, cache=True)
def kept_words(text: Text, start: int, stop: int, counter: Counter) -> Words:
    """Draw the words from token ``start`` to ``stop`` that subsampling keeps."""
    numbers = np.empty((stop - start + 1) // 2, dtype=np.uint64)
    for i in range(len(numbers)):  # a loop of its own, for the vector units
        numbers[i] = mixed(counter + np.uint64(i + 1))
    chances = numbers.view(np.uint32)
    rows = np.empty(stop - start + 1, dtype=np.int32)
    begins, ends = np.empty_like(rows), np.empty_like(rows)
    sentence = np.searchsorted(text.offsets, start, side="right") - 1
    position = start
    n: Any = 0
    while position < stop:
        end = min(text.offsets[sentence + 1], stop)
        begin = n
        for i in range(position, end):
            entry = text.words[text.ids[i]]
            rows[n] = np.int32(entry & _LOW)
            begins[n] = begin
            # no branch: half of them would be mispredicted
            n += np.int64(np.uint64(chances[i - start]) < (entry >> _SHIFT))
        ends[begin:n] = n
        position, sentence = end, sentence + 1
    return Words(rows[:n], begins[:n], ends[:n])
