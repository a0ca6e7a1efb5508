"""What a training ends with."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from training_strategies import configs, small_corpus, vocabularies, weights_of

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, DivergenceError
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.new_training import start_afresh
from wordkit.word2vec.recorded_config import config_of
from wordkit.word2vec.result import embeddings_of
from wordkit.word2vec.starting_point import StartingPoint
from wordkit.word2vec.state import Tally, TrainingState
from wordkit.word2vec.weights import Weights

CONFIG = Word2VecConfig(arch="skipgram", vectors="in", dim=5, min_count=2, epochs=3)
TALLY = Tally(6.0, 4)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


def ended(corpus: Corpus, config: Word2VecConfig, start: StartingPoint) -> Embeddings:
    return embeddings_of(corpus, config, start, FakeEngine(start, config), TALLY)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), config=configs(), vocabulary=vocabularies())
def test_vectors_and_weights(
    corpus: Corpus, data: st.DataObject, config: Word2VecConfig, vocabulary: Vocabulary
) -> None:
    weights = data.draw(weights_of(len(vocabulary), config))
    input, output = weights.input.copy(), weights.output.copy()  # noqa: A001
    start = StartingPoint(vocabulary, np.zeros(0, np.int32), TrainingState(weights))
    made = ended(corpus, config, start)
    assert made.vocabulary is vocabulary
    if config.vectors == "in":
        expected, name, other = input, "output", output
    else:
        expected, name, other = output, "input", input
    if config.vectors == "sum":
        expected = input + output
    assert made.vectors.tobytes() == expected.tobytes()
    assert list(made.weights) == [name]
    assert made.weights[name].tobytes() == other.tobytes()
    assert made.vectors.flags.c_contiguous and made.weights[name].flags.c_contiguous
    made.check()


@pytest.mark.parametrize("vectors", ["in", "out", "sum"])
def test_no_third_matrix_is_made_and_nobody_can_write(corpus: Corpus, vectors: Any) -> None:
    V, config = 150_000, Word2VecConfig(dim=50, vectors=vectors)
    vocabulary = Vocabulary(map(str, range(V)), np.ones(V, np.int64))
    weights = Weights.initial(V, V, config)
    weights.output[:] = 1
    start = StartingPoint(vocabulary, np.zeros(0, np.int32), TrainingState(weights))
    tracemalloc.start()
    made = ended(corpus, config, start)
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


def test_a_starting_point_is_good_for_one_training(corpus: Corpus) -> None:
    start = start_afresh(corpus, CONFIG)
    ended(corpus, CONFIG, start)
    with pytest.raises(ConfigError, match="was trained from before; make another one"):
        ended(corpus, CONFIG, start)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e35])
@pytest.mark.parametrize("matrix", ["input", "output"])
def test_divergence(corpus: Corpus, matrix: str, value: float) -> None:
    start = start_afresh(corpus, CONFIG)
    getattr(start.state.weights, matrix)[3, 2] = value
    with pytest.raises(DivergenceError, match=r"lower the learning rate \(--lr\), .* was 0\.025"):
        ended(corpus, CONFIG, start)


def test_the_metadata_say_how_they_were_made(corpus: Corpus) -> None:
    start = start_afresh(corpus, CONFIG)
    made = json.loads(json.dumps(dict(ended(corpus, CONFIG, start).metadata)))
    assert made["made_by"] == "wordkit train-w2v"
    assert config_of(made["settings"]) == replace(CONFIG, lr=0.025)
    assert made["corpus"] == {
        "fingerprint": corpus.fingerprint,
        "tokens": corpus.tokens,
        "sentences": corpus.sentences,
        "settings": {},
    }
    assert made["training"] == {
        "device": "a fake",
        "words": 3 * corpus.tokens,
        "loss": 1.5,
        "predictions": 4,
    }
    assert set(made["versions"]) == {"wordkit", "python", "numpy", "numba"}
    assert "start" not in made


def test_the_metadata_of_a_training_that_went_on(corpus: Corpus) -> None:
    start = replace(start_afresh(corpus, CONFIG), kept=50, joined=7)
    engine = FakeEngine(start, CONFIG)
    engine.packages = ("numpy", "click")
    made = embeddings_of(corpus, CONFIG, start, engine, Tally()).metadata
    assert made["start"] == {"kept": 50, "joined": 7}
    assert made["training"]["loss"] is None
    assert set(made["versions"]) == {"wordkit", "python", "numpy", "click"}
