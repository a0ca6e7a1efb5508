"""The arithmetic of a training step, each piece by itself, against NumPy in float64."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.word2vec.kernels.logistic import gradients_of_sigmoid, gradients_of_softmax
from wordkit.word2vec.kernels.tiles import (
    WIDTH,
    add_products,
    add_to_rows,
    inner_products,
    mean_of_rows,
)

Floats = npt.NDArray[np.float32]

# --- what can be called from Python --------------------------------------------------------------


@numba.njit
def call_inner_products(
    x: Any, rows: Any, count: Any, o: Any, chosen: Any, first: Any, width: Any, table: Any, at: Any
) -> None:
    inner_products(x, rows, count, o, chosen, first, width, table, at)


@numba.njit
def call_add_products(
    x: Any, rows: Any, count: Any, o: Any, chosen: Any, first: Any, width: Any, table: Any, at: Any,
    sums: Any,
) -> None:  # fmt: skip
    add_products(x, rows, count, o, chosen, first, width, table, at, sums)


@numba.njit
def call_mean_of_rows(x: Any, rows: Any, count: Any, into: Any) -> None:
    mean_of_rows(x, rows, count, into)


@numba.njit
def call_add_to_rows(
    x: Any, rows: Any, first: Any, count: Any, changes: Any, change: Any, scale: Any
) -> None:
    add_to_rows(x, rows, first, count, changes, change, scale)


@numba.njit
def call_gradients_of_sigmoid(
    table: Any, row: Any, at: Any, labels: Any, weights: Any, rate: Any, products: Any, sums: Any
) -> None:
    gradients_of_sigmoid(table, row, at, labels, weights, rate, products, sums)


# --- rows ----------------------------------------------------------------------------------------


class Tile:
    """Random inputs and targets, of which some are chosen, perhaps more than once."""

    def __init__(self, stride: int, count: int, width: int, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.x = random.normal(size=(9, stride)).astype(np.float32)
        self.o = random.normal(size=(7, stride)).astype(np.float32)
        self.count, self.width = count, width
        self.rows = random.integers(0, 9, max(count, 1)).astype(np.int32)
        self.chosen = random.integers(0, 7, width + 3).astype(np.int32)
        self.table = random.normal(size=(max(count, 1), 3 * WIDTH)).astype(np.float32)

    @property
    def targets(self) -> npt.NDArray[np.int32]:
        """The rows of the targets."""
        return self.chosen[2 : 2 + self.width]

    @property
    def arguments(self) -> tuple[Any, ...]:
        """For the second tile of the table, with targets from the third of those chosen."""
        return (
            self.x, self.rows, self.count, self.o, self.chosen, 2, self.width, self.table, WIDTH
        )  # fmt: skip


tiles = pytest.mark.parametrize(
    ("stride", "count", "width"),
    [(16, 1, 1), (32, 2, 3), (112, 3, 8), (304, 10, 6), (16, 41, 5), (48, 0, 4)],
)


@tiles
def test_inner_products(stride: int, count: int, width: int) -> None:
    tile = Tile(stride, count, width)
    expected = tile.table.copy()
    products = tile.x[tile.rows[:count]].astype(float) @ tile.o[tile.targets].astype(float).T
    expected[:count, WIDTH : 2 * WIDTH] = 0
    expected[:count, WIDTH : WIDTH + width] = products
    call_inner_products(*tile.arguments)
    np.testing.assert_allclose(tile.table, expected, atol=1e-5 * stride**0.5)


@tiles
def test_add_products(stride: int, count: int, width: int) -> None:
    tile = Tile(stride, count, width)
    sums = np.ones((max(count, 1), stride), dtype=np.float32)
    x, o, expected = tile.x.copy(), tile.o.astype(float), sums.astype(float)
    g = tile.table[:count, WIDTH : WIDTH + width].astype(float)
    expected[:count] += g @ o[tile.targets]
    np.add.at(o, tile.targets, g.T @ x[tile.rows[:count]])
    call_add_products(*tile.arguments, sums)
    np.testing.assert_allclose(sums, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(tile.o, o, rtol=1e-5, atol=2e-5)
    np.testing.assert_array_equal(tile.x, x)


@tiles
def test_add_products_in_place(stride: int, count: int, width: int) -> None:
    tile = Tile(stride, count, width)
    x, o = tile.x.astype(float), tile.o.astype(float)
    g = 0.1 * tile.table[:count, WIDTH : WIDTH + width].astype(float)
    tile.table[:count, WIDTH : WIDTH + width] = g
    old, change = o[tile.targets], np.zeros((width, stride))
    for c in range(count):
        change += np.outer(g[c], x[tile.rows[c]])
        x[tile.rows[c]] += g[c] @ old
    np.add.at(o, tile.targets, change)
    call_add_products(*tile.arguments, None)
    np.testing.assert_allclose(tile.x, x, rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(tile.o, o, rtol=1e-4, atol=2e-5)


@tiles
def test_means_and_sums_of_rows(stride: int, count: int, width: int) -> None:
    tile = Tile(stride, count, width)
    into = np.zeros((1, stride), dtype=np.float32)
    if count:
        call_mean_of_rows(tile.x, tile.rows, count, into)
        np.testing.assert_allclose(into[0], tile.x[tile.rows].mean(axis=0), rtol=1e-4, atol=1e-6)
    first = min(count, 1)
    expected = tile.x.astype(float)
    np.add.at(expected, tile.rows[first:count], -0.25 * tile.o[3].astype(float))
    call_add_to_rows(tile.x, tile.rows, first, count - first, tile.o, 3, np.float32(-0.25))
    np.testing.assert_allclose(tile.x, expected, rtol=1e-5, atol=1e-5)


# --- from inner products to gradients and losses --------------------------------------------------

numbers = st.floats(-1000, 1000, width=32) | st.floats(-10, 10, width=32)


@given(st.lists(numbers, min_size=WIDTH, max_size=WIDTH), st.integers(0, 2**WIDTH - 1))
@settings(deadline=None)
def test_gradients_of_sigmoid(z: list[float], right: int) -> None:
    labels = np.array([right >> lane & 1 for lane in range(WIDTH)] * 2, dtype=np.float32)
    weights = np.array([0] * WIDTH + [1] * (WIDTH - 1) + [0], dtype=np.float32)
    table = np.zeros((2, 2 * WIDTH), dtype=np.float32)
    table[1, WIDTH:] = z
    products, sums = np.ones(WIDTH, dtype=np.float32), np.zeros(WIDTH, dtype=np.float32)
    call_gradients_of_sigmoid(table, 1, WIDTH, labels, weights, np.float32(0.5), products, sums)
    exact = np.array(z, dtype=np.float64)
    sigmoid = np.exp(-np.logaddexp(0, -exact))
    expected = 0.5 * weights[WIDTH:] * (labels[WIDTH:] - sigmoid)
    np.testing.assert_allclose(table[1, WIDTH:], expected, atol=1e-7)
    assert not table[0].any() and not table[1, :WIDTH].any()
    losses = weights[WIDTH:] * (np.logaddexp(0, exact) - labels[WIDTH:] * exact)
    np.testing.assert_allclose(np.log(products.astype(float)) + sums, losses, rtol=1e-6, atol=1e-6)


@given(st.integers(1, 40), st.data())
@settings(deadline=None)
def test_gradients_of_softmax(targets: int, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 3))
    lists = st.lists(numbers, min_size=targets, max_size=targets)
    z = np.array([data.draw(lists) for _ in range(rows)])
    right = data.draw(st.integers(0, targets - 1))
    count = -(-targets // WIDTH)  # the targets lie in so many tiles, as even as can be
    places = [
        WIDTH * tile + lane
        for tile in range(count)
        for lane in range(targets * (tile + 1) // count - targets * tile // count)
    ]
    table = np.zeros((rows, count * WIDTH), dtype=np.float32)
    table[:, places] = z
    loss = gradients_of_softmax(table, rows, targets, right, 0.5)
    log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    expected = 0.5 * ((np.arange(targets) == right) - np.exp(log_p))
    np.testing.assert_allclose(table[:, places], expected, atol=1e-6)
    assert loss == pytest.approx(-log_p[:, right].sum(), rel=1e-6, abs=1e-6)
