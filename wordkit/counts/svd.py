"""Truncated singular value decomposition of a sparse matrix.

R and C are its rows and columns, D the singular triplets wanted. The transpose, which a matrix
needs that is not symmetric, is made in bounded memory.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wordkit.counts.config import CountsConfig, Method
from wordkit.counts.csr import CsrParts, Rows, collect_rows, memory_limit
from wordkit.counts.krylov import Triplets, block_krylov, one_blas_thread
from wordkit.counts.panels import WIDTH, Floats, Operator
from wordkit.errors import ConfigError
from wordkit.runtime import Report, Run, ThreadPool, balanced_ranges, require_memory

if TYPE_CHECKING:
    from scipy.sparse import sparray, spmatrix

__all__ = ["SingularTriplets", "finished_triplets", "is_better_dense", "iter_truncated_svd"]

_DENSE_SIDES = 1024, 64  # with no side longer, or one this short, a matrix is left to LAPACK
_SPARE_BLOCKS = 6  # beyond twice k: with room for fewer, a Krylov space may not settle
_ENTRY_BYTES = 8  # an int32 column and a float32 value
_MAX_TASK_ENTRIES = 1 << 20


class SingularTriplets(NamedTuple):
    """Singular values and their vectors, all float32."""

    U: Floats
    """(R, D), the left vectors."""

    s: Floats
    """(D,), the singular values, falling."""

    Vt: Floats
    """(D, C), the right vectors, transposed."""


def iter_truncated_svd(
    matrix: sparray | spmatrix,
    k: int,
    *,
    method: Method = "randomized",
    tolerance: float = 1e-3,
    seed: int = 1,
    threads: int | None = None,
    memory: int | None = None,
) -> Run[SingularTriplets]:
    """Compute the ``k`` largest singular values of a sparse matrix and their vectors.

    The same seed gives the same bits, for any number of threads. Of the two signs of each pair of
    vectors, the one is taken that makes the largest entry of the left vector positive.

    Args:
        matrix: a SciPy sparse matrix, shape (R, C), finite; also memory-mapped.
        k: D, at least 1 and less than R and C.
        method: ``randomized`` (a block Krylov space; see :mod:`wordkit.counts.krylov`) or
            ``arpack`` (implicitly restarted Lanczos, far slower, to full single precision).
        tolerance: of ``randomized``: stop when a further block changes no singular value by more
            than this, relatively.
        seed: of the random start.
        threads: None: all cores.
        memory: bytes that the transpose may take, which a matrix needs that is not symmetric;
            None: half of what is available. What does not fit goes to a temporary file. The
            vectors come on top.

    Returns:
        A run whose value is U (R, D), s (D,) and Vᵀ (D, C). Where the rank is less than D, the
        last values are 0 and so are their vectors.

    Raises:
        ConfigError: a setting is out of range, ``k`` among them, or the matrix is no sparse one
            or not finite.
        ResourceError: the vectors would not fit into memory (in the run).
        StorageError: a temporary file cannot be written (in the run).

    Warns:
        WordkitWarning: the values have not settled to ``tolerance`` in the largest space that is
            tried.
    """
    CountsConfig(method=method, seed=seed)  # checks them
    parts = CsrParts.of(matrix)
    side = min(parts.shape)
    if not 1 <= k < side:
        raise ConfigError(
            f"dim must be at least 1 and less than the vocabulary of {side} words, not {k}; "
            "lower dim, lower the minimum count or give more text"
        )
    if not tolerance > 0:
        raise ConfigError(f"tolerance must be above 0, not {tolerance}")
    memory = memory_limit(memory)
    if not np.isfinite(parts.data.sum(dtype=np.float64)):
        raise ConfigError("the matrix must be finite, but it holds NaN or an infinite value")
    pool = ThreadPool(threads)

    def decompose() -> Generator[Report, None, SingularTriplets]:
        yield Report("decomposing", 0)
        dense = method == "randomized" and is_better_dense(parts.shape, k)
        _check_memory(parts.shape, k, dense)
        if dense:
            return finished_triplets(_dense(parts, k))
        with pool:
            matrix = transposed = Operator(parts, pool)
            if not is_symmetric(parts, pool):
                _check_memory(parts.shape, k, dense, min(_ENTRY_BYTES * len(parts.data), memory))
                transposed = Operator(transpose(parts, memory, pool), pool)
            if method == "arpack":
                return finished_triplets(_arpack(matrix, transposed, k, seed))
            return finished_triplets(
                (yield from block_krylov(matrix, transposed, k, tolerance=tolerance, seed=seed))
            )

    return Run(decompose())


def is_better_dense(shape: tuple[int, int], k: int) -> bool:
    """Return whether to use LAPACK: the matrix is small, or nearly all triplets are wanted."""
    long, short = max(shape), min(shape)
    crowded = short // WIDTH < 2 * k // WIDTH + _SPARE_BLOCKS
    return long <= _DENSE_SIDES[0] or short <= _DENSE_SIDES[1] or crowded


def _check_memory(shape: tuple[int, int], k: int, dense: bool, transposed: int = 0) -> None:
    """Raise a ResourceError if the work does not fit into memory."""
    vectors = 2 * 4 * k * sum(shape)
    basis = 4 * 4 * k * shape[1]
    needed = vectors + (4 * 8 * shape[0] * shape[1] if dense else basis) + transposed
    what = f"{k} singular vectors of {shape[1]} words need"
    require_memory(what, needed, "lower dim or raise the minimum count")


def _dense(parts: CsrParts, k: int) -> Triplets:
    from scipy.sparse import csr_array

    dense = csr_array((parts.data, parts.indices, parts.indptr), shape=parts.shape).toarray()
    with one_blas_thread():
        U, s, Vt = np.linalg.svd(dense.astype(np.float64), full_matrices=False)
    s = s[:k]
    rank = int((s > s[0] * np.finfo(np.float32).eps).sum())
    s[rank:] = 0
    U[:, rank:] = 0
    Vt[rank:] = 0
    return U[:, :k].astype(np.float32), s, Vt[:k].astype(np.float32)


def _arpack(matrix: Operator, transposed: Operator, k: int, seed: int) -> Triplets:
    from scipy.sparse.linalg import ArpackError, LinearOperator, svds

    operator = LinearOperator(
        matrix.parts.shape,
        matvec=matrix.times_vector,
        rmatvec=transposed.times_vector,
        dtype=np.float64,
    )
    rows, columns = matrix.parts.shape
    if not matrix.parts.data.any():  # ARPACK takes no zero matrix
        zero = np.float32(0)
        return np.full((rows, k), zero), np.zeros(k), np.full((k, columns), zero)
    start = np.random.default_rng(seed).standard_normal(min(matrix.parts.shape))
    try:
        with one_blas_thread():
            U, s, Vt = svds(operator, k=k, v0=start)
    except ArpackError as error:
        raise ConfigError(f"ARPACK failed ({error}); take method='randomized'") from error
    order = np.argsort(-s, kind="stable")
    s = s[order]
    kept = s > s[0] * np.finfo(np.float32).eps
    U, Vt = U[:, order] * kept, Vt[order] * kept[:, None]
    return U.astype(np.float32), s * kept, Vt.astype(np.float32)


def finished_triplets(triplets: Triplets) -> SingularTriplets:
    """Return the triplets with fixed signs, in single precision."""
    U, s, Vt = triplets
    largest = U[np.abs(U).argmax(axis=0), np.arange(U.shape[1])]
    signs = np.where(largest < 0, np.float32(-1), np.float32(1))
    return SingularTriplets(U * signs, s.astype(np.float32), Vt * signs[:, None])


def is_symmetric(parts: CsrParts, pool: ThreadPool) -> bool:
    """Return whether a matrix with sorted rows equals its transpose, to the last bit.

    It takes 8·V bytes for each thread, and ends at the first difference.
    """
    from wordkit.counts import svd_kernels as kernels

    if parts.shape[0] != parts.shape[1]:
        return False
    found_difference = False

    def compare(rows: tuple[int, int]) -> None:
        nonlocal found_difference
        if not found_difference:
            positions = np.empty(parts.shape[0], dtype=np.int64)
            if not kernels.rows_equal_columns(*parts.arrays, rows, positions):
                found_difference = True

    # several ranges a thread: after a difference, the rest are skipped
    max_units = max(1, len(parts.data) // (4 * pool.threads))
    pool.for_each(compare, balanced_ranges(parts.indptr, max_units))
    return not found_difference


def transpose(parts: CsrParts, memory: int, pool: ThreadPool) -> CsrParts:
    """Return the transpose of a matrix with sorted rows, with sorted rows.

    Args:
        parts: the matrix.
        memory: bytes to work in, the result included; what does not fit goes to a temporary
            file and is memory-mapped.
        pool: the threads to use.

    Raises:
        StorageError: the temporary file cannot be written.
    """
    from wordkit.counts import svd_kernels as kernels

    ends = np.zeros(parts.shape[1] + 1, dtype=np.int64)
    kernels.tally_columns(parts.indices, ends[1:])
    np.cumsum(ends, out=ends)

    def make(columns: tuple[int, int]) -> Rows:
        begins = ends[columns[0] : columns[1] + 1] - ends[columns[0]]
        indices = np.empty(int(begins[-1]), dtype=np.int32)
        data = np.empty(int(begins[-1]), dtype=np.float32)
        kernels.transpose_columns(*parts.arrays, columns, begins[:-1].copy(), (indices, data))
        return Rows(indices, data, begins[1:])

    shape = (parts.shape[1], parts.shape[0])
    flipped = collect_rows(shape, ends, make, pool, memory, _MAX_TASK_ENTRIES)
    return CsrParts.from_arrays(flipped.indptr, flipped.indices, flipped.data, shape)
