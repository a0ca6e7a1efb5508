"""Products of a few rows with a matrix that stays the same for many steps.

The matrix, K × N, is packed into panels of up to :data:`PANEL` registers' columns, in which the
numbers lie in the order in which they are read. A tile is up to :data:`ROWS` rows with one panel:
its sums stay in registers through all of K, and each number of the matrix that is loaded serves
all rows of the tile. (The scheme of BLIS: Van Zee and van de Geijn 2015.)

Addresses are int64, in bytes; strides count floats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba.extending
from numba import types
from numba.core import cgutils

from wordkit.jit import njit
from wordkit.lm.kernels.low import SUPPORTED, pair_rows, times_pairs
from wordkit.lm.kernels.registers import FEATURES, LANES, Register, along, bytes_from, pointer
from wordkit.word2vec.kernels.lanes import INT64, int64

__all__ = ["PANEL", "ROWS", "multiply", "pack", "pack_pairs", "packed_size", "panel_count"]

# It supplies the first argument of the functions it decorates, which its type does not say.
intrinsic: Any = numba.extending.intrinsic

PANEL = 4 if FEATURES.get("avx512f") else 2
"""Registers in a row of a panel: with :data:`ROWS`, as many sums as the processor has room for."""

ROWS = 6
"""The most rows in a tile."""


def packed_size(K: int, N: int) -> int:
    """Floats in a packed matrix of shape (K, N)."""
    return K * LANES * -(-N // LANES)


def panel_count(N: int) -> int:
    """Panels of a packed matrix with N columns."""
    return -(-N // (LANES * PANEL))


@njit(nogil=True, inline="always")
def pack(
    panel: int, matrix: int, row_stride: int, column_stride: int, K: int, N: int, packed: int
) -> None:
    """Pack one panel of a matrix (K, N); columns beyond N are 0.

    Args:
        panel: its number.
        matrix: its address.
        row_stride, column_stride: floats from one row, and one column, to the next.
        K, N: its shape.
        packed: the address of :func:`packed_size` floats.
    """
    vectors = (N + LANES - 1) // LANES
    panels = (vectors + PANEL - 1) // PANEL
    first, last = vectors * panel // panels, vectors * (panel + 1) // panels
    begin, end = first * LANES, min(last * LANES, N)
    width = (last - first) * LANES
    place = packed + 4 * K * begin
    for k in range(K):
        row = matrix + 4 * (k * row_stride + begin * column_stride)
        if column_stride == 1:
            copy_row(end - begin, row, place)
        else:
            for column in range(end - begin):
                put(place + 4 * column, get(row + 4 * column * column_stride))
            for column in range(end - begin, width):
                put(place + 4 * column, 0.0)
        place += 4 * width


@njit(nogil=True, inline="always")
def pack_pairs(panel: int, matrix: int, row_stride: int, K: int, N: int, packed: int) -> None:
    """The same for pairs of rows, rounded to bfloat16: half as many rows of the packed matrix."""
    vectors = (N + LANES - 1) // LANES
    panels = (vectors + PANEL - 1) // PANEL
    first, last = vectors * panel // panels, vectors * (panel + 1) // panels
    begin, end = first * LANES, min(last * LANES, N)
    place = packed + 4 * ((K + 1) // 2) * begin
    for k in range(0, K, 2):
        row = matrix + 4 * (k * row_stride + begin)
        pair_rows(end - begin, row, row + 4 * row_stride if k + 1 < K else 0, place)
        place += 4 * (last - first) * LANES


@njit(nogil=True, inline="always")
def multiply(
    low: bool, rows: int, K: int, N: int, a: int, a_stride: int, packed: int, start: int,
    start_stride: int, out: int, out_stride: int,
) -> None:  # fmt: skip
    """``out = start + a · matrix``.

    Args:
        low: whether the places of a and of the matrix hold pairs of bfloat16.
        rows: of a, start and out.
        K, N: the shape of the matrix.
        a: address of (rows, K).
        a_stride: floats from a row to the next; so for the others, where 0 repeats one row.
        packed: the matrix, from :func:`pack`.
        start: address of (rows, N).
        out: address of (rows, N); may be the same as start, not as a.
    """
    vectors = (N + LANES - 1) // LANES
    panels = (vectors + PANEL - 1) // PANEL
    tiles = (rows + ROWS - 1) // ROWS
    first = 0
    for panel in range(panels):
        last = vectors * (panel + 1) // panels
        column = first * LANES
        begin = 0
        for tile in range(tiles):
            end = rows * (tile + 1) // tiles
            a_tile = a + 4 * begin * a_stride
            start_tile = start + 4 * (begin * start_stride + column)
            out_tile = out + 4 * (begin * out_stride + column)
            if low:
                multiply_tile_of_pairs(
                    end - begin, last - first, K, a_tile, a_stride, packed + 4 * K * column,
                    start_tile, start_stride, out_tile, out_stride, N - (last - 1) * LANES,
                )  # fmt: skip
            else:
                multiply_tile(
                    end - begin, last - first, K, a_tile, a_stride, packed + 4 * K * column,
                    start_tile, start_stride, out_tile, out_stride, N - (last - 1) * LANES,
                )  # fmt: skip
            begin = end
        first = last


@intrinsic
def multiply_tile(
    typing_context: Any, rows: Any, vectors: Any, K: Any, a: Any, a_stride: Any, panel: Any,
    start: Any, start_stride: Any, out: Any, out_stride: Any, rest: Any,
) -> Any:  # fmt: skip
    """Up to ROWS rows times a panel, of whose last register no more than ``rest`` columns count."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _tiles(builder, Register(builder, LANES).fused, arguments)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 11), generate


