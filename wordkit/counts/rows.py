"""Finished rows and the scratch arrays they are gathered in."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["RowScratch", "Rows"]


class Rows(NamedTuple):
    """Consecutive rows of a matrix: entries in order, and where each row ends among them."""

    columns: npt.NDArray[np.int32]
    values: npt.NDArray[Any]
    ends: npt.NDArray[np.int64]


class RowScratch:
    """Arrays to gather rows in, one set for each thread, made when it first needs one.

    Args:
        threads: how many sets.
        words: V, columns of the matrix.
        entries: how many a task may write, unless a single row has more.
        dtype: of the values written.
    """

    def __init__(self, threads: int, words: int, entries: int, dtype: npt.DTypeLike) -> None:
        self._words = words
        self._size = max(entries, words)
        self._dtype = np.dtype(dtype)
        # last in, first out: a set that is still in the cache is used again first; None stands
        # for a set that is still to be made
        self._sets: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(threads):
            self._sets.put(None)

    def gather(self, rows: int, kernel: Callable[[Any, Any], int]) -> Rows:
        """The rows that a kernel writes into a free set of arrays.

        Args:
            rows: how many.
            kernel: called with the row (sums and bitmaps) and the output (columns, values, ends);
                returns how many entries it wrote.
        """
        arrays = self._sets.get()
        reusable = None  # after an error the sums may not be zero: the set is dropped
        try:
            row, columns, values = arrays = arrays or self._new_set()
            ends = np.empty(rows, dtype=np.int64)
            n = kernel(row, (columns, values, ends))
            result = Rows(columns[:n].copy(), values[:n].copy(), ends)
            reusable = arrays
        finally:
            self._sets.put(reusable)  # something, always: another thread may wait for it
        return result

    def _new_set(self) -> tuple[Any, npt.NDArray[np.int32], npt.NDArray[Any]]:
        """A row of zeros with its bitmaps, and arrays for columns and values."""
        blocks = self._words // 64 + 1
        row = (
            np.zeros(self._words, dtype=np.int64),
            np.zeros(blocks, dtype=np.uint64),
            np.zeros(blocks // 64 + 1, dtype=np.uint64),
        )
        return row, np.empty(self._size, dtype=np.int32), np.empty(self._size, dtype=self._dtype)
