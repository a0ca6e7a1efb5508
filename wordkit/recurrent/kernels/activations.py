"""σ and tanh on vector registers, within about 2 units in the last place of float32."""

from __future__ import annotations

import math
from typing import Any

from wordkit.recurrent.kernels.registers import Register

__all__ = ["sigmoid", "tanh"]

_LOG2_E = 1 / math.log(2)
# ln 2 as a number of few digits, whose small multiples are exact in float32, and the rest of it
_LN2_HIGH = 0.693145751953125
_LN2_LOW = math.log(2) - _LN2_HIGH
# added and taken away again, this rounds to the nearest whole number
_ROUNDS = 1.5 * 2**23
# e^r = 1 + r + r²·(these), for |r| ≤ ln 2 / 2: Taylor's terms, the last ones adjusted at both ends
_TERMS = [1 / math.factorial(n) for n in range(2, 8)]
_FURTHEST = 87.0  # e to this and to minus this are normal numbers


def _power(b: Register, x: Any) -> tuple[Any, Any]:
    """2ⁿ and p with eˣ = 2ⁿ·(1 + p) and |p| < 0.42, for |x| ≤ 87.

    Cody and Waite's reduction: x = n·ln 2 + r.
    """
    shifted = b.fused(x, b.constant(_LOG2_E), b.constant(_ROUNDS))
    n = b.minus(shifted, b.constant(_ROUNDS))
    r = b.fused(n, b.constant(-_LN2_HIGH), x)
    r = b.fused(n, b.constant(-_LN2_LOW), r)
    series = b.constant(_TERMS[-1])
    for term in reversed(_TERMS[:-1]):
        series = b.fused(series, r, b.constant(term))
    return b.power_of_two(b.to_whole(n)), b.fused(b.times(r, r), series, r)


def sigmoid(b: Register, x: Any) -> Any:
    """1 / (1 + e⁻ˣ)."""
    x = b.at_least(b.at_most(b.negated(x), _FURTHEST), -_FURTHEST)
    scale, p = _power(b, x)
    one = b.constant(1)
    return b.divided(one, b.plus(one, b.fused(scale, p, scale)))


def tanh(b: Register, x: Any) -> Any:
    """(e²ˣ − 1) / (e²ˣ + 1), with e²ˣ − 1 taken without cancellation where x is small."""
    x = b.at_least(b.at_most(b.plus(x, x), 40.0), -40.0)
    scale, p = _power(b, x)
    one = b.constant(1)
    return b.divided(
        b.fused(scale, p, b.minus(scale, one)), b.fused(scale, p, b.plus(scale, one))
    )  # fmt: skip
