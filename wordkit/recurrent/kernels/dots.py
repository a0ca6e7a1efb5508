"""Products of a row with a matrix that is used too seldom to be packed: inner products.

Addresses are int64, in bytes; strides count floats.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from numba import types
from numba.core import cgutils

from wordkit.kernels.lanes import INT64, int64
from wordkit.recurrent.kernels.calls import product_function
from wordkit.recurrent.kernels.registers import LANES, Register, along, bytes_from, pointer

__all__ = ["plain"]

# It supplies the first argument of the functions it decorates, which its type does not say.
intrinsic: Any = numba.extending.intrinsic

_AT_ONCE = 8  # rows of the matrix whose sums are kept in registers


@intrinsic
def inner_products(
    typing_context: Any, K: Any, N: Any, a: Any, matrix: Any, start: Any, out: Any
) -> Any:
    """``out = start + matrix · a`` for one row."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        K, N, a, matrix, start, out = arguments
        a, start, out = (pointer(builder, address) for address in (a, start, out))
        b, last = Register(builder, LANES), builder.sub(N, int64(1))
        with cgutils.for_range_slice(builder, int64(0), N, int64(_AT_ONCE), INT64) as (n, _):
            ins = []
            for j in range(_AT_ONCE):  # beyond the last row: that one again, and not stored
                row = builder.add(n, int64(j))
                row = builder.select(builder.icmp_signed("<", row, N), row, last)
                ins.append(pointer(builder, bytes_from(builder, matrix, builder.mul(row, K))))
            sums = [b.variable() for _ in range(_AT_ONCE)]

            def add(part: Register, k: Any, ins: list[Any] = ins, sums: list[Any] = sums) -> None:
                value = part.load(a, k)
                for place, total in zip(ins, sums, strict=True):
                    builder.store(
                        part.fused(part.load(place, k), value, builder.load(total)), total
                    )

            along(builder, K, add)
            narrow = Register(builder, _AT_ONCE)
            narrow = Register(builder, _AT_ONCE, narrow.first(builder.sub(N, n)))
            totals = _horizontal_sums(b, [builder.load(total) for total in sums])
            narrow.store(narrow.plus(narrow.load(start, n), totals), out, n)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), generate


def _horizontal_sums(b: Register, vectors: list[Any]) -> Any:
    """The sum of each of eight vectors, as one vector: neighbours are added, two at once."""
    lanes = b.count
    evens, odds = list(range(0, 2 * lanes, 2)), list(range(1, 2 * lanes, 2))
    while len(vectors) > 1:
        vectors = [
            b.plus(b.shuffled(u, v, evens), b.shuffled(u, v, odds))
            for u, v in zip(vectors[::2], vectors[1::2], strict=True)
        ]
    (total,) = vectors
    while lanes > _AT_ONCE:
        lanes //= 2
        total = b.plus(
            b.shuffled(total, total, evens[:lanes]), b.shuffled(total, total, odds[:lanes])
        )  # fmt: skip
    return total


@product_function
def plain(
    rows: int, K: int, N: int, a: int, a_stride: int, matrix: int, start: int, start_stride: int,
    out: int, out_stride: int, unused: int,
) -> None:  # fmt: skip
    """``out = start + a · matrixᵀ``; see :func:`wordkit.recurrent.kernels.calls.product`.

    Args:
        matrix: address of (N, K), contiguous.
    """
    for row in range(rows):
        inner_products(
            K, N, a + 4 * row * a_stride, matrix, start + 4 * row * start_stride,
            out + 4 * row * out_stride,
        )  # fmt: skip
