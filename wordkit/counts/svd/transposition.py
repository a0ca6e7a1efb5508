"""The transpose of a sparse matrix, in bounded memory, and whether one is needed at all.

V is the number of rows and columns of a symmetric matrix, Z the number of entries.
"""

from __future__ import annotations

import numpy as np

from wordkit.counts.csr import CsrParts, RowBuilder, balanced_ranges
from wordkit.counts.rows import Rows
from wordkit.runtime import ThreadPool

__all__ = ["is_symmetric", "transpose"]

_ENTRY = 8  # bytes: an int32 column and a float32 value
_MOST_TASK_ENTRIES = 1 << 20
_FEWEST_TASK_ENTRIES = 1 << 12


def is_symmetric(parts: CsrParts, pool: ThreadPool) -> bool:
    """Whether a matrix with sorted rows equals its transpose, to the last bit.

    It takes 8·V bytes for each thread, and ends at the first difference.
    """
    from wordkit.counts.svd import kernels

    if parts.shape[0] != parts.shape[1]:
        return False
    found_difference = False

    def compare(rows: tuple[int, int]) -> None:
        nonlocal found_difference
        if not found_difference:
            places = np.empty(parts.shape[0], dtype=np.int64)
            if not kernels.rows_equal_columns(*parts.arrays, rows, places):
                found_difference = True

    share = max(1, len(parts.data) // (4 * pool.threads))  # of an unlike one, most is skipped
    pool.for_each(compare, balanced_ranges(parts.indptr, share))
    return not found_difference


def transpose(parts: CsrParts, memory: int, pool: ThreadPool) -> CsrParts:
    """The transposed matrix, with sorted rows.

    Args:
        parts: the matrix, with sorted rows.
        memory: bytes to work in, the result included; what does not fit goes to a temporary
            file and is memory-mapped.
        pool: the threads to use.

    Raises:
        StorageError: the temporary file cannot be written.
    """
    from wordkit.counts.svd import kernels

    ends = _column_ends(parts, pool)
    results = _ENTRY * (pool.look_ahead + 1)  # bytes, for each entry of a task
    task = min(max(memory // (4 * results), _FEWEST_TASK_ENTRIES), _MOST_TASK_ENTRIES)

    def make(columns: tuple[int, int]) -> Rows:
        begins = ends[columns[0] : columns[1] + 1] - ends[columns[0]]
        indices = np.empty(int(begins[-1]), dtype=np.int32)
        data = np.empty(int(begins[-1]), dtype=np.float32)
        kernels.transpose_columns(*parts.arrays, columns, begins[:-1].copy(), (indices, data))
        return Rows(indices, data, begins[1:])

    shape = (parts.shape[1], parts.shape[0])
    builder = RowBuilder(shape, memory - 2 * task * results, len(parts.data))
    try:
        for rows in pool.map(make, balanced_ranges(ends, task)):
            builder.append(*rows)
        flipped = builder.finish()
    finally:
        builder.close()
    return CsrParts.from_arrays(flipped.indptr, flipped.indices, flipped.data, shape)


def _column_ends(parts: CsrParts, pool: ThreadPool) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(C + 1,), how many entries lie in the columns before each one."""
    from wordkit.counts.svd import kernels

    share = max(1, -(-len(parts.data) // pool.threads))
    ranges = balanced_ranges(parts.indptr, share)
    counts = np.zeros((len(ranges), parts.shape[1]), dtype=np.int64)

    def tally(t: int) -> None:
        entries = (int(parts.indptr[ranges[t][0]]), int(parts.indptr[ranges[t][1]]))
        kernels.tally_columns(parts.indices, entries, counts[t])

    pool.for_each(tally, range(len(ranges)))
    ends = np.zeros(parts.shape[1] + 1, dtype=np.int64)
    np.cumsum(counts.sum(axis=0), out=ends[1:])
    return ends
