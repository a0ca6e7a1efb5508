"""Rows of a weight matrix by their addresses, and a thread's own copies of the frequent ones.

Threads that update the same rows make each other wait, as the cache lines go to and fro between
their cores. The rows of the most frequent words are updated most, so each thread updates copies of
them, and adds what has changed to the matrix now and then.

S is the stride of a matrix: floats from one row to the next, a multiple of 16.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils

from wordkit.kernels.aligned import ROW_UNIT
from wordkit.kernels.jit import njit
from wordkit.kernels.lanes import INT64, int64, intrinsic, matrices, prefetch_line

__all__ = ["Matrix", "address", "aligned", "copied_rows", "merge", "prefetch", "row_address"]


class Matrix(NamedTuple):
    """A weight matrix of V rows as one thread sees it."""

    rows: Any  # (V, S) float32, of all threads
    own: Any  # (H, S) float32: copies of the first H rows, which this thread updates
    merged: Any  # (H, S) float32: the copies as they were when last merged


@intrinsic
def row_address(typing_context: Any, matrix: Any, row: Any) -> Any:
    """Return the address of a row of an array of two dimensions."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (matrix,) = matrices(context, builder, signature, arguments, (0,))
        return builder.ptrtoint(matrix.row(arguments[1]), INT64)

    return types.int64(matrix, types.int64), generate


@intrinsic
def prefetch(typing_context: Any, row: Any, stride: Any) -> Any:
    """Prefetch the row at an address for writing."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row, stride = builder.inttoptr(arguments[0], ir.FloatType().as_pointer()), arguments[1]
        with cgutils.for_range_slice(builder, int64(0), stride, int64(ROW_UNIT), INT64) as (d, _):
            prefetch_line(builder, builder.gep(row, [d]), write=True)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@njit(nogil=True, cache=True, _nrt=False)
def address(matrix: Matrix, row: int) -> Any:
    """Return the address of a row, of its copy where there is one."""
    if row < len(matrix.own):
        return row_address(matrix.own, row)
    return row_address(matrix.rows, row)


@njit(nogil=True, cache=True)
def copied_rows(rows: npt.NDArray[np.float32], count: int) -> Matrix:
    """Return a matrix with copies of its first rows."""
    own, merged = aligned(count, rows.shape[1]), aligned(count, rows.shape[1])
    for h in range(count):  # assigning slices takes seconds to compile
        for d in range(rows.shape[1]):
            own[h, d] = merged[h, d] = rows[h, d]
    return Matrix(rows, own, merged)


@njit(nogil=True, fastmath=True, cache=True, _nrt=False)
def merge(matrix: Matrix) -> None:
    """Add what has changed in the copies to the rows, and copy the sums."""
    for h in range(matrix.own.shape[0]):
        for d in range(matrix.own.shape[1]):
            value = matrix.rows[h, d] + (matrix.own[h, d] - matrix.merged[h, d])
            matrix.rows[h, d] = matrix.own[h, d] = matrix.merged[h, d] = value


@njit(nogil=True, cache=True)
def aligned(rows: int, stride: int) -> Any:
    """Return zeros of shape (rows, stride), float32, that begin with a line of the cache."""
    memory = np.zeros(rows * stride + ROW_UNIT, dtype=np.float32)
    skip = -(memory.ctypes.data // 4) % ROW_UNIT
    return memory[skip : skip + rows * stride].reshape(rows, stride)
