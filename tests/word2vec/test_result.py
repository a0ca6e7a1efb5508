"""The embeddings that a training ends with."""

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
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec import TrainingState, Word2VecConfig, start_afresh, trained_config
from wordkit.word2vec.state import Tally
from wordkit.word2vec.train import embeddings_of
from wordkit.word2vec.weights import Weights

CONFIG = Word2VecConfig(arch="skipgram", vectors="in", dim=5, min_count=2, epochs=3)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


def ended(corpus: Corpus, config: Word2VecConfig, state: TrainingState) -> Embeddings:
    return embeddings_of(corpus, config, state, FakeEngine(state, config))


@examples(deadline=None, max_examples=30)
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
    with pytest.raises(DivergenceError, match=r"lower the learning rate \(--lr\), .* was 0\.025"):
        ended(corpus, CONFIG, state)


def test_metadata(corpus: Corpus) -> None:
    state = start_afresh(corpus, CONFIG)
    state.tally = Tally(6.0, 4)
    vectors = ended(corpus, CONFIG, state)
    made = json.loads(json.dumps(dict(vectors.metadata)))
    assert made["made_by"] == "wordkit train-w2v"
    assert trained_config(vectors) == replace(CONFIG, lr=0.025)
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
