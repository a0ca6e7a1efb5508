"""The arithmetic of CBOW, for a block of centres that share a window radius.

A centre's context is a range of the rows near the block, without the centre's own row; so its sum
is a difference of two prefix sums. For one radius, the centres that a row is in the context of are
a range as well, so that what is to be added to it is a difference of prefix sums too, and each
row is written once.

Rows are named by their addresses, see ``tiles.py``; S is their stride.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils

from wordkit.kernels.lanes import INT64, Lanes, int64, intrinsic, matrices
from wordkit.word2vec.kernels.tiles import LANES, WIDTH, along, horizontal_sums

__all__ = ["BLOCK", "context_means", "diagonal_products", "update_block"]

BLOCK = WIDTH
"""Centres of a block: their inner products fill a row of a table."""


@intrinsic
def context_means(
    typing_context: Any, near: Any, count: Any, ranges: Any, scales: Any, prefix: Any, means: Any
) -> Any:
    """Compute the means of the contexts of the centres of a block:

    ``means[c] = scales[c] · (Σ_i near[i] − near[own])``, i from ``low`` to ``high`` − 1.

    Args:
        near: the rows near the block.
        count: their number.
        ranges: shape (3, BLOCK) int64: low, high and own of each centre.
        scales: shape (BLOCK,).
        prefix: shape (count + 1, LANES), a buffer.
        means: shape (BLOCK, S), set.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        near, ranges, scales, prefix, means = matrices(
            context, builder, signature, arguments, (0, 2, 3, 4, 5)
        )
        b = Lanes(builder, LANES)
        with along(builder, means.stride) as d:
            total = b.variable()
            b.store(b.constant(0), prefix.data)
            with cgutils.for_range(builder, arguments[1], intp=INT64) as loop:
                b.add_to(total, b.load(near.pointer(loop.index), d))
                b.store(b.value(total), prefix.row(builder.add(loop.index, int64(1))))
            for c in range(BLOCK):
                low, high, own = (ranges.at(int64(BLOCK * i + c)) for i in range(3))
                rest = b.minus(b.load(prefix.row(high)), b.load(prefix.row(low)))
                rest = b.minus(rest, b.load(near.pointer(own), d))
                scale = b.broadcast(_float_at(builder, scales, int64(c)))
                b.store(b.times(rest, scale), means.row(int64(c)), d)
        return context.get_dummy_value()

    return types.void(near, types.int64, ranges, scales, prefix, means), generate


@intrinsic
def diagonal_products(typing_context: Any, means: Any, centres: Any, products: Any) -> Any:
    """``products[0, c] = means[c] · centres[c]`` for the centres of a block."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        means, centres, products = matrices(context, builder, signature, arguments, (0, 1, 2))
        b = Lanes(builder, LANES)
        sums = [b.variable() for _ in range(BLOCK)]
        outs = [centres.pointer(int64(c)) for c in range(BLOCK)]
        with along(builder, means.stride) as d:
            for c, (total, out) in enumerate(zip(sums, outs, strict=True)):
                b.add_to(total, b.times(b.load(means.row(int64(c)), d), b.load(out, d)))
        totals = horizontal_sums(b, [b.value(total) for total in sums])
        Lanes(builder, WIDTH).store(totals, products.data)
        return context.get_dummy_value()

    return types.void(means, centres, products), generate


@intrinsic
def update_block(
    typing_context: Any, means: Any, centres: Any, gradients: Any, changes: Any, scales: Any,
    near: Any, count: Any, ranges: Any, prefix: Any,
) -> Any:  # fmt: skip
    """Update the centres' rows and, with the changes of the means, the rows near the block:

    ``changes[c] = scales[c] · (changes[c] + gradients[0, c] · centres[c])``;
    ``centres[c] += gradients[0, c] · means[c]``;
    ``near[i] += Σ_c changes[c] − changes[own]``, c from ``low`` to ``high`` − 1.

    Args:
        means: shape (BLOCK, S).
        centres: rows.
        gradients: shape (1, BLOCK).
        changes: shape (BLOCK + 1, S), the last row zero: what the negatives add.
        scales: shape (BLOCK,).
        near: the rows near the block.
        count: their number.
        ranges: shape (3, ·) int64: low, high and own of each near row; BLOCK for none.
        prefix: shape (BLOCK + 1, LANES), a buffer.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        means, centres, gradients, changes, scales, near, ranges, prefix = matrices(
            context, builder, signature, arguments, (0, 1, 2, 3, 4, 5, 7, 8)
        )
        b = Lanes(builder, LANES)
        with along(builder, means.stride) as d:
            total = b.variable()
            b.store(b.constant(0), prefix.data)
            with cgutils.for_range(builder, int64(BLOCK), intp=INT64) as loop:
                c = loop.index
                out = centres.pointer(c)
                old, g = b.load(out, d), b.broadcast(_float_at(builder, gradients, c))
                b.store(b.plus(old, b.times(g, b.load(means.row(c), d))), out, d)
                change = b.plus(b.load(changes.row(c), d), b.times(g, old))
                change = b.times(change, b.broadcast(_float_at(builder, scales, c)))
                b.store(change, changes.row(c), d)
                b.add_to(total, change)
                b.store(b.value(total), prefix.row(builder.add(c, int64(1))))
            with cgutils.for_range(builder, arguments[6], intp=INT64) as loop:
                i = loop.index
                places = (builder.add(i, builder.mul(ranges.stride, int64(n))) for n in range(3))
                low, high, own = (ranges.at(place) for place in places)
                change = b.minus(b.load(prefix.row(high)), b.load(prefix.row(low)))
                change = b.minus(change, b.load(changes.row(own), d))
                row = near.pointer(i)
                b.store(b.plus(b.load(row, d), change), row, d)
        return context.get_dummy_value()

    return types.void(
        means, centres, gradients, changes, scales, near, types.int64, ranges, prefix
    ), generate


def _float_at(builder: Any, vector: Any, index: Any) -> Any:
    return builder.load(builder.gep(vector.data, [index]))
