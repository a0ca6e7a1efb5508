"""Pointwise mutual information of co-occurrence counts, on all threads.

For a word w and a context c with the count #(w, c), the row sum #(w) and the column sum #(c),
PMI(w, c) = log( P(w, c) / (P(w) · P_α(c)) ) with P_α(c) = #(c)^α / Σ #(c')^α. Shifted positive
PMI is max(PMI − log k, 0): Levy, Goldberg and Dagan, "Improving Distributional Similarity with
Lessons Learned from Word Embeddings", TACL 2015, sections 2 and 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from wordkit.counts.config import CountsConfig
from wordkit.counts.csr import CsrParts, Rows, collect_rows, memory_limit
from wordkit.errors import ConfigError
from wordkit.runtime import ThreadPool, balanced_ranges

if TYPE_CHECKING:
    from scipy.sparse import csr_array, sparray, spmatrix

__all__ = ["biases_of", "pmi_rows", "ppmi"]

_MAX_TASK_ENTRIES = 1 << 18
_SUM_PARTS = 8  # a fixed number, so that sums do not depend on the number of threads


def ppmi(
    matrix: sparray | spmatrix,
    *,
    shift: float = 1.0,
    smoothing: float = 1.0,
    positive: bool = True,
    memory: int | None = None,
    threads: int | None = None,
) -> csr_array:
    """Return the positive pointwise mutual information of a matrix of counts.

    Args:
        matrix: counts, a SciPy sparse matrix of words (rows) by contexts (columns), at least 0;
            also memory-mapped.
        shift: k; log k is subtracted. Above 0; 1 shifts nothing.
        smoothing: α, the power that context counts are raised to: above 0, at most 1; 1 leaves
            them as they are.
        positive: keep only what is above 0. Otherwise pairs that were seen keep their PMI, also
            where it is negative, and pairs that were not seen (whose PMI is −∞) stay absent, as
            if it were 0.
        memory: bytes to work in, the result included; None: half of what is available. A result
            that does not fit goes to a temporary file.
        threads: None: all cores.

    Returns:
        A ``scipy.sparse.csr_array`` of the same shape, float32; memory-mapped and read-only where
        it is in a file.

    Raises:
        ConfigError: a setting is out of range, the matrix is no sparse one, or it holds NaN or a
            negative or infinite value.
        StorageError: the temporary file cannot be written.
    """
    CountsConfig(shift=shift, smoothing=smoothing)  # checks them
    parts = CsrParts.of(matrix)
    memory = memory_limit(memory)
    with ThreadPool(threads) as pool:
        biases = biases_of(*_marginals(parts, pool), shift, smoothing)
        make = pmi_rows(parts, biases, 0.0 if positive else -np.inf)
        return collect_rows(parts.shape, parts.indptr, make, pool, memory, _MAX_TASK_ENTRIES)


Doubles = npt.NDArray[np.float64]


def _marginals(parts: CsrParts, pool: ThreadPool) -> tuple[Doubles, Doubles]:
    """Return the sums of rows and of columns."""
    from wordkit.counts import kernels

    row_sums = np.zeros(parts.shape[0])
    max_units = max(1, -(-len(parts.data) // _SUM_PARTS))
    ranges = balanced_ranges(parts.indptr, max_units)
    column_sums = np.zeros(parts.shape[1])

    def add(rows: tuple[int, int]) -> tuple[float, Doubles]:
        sums = np.zeros(parts.shape[1])
        return kernels.marginals(*parts.arrays, rows, row_sums, sums), sums

    for minimum, sums in pool.map(add, ranges):
        column_sums += sums
        if minimum == -np.inf and np.isnan(parts.data.min()):
            raise ConfigError("counts must be numbers, but the matrix holds NaN")
        if minimum < 0:
            raise ConfigError(f"counts must be at least 0, but the matrix holds {minimum}")
    if not (np.isfinite(row_sums).all() and np.isfinite(column_sums).all()):
        raise ConfigError("counts must be finite, but the matrix holds an infinite one")
    return row_sums, column_sums


def biases_of(
    row_sums: Doubles, column_sums: Doubles, shift: float, smoothing: float
) -> tuple[Doubles, Doubles, float]:
    """Return the terms to add to log #(w, c): of its row, of its column, and a constant.

    PMI(w, c) − log k = log #(w, c) − log #(w) − α log #(c) + log Σ #(c')^α − log k. Empty rows and
    columns have no entry that would use theirs.
    """
    rows = -np.log(np.where(row_sums > 0, row_sums, 1.0))
    columns = -smoothing * np.log(np.where(column_sums > 0, column_sums, 1.0))
    total = float((column_sums**smoothing).sum())
    return rows, columns, math.log(total or 1.0) - math.log(shift)


def pmi_rows(
    parts: CsrParts, biases: tuple[Doubles, Doubles, float], floor: float
) -> Callable[[tuple[int, int]], Rows]:
    """Return the function from a range of rows to their PMI above the floor."""
    from wordkit.counts import kernels

    def compute(rows: tuple[int, int]) -> Rows:
        size = int(parts.indptr[rows[1]] - parts.indptr[rows[0]]) + 1  # one to overwrite
        columns, values = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.float32)
        ends = np.empty(rows[1] - rows[0], dtype=np.int64)
        n = kernels.pmi_rows(*parts.arrays, rows, biases, floor, (columns, values, ends))
        return Rows(columns[:n], values[:n], ends)

    return compute
