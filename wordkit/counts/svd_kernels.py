"""The compiled loops of the singular value decomposition.

R and C are the rows and columns of a sparse matrix. Dense blocks come as panels: a panel is a
C-contiguous (R, 16) array of float32. One row of a panel is 64 bytes, which is one cache line and
one AVX-512 register (or two of AVX, or four of NEON): where it is gathered by index, as in a
sparse product, nothing that is fetched is wasted.

LLVM does not keep a row of sums in a register when it is written as a small array, so a row of a
panel is a number type of its own here: 16 floats that are loaded, multiplied, added and
stored together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import models, register_model

from wordkit.kernels.jit import njit
from wordkit.kernels.lanes import Lanes, Matrix, intrinsic

WIDTH = 16

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_FUSED = ("contract",)  # a multiplication and an addition may be one instruction
_SUB_ROWS = 256  # rows summed in single precision before they go into a sum in double


class _Row(types.Type):
    """16 single-precision numbers in a register."""

    def __init__(self) -> None:
        super().__init__("Row")


_row: Any = _Row()


@register_model(_Row)
class _RowModel(models.PrimitiveModel):
    def __init__(self, manager: Any, row_type: Any) -> None:
        vector = ir.VectorType(ir.FloatType(), WIDTH)
        super().__init__(manager, row_type, vector)  # type: ignore[no-untyped-call]


def _data(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The address of the first argument, an array."""
    return Matrix(context, builder, signature.args[0], args[0]).data


@intrinsic
def _zero(typing_context: Any) -> Any:
    """16 zeros."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return Lanes(builder, WIDTH).constant(0)

    return _row(), generate


@intrinsic
def _load(typing_context: Any, array: Any, index: Any) -> Any:
    """Load the 16 floats from an index into the memory of an array on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return Lanes(builder, WIDTH).load(_data(context, builder, signature, args), args[1])

    return _row(array, types.int64), generate


@intrinsic
def _store(typing_context: Any, array: Any, index: Any, row: Any) -> Any:
    """Store 16 floats from an index into the memory of an array on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _data(context, builder, signature, args)
        Lanes(builder, WIDTH).store(args[2], address, args[1])
        return context.get_dummy_value()

    return types.void(array, types.int64, _row), generate


@intrinsic
def _add_to(typing_context: Any, array: Any, index: Any, row: Any) -> Any:
    """Add 16 floats to the 16 doubles from an index into the memory of an array on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        doubles = ir.VectorType(ir.DoubleType(), WIDTH)
        address = builder.gep(_data(context, builder, signature, args), [args[1]])
        address = builder.bitcast(address, doubles.as_pointer())
        total = builder.fadd(builder.load(address, align=8), builder.fpext(args[2], doubles))
        builder.store(total, address, align=8)
        return context.get_dummy_value()

    return types.void(array, types.int64, _row), generate


@intrinsic
def _add(typing_context: Any, a: Any, b: Any) -> Any:
    """The lane by lane sum."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(args[0], args[1])

    return _row(_row, _row), generate


@intrinsic
def _multiply_add(typing_context: Any, total: Any, factor: Any, row: Any) -> Any:
    """``total + factor * row``; the factor is one float32."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        factors = Lanes(builder, WIDTH).broadcast(args[1])
        return builder.fadd(args[0], builder.fmul(factors, args[2], flags=_FUSED), flags=_FUSED)

    return _row(_row, types.float32, _row), generate


# --- panels --------------------------------------------------------------------------------


