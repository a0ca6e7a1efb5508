"""Rows of a large matrix: which were touched, their norm, and a step of Adam on them.

V rows of the matrix, H the length of one, R of them touched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wordkit.kernels.jit import njit
from wordkit.recurrent.kernels import jobs
from wordkit.recurrent.kernels.addresses import carray, doubles, floats, longs
from wordkit.recurrent.kernels.jobs import kernel, read, share, take

__all__ = ["draw_distinct", "mark", "on_rows", "step_rows"]

Values = npt.NDArray[Any]
Numbers = tuple[int, ...]

_SMALL = 20_000  # numbers: fewer are done before a second thread has begun
_FAST = {"reassoc", "contract", "nsz"}
_ZERO = np.float32(0)


@njit(nogil=True, cache=True)
def mark(ids: Values, touched: Values, rows: Values, count: int) -> int:
    """Note rows that were not touched yet; how many are now, or −1 where an id is no row.

    Args:
        ids: negative ones are left out.
        touched: shape (V,), bool.
        rows: shape (V,): the first ``count`` are the rows that are touched.
        count: how many were.
    """
    for i in ids:
        if i >= len(touched):
            return -1
        if i >= 0 and not touched[i]:
            touched[i] = True
            rows[count] = i
            count += 1
    return count


@njit(nogil=True, cache=True)
def draw_distinct(
    uniforms: Values, cumulated: Values, drawn: Values, number: int, found: Values, count: int
) -> int:
    """Draw words from a distribution until there are enough, each only once; how many there are.

    Args:
        uniforms: random numbers from 0 to 1.
        cumulated: shape (V,): sums of the probabilities of the words up to each.
        drawn: shape (V,): the number of the draw that a word was last found in.
        number: of this draw.
        found: the words, the first ``count`` of which are there already.
        count: how many.
    """
    for u in uniforms:
        if count == len(found):
            break
        word = min(np.searchsorted(cumulated, u, side="right"), len(cumulated) - 1)
        if drawn[word] != number:
            drawn[word] = number
            found[count] = word
            count += 1
    return count


@njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def _adam(weights: Values, gradient: Values, mean: Values, square: Values, rates: Values) -> None:
    """A step of one row; see :func:`step_rows`."""
    mean_share, square_kept, square_share, kept = rates[0], rates[1], rates[2], rates[3]
    rate, correction, eps = rates[4], rates[5], rates[6]
    for j in range(len(weights)):
        g = gradient[j]
        m = mean[j] + (g - mean[j]) * mean_share
        v = square_kept * square[j] + square_share * g * g
        mean[j], square[j] = m, v
        weights[j] = weights[j] * kept - rate * m / (math.sqrt(v) * correction + eps)


@njit(nogil=True, cache=True, fastmath=_FAST)
def _square(row: Values) -> np.float32:
    total = _ZERO
    for j in range(len(row)):
        total += row[j] * row[j]
    return total


@kernel
def _step(block: int) -> None:
    """A task is a range of rows. The numbers are: R, H, and the addresses of rows (R,), weights,
    gradient and both moments, (V, H) each, and rates (7,)."""
    numbers = read(block)
    R, H = numbers[2], numbers[3]
    rows, rates = carray(longs(numbers[4]), (R,)), carray(floats(numbers[9]), (7,))
    while True:
        task = take(block)
        if task >= numbers[1]:
            return
        first, last = share(task, numbers[1], R)
        for i in range(first, last):
            at = 4 * rows[i] * H
            _adam(
                carray(floats(numbers[5] + at), (H,)),
                carray(floats(numbers[6] + at), (H,)),
                carray(floats(numbers[7] + at), (H,)),
                carray(floats(numbers[8] + at), (H,)),
                rates,
            )


@kernel
def _on_rows(block: int) -> None:
    """A task is a range of rows. The numbers are: R, H, and the addresses of rows (R,) and the
    matrix (V, H), the address of a factor, and of sums of squares (R,), or 0."""
    numbers = read(block)
    R, H = numbers[2], numbers[3]
    rows, factor = carray(longs(numbers[4]), (R,)), carray(floats(numbers[6]), (1,))[0]
    while True:
        task = take(block)
        if task >= numbers[1]:
            return
        first, last = share(task, numbers[1], R)
        for i in range(first, last):
            row = carray(floats(numbers[5] + 4 * rows[i] * H), (H,))
            if numbers[7] != 0:
                carray(doubles(numbers[7]), (R,))[i] = _square(row)
            elif factor == 0:
                row[:] = 0
            else:
                for j in range(H):
                    row[j] *= factor


def step_rows(
    rows: Tensor,
    weights: Tensor,
    gradient: Tensor,
    moments: Sequence[Tensor],
    rates: Sequence[float],
) -> None:
    """A step of Adam with decoupled decay on some rows.

    Args:
        rows: shape (R,), int64, contiguous, distinct.
        weights, gradient: shape (V, H) or (V,), float32, contiguous.
        moments: the mean of gradients and of their squares, shaped likewise.
        rates: 1 − β₁, β₂, 1 − β₂, what a weight is multiplied by, the learning rate (corrected
            for the start of the mean), what the root of the square is multiplied by (for its
            start), ε.
    """
    H = weights[0].numel()
    kept = torch.tensor(rates, dtype=torch.float32)
    addresses = [t.data_ptr() for t in (rows, weights, gradient, *moments, kept)]
    jobs.run(_step, _tasks(len(rows), H), [len(rows), H, *addresses])


def on_rows(rows: Tensor, matrix: Tensor, factor: float | None) -> Tensor:
    """Multiply some rows by a factor; without one, return their sums of squares.

    Args:
        rows: shape (R,), int64, contiguous, distinct.
        matrix: shape (V, H) or (V,), float32, contiguous.
        factor: 0 clears whatever is there.
    """
    H = matrix[0].numel()
    squares = torch.empty(len(rows) if factor is None else 0, dtype=torch.float64)
    scale = torch.tensor([factor or 0.0])
    addresses = [t.data_ptr() for t in (rows, matrix, scale)]
    goal = squares.data_ptr() if factor is None else 0
    jobs.run(_on_rows, _tasks(len(rows), H), [len(rows), H, *addresses, goal])
    return squares


def _tasks(rows: int, H: int) -> int:
    return min(rows, 4 * torch.get_num_threads()) if rows * H > _SMALL else 1
