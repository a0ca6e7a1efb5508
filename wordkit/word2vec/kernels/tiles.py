"""The arithmetic of a training step, in tiles that stay in the processor's vector registers.

A step takes C inputs and T targets: it needs all C·T inner products, and afterwards adds to every
input a combination of the targets, and to every into one of the inputs. A tile is all inputs
with up to :data:`WIDTH` targets. The loops are written in LLVM's own terms, because the vector
units are only kept busy where each value that is loaded serves several products, and no compiler
finds that by itself in loops over rows that may be the same.

Rows are float32, S of them, a multiple of 16; they are named by their addresses, int64, as some lie
in the matrices and some in buffers of a thread. Inner products, and later their gradients, lie in a
table of C rows, in which tile t has the columns from ``WIDTH·t``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
from llvmlite import ir
from numba import types
from numba.core import cgutils

from wordkit.kernels.lanes import INT64, Lanes, int64, intrinsic, matrices

__all__ = [
    "LANES",
    "WIDTH",
    "add_products",
    "add_to_rows",
    "along",
    "horizontal_sums",
    "inner_products",
    "mean_of_rows",
]

WIDTH = 8
"""Maximum number of targets in a tile, so that their sums leave registers for the rest."""

LANES = 16 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 8
"""Floats in a vector register; where a register holds fewer, LLVM takes several."""


# --- for the training loop -----------------------------------------------------------------------


@intrinsic
def inner_products(
    typing_context: Any, inputs: Any, count: Any, targets: Any, first: Any, width: Any,
    stride: Any, table: Any, column: Any,
) -> Any:  # fmt: skip
    """Fill a tile of the table, for c < count and j < width, and with 0 beyond:

    ``table[c, column + j] = inputs[c] · targets[first + j]``.
    """

    sizes = _sizes(width)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        inputs, targets, table = matrices(context, builder, signature, arguments, (0, 2, 6))
        count, first, width, stride, column = (arguments[i] for i in (1, 3, 4, 5, 7))

        def tile(size: int) -> None:
            outs = [targets.pointer(builder.add(first, int64(j))) for j in range(size)]
            even = builder.and_(count, int64(-2))

            def dots(c: Any, size: int) -> None:
                numbers = [builder.add(c, int64(i)) for i in range(size)]
                ins = [inputs.pointer(number) for number in numbers]
                addresses = [builder.gep(table.row(number), [column]) for number in numbers]
                _dots(builder, ins, outs, stride, addresses)

            with cgutils.for_range_slice(builder, int64(0), even, int64(2), INT64) as (c, _):
                dots(c, 2)
            with builder.if_then(builder.icmp_signed("<", even, count)):
                dots(even, 1)

        _for_width(builder, width, sizes, tile)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(inputs, whole, targets, whole, whole, whole, table, whole), generate


@intrinsic
def add_products(
    typing_context: Any, inputs: Any, count: Any, targets: Any, first: Any, width: Any,
    stride: Any, table: Any, column: Any, sums: Any,
) -> Any:  # fmt: skip
    """Add the products of the gradients of a tile, g = table[:, column:column + width]:

    ``sums[c] += Σ_j g[c, j] · targets[first + j]``, with the targets as they were, and
    ``targets[first + j] += Σ_c g[c, j] · inputs[c]``.

    With None for ``sums``, the first sum goes to the inputs themselves, one after the other: each
    is changed as soon as it has been used.
    """

    sizes = _sizes(width)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        inputs, targets, table = matrices(context, builder, signature, arguments, (0, 2, 6))
        in_place = isinstance(signature.args[8], types.NoneType)
        sums = None if in_place else matrices(context, builder, signature, arguments, (8,))[0]
        count, first, width, stride, column = (arguments[i] for i in (1, 3, 4, 5, 7))

        def tile(size: int) -> None:
            outs = [targets.pointer(builder.add(first, int64(j))) for j in range(size)]

            @contextmanager
            def rows() -> Iterator[tuple[Any, Any, Any]]:
                """A loop over the inputs: their row, where its change goes, the gradients."""
                with cgutils.for_range(builder, count, intp=INT64) as loop:
                    row = inputs.pointer(loop.index)
                    into = row if sums is None else sums.row(loop.index)
                    yield row, into, builder.gep(table.row(loop.index), [column])

            _updates(builder, rows, outs, stride)

        _for_width(builder, width, sizes, tile)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(inputs, whole, targets, whole, whole, whole, table, whole, sums), generate


@intrinsic
def mean_of_rows(typing_context: Any, rows: Any, count: Any, into: Any) -> Any:
    """``into[0] = Σ_c rows[c] / count`` for c < count."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, into = matrices(context, builder, signature, arguments, (0, 2))
        count, b = arguments[1], Lanes(builder, LANES)
        one = ir.Constant(ir.FloatType(), 1)
        scale = b.broadcast(builder.fdiv(one, builder.sitofp(count, ir.FloatType())))
        with along(builder, into.stride) as d:
            total = b.variable()
            with cgutils.for_range(builder, count, intp=INT64) as loop:
                b.add_to(total, b.load(rows.pointer(loop.index), d))
            b.store(b.times(b.value(total), scale), into.data, d)
        return context.get_dummy_value()

    return types.void(rows, types.int64, into), generate