@njit(nogil=True, cache=True)
def multiply(
    indptr: Longs, indices: Ints, data: Floats, panel: Floats, rows: tuple[int, int], result: Floats
) -> None:
    """Multiply a range of rows of the sparse matrix by a panel.

    Args:
        indptr, indices, data: the matrix in CSR, (R, C).
        panel: (C, 16).
        rows: the range.
        result: (R, 16); its rows in the range are written.
    """
    for r in range(rows[0], rows[1]):
        # four sums, so that an addition need not wait for the one before it
        a, b, c, d = _zero(), _zero(), _zero(), _zero()
        i, end = indptr[r], indptr[r + 1]
        while i + 3 < end:
            a = _multiply_add(a, data[i], _load(panel, np.int64(indices[i]) * WIDTH))
            b = _multiply_add(b, data[i + 1], _load(panel, np.int64(indices[i + 1]) * WIDTH))
            c = _multiply_add(c, data[i + 2], _load(panel, np.int64(indices[i + 2]) * WIDTH))
            d = _multiply_add(d, data[i + 3], _load(panel, np.int64(indices[i + 3]) * WIDTH))
            i += 4
        while i < end:
            a = _multiply_add(a, data[i], _load(panel, np.int64(indices[i]) * WIDTH))
            i += 1
        _store(result, r * WIDTH, _add(_add(a, b), _add(c, d)))


@njit(nogil=True, cache=True)
def multiply_transposed(
    indptr: Longs, indices: Ints, data: Floats, panel: Floats, result: Floats
) -> None:
    """Add the product of the transposed matrix with a panel.

    Args:
        indptr, indices, data: the matrix in CSR, (R, C).
        panel: (R, 16).
        result: (C, 16), added to.
    """
    for r in range(len(indptr) - 1):
        row = _load(panel, r * WIDTH)
        for i in range(indptr[r], indptr[r + 1]):
            place = np.int64(indices[i]) * WIDTH
            _store(result, place, _multiply_add(_load(result, place), data[i], row))


@njit(nogil=True, cache=True)
def inner(panels: Floats, panel: Floats, rows: tuple[int, int], result: Doubles) -> None:
    """Add the inner products of the columns of panels with those of a panel, over a range of rows.

    Args:
        panels: (P, R, 16).
        panel: (R, 16).
        rows: the range.
        result: (P * 16, 16), added to.
    """
    for first in range(rows[0], rows[1], _SUB_ROWS):
        last = min(first + _SUB_ROWS, rows[1])
        for p in range(panels.shape[0]):
            for j in range(0, WIDTH, 4):
                a, b, c, d = _zero(), _zero(), _zero(), _zero()
                for r in range(first, last):
                    row = _load(panel, r * WIDTH)
                    a = _multiply_add(a, panels[p, r, j], row)
                    b = _multiply_add(b, panels[p, r, j + 1], row)
                    c = _multiply_add(c, panels[p, r, j + 2], row)
                    d = _multiply_add(d, panels[p, r, j + 3], row)
                place = (p * WIDTH + j) * WIDTH
                _add_to(result, place, a)
                _add_to(result, place + WIDTH, b)
                _add_to(result, place + 2 * WIDTH, c)
                _add_to(result, place + 3 * WIDTH, d)


@njit(nogil=True, cache=True)
def combine(panels: Floats, coefficients: Floats, rows: tuple[int, int], result: Floats) -> None:
    """Add linear combinations of the columns of panels to a panel, in a range of rows.

    Args:
        panels: (P, R, 16).
        coefficients: (P * 16, 16), a column for each column of the result.
        rows: the range.
        result: (R, 16), added to.
    """
    r = rows[0]
    while r + 3 < rows[1]:
        place = r * WIDTH
        a = _load(result, place)
        b = _load(result, place + WIDTH)
        c = _load(result, place + 2 * WIDTH)
        d = _load(result, place + 3 * WIDTH)
        for p in range(panels.shape[0]):
            for j in range(WIDTH):
                row = _load(coefficients, (p * WIDTH + j) * WIDTH)
                a = _multiply_add(a, panels[p, r, j], row)
                b = _multiply_add(b, panels[p, r + 1, j], row)
                c = _multiply_add(c, panels[p, r + 2, j], row)
                d = _multiply_add(d, panels[p, r + 3, j], row)
        _store(result, place, a)
        _store(result, place + WIDTH, b)
        _store(result, place + 2 * WIDTH, c)
        _store(result, place + 3 * WIDTH, d)
        r += 4
    while r < rows[1]:
        a = _load(result, r * WIDTH)
        for p in range(panels.shape[0]):
            for j in range(WIDTH):
                row = _load(coefficients, (p * WIDTH + j) * WIDTH)
                a = _multiply_add(a, panels[p, r, j], row)
        _store(result, r * WIDTH, a)
        r += 1


