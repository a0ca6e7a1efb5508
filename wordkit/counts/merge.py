"""Rows gathered in dense accumulators, and partial counts added up from temporary files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from wordkit.counts.csr import Rows
from wordkit.counts.spill import GrowingArray
from wordkit.runtime import ThreadPool, balanced_ranges

__all__ = ["PartRows", "RowParts", "RowScratch", "SpilledParts", "merged_rows"]


class RowScratch:
    """Arrays to gather rows in, one set for each thread, made when it first needs one.

    Args:
        words: V, columns of the matrix.
        entries: entries that a task may write, unless a single row has more.
        dtype: of the values written.
    """

    def __init__(self, words: int, entries: int, dtype: npt.DTypeLike) -> None:
        self._words = words
        self._size = max(entries, words)
        self._dtype = np.dtype(dtype)
        self._local = threading.local()

    def gather(self, rows: int, kernel: Callable[[Any, Any], int]) -> Rows:
        """Return the rows that a kernel writes.

        Args:
            rows: their number.
            kernel: called with the accumulator (sums and bitmaps) and the output (columns,
                values, ends); returns the number of entries it wrote.
        """
        accumulator, columns, values = self._local.__dict__.pop("arrays", None) or self._allocate()
        ends = np.empty(rows, dtype=np.int64)
        n = kernel(accumulator, (columns, values, ends))
        result = Rows(columns[:n].copy(), values[:n].copy(), ends)
        self._local.arrays = accumulator, columns, values  # not after an error: sums may be left
        return result

    def _allocate(self) -> tuple[Any, npt.NDArray[np.int32], npt.NDArray[Any]]:
        blocks = self._words // 64 + 1
        accumulator = (
            np.zeros(self._words, dtype=np.int64),
            np.zeros(blocks, dtype=np.uint64),
            np.zeros(blocks // 64 + 1, dtype=np.uint64),
        )
        columns = np.empty(self._size, dtype=np.int32)
        return accumulator, columns, np.empty(self._size, dtype=self._dtype)


class SpilledParts:
    """The rows of one segment after the other, with exact 64-bit sums, in temporary files.

    Args:
        words: V, rows of each part.
    """

    def __init__(self, words: int) -> None:
        self.row_reads = np.zeros(words, dtype=np.int64)
        """(V,), what is read of each row: its entries in all parts, and its end in each."""
        self.words = words
        self._rows = 0
        self._columns = GrowingArray(np.int32, 0)
        self._sums = GrowingArray(np.int64, 0)
        self._ends = GrowingArray(np.int64, 0)
        self._ends.append(np.zeros(1, dtype=np.int64))

    def __enter__(self) -> SpilledParts:
        return self

    def __exit__(self, *exception: object) -> None:
        for array in (self._columns, self._sums, self._ends):
            array.close()

    def append(self, rows: Rows) -> None:
        """Add rows, after the last row of the last part.

        Raises:
            StorageError: the disk is full.
        """
        row = self._rows % self.words
        self.row_reads[row : row + len(rows.ends)] += np.diff(rows.ends, prepend=0) + 1
        self._rows += len(rows.ends)
        self._ends.append(rows.ends + len(self._columns))
        self._columns.append(rows.columns)
        self._sums.append(rows.values)

    def read(self, start: int, stop: int) -> PartRows:
        """Return the rows from ``start`` to ``stop`` of all parts."""
        firsts = range(0, self._rows, self.words)
        ends = np.stack([self._ends.read(f + start, f + stop + 1) for f in firsts])
        spans = [(int(part[0]), int(part[-1])) for part in ends]
        columns = [self._columns.read(*span) for span in spans]
        return PartRows.join(ends, columns, [self._sums.read(*span) for span in spans])


class PartRows(NamedTuple):
    """The same rows of several parts."""

    ends: npt.NDArray[np.int64]
    """(P, R + 1), see :func:`wordkit.counts.kernels.merge_rows`."""

    columns: npt.NDArray[np.int32]
    sums: npt.NDArray[np.int64]

    @classmethod
    def join(
        cls,
        ends: npt.NDArray[np.int64],
        columns: Sequence[npt.NDArray[np.int32]],
        sums: Sequence[npt.NDArray[np.signedinteger[Any]]],
    ) -> PartRows:
        """Return the rows of parts, given where they end in each, shape (P, R + 1)."""
        sizes = ends[:, -1] - ends[:, 0]
        ends = ends + (np.cumsum(sizes) - sizes - ends[:, 0])[:, None]
        return cls(ends, np.concatenate(columns), np.concatenate(sums, dtype=np.int64))


class RowParts(Protocol):
    """Several matrices of the same rows, to be added up."""

    words: int
    row_reads: npt.NDArray[np.int64]

    def read(self, start: int, stop: int) -> PartRows:
        """Return a range of the rows of all."""


def merged_rows(
    parts: RowParts,
    scale: float,
    max_entries: int,
    pool: ThreadPool,
    dtype: npt.DTypeLike = np.float32,
) -> Iterator[Rows]:
    """Yield the sums of all parts, divided by ``scale``, a range of rows at a time.

    Args:
        parts: at least one.
        scale: divisor of the sums.
        max_entries: to read and to write at a time, row ends too, unless a single row has more.
        pool: the threads to use.
        dtype: of the sums; integers where ``scale`` is 1.
    """
    from wordkit.counts import kernels

    scratch = RowScratch(parts.words, max_entries, dtype)
    ends = np.concatenate([[0], np.cumsum(parts.row_reads)])

    def add(rows: PartRows) -> Rows:
        def kernel(accumulator: Any, output: Any) -> int:
            return int(kernels.merge_rows(*rows, accumulator, output, scale))

        return scratch.gather(rows.ends.shape[1] - 1, kernel)

    ranges = balanced_ranges(ends, max_entries)
    yield from pool.map(add, (parts.read(start, stop) for start, stop in ranges))
