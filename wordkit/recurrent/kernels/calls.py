"""Products as functions that the cells are given the address of.

If the cells called them by name, Numba would compile all tiles again into each cell.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from llvmlite import ir  # type: ignore[import-untyped]
from numba import cfunc as numba_cfunc
from numba import types

from wordkit.kernels.lanes import INT64

__all__ = ["product", "product_function"]

# It supplies the first argument of the functions it decorates, which its type does not say.
intrinsic: Any = numba.extending.intrinsic

_ARGUMENTS = 11

product_function = numba_cfunc(types.void(*[types.int64] * _ARGUMENTS), cache=True)
"""Makes a C function of one that takes what :func:`product` does after the address."""


@intrinsic
def product(
    typing_context: Any, function: Any, rows: Any, K: Any, N: Any, a: Any, a_stride: Any,
    matrix: Any, start: Any, start_stride: Any, out: Any, out_stride: Any, low: Any,
) -> Any:  # fmt: skip
    """``out = start + a · matrix``; see :func:`wordkit.recurrent.kernels.products.multiply`.

    Args:
        function: the address of the product for the matrix's form: plain (its transpose,
            contiguous), packed, or low (packed, in bfloat16).
        low: in the last case, address of (rows, low_stride(K)), to be filled with a in bfloat16.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [INT64] * _ARGUMENTS)
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        builder.call(function, arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * (_ARGUMENTS + 1)), generate
