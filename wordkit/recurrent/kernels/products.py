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

from wordkit.kernels.jit import njit
from wordkit.kernels.lanes import INT64, int64
from wordkit.recurrent.kernels.low import SUPPORTED, times_pairs
from wordkit.recurrent.kernels.registers import FEATURES, LANES, Register, bytes_from, pointer

__all__ = ["PANEL", "ROWS", "multiply"]

# It supplies the first argument of the functions it decorates, which its type does not say.
intrinsic: Any = numba.extending.intrinsic

PANEL = 4 if FEATURES.get("avx512f") else 2
"""Registers in a row of a panel: with :data:`ROWS`, as many sums as the processor has room for."""

ROWS = 6
"""The most rows in a tile."""


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
        packed: the matrix, from :mod:`wordkit.recurrent.kernels.packing`.
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
