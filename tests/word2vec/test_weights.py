"""The layout of the two matrices, and how they begin."""

from __future__ import annotations

import numpy as np
import pytest

from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.weights import (
    ROW_UNIT,
    Weights,
    bytes_of_weights,
    compact,
    expand,
    output_rows,
)

DIMS = [1, 2, 15, 16, 17, 50, 64, 100, 300]


@pytest.mark.parametrize("dim", DIMS)
def test_rows_begin_on_lines_of_the_cache(dim: int) -> None:
    weights = Weights.zeros(5, 4, dim)
    for padded, view, rows in (
        (weights.padded_input, weights.input, 5),
        (weights.padded_output, weights.output, 4),
    ):
        assert padded.dtype == np.float32 and padded.flags.c_contiguous
        assert padded.shape == (rows, -(-dim // ROW_UNIT) * ROW_UNIT)
        assert all(row.ctypes.data % 64 == 0 for row in padded)
        assert view.shape == (rows, dim) and np.shares_memory(view, padded)
        assert not padded.any()
    assert not np.shares_memory(weights.padded_input, weights.padded_output)
    both = Weights.zeros(5, 5, dim)
    total = both.padded_input.nbytes + both.padded_output.nbytes
    assert bytes_of_weights(5, dim) == total


@pytest.mark.parametrize("dim", DIMS)
def test_they_begin_as_in_word2vec(dim: int) -> None:
    config = Word2VecConfig(dim=dim, seed=3)
    weights = Weights.initial(2000, 1999, config)
    assert weights.padded_output.shape[0] == 1999 and not weights.padded_output.any()
    assert not weights.padded_input[:, dim:].any()
    scaled = weights.input * dim
    assert scaled.min() >= -0.5 and scaled.max() <= 0.5
    assert abs(scaled.mean()) < 0.05 and scaled.std() == pytest.approx(12**-0.5, abs=0.02)
    assert len(np.unique(weights.input)) > 0.9 * weights.input.size
    again = Weights.initial(2000, 1999, config)
    np.testing.assert_array_equal(weights.padded_input, again.padded_input)
    other = Weights.initial(2000, 1999, Word2VecConfig(dim=dim, seed=4))
    assert (weights.input != other.input).mean() > 0.9


def test_there_is_a_row_for_each_word_or_inner_node() -> None:
    assert output_rows(7, Word2VecConfig(loss="ns")) == 7
    assert output_rows(7, Word2VecConfig(loss="softmax")) == 7
    assert output_rows(7, Word2VecConfig(loss="hs")) == 6


def test_a_copy_is_laid_out_anew() -> None:
    random = np.random.default_rng(0)
    given = random.normal(size=(6, 21)).astype(np.float32), np.ones((5, 21), dtype=np.float32)
    weights = Weights.copied(*given)
    assert weights.dim == 21
    np.testing.assert_array_equal(weights.input, given[0])
    np.testing.assert_array_equal(weights.output, given[1])
    assert not weights.padded_input[:, 21:].any() and not weights.padded_output[:, 21:].any()
    weights.input[:] = 0
    assert given[0].all(), "what it was copied from stays"


@pytest.mark.parametrize("rows", [0, 1, 3, 40_000])  # 40,000 are more than are moved at a time
@pytest.mark.parametrize("dim", [1, 5, 15, 16, 17])
def test_compact_and_back(rows: int, dim: int) -> None:
    padded = Weights.zeros(rows, 1, dim).padded_input
    padded[:, :dim] = np.random.default_rng(0).random((rows, dim), dtype=np.float32)
    before = padded.copy()
    rows_alone = compact(padded, dim)
    np.testing.assert_array_equal(rows_alone, before[:, :dim])
    assert rows_alone.shape == (rows, dim) and rows_alone.flags.c_contiguous
    if rows:
        assert rows_alone.ctypes.data == padded.ctypes.data, "in the same memory"
    expand(rows_alone, padded)
    np.testing.assert_array_equal(padded, before)


@pytest.mark.parametrize("matrix", ["padded_input", "padded_output"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2e30, -2e30])
def test_numbers_beyond_all_bounds_are_seen(matrix: str, value: float) -> None:
    weights = Weights.initial(9, 9, Word2VecConfig(dim=3))
    assert weights.are_bounded
    getattr(weights, matrix)[4, 2] = -1e29
    assert weights.are_bounded
    getattr(weights, matrix)[8, 1] = value
    assert not weights.are_bounded
