"""Partial counts of segments: written to temporary files, and added up row range by row range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wordkit.counts.csr import balanced_ranges
from wordkit.counts.rows import Rows, RowScratch
from wordkit.counts.spill import GrowingArray
from wordkit.runtime import ThreadPool

__all__ = ["SpilledParts", "merged_rows"]


class SpilledParts:
    """The rows of one segment after the other, with exact 64-bit sums, in temporary files.

    Args:
        words: V, rows of each part.
    """

    def __init__(self, words: int) -> None:
        self.row_entries = np.zeros(words, dtype=np.int64)
        """(V,), entries of each row over all parts."""
        self._words = words
        self._rows = 0
        self._columns = GrowingArray(np.int32, 0)
        self._sums = GrowingArray(np.int64, 0)
        self._ends = GrowingArray(np.int64, 0)
        self._ends.append(np.zeros(1, dtype=np.int64))

    @property
    def parts(self) -> int:
        """How many parts are complete."""
        return self._rows // self._words

    def append(self, rows: Rows) -> None:
        """Add rows, after the last row of the last part.

        Raises:
            StorageError: the disk is full.
        """
        row = self._rows % self._words
        self.row_entries[row : row + len(rows.ends)] += np.diff(rows.ends, prepend=0)
        self._rows += len(rows.ends)
        self._ends.append(rows.ends + len(self._columns))
        self._columns.append(rows.columns)
        self._sums.append(rows.values)

    def ends(self, part: int, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Where the rows ``start`` to ``stop`` of a part end, after where the first one starts."""
        first = part * self._words
        return self._ends.read(first + start, first + stop + 1)

    def entries(self, start: int, stop: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Columns and sums of a range of entries."""
        return self._columns.read(start, stop), self._sums.read(start, stop)

    def close(self) -> None:
        """Remove the files."""
        for array in (self._columns, self._sums, self._ends):
            array.close()


class _Task(NamedTuple):
    ends: npt.NDArray[np.int64]  # (P, R + 1), see kernels.merge_rows
    columns: npt.NDArray[np.int32]
    sums: npt.NDArray[np.int64]


def merged_rows(
    parts: SpilledParts, scale: float, most_entries: int, pool: ThreadPool
) -> Iterator[Rows]:
    """The sums of all parts, divided by ``scale``, a range of rows at a time.

    Args:
        parts: at least one.
        scale: what the sums are divided by.
        most_entries: to read and to write at a time, unless a single row has more.
        pool: the threads to use.
    """
    from wordkit.counts import kernels

    words = len(parts.row_entries)
    scratch = RowScratch(pool.threads, words, most_entries, np.float32)
    ends = np.concatenate([[0], np.cumsum(parts.row_entries)])
    ranges = balanced_ranges(ends, most_entries)

    def add(task: _Task) -> Rows:
        def kernel(row: Any, output: Any) -> int:
            return int(kernels.merge_rows(task.ends, task.columns, task.sums, row, output, scale))

        return scratch.gather(task.ends.shape[1] - 1, kernel)

    yield from pool.map(add, (_read(parts, start, stop) for start, stop in ranges))


def _read(parts: SpilledParts, start: int, stop: int) -> _Task:
    """The rows from ``start`` to ``stop`` of all parts."""
    ends = np.stack([parts.ends(part, start, stop) for part in range(parts.parts)])
    entries = [parts.entries(int(part[0]), int(part[-1])) for part in ends]
    sizes = ends[:, -1] - ends[:, 0]
    ends += (np.cumsum(sizes) - sizes - ends[:, 0])[:, None]
    columns, sums = zip(*entries, strict=True)
    return _Task(ends, np.concatenate(columns), np.concatenate(sums))
