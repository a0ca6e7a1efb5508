"""The gradients and losses of inner products, a vector register at a time.

The table has a row for each of C inputs; its T targets lie in tiles of ``WIDTH`` columns, of which
``weights`` says which are in use (1 or 0) and ``labels`` which are correct (1 or 0).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from wordkit.kernels.jit import njit
from wordkit.kernels.lanes import Lanes, intrinsic, matrices
from wordkit.word2vec.kernels.tiles import WIDTH

__all__ = ["MAX_TERMS", "gradients_of_sigmoid", "gradients_of_softmax", "take_sum"]

Floats = npt.NDArray[np.float32]

MAX_TERMS = 64
"""Losses that are added up in float32."""

_LOG2_E = 1.4426950408889634
_LOWEST = -125.0  # 2 to this power is still a normal number


def _polynomial(function: Callable[[Any], Any], degree: int, domain: list[int]) -> list[float]:
    """Return the coefficients of a polynomial through Chebyshev points, lowest power first."""
    chebyshev = np.polynomial.Chebyshev.interpolate(function, degree, domain=domain)
    coefficients: list[float] = chebyshev.convert(kind=np.polynomial.Polynomial).coef.tolist()
    return coefficients


_POWERS_OF_TWO = _polynomial(lambda x: 2.0**x, 5, [-1, 0])  # 2ˣ, within 1.2e-7
_LOG1P = _polynomial(lambda x: np.log1p(x), 8, [0, 1])  # log(1 + x), within 1e-7


@intrinsic
def gradients_of_sigmoid(
    typing_context: Any, table: Any, row: Any, column: Any, labels: Any, weights: Any, rate: Any,
    losses: Any,
) -> Any:  # fmt: skip
    """Turn inner products z of a row of a tile into weight·rate·(label − σ(z)); sum their losses.

    The loss of z is log(1 + eᶻ) − label·z = max(z, 0) − label·z + log(1 + e^−|z|).

    Args:
        table: inner products, turned into gradients.
        row, column: where the tile begins in it.
        labels, weights: for each column.
        rate: float32.
        losses: shape (WIDTH,), weight times the loss is added to it.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, labels, weights, losses = matrices(
            context, builder, signature, arguments, (0, 3, 4, 6)
        )
        column, b = arguments[2], Lanes(builder, WIDTH)
        address = builder.gep(table.row(arguments[1]), [column])
        z = b.load(address)
        label = b.load(builder.gep(labels.data, [column]))
        weight = b.load(builder.gep(weights.data, [column]))
        positive = b.larger(z, b.constant(0))
        magnitude = b.select(positive, z, b.negated(z))
        e = _exp_of_minus(b, magnitude)
        s = b.divided(b.constant(1), b.plus(b.constant(1), e))  # σ(|z|)
        sigmoid = b.select(positive, s, b.times(e, s))
        rates = b.times(weight, b.broadcast(arguments[5]))
        b.store(b.times(b.minus(label, sigmoid), rates), address)
        linear = b.minus(b.select(positive, z, b.constant(0)), b.times(label, z))
        loss = b.times(weight, b.plus(linear, _evaluated(b, _LOG1P, e)))
        b.store(b.plus(b.load(losses.data), loss), losses.data)
        return context.get_dummy_value()

    return types.void(
        table, types.int64, types.int64, labels, weights, types.float32, losses
    ), generate


def _exp_of_minus(b: Lanes, x: Any) -> Any:
    """e^−x for x ≥ 0: 2 to a whole power, put together from its bits, times 2 to the rest."""
    exponent = b.times(x, b.constant(-_LOG2_E))
    exponent = b.select(b.larger(exponent, b.constant(_LOWEST)), exponent, b.constant(_LOWEST))
    whole = b.to_whole(exponent)  # towards zero, so that the rest is from −1 to 0
    rest = b.minus(exponent, b.from_whole(whole))
    return b.times(_evaluated(b, _POWERS_OF_TWO, rest), b.power_of_two(whole))


def _evaluated(b: Lanes, coefficients: list[float], x: Any) -> Any:
    """Evaluate a polynomial by Horner's rule."""
    result = b.constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = b.plus(b.constant(coefficient), b.times(x, result))
    return result


@njit(nogil=True, cache=True)
def take_sum(losses: Floats) -> float:
    """Return the sum of the losses in float64, and set them to zero."""
    total = 0.0
    for lane in range(WIDTH):
        total += losses[lane]
        losses[lane] = 0
    return total


@njit(nogil=True, cache=True)
def gradients_of_softmax(table: Floats, rows: int, targets: int, label: int, lr: float) -> float:
    """Turn inner products z into lr·(1[label] − softmax(z)); return the sum of −log softmax(z).

    Args:
        table: inner products, turned into gradients; the targets in tiles.
        rows: C.
        targets: T, from the first to the last word.
        label: the number of the correct one.
        lr: the learning rate.
    """
    tiles = (targets + WIDTH - 1) // WIDTH
    loss = 0.0
    for c in range(rows):
        highest = -np.inf
        target = 0.0
        for tile in range(tiles):
            first = targets * tile // tiles
            for lane in range(targets * (tile + 1) // tiles - first):
                z = table[c, WIDTH * tile + lane]
                highest = max(highest, z)
                if first + lane == label:
                    target = z
        total = 0.0
        for tile in range(tiles):
            first = targets * tile // tiles
            for lane in range(targets * (tile + 1) // tiles - first):
                e = math.exp(table[c, WIDTH * tile + lane] - highest)
                table[c, WIDTH * tile + lane] = e
                total += e
        loss += math.log(total) + highest - target
        for tile in range(tiles):
            first = targets * tile // tiles
            for lane in range(targets * (tile + 1) // tiles - first):
                j = WIDTH * tile + lane
                table[c, j] = lr * ((1.0 if first + lane == label else 0.0) - table[c, j] / total)
    return loss
