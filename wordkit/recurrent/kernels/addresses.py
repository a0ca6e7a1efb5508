"""Arrays at addresses: how kernels see what the block of numbers points to."""

from __future__ import annotations

from typing import Any

import numba
import numba.extending
from numba import types

__all__ = ["carray", "doubles", "floats", "halves", "longs"]

# It supplies the first argument of the functions it decorates, which its type does not say.
intrinsic: Any = numba.extending.intrinsic
# Functions that Numba has no types for.
carray: Any = numba.carray  # type: ignore[attr-defined]
pointer_to: Any = types.CPointer


def _address(kind: Any) -> Any:
    """Makes the address of numbers of this kind of an int64."""

    @intrinsic
    def address(typing_context: Any, number: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(pointer_to(kind)))

        return pointer_to(kind)(types.int64), generate

    return address


floats, doubles = _address(types.float32), _address(types.float64)
halves, longs = _address(types.uint16), _address(types.int64)
