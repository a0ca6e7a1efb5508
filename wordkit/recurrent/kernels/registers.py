"""Vector registers for the recurrent cells: strict about NaN, with rows of any length.

Where the lanes of word2vec let LLVM take sums in any order and believe that no NaN comes up, these
keep the order and let a NaN through: equal rows give equal bits, and a network that has diverged
can be seen to have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
from llvmlite import ir
from numba.core import cgutils

from wordkit.kernels.lanes import INT64, Lanes, int64

__all__ = ["FEATURES", "LANES", "Register", "along", "bytes_from", "pointer"]

FEATURES: dict[str, bool] = llvmlite.binding.get_host_cpu_features()
"""What this processor can do."""

LANES = 16 if FEATURES.get("avx512f") else 8
"""Floats in a vector register; where a register holds fewer, LLVM takes several."""

_FLOAT, _INT32, _BIT = ir.FloatType(), ir.IntType(32), ir.IntType(1)
_JOINED = ("contract",)  # a product may be joined with a sum, nothing else


def pointer(builder: Any, address: Any, kind: Any = _FLOAT) -> Any:
    """An int64 as the address of floats."""
    return builder.inttoptr(address, kind.as_pointer())


def bytes_from(builder: Any, address: Any, count: Any) -> Any:
    """The address (int64) so many floats on."""
    return builder.add(address, builder.mul(count, int64(4)))


class Register(Lanes):
    """Arithmetic on vectors of ``count`` float32, of which ``mask`` may leave some out of memory.

    Args:
        builder: writes the code.
        count: lanes.
        mask: where given, lanes that are loaded (the others are 0) and stored.
    """

    def __init__(self, builder: Any, count: int, mask: Any = None) -> None:
        super().__init__(builder, count)
        self._mask = mask
        self._bits = ir.VectorType(_BIT, count)

    def first(self, lanes: Any) -> Any:
        """A mask of so many lanes (int64), all where there are that many or more."""
        b, whole = self._builder, ir.VectorType(_INT32, self.count)
        limit = b.select(
            b.icmp_signed("<", lanes, int64(self.count)), lanes, int64(self.count)
        )  # fmt: skip
        one = b.insert_element(
            ir.Constant(whole, ir.Undefined), b.trunc(limit, _INT32), _INT32(0)
        )  # fmt: skip
        numbers = ir.Constant(whole, list(range(self.count)))
        return b.icmp_signed("<", numbers, self.shuffled(one, one, [0] * self.count))

    def load(self, place: Any, offset: Any = None) -> Any:
        """What lies at an address, plus so many floats."""
        if self._mask is None:
            return super().load(place, offset)
        place = self._at(place, offset)
        kind = ir.FunctionType(self.type, [place.type, _INT32, self._bits, self.type])
        function = self._declared("llvm.masked.load", kind, ".p0")
        zeros = ir.Constant(self.type, None)
        return self._builder.call(function, [place, _INT32(4), self._mask, zeros])

    def store(self, value: Any, place: Any, offset: Any = None) -> None:
        """Put a vector at an address, plus so many floats."""
        if self._mask is None:
            super().store(value, place, offset)
            return
        place = self._at(place, offset)
        kind = ir.FunctionType(ir.VoidType(), [self.type, place.type, _INT32, self._bits])
        function = self._declared("llvm.masked.store", kind, ".p0")
        self._builder.call(function, [value, place, _INT32(4), self._mask])

    def _declared(self, name: str, kind: Any, suffix: str = "") -> Any:
        name = f"{name}.v{self.count}f32{suffix}"
        return cgutils.get_or_insert_function(self._builder.module, kind, name)  # type: ignore[no-untyped-call]

    def fused(self, a: Any, b: Any, c: Any) -> Any:
        """a · b + c, rounded once where the processor can."""
        kind = ir.FunctionType(self.type, [self.type] * 3)
        return self._builder.call(self._declared("llvm.fmuladd", kind), [a, b, c])

    def plus(self, a: Any, b: Any) -> Any:
        """a + b."""
        return self._builder.fadd(a, b, flags=_JOINED)

    def minus(self, a: Any, b: Any) -> Any:
        """a − b."""
        return self._builder.fsub(a, b, flags=_JOINED)

    def times(self, a: Any, b: Any) -> Any:
        """a · b."""
        return self._builder.fmul(a, b, flags=_JOINED)

    def divided(self, a: Any, b: Any) -> Any:
        """a / b."""
        return self._builder.fdiv(a, b)

    def negated(self, a: Any) -> Any:
        """−a."""
        return self._builder.fneg(a)

    def at_most(self, a: Any, limit: float) -> Any:
        """The smaller of both; NaN stays."""
        return self.select(self.larger(a, self.constant(limit)), self.constant(limit), a)

    def at_least(self, a: Any, limit: float) -> Any:
        """The larger of both; NaN stays."""
        return self.select(self.larger(self.constant(limit), a), self.constant(limit), a)


def along(builder: Any, length: Any, body: Callable[[Register, Any], None]) -> None:
    """Do something for each register of a row, the last of which may be filled in part.

    Args:
        builder: writes the code.
        length: of the row, int64.
        body: given the register and where it begins in the row.
    """
    step = int64(LANES)
    whole = builder.and_(length, int64(-LANES))
    with cgutils.for_range_slice(builder, int64(0), whole, step, INT64) as (d, _):
        body(Register(builder, LANES), d)
    rest = builder.sub(length, whole)
    with builder.if_then(builder.icmp_signed(">", rest, int64(0))):
        body(Register(builder, LANES, Register(builder, LANES).first(rest)), whole)
