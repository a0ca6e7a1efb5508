"""Vectors of float32 and addresses of arrays, as LLVM IR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba.extending
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils

__all__ = ["INT64", "Lanes", "Matrix", "int64", "intrinsic", "matrices", "prefetch_line"]

# It supplies the first argument of the functions it decorates, which its type does not say.
intrinsic: Any = numba.extending.intrinsic

_FLOAT, _INT32, INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_FAST = ("fast",)  # sums may be taken in any order, products joined with them


class Matrix:
    """An array of one or two dimensions, C-contiguous."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        array = context.make_array(kind)(context, builder, value=value)
        self._builder = builder
        self.data = array.data
        self.stride = builder.extract_value(array.shape, array.shape.type.count - 1)

    def row(self, number: Any) -> Any:
        """Return the address of a row of a matrix."""
        return self._builder.gep(self.data, [self._builder.mul(number, self.stride)])

    def at(self, index: Any) -> Any:
        """Return the integer at an index of a vector, as int64."""
        value = self._builder.load(self._builder.gep(self.data, [index]))
        return value if value.type == INT64 else self._builder.sext(value, INT64)

    def pointer(self, index: Any) -> Any:
        """Return the address of a row, at an index of a vector of addresses."""
        return self._builder.inttoptr(self.at(index), _FLOAT.as_pointer())


def matrices(
    context: Any, builder: Any, signature: Any, arguments: Any, indices: Sequence[int]
) -> list[Matrix]:
    """Return the arguments of these indices, which are arrays."""
    return [Matrix(context, builder, signature.args[i], arguments[i]) for i in indices]


def int64(value: int) -> Any:
    """Return a constant."""
    return ir.Constant(INT64, value)


def prefetch_line(builder: Any, address: Any, *, write: bool) -> None:
    """Prefetch the cache line of an address; any address is harmless."""
    byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
    function = builder.module.declare_intrinsic(
        "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
    )
    address = builder.bitcast(address, byte)
    builder.call(function, [address, flag(int(write)), flag(3), flag(1)])  # keep it; data


class Lanes:
    """Arithmetic on vectors of ``count`` float32."""

    def __init__(self, builder: Any, count: int) -> None:
        self._builder = builder
        self.count = count
        self.type = ir.VectorType(_FLOAT, count)
        self._whole = ir.VectorType(_INT32, count)

    def constant(self, value: float) -> Any:
        """Return a constant in all lanes."""
        return ir.Constant(self.type, [ir.Constant(_FLOAT, float(value))] * self.count)

    def broadcast(self, value: Any) -> Any:
        """Return a float32 in all lanes."""
        one = self._builder.insert_element(ir.Constant(self.type, ir.Undefined), value, _INT32(0))
        return self.shuffled(one, one, [0] * self.count)

    def load(self, address: Any, offset: Any = None) -> Any:
        """Load the vector at an address plus an offset in floats."""
        return self._builder.load(self._at(address, offset), align=4)

    def store(self, value: Any, address: Any, offset: Any = None) -> None:
        """Store a vector at an address plus an offset in floats."""
        self._builder.store(value, self._at(address, offset), align=4)

    def _at(self, address: Any, offset: Any) -> Any:
        if offset is not None:
            address = self._builder.gep(address, [offset])
        return self._builder.bitcast(address, self.type.as_pointer())

    def variable(self) -> Any:
        """Allocate a vector of zeros; LLVM keeps it in a register."""
        address = cgutils.alloca_once(self._builder, self.type)  # type: ignore[no-untyped-call]
        self._builder.store(ir.Constant(self.type, None), address)
        return address

    def value(self, variable: Any) -> Any:
        """Load a variable."""
        return self._builder.load(variable)

    def add_to(self, variable: Any, value: Any) -> None:
        """Add to a variable."""
        self._builder.store(self.plus(self._builder.load(variable), value), variable)

    def plus(self, a: Any, b: Any) -> Any:
        """a + b."""
        return self._builder.fadd(a, b, flags=_FAST)

    def minus(self, a: Any, b: Any) -> Any:
        """a − b."""
        return self._builder.fsub(a, b, flags=_FAST)

    def times(self, a: Any, b: Any) -> Any:
        """a · b."""
        return self._builder.fmul(a, b, flags=_FAST)

    def divided(self, a: Any, b: Any) -> Any:
        """a / b."""
        return self._builder.fdiv(a, b, flags=_FAST)

    def negated(self, a: Any) -> Any:
        """−a."""
        return self._builder.fneg(a, flags=_FAST)

    def larger(self, a: Any, b: Any) -> Any:
        """Return the mask of a > b."""
        return self._builder.fcmp_ordered(">", a, b)

    def select(self, condition: Any, a: Any, b: Any) -> Any:
        """a where the mask is set, else b."""
        return self._builder.select(condition, a, b)

    def to_whole(self, a: Any) -> Any:
        """Cut towards zero, as int32."""
        return self._builder.fptosi(a, self._whole)

    def from_whole(self, a: Any) -> Any:
        """int32 as float32."""
        return self._builder.sitofp(a, self.type)

    def power_of_two(self, exponent: Any) -> Any:
        """2 to an int32 from −126 to 127, put together from its bits."""
        bias, shift = (ir.Constant(self._whole, [n] * self.count) for n in (127, 23))
        bits = self._builder.shl(self._builder.add(exponent, bias), shift)
        return self._builder.bitcast(bits, self.type)

    def shuffled(self, a: Any, b: Any, lanes: Sequence[int]) -> Any:
        """These lanes of a and, counted on after them, of b."""
        mask = ir.Constant(ir.VectorType(_INT32, len(lanes)), list(lanes))
        return self._builder.shuffle_vector(a, b, mask)
