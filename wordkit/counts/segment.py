"""A segment: a range of the corpus laid out for counting, with the positions of each word.

V is the number of words that are counted.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.counts.csr import frozen
from wordkit.runtime import ThreadPool, even_ranges
from wordkit.text import Corpus

__all__ = ["Segment"]


@dataclass(frozen=True)
class Segment:
    """Ids of a range of a corpus, and where each word is among them."""

    text: npt.NDArray[np.int32]
    """The kept ids, with a negative separator between sentences and at both ends."""

    positions: npt.NDArray[np.int32]
    """Indices into ``text``, grouped by word and rising within each word."""

    starts: npt.NDArray[np.int64]
    """(V + 1,): the positions of word w are ``positions[starts[w]:starts[w + 1]]``."""

    tokens: int
    """Tokens of the corpus that it covers, those of other words included."""

    def tokens_before(self, word: int) -> int:
        """Return the part of ``tokens`` that is done when the rows before a word are done."""
        kept = int(self.starts[-1])
        return self.tokens * int(self.starts[word]) // kept if kept else self.tokens

    @classmethod
    def lay_out(
        cls, corpus: Corpus, centres: tuple[int, int], words: int, window: int, pool: ThreadPool
    ) -> Segment:
        """Return the segment with the centres of a range of ids, and the tokens of their windows.

        Args:
            corpus: may be memory-mapped.
            centres: first token and the one after the last, which may lie inside a sentence.
            words: V; tokens with other ids are dropped.
            window: kept tokens on either side.
            pool: the threads to use.
        """
        from wordkit.counts import kernels

        ids, offsets = frozen(corpus.ids, np.int32), frozen(corpus.offsets, np.int64)
        begin = kernels.window_start(
            ids, centres[0], int(offsets[_sentence(offsets, centres[0])]), words, window
        )
        last = int(offsets[_sentence(offsets, centres[1] - 1) + 1])
        end = kernels.window_stop(ids, centres[1], last, words, window)
        ranges = even_ranges(end - begin, pool.threads)
        slices = [(begin + start, begin + stop) for start, stop in ranges]
        sentences = [_sentence(offsets, start) for start, _ in slices]

        counts = np.zeros((len(slices), words), dtype=np.int64)
        lengths = np.zeros(len(slices), dtype=np.int64)

        def count(s: int) -> None:
            lengths[s] = kernels.count_centres(
                ids, offsets, sentences[s], slices[s], centres, counts[s]
            )

        pool.for_each(count, range(len(slices)))

        starts = np.zeros(words + 1, dtype=np.int64)
        np.cumsum(counts.sum(axis=0), out=starts[1:])
        slots = counts  # in place: where each slice files the positions of each word
        before = starts[:-1].copy()
        for s in range(len(slices)):
            before += counts[s]
            slots[s] = before - counts[s]
        starts_of_slices = np.concatenate([[1], 1 + np.cumsum(lengths)])
        text = np.empty(int(starts_of_slices[-1]) + 1, dtype=np.int32)
        text[0] = text[-1] = kernels.SEPARATOR
        positions = np.empty(int(starts[-1]), dtype=np.int32)

        def lay_out(s: int) -> None:
            where = (ids, offsets, sentences[s], slices[s], centres)
            kernels.lay_out(*where, slots[s], text, int(starts_of_slices[s]), positions)

        pool.for_each(lay_out, range(len(slices)))
        _drop_pages(corpus.ids)
        return cls(
            frozen(text, np.int32),
            frozen(positions, np.int32),
            frozen(starts, np.int64),
            centres[1] - centres[0],
        )


def _sentence(offsets: npt.NDArray[np.int64], token: int) -> int:
    return int(np.searchsorted(offsets, token, side="right")) - 1


def _drop_pages(array: npt.NDArray[Any]) -> None:
    """Release the pages of a mapped file, which count as memory of this process until then."""
    base: Any = array
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    read_only = getattr(array, "mode", None) == "r"
    if read_only and isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)
