"""Vectors of character n-grams, of which those of words are composed (Bojanowski et al. 2017).

V is the number of words, R of rows of the n-gram matrix, D of dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.matrix import ROWS, all_finite
from wordkit.text.subwords import NGrams

__all__ = ["Subwords"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Subwords:
    """The vectors of n-grams; the arrays may be mapped from a file, and stay so."""

    ngrams: NGrams
    """Lengths of the n-grams, and their buckets."""

    matrix: npt.NDArray[Any]
    """Shape (R, D), read-only: float32, float16, or int8 with ``scales``."""

    buckets: npt.NDArray[np.int32] | None = None
    """The bucket of each row, ascending, shape (R,); None: row i is bucket i."""

    scales: Floats | None = None
    """The scale of each row of int8, shape (R,)."""

    def vector(self, word: str) -> Floats | None:
        """Return the mean of the vectors of a word's n-grams, shape (D,); None: it has none.

        An n-gram whose bucket has no row counts for nothing.
        """
        rows = self.rows_of(self.ngrams.buckets_of([word])[0])
        if not len(rows := rows[rows >= 0]):
            return None
        with np.errstate(all="ignore"):  # a corrupted file may hold anything
            mean = self.rows(rows).mean(axis=0, dtype=np.float64)
            return np.asarray(mean, dtype=np.float32)

    def compose(self, words: Sequence[str], own: Floats) -> Floats:
        """Return the mean of each word's own vector and those of its n-grams, (V, D), read-only.

        Args:
            words: V of them.
            own: their own vectors, shape (V, D).
        """
        words = [words] if isinstance(words, str) else words
        vectors = np.empty(own.shape, dtype=np.float32)
        for start in range(0, len(words), ROWS):
            rows, counts = self._rows_of_words(words[start : start + ROWS])
            part = own[start : start + ROWS]
            begins = np.cumsum(counts) - counts
            is_own = np.zeros(int(counts.sum()), dtype=bool)
            is_own[begins] = True
            addends = np.empty((len(is_own), own.shape[1]), dtype=np.float32)
            addends[is_own], addends[~is_own] = part, self.rows(rows)
            with np.errstate(all="ignore"):
                sums = np.add.reduceat(addends, begins, axis=0)
                np.divide(sums, counts[:, np.newaxis], out=vectors[start : start + ROWS])
        vectors.flags.writeable = False
        return vectors

    def _rows_of_words(
        self, words: Sequence[str]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the rows of words' n-grams, and for each word their number and one for its own."""
        buckets, offsets = self.ngrams.buckets_of(words)
        rows = self.rows_of(buckets)
        known = rows >= 0
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(known)])
        return rows[known], 1 + np.diff(before[offsets])

    @property
    def are_finite(self) -> bool:
        """True if no number is NaN or infinite."""
        return all_finite(self.matrix) and (
            self.scales is None or bool(np.isfinite(self.scales).all())
        )

    def rows_of(self, buckets: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Return the row of each bucket; −1: it has none."""
        if self.buckets is None:
            return buckets.astype(np.int64)
        if not len(self.buckets):
            return np.full(len(buckets), -1)
        rows = np.searchsorted(self.buckets, buckets)
        rows[rows == len(self.buckets)] = 0
        return np.where(self.buckets[rows] == buckets, rows, -1)

    def rows(self, rows: npt.NDArray[np.integer[Any]] | slice) -> Floats:
        """Return rows of the matrix as float32."""
        values: Floats = self.matrix[rows].astype(np.float32, copy=False)
        return values if self.scales is None else values * self.scales[rows][:, np.newaxis]