@intrinsic
def add_to_rows(
    typing_context: Any, rows: Any, first: Any, count: Any, changes: Any, change: Any, scale: Any
) -> Any:
    """``rows[first + c] += scale · changes[change]`` for c < count."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, changes = matrices(context, builder, signature, arguments, (0, 3))
        first, count, b = arguments[1], arguments[2], Lanes(builder, LANES)
        scale, change = b.broadcast(arguments[5]), changes.row(arguments[4])
        with along(builder, changes.stride) as d:
            step = b.times(b.load(change, d), scale)
            with cgutils.for_range(builder, count, intp=INT64) as loop:
                row = rows.pointer(builder.add(first, loop.index))
                b.store(b.plus(b.load(row, d), step), row, d)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(rows, whole, whole, changes, whole, types.float32), generate


# --- the loops -----------------------------------------------------------------------------------


def _dots(builder: Any, ins: list[Any], outs: list[Any], stride: Any, addresses: list[Any]) -> None:
    """Store the inner products of each input with all targets of a tile at its address."""
    b = Lanes(builder, LANES)
    sums = [[b.variable() for _ in outs] for _ in ins]
    with along(builder, stride) as d:
        values = [b.load(row, d) for row in ins]
        for j, out in enumerate(outs):
            o = b.load(out, d)
            for i, value in enumerate(values):
                b.add_to(sums[i][j], b.times(value, o))
    for row, address in zip(sums, addresses, strict=True):
        totals = horizontal_sums(b, [b.value(total) for total in row])
        Lanes(builder, WIDTH).store(totals, address)


def _updates(builder: Any, inputs: Callable[[], Any], outs: list[Any], stride: Any) -> None:
    """Add the products of the gradients to the inputs and the targets of a tile."""
    b = Lanes(builder, LANES)
    with along(builder, stride) as d:
        old = [b.load(out, d) for out in outs]
        changes = [b.variable() for _ in outs]
        with inputs() as (row, into, gradients):
            value = b.load(row, d)
            # two sums, so that one addition need not wait for the other
            halves: list[Any] = [value if into is row else b.load(into, d), b.constant(0)]
            for j, o in enumerate(old):
                g = b.broadcast(builder.load(builder.gep(gradients, [int64(j)])))
                b.add_to(changes[j], b.times(g, value))
                halves[j % 2] = b.plus(halves[j % 2], b.times(g, o))
            b.store(b.plus(*halves), into, d)
        for out, change in zip(outs, changes, strict=True):
            # loaded again: two targets may be the same row
            b.store(b.plus(b.load(out, d), b.value(change)), out, d)


@contextmanager
def along(builder: Any, stride: Any) -> Iterator[Any]:
    """A loop along a row, a register at a time."""
    with cgutils.for_range_slice(builder, int64(0), stride, int64(LANES), INT64) as (d, _):
        yield d


def _sizes(width: Any) -> Sequence[int]:
    """The widths of a tile that code is needed for: one, where it is a constant."""
    constant = isinstance(width, types.IntegerLiteral)
    return [width.literal_value] if constant else range(1, WIDTH + 1)


def _for_width(builder: Any, width: Any, sizes: Sequence[int], emit: Callable[[int], None]) -> None:
    """The code for each width of a tile, and a choice among them."""
    for size in sizes:
        with builder.if_then(builder.icmp_signed("==", width, int64(size))):
            emit(size)


def horizontal_sums(b: Lanes, vectors: Sequence[Any]) -> Any:
    """The sum of each of up to eight vectors, as one vector of eight, 0 for those that lack.

    Two vectors are folded into one that holds sums of pairs of both, and so on: a tree that takes
    half as many steps as summing each vector by itself.
    """
    level = [*vectors, *[b.constant(0)] * (WIDTH - len(vectors))]
    evens, odds = _alternate(b.count, 0), _alternate(b.count, 1)
    for _ in range(2):  # within each four lanes: the sums of neighbours, adjacent
        level = [
            b.plus(b.shuffled(u, v, evens), b.shuffled(u, v, odds))
            for u, v in zip(level[::2], level[1::2], strict=True)
        ]
    left, right = level  # four lanes of each belong to four vectors, and so do the next four
    lanes = b.count
    while lanes > 4:
        lanes //= 2
        low, high = range(lanes), range(lanes, 2 * lanes)
        left, right = (b.plus(b.shuffled(v, v, low), b.shuffled(v, v, high)) for v in (left, right))
    return b.shuffled(left, right, range(WIDTH))


def _alternate(lanes: int, first: int) -> list[int]:
    """Every second one of each four lanes of a vector, then of another."""
    return [
        vector + group + first + i
        for group in range(0, lanes, 4)
        for vector in (0, lanes)
        for i in (0, 2)
    ]
