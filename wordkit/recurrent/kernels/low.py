"""bfloat16: rows rounded to it, and products of pairs, on processors with AVX512_BF16.

Two numbers of bfloat16 lie in the place of one float32, the first in its lower half.
Addresses are int64, in bytes; strides count places of 4 bytes.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils

from wordkit.kernels.jit import njit
from wordkit.recurrent.kernels.registers import FEATURES, LANES, Register, along, pointer

__all__ = ["SUPPORTED", "low_stride", "narrow", "narrow_row", "pair_rows", "times_pairs"]

# It supplies the first argument of the functions it decorates, which its type does not say.
intrinsic: Any = numba.extending.intrinsic

SUPPORTED = bool(FEATURES.get("avx512bf16")) and LANES == 16
"""Whether this processor has the instructions."""

_HALVES, _WHOLE = ir.VectorType(ir.IntType(16), LANES), ir.VectorType(ir.IntType(32), LANES)


@njit(nogil=True, inline="always", cache=True)  # Python asks it, too
def low_stride(K: int) -> int:
    """The places from one row of K rounded numbers to the next: whole registers' results."""
    return (K + LANES - 1) // LANES * (LANES // 2)


@njit(nogil=True, inline="always")
def narrow(rows: int, K: int, a: int, a_stride: int, low: int) -> None:
    """Round rows of K float32 to bfloat16, each followed by zeros up to :func:`low_stride`."""
    for row in range(rows):
        narrow_row(K, a + 4 * row * a_stride, low + 4 * row * low_stride(K))


@intrinsic
def narrow_row(typing_context: Any, K: Any, row: Any, low: Any) -> Any:
    """Round a row of K float32 to bfloat16."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = pointer(builder, arguments[1])
        low = pointer(builder, arguments[2], ir.IntType(16))

        def body(b: Register, d: Any) -> None:
            place = builder.bitcast(builder.gep(low, [d]), _HALVES.as_pointer())
            builder.store(_rounded(builder, b.load(row, d)), place, align=2)

        if SUPPORTED:
            along(builder, arguments[0], body)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def pair_rows(typing_context: Any, count: Any, first: Any, second: Any, out: Any) -> Any:
    """Put each number of a row with that of a second row (address 0: zeros) into one place."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count, first, second, out = arguments
        has_second = builder.icmp_signed("!=", second, second.type(0))
        second = builder.select(has_second, second, first)
        first, second, out = (pointer(builder, address) for address in (first, second, out))
        shift = ir.Constant(_WHOLE, [16] * LANES)

        def body(b: Register, d: Any) -> None:
            lower, upper = (
                builder.zext(_rounded(builder, b.load(row, d)), _WHOLE) for row in (first, second)
            )
            upper = builder.select(has_second, builder.shl(upper, shift), ir.Constant(_WHOLE, None))
            pairs = builder.bitcast(builder.or_(lower, upper), b.type)
            Register(builder, LANES).store(pairs, out, d)

        if SUPPORTED:
            along(builder, count, body)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), generate


def times_pairs(builder: Any, a: Any, b: Any, total: Any) -> Any:
    """total + the products of both numbers in each place of a and b; all vectors of float32."""
    kind = ir.FunctionType(total.type, [total.type, _WHOLE, _WHOLE])
    a, b = (builder.bitcast(value, _WHOLE) for value in (a, b))
    return builder.call(_declared(builder, "dpbf16ps", kind), [total, a, b])


def _rounded(builder: Any, value: Any) -> Any:
    """A vector of float32 as bfloat16, to the nearest; NaN stays."""
    kind = ir.FunctionType(_HALVES, [value.type])
    return builder.call(_declared(builder, "cvtneps2bf16", kind), [value])


def _declared(builder: Any, name: str, kind: Any) -> Any:
    name = f"llvm.x86.avx512bf16.{name}.512"
    return cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]
