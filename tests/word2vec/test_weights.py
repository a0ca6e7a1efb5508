"""The layout of the two matrices, how they begin, and the embeddings that a training ends with."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from training_cases import FakeEngine, configs, small_corpus, states

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, DivergenceError
from wordkit.kernels.aligned import ROW_UNIT
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec import TrainingState, Word2VecConfig, start_afresh, trained_config
from wordkit.word2vec.result import embeddings_of
from wordkit.word2vec.state import LossSum
from wordkit.word2vec.weights import (
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


# --- the result ----------------------------------------------------------------------------------


CONFIG = Word2VecConfig(arch="skipgram", vectors="in", dim=5, min_count=2, epochs=3)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


def ended(corpus: Corpus, config: Word2VecConfig, state: TrainingState) -> Embeddings:
    return embeddings_of(corpus, config, state, FakeEngine(state, config))


@examples(max_examples=30)
@given(data=st.data(), config=configs())
def test_vectors_and_weights(corpus: Corpus, data: st.DataObject, config: Word2VecConfig) -> None:
    state = data.draw(states(config))
    before = {"in": state.weights.input.copy(), "out": state.weights.output.copy()}
    if config.vectors == "sum":
        before["sum"] = before["in"] + before["out"]
    made = ended(corpus, config, state)
    assert made.vocabulary is state.vocabulary
    name, other = ("output", "out") if config.kept == "in" else ("input", "in")
    assert made.vectors.tobytes() == before[config.kept].tobytes()
    assert list(made.weights) == [name]
    assert made.weights[name].tobytes() == before[other].tobytes()
    assert made.vectors.flags.c_contiguous and made.weights[name].flags.c_contiguous
    made.check()


@pytest.mark.parametrize("vectors", ["in", "out", "sum"])
def test_no_third_matrix_is_made_and_nobody_can_write(corpus: Corpus, vectors: Any) -> None:
    V, config = 150_000, Word2VecConfig(dim=50, vectors=vectors)
    weights = Weights.initial(V, config)
    weights.output[:] = 1
    state = TrainingState(Vocabulary(map(str, range(V)), np.ones(V, np.int64)), weights)
    tracemalloc.start()
    made = ended(corpus, config, state)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < V * 50 * 4 * 0.6  # of what a matrix takes
    kept = weights.padded_input if vectors == "in" else weights.padded_output
    assert np.shares_memory(made.vectors, kept)
    for array in (made.vectors, *made.weights.values(), weights.padded_input, weights.input):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    for array in (made.vectors, *made.weights.values()):
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
    with pytest.raises(ConfigError, match="was trained from before; make another one"):
        ended(corpus, config, state)


def test_divergence(corpus: Corpus) -> None:
    state = start_afresh(corpus, CONFIG)
    state.weights.output[3, 2] = np.nan
    with pytest.raises(DivergenceError, match=r"lower lr, the learning rate, .* was 0\.1 at"):
        ended(corpus, CONFIG, state)


def test_metadata(corpus: Corpus) -> None:
    state = start_afresh(corpus, CONFIG)
    state.loss_sum, state.epoch = LossSum(6.0, 4), CONFIG.epochs
    vectors = ended(corpus, CONFIG, state)
    made = json.loads(json.dumps(dict(vectors.metadata)))
    assert made["made_by"] == "wordkit train-w2v"
    assert trained_config(vectors) == replace(CONFIG, lr=0.1)
    text = {"fingerprint": corpus.fingerprint, "tokens": corpus.tokens, "settings": {}}
    assert made["corpus"] == {**text, "sentences": corpus.sentences}
    figures = {"words": 3 * corpus.tokens, "loss": 1.5, "predictions": 4}
    assert made["training"] == {"device": "a fake", **figures}
    assert set(made["versions"]) == {"wordkit", "python", "numpy", "numba"}
    assert "start" not in made
    state = replace(start_afresh(corpus, CONFIG), kept=50, joined=7)
    made = dict(ended(corpus, CONFIG, state).metadata)
    assert made["start"] == {"kept": 50, "joined": 7}
    assert made["training"]["loss"] is None
