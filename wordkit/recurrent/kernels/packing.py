"""The recurrent matrix, packed as the products read it, by all threads.

Addresses are int64, in bytes; strides count floats.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from numba import types

from wordkit.kernels.jit import njit
from wordkit.kernels.lanes import int64
from wordkit.recurrent.kernels.jobs import kernel, read, take
from wordkit.recurrent.kernels.low import pair_rows
from wordkit.recurrent.kernels.products import PANEL
from wordkit.recurrent.kernels.registers import LANES, Register, along, bytes_from, pointer

__all__ = ["PAIRED", "STRAIGHT", "TURNED", "pack_panels", "packed_size", "panel_count"]

# It supplies the first argument of the functions it decorates, which its type does not say.
intrinsic: Any = numba.extending.intrinsic

STRAIGHT, TURNED, PAIRED = 0, 1, 2
"""What is packed: a matrix; its transpose; or the matrix with its rows in pairs of bfloat16."""


def packed_size(K: int, N: int) -> int:
    """Floats in a packed matrix of shape (K, N)."""
    return K * LANES * -(-N // LANES)


def panel_count(N: int) -> int:
    """Panels of a packed matrix with N columns."""
    return -(-N // (LANES * PANEL))


@njit(nogil=True, inline="always")
def _pack(panel: int, way: int, matrix: int, stride: int, K: int, N: int, packed: int) -> None:
    """Pack one panel of what shall be (K, N); columns beyond N are 0.

    Args:
        panel: its number.
        way: STRAIGHT, TURNED or PAIRED.
        matrix: address of (K, N), or of (N, K) if it is turned.
        stride: floats from a row of that to the next.
        K, N: the shape; of PAIRED, K before its rows become pairs.
        packed: the address of :func:`packed_size` floats.
    """
    vectors = (N + LANES - 1) // LANES
    panels = (vectors + PANEL - 1) // PANEL
    first, last = vectors * panel // panels, vectors * (panel + 1) // panels
    begin, end = first * LANES, min(last * LANES, N)
    width = (last - first) * LANES
    if way == STRAIGHT:
        for k in range(K):
            copy_row(
                end - begin, matrix + 4 * (k * stride + begin), packed + 4 * (K * begin + k * width)
            )  # fmt: skip
    elif way == TURNED:
        for column in range(begin, end, LANES):
            place = packed + 4 * (K * begin + column - begin)
            for k in range(0, K, LANES):
                turn(
                    end - column, K - k, matrix + 4 * (column * stride + k), stride,
                    place + 4 * k * width, width,
                )  # fmt: skip
    else:
        place = packed + 4 * ((K + 1) // 2) * begin
        for k in range(0, K, 2):
            row = matrix + 4 * (k * stride + begin)
            pair_rows(end - begin, row, row + 4 * stride if k + 1 < K else 0, place)
            place += 4 * width


@intrinsic
def copy_row(typing_context: Any, count: Any, row: Any, out: Any) -> Any:
    """Copy so many float32, and zeros to the end of the last register."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row, out = pointer(builder, arguments[1]), pointer(builder, arguments[2])

        def body(b: Register, d: Any) -> None:
            Register(builder, LANES).store(b.load(row, d), out, d)

        along(builder, arguments[0], body)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def turn(
    typing_context: Any, rows: Any, columns: Any, matrix: Any, stride: Any, out: Any,
    out_stride: Any,
) -> Any:  # fmt: skip
    """Transpose a square of LANES; only so many of its rows and columns are there.

    Columns that are not there are no rows of ``out``; rows that are not there are zeros in it.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, columns, matrix, stride, out, out_stride = arguments
        whole, zero = Register(builder, LANES), int64(0)
        square = []
        for i in range(LANES):
            here = builder.icmp_signed("<", int64(i), rows)
            mask = whole.first(builder.select(here, columns, zero))
            place = bytes_from(builder, matrix, builder.mul(int64(i), stride))
            square.append(Register(builder, LANES, mask).load(pointer(builder, place)))
        for step in (1 << n for n in range(LANES.bit_length() - 1)):
            square = _exchanged(whole, square, step)
        for k, line in enumerate(square):
            with builder.if_then(builder.icmp_signed("<", int64(k), columns)):
                place = bytes_from(builder, out, builder.mul(int64(k), out_stride))
                whole.store(line, pointer(builder, place))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), generate


def _exchanged(b: Register, square: list[Any], step: int) -> list[Any]:
    """The square with its corners exchanged, in each smaller square of 2·step."""
    lanes = range(b.count)
    upper = [lane if not lane & step else b.count + (lane ^ step) for lane in lanes]
    lower = [lane ^ step if not lane & step else b.count + lane for lane in lanes]
    result = list(square)
    for i in lanes:
        if not i & step:
            first, second = square[i], square[i + step]
            result[i] = b.shuffled(first, second, upper)
            result[i + step] = b.shuffled(first, second, lower)
    return result


@kernel
def pack_panels(block: int) -> None:
    """Pack a matrix; a task is a panel. The numbers are what :func:`_pack` takes after that."""
    numbers = read(block)
    while True:
        panel = take(block)
        if panel >= numbers[1]:
            return
        way, matrix, stride, K, N, packed = numbers[2:8]
        _pack(panel, way, matrix, stride, K, N, packed)
