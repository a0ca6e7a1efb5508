"""The layout of the two matrices, and how they begin."""

from __future__ import annotations

import numpy as np
import pytest

from wordkit.word2vec import Word2VecConfig
from wordkit.word2vec.weights import (
    ROW_UNIT,
    Weights,
    bytes_of_weights,
    compact,
    expand,
    output_rows,
)

dims = pytest.mark.parametrize("dim", [1, 15, 16, 17, 100])


@dims
def test_rows_begin_on_cache_lines(dim: int) -> None:
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
    both = Weights.zeros(5, 5, dim)
    assert bytes_of_weights(5, dim) == both.padded_input.nbytes + both.padded_output.nbytes


@dims
@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_they_begin_as_in_word2vec_c(dim: int, loss: str) -> None:
    config = Word2VecConfig(dim=dim, seed=3, loss=loss)  # type: ignore[arg-type]
    weights = Weights.initial(2000, config)
    assert len(weights.output) == output_rows(2000, config) == 2000 - (loss == "hs")
    assert not weights.padded_output.any() and not weights.padded_input[:, dim:].any()
    scaled = weights.input * dim
    assert scaled.min() >= -0.5 and scaled.max() <= 0.5
    assert abs(scaled.mean()) < 0.05 and scaled.std() == pytest.approx(12**-0.5, abs=0.02)
    assert len(np.unique(weights.input)) > 0.9 * weights.input.size
    np.testing.assert_array_equal(weights.input, Weights.initial(2000, config).input)
    other = Weights.initial(2000, Word2VecConfig(dim=dim, seed=4))
    assert (weights.input != other.input).mean() > 0.9


@pytest.mark.parametrize("rows", [0, 1, 3, 40_000])  # 40,000 are more than are moved at a time
@dims
def test_compact_and_back(rows: int, dim: int) -> None:
    padded = Weights.zeros(rows, 1, dim).padded_input
    padded[:, :dim] = np.random.default_rng(0).random((rows, dim), dtype=np.float32)
    before = padded.copy()
    compacted = compact(padded, dim)
    np.testing.assert_array_equal(compacted, before[:, :dim])
    assert compacted.shape == (rows, dim) and compacted.flags.c_contiguous
    if rows:
        assert compacted.ctypes.data == padded.ctypes.data, "in the same memory"
    expand(compacted, padded)
    np.testing.assert_array_equal(padded, before)


@pytest.mark.parametrize("matrix", ["padded_input", "padded_output"])
@pytest.mark.parametrize("value", [np.nan, -np.inf, 2e30])
def test_unbounded_weights_are_seen(matrix: str, value: float) -> None:
    weights = Weights.initial(9, Word2VecConfig(dim=3))
    getattr(weights, matrix)[4, 2] = -1e29
    assert weights.are_bounded
    getattr(weights, matrix)[8, 1] = value
    assert not weights.are_bounded