@intrinsic
def multiply_tile_of_pairs(
    typing_context: Any, rows: Any, vectors: Any, K: Any, a: Any, a_stride: Any, panel: Any,
    start: Any, start_stride: Any, out: Any, out_stride: Any, rest: Any,
) -> Any:  # fmt: skip
    """The same for pairs of bfloat16."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if SUPPORTED:
            _tiles(builder, lambda a, b, total: times_pairs(builder, a, b, total), arguments)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 11), generate


def _tiles(builder: Any, fused: Callable[..., Any], arguments: Any) -> None:
    """The code for tiles of any size; the first arguments are their rows and registers."""
    rows, vectors = arguments[:2]
    for n in range(1, PANEL + 1):
        with builder.if_then(builder.icmp_signed("==", vectors, int64(n))):
            for m in range(1, ROWS + 1):
                with builder.if_then(builder.icmp_signed("==", rows, int64(m))):
                    _tile(builder, fused, m, n, *arguments[2:])


def _tile(
    builder: Any, fused: Callable[..., Any], m: int, n: int, K: Any, a: Any, a_stride: Any,
    panel: Any, start: Any, start_stride: Any, out: Any, out_stride: Any, rest: Any,
) -> None:  # fmt: skip
    """The code for m rows and n registers; ``fused(a, b, total)`` adds products to a total."""
    whole = Register(builder, LANES)
    registers = [whole] * (n - 1) + [Register(builder, LANES, whole.first(rest))]

    def places(address: Any, stride: Any) -> list[Any]:
        return [
            pointer(builder, bytes_from(builder, address, builder.mul(int64(i), stride)))
            for i in range(m)
        ]

    sums = [[whole.variable() for _ in range(n)] for _ in range(m)]
    for row, place in zip(sums, places(start, start_stride), strict=True):
        for j, (b, total) in enumerate(zip(registers, row, strict=True)):
            builder.store(b.load(place, int64(j * LANES)), total)
    ins, panel = places(a, a_stride), pointer(builder, panel)
    with cgutils.for_range(builder, K, intp=INT64) as loop:
        k = loop.index
        line = builder.gep(panel, [builder.mul(k, int64(n * LANES))])
        values = [whole.load(line, int64(j * LANES)) for j in range(n)]
        for row, place in zip(sums, ins, strict=True):
            one = whole.broadcast(builder.load(builder.gep(place, [k]), align=4))
            for total, value in zip(row, values, strict=True):
                builder.store(fused(one, value, builder.load(total)), total)
    for row, place in zip(sums, places(out, out_stride), strict=True):
        for j, (b, total) in enumerate(zip(registers, row, strict=True)):
            b.store(builder.load(total), place, int64(j * LANES))


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
def get(typing_context: Any, address: Any) -> Any:
    """The float32 at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(pointer(builder, arguments[0]), align=4)

    return types.float32(types.int64), generate


@intrinsic
def put(typing_context: Any, address: Any, value: Any) -> Any:
    """Store a float32 at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], pointer(builder, arguments[0]), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.float32), generate