@njit(nogil=True, cache=True)
def combine_inner(
    panels: Floats, coefficients: Floats, panel: Floats, rows: tuple[int, int], result: Doubles
) -> None:
    """:func:`combine` into ``panel``, then :func:`inner` with it, in one pass over ``panels``."""
    for first in range(rows[0], rows[1], _SUB_ROWS):
        part = (first, min(first + _SUB_ROWS, rows[1]))
        combine(panels, coefficients, part, panel)
        inner(panels, panel, part, result)


# --- transposition -------------------------------------------------------------------------


@njit(nogil=True, cache=True)
def tally_columns(indices: Ints, counts: Longs) -> None:
    """Count the entries of each column."""
    for column in indices:
        counts[column] += 1


@njit(nogil=True, cache=True)
def _first_from(indices: Ints, start: int, stop: int, column: int) -> int:
    """Return the position of the first entry of a sorted row that is not left of a column."""
    while start < stop:
        middle = (start + stop) >> 1
        if indices[middle] < column:
            start = middle + 1
        else:
            stop = middle
    return start


@njit(nogil=True, cache=True)
def transpose_columns(
    indptr: Longs,
    indices: Ints,
    data: Floats,
    columns: tuple[int, int],
    slots: Longs,
    output: tuple[Ints, Floats],
) -> None:
    """Make rows of the transposed matrix out of a range of columns.

    Args:
        indptr, indices, data: the matrix, with sorted rows.
        columns: the range.
        slots: where the next entry of each column of the range goes; moved on.
        output: indices and data of these rows of the transposed matrix.
    """
    first, last = columns
    for r in range(len(indptr) - 1):
        i = _first_from(indices, indptr[r], indptr[r + 1], first)
        while i < indptr[r + 1] and indices[i] < last:
            slot = slots[indices[i] - first]
            slots[indices[i] - first] = slot + 1
            output[0][slot] = r
            output[1][slot] = data[i]
            i += 1


@njit(nogil=True, cache=True)
def rows_equal_columns(
    indptr: Longs, indices: Ints, data: Floats, rows: tuple[int, int], positions: Longs
) -> bool:
    """Return whether each entry of a range of rows equals the one mirrored at the diagonal.

    Rows are visited in order, so that in each row the mirrored entries come in order, too.

    Args:
        indptr, indices, data: a square matrix, with sorted rows.
        rows: the range.
        positions: (V,), overwritten: position in each row of the next mirrored entry.
    """
    for c in range(len(positions)):
        positions[c] = _first_from(indices, indptr[c], indptr[c + 1], rows[0])
    for r in range(rows[0], rows[1]):
        for i in range(indptr[r], indptr[r + 1]):
            c = indices[i]
            j = positions[c]
            if j == indptr[c + 1] or indices[j] != r or data[j] != data[i]:
                return False
            positions[c] = j + 1
    return True


@njit(nogil=True, cache=True)
def multiply_vector(
    indptr: Longs,
    indices: Ints,
    data: Floats,
    vector: Doubles,
    rows: tuple[int, int],
    result: Doubles,
) -> None:
    """Multiply a range of rows of the matrix by a vector."""
    for r in range(rows[0], rows[1]):
        total = 0.0
        for i in range(indptr[r], indptr[r + 1]):
            total += data[i] * vector[indices[i]]
        result[r] = total
