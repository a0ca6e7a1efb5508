"""The compiled loops of counting: counts of centres, co-occurrence rows, merges and PMI.

V is the number of words. All of them release the GIL and work on a range, so that plain threads
divide the work; none of them writes outside the ranges it is given, whatever the ids hold.

A row is gathered in a dense accumulator of V sums. Beside it goes a bitmap of the columns touched
(one bit a column) and a bitmap of the words of that bitmap in use, so that a row is in
order of its columns, at a cost of what it holds, with no sort.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types

from wordkit.kernels.jit import njit
from wordkit.kernels.lanes import Matrix, intrinsic, prefetch_line

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]
Values = npt.NDArray[Any]

SEPARATOR = -1
"""Separator of sentences in the text of a segment."""

_AHEAD = 12  # positions: far enough ahead to hide the latency of memory, measured


@intrinsic
def _trailing_zeros(typing_context: Any, bits: Any) -> Any:
    """The number of zero bits below the lowest one of a 64-bit word that is not zero."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


@intrinsic
def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    """Prefetch the cache line of ``array[index]``; any index is harmless."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = Matrix(context, builder, signature.args[0], args[0]).data
        prefetch_line(builder, builder.gep(data, [args[1]]), write=False)
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


# --- laying out a segment ------------------------------------------------------------------


@njit(nogil=True, cache=True)
def window_start(ids: Ints, start: int, first: int, vocabulary_size: int, window: int) -> int:
    """Return the position, at least ``first``, with ``window`` kept tokens before ``start``."""
    while start > first and window > 0:
        start -= 1
        window -= 0 <= ids[start] < vocabulary_size
    return start


@njit(nogil=True, cache=True)
def window_stop(ids: Ints, end: int, last: int, vocabulary_size: int, window: int) -> int:
    """Return the position, at most ``last``, with ``window`` kept tokens from ``end`` on."""
    while end < last and window > 0:
        window -= 0 <= ids[end] < vocabulary_size
        end += 1
    return end


@njit(nogil=True, cache=True)
def count_centres(
    ids: Ints,
    offsets: Longs,
    sentence: int,
    slice_: tuple[int, int],
    centres: tuple[int, int],
    counts: Longs,
) -> int:
    """Count the centres of each word in a slice of the ids.

    Args:
        ids: of the whole corpus.
        offsets: of its sentences.
        sentence: the one that the slice starts in.
        slice_: the range of ids to look at.
        centres: the range of ids that count as centres.
        counts: (V,), added to.

    Returns:
        The number of values that :func:`lay_out` writes for this slice.
    """
    begin, end = slice_
    vocabulary_size = len(counts)
    length = 0
    while begin < end:
        stop = min(offsets[sentence + 1], end)
        length += begin == offsets[sentence]
        for i in range(begin, stop):
            word = ids[i]
            if 0 <= word < vocabulary_size:
                length += 1
                if centres[0] <= i < centres[1]:
                    counts[word] += 1
        begin = stop
        sentence += 1
    return length


@njit(nogil=True, cache=True)
def lay_out(
    ids: Ints,
    offsets: Longs,
    sentence: int,
    slice_: tuple[int, int],
    centres: tuple[int, int],
    slots: Longs,
    text: Ints,
    position: int,
    positions: Ints,
) -> None:
    """Copy the kept ids of a slice with separators between sentences, and file its centres.

    Args:
        ids, offsets, sentence, slice_, centres: as for :func:`count_centres`.
        slots: (V,), where in ``positions`` the next centre of each word goes; moved on.
        text: kept ids, with SEPARATOR before each sentence; filled from ``position`` on.
        position: where this slice begins in ``text``.
        positions: indices into ``text``, grouped by word; filled at ``slots``.
    """
    begin, end = slice_
    vocabulary_size = len(slots)
    while begin < end:
        stop = min(offsets[sentence + 1], end)
        if begin == offsets[sentence]:
            text[position] = SEPARATOR
            position += 1
        for i in range(begin, stop):
            word = ids[i]
            if 0 <= word < vocabulary_size:
                text[position] = word
                if centres[0] <= i < centres[1]:
                    positions[slots[word]] = position
                    slots[word] += 1
                position += 1
        begin = stop
        sentence += 1


# --- rows ----------------------------------------------------------------------------------


@njit(nogil=True, cache=True)
def _add(sums: Longs, touched: Bits, groups: Bits, column: int, weight: int) -> None:
    # Setting the bits each time is cheaper than a branch on the first touch, which would be
    # mispredicted for every other one.
    one = np.uint64(1)
    sums[column] += weight
    touched[column >> 6] |= one << np.uint64(column & 63)
    groups[column >> 12] |= one << np.uint64((column >> 6) & 63)


@njit(nogil=True, cache=True)
def _take_row(
    sums: Longs, touched: Bits, groups: Bits, columns: Ints, values: Values, n: int, scale: float
) -> int:
    """Write the row from ``n`` on, in order of its columns, and clear it; return the end."""
    one = np.uint64(1)
    for g in range(len(groups)):
        group = groups[g]
        groups[g] = 0
        while group != 0:
            block = (g << 6) + np.int64(_trailing_zeros(group))
            group &= group - one
            bits = touched[block]
            touched[block] = 0
            while bits != 0:
                column = (block << 6) + np.int64(_trailing_zeros(bits))
                bits &= bits - one
                columns[n] = column
                values[n] = sums[column] / scale
                sums[column] = 0
                n += 1
    return n


@njit(nogil=True, cache=True)
def count_rows(
    text: Ints,
    positions: Ints,
    starts: Longs,
    rows: tuple[int, int],
    weights: tuple[Longs, Longs],
    row: tuple[Longs, Bits, Bits],
    output: tuple[Ints, Values, Longs],
    scale: float,
) -> int:
    """Count the contexts of a range of words.

    Args:
        text: ids with separators, one at each end.
        positions: indices of centres in ``text``; those of word w are
            ``positions[starts[w]:starts[w + 1]]``.
        starts: (V + 1,).
        rows: the range of words.
        weights: what a context adds by its distance (from 1), to the left and to the right, in
            units of 1 / ``scale``; an empty array counts nothing on that side.
        row: sums (V,), bitmap of columns and bitmap of groups: all zero, before and after.
        output: columns, values (float32, or integers where ``scale`` is 1) and, from index 0, how
            many the range has had up to the end of each row.
        scale: the sums are divided by it.

    Returns:
        Number of columns and values written.
    """
    left, right = weights
    sums, touched, groups = row
    columns, values, ends = output
    n = 0
    for word in range(rows[0], rows[1]):
        for k in range(starts[word], starts[word + 1]):
            at = positions[k]
            if k + _AHEAD < len(positions):  # both ends of a window to come: it may span lines
                ahead = np.int64(positions[k + _AHEAD])
                _prefetch(text, ahead - len(left))
                _prefetch(text, ahead + len(right))
            for d in range(len(right)):
                context = text[at + 1 + d]
                if context < 0:
                    break
                _add(sums, touched, groups, context, right[d])
            for d in range(len(left)):
                context = text[at - 1 - d]
                if context < 0:
                    break
                _add(sums, touched, groups, context, left[d])
        n = _take_row(sums, touched, groups, columns, values, n, scale)
        ends[word - rows[0]] = n
    return n


@njit(nogil=True, cache=True)
def merge_rows(
    ends: Longs,
    columns_in: Ints,
    values_in: Longs,
    row: tuple[Longs, Bits, Bits],
    output: tuple[Ints, Values, Longs],
    scale: float,
) -> int:
    """Add up the same rows of several matrices.

    Args:
        ends: (P + 1, R + 1): row r of part p is ``columns_in[ends[p, r]:ends[p, r + 1]]``.
        columns_in, values_in: the rows of part 0, then those of part 1, and so on.
        row, output, scale: as for :func:`count_rows`.

    Returns:
        Number of columns and values written.
    """
    sums, touched, groups = row
    columns, values, row_ends = output
    n = 0
    for r in range(ends.shape[1] - 1):
        for p in range(ends.shape[0]):
            for i in range(ends[p, r], ends[p, r + 1]):
                _add(sums, touched, groups, columns_in[i], values_in[i])
        n = _take_row(sums, touched, groups, columns, values, n, scale)
        row_ends[r] = n
    return n


# --- PMI -----------------------------------------------------------------------------------


@njit(nogil=True, cache=True)
def marginals(
    indptr: Longs,
    indices: Ints,
    data: npt.NDArray[np.float32],
    rows: tuple[int, int],
    row_sums: npt.NDArray[np.float64],
    column_sums: npt.NDArray[np.float64],
) -> float:
    """Sum a range of rows into the row and column sums; return the minimum, NaN as −inf."""
    minimum: float = np.inf
    for r in range(rows[0], rows[1]):
        total = 0.0
        for i in range(indptr[r], indptr[r + 1]):
            value = np.float64(data[i])
            if not value >= minimum:
                minimum = -np.inf if np.isnan(value) else value
            total += value
            column_sums[indices[i]] += value
        row_sums[r] = total
    return minimum


@njit(nogil=True, cache=True)
def pmi_rows(
    indptr: Longs,
    indices: Ints,
    data: npt.NDArray[np.float32],
    rows: tuple[int, int],
    biases: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float],
    floor: float,
    output: tuple[Ints, npt.NDArray[np.float32], Longs],
) -> int:
    """Write log(value) + row bias + column bias + constant where above ``floor``; return how many.

    The biases are added first: a symmetric matrix stays so to the last bit.
    """
    row_bias, column_bias, constant = biases
    columns, values, ends = output
    n = 0
    for r in range(rows[0], rows[1]):
        for i in range(indptr[r], indptr[r + 1]):
            if data[i] > 0:
                column = indices[i]
                bias = row_bias[r] + column_bias[column] + constant
                pmi = math.log(np.float64(data[i])) + bias
                columns[n] = column  # written anyway, kept where n moves on: no branch
                values[n] = pmi
                if np.float32(pmi) > floor:
                    n += 1
        ends[r - rows[0]] = n
    return n
