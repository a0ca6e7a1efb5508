"""The gradients and losses of inner products, a vector register at a time.

The table has a row for each of C inputs; its T targets lie in tiles of ``WIDTH`` columns, of which
``weights`` says which are in use (1 or 0) and ``labels`` which are correct (1 or 0).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from wordkit.kernels.jit import njit
from wordkit.kernels.lanes import Lanes, intrinsic, matrices
from wordkit.word2vec.kernels.tiles import WIDTH

__all__ = ["FACTORS", "gradients_of_sigmoid", "gradients_of_softmax", "log_of_products"]

Floats = npt.NDArray[np.float32]

FACTORS = 100
"""The number of factors from 1 to 2 in a product of float32: 2¹⁰⁰ is well in its range."""

_LOG2_E = 1.4426950408889634
_LOWEST = -125.0  # 2 to this power is still a normal number
_ONE, _ZERO = np.float32(1), np.float32(0)

# 2^x for x from −1 to 0: a polynomial through Chebyshev points, within 1.2e-7
_POWERS_OF_TWO = (
    np.polynomial.Chebyshev.interpolate(lambda x: 2.0**x, 5, domain=[-1, 0])
    .convert(kind=np.polynomial.Polynomial)
    .coef.tolist()
)


@intrinsic
def gradients_of_sigmoid(
    typing_context: Any, table: Any, row: Any, column: Any, labels: Any, weights: Any, rate: Any,
    products: Any, sums: Any,
) -> Any:  # fmt: skip
    """Turn the inner products z of a row of a tile into rate·(label − σ(z)); sum their losses.

    The loss of z is log(1 + eᶻ) − label·z = max(z, 0) − label·z + log(1 + e^−|z|). Of its last
    term only the argument is multiplied into ``products``, a product for each lane; its logarithm
    is taken once for many.

    Args:
        table: inner products, turned into gradients.
        row, column: where the tile begins in it.
        labels, weights: for each column.
        rate: float32.
        products, sums: shape (WIDTH,), to be multiplied and added to.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, labels, weights, products, sums = matrices(
            context, builder, signature, arguments, (0, 3, 4, 6, 7)
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
        factor = b.plus(b.constant(1), b.times(weight, e))
        b.store(b.times(b.load(products.data), factor), products.data)
        linear = b.minus(b.select(positive, z, b.constant(0)), b.times(label, z))
        b.store(b.plus(b.load(sums.data), b.times(weight, linear)), sums.data)
        return context.get_dummy_value()

    return types.void(
        table, types.int64, types.int64, labels, weights, types.float32, products, sums
    ), generate


def _exp_of_minus(b: Lanes, x: Any) -> Any:
    """e^−x for x ≥ 0: 2 to a whole power, put together from its bits, times 2 to the rest."""
    exponent = b.times(x, b.constant(-_LOG2_E))
    exponent = b.select(b.larger(exponent, b.constant(_LOWEST)), exponent, b.constant(_LOWEST))
    whole = b.to_whole(exponent)  # towards zero, so that the rest is from −1 to 0
    rest = b.minus(exponent, b.from_whole(whole))
    result = b.constant(_POWERS_OF_TWO[-1])
    for coefficient in reversed(_POWERS_OF_TWO[:-1]):
        result = b.plus(b.constant(coefficient), b.times(rest, result))
    return b.times(result, b.power_of_two(whole))


@njit(nogil=True, fastmath=True, cache=True)
def log_of_products(products: Floats, sums: Floats) -> float:
    """Return the losses tallied, in float64; the loss_sums start anew."""
    loss = 0.0
    for lane in range(WIDTH):
        loss += math.log(products[lane]) + sums[lane]
        products[lane], sums[lane] = _ONE, _ZERO
    return loss


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
