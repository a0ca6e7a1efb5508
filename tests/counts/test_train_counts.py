"""The whole way from a corpus to vectors that answer."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest

from wordkit.counts import (
    CountsConfig,
    iter_count_cooccurrences,
    iter_train_counts,
    iter_truncated_svd,
    ppmi,
)
from wordkit.errors import ConfigError, TextError, VocabularyError
from wordkit.text import Corpus

SMALL = CountsConfig(dim=12, window=3, min_count=2)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Sentences of two kinds, so that words of a kind occur with each other."""
    chooser = np.random.default_rng(0)
    kinds = [[f"{kind}{i}" for i in range(30)] for kind in ("fish", "tree")]
    common = [f"common{i}" for i in range(10)]
    lines = [
        [str(chooser.choice(kinds[n % 2] if chooser.random() < 0.6 else common)) for _ in range(12)]
        for n in range(600)
    ]
    return Corpus.from_sentences([*lines, ["once"], []])


def test_it_is_the_three_steps(corpus: Corpus) -> None:
    run = iter_train_counts(corpus, SMALL)
    stages = list(dict.fromkeys(report.stage for report in run))
    assert stages == ["counting", "weighting", "decomposing"]
    vectors = run.result()
    size = len(vectors)
    assert vectors.words == corpus.vocabulary.words[:size] and "once" not in vectors
    assert vectors.vocabulary.counts.tolist() == corpus.vocabulary.counts[:size].tolist()
    counts = iter_count_cooccurrences(corpus, SMALL.cooccurrence(), vocabulary_size=size).result()
    U, s, Vt = iter_truncated_svd(ppmi(counts), 12).result()
    np.testing.assert_array_equal(vectors.vectors, U * s**0.5)

    both = CountsConfig(**{**SMALL.__dict__, "context_vectors": True, "exponent": 0.25})
    expected = (U + Vt.T) * s**0.25
    found = iter_train_counts(corpus, both).result().vectors
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_threads_and_memory_change_no_bit(corpus: Corpus) -> None:
    expected = iter_train_counts(corpus, SMALL, threads=1).result()
    for options in ({"threads": 2}, {"threads": 1, "memory": 60_000}):
        found = iter_train_counts(corpus, SMALL, **options).result()
        np.testing.assert_array_equal(found.vectors, expected.vectors)
        assert found.metadata == expected.metadata


@pytest.mark.parametrize("options", [{}, {"side": "left"}])
def test_memory_holds_in_each_stage(options: dict[str, Any]) -> None:
    """Of the arrays of a matrix far larger than the memory allowed, none is in memory."""
    words = np.random.default_rng(0).integers(0, 1500, (20_000, 20))
    corpus = Corpus.from_sentences([f"w{word}" for word in line] for line in words.tolist())
    config = CountsConfig(dim=4, min_count=1, **options)
    iter_train_counts(corpus, config, threads=1).result()  # what is compiled and loaded once
    memory, peaks = 3_000_000, {}
    tracemalloc.start()  # NumPy tells it of its arrays, but not of mapped files
    start = tracemalloc.get_traced_memory()[0]
    run = iter_train_counts(corpus, config, threads=1, memory=memory)
    stage = "start"
    for report in run:
        if report.stage != stage:
            peaks[stage] = tracemalloc.get_traced_memory()[1] - start
            tracemalloc.reset_peak()
            stage = report.stage
        if report.done > 1 and stage == "decomposing":
            break
    peaks[stage] = tracemalloc.get_traced_memory()[1] - start
    tracemalloc.stop()
    run.close()
    vectors = 32 * 1500 * 16  # see iter_train_counts, for a block of 16
    assert peaks.keys() == {"start", "counting", "merging", "weighting", "decomposing"}
    assert peaks.pop("decomposing") < memory + 4 * vectors
    assert max(peaks.values()) < memory


def test_the_metadata_say_how_they_were_made(corpus: Corpus) -> None:
    made = json.loads(json.dumps(dict(iter_train_counts(corpus, SMALL).result().metadata)))
    assert made["settings"] == {**SMALL.__dict__}
    assert made["corpus"]["fingerprint"] == corpus.fingerprint
    assert made["corpus"]["tokens"] == corpus.tokens
    values = made["singular_values"]
    assert values["largest"] > values["smallest"] > 0 and 0 < values["share_of_squares"] < 1
    assert set(made["versions"]) == {"wordkit", "python", "numpy", "scipy", "numba"}


def test_a_vocabulary_too_small(corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match="less than the 70 words left, not 70; lower dim"):
        iter_train_counts(corpus, CountsConfig(dim=70, min_count=2))
    with pytest.raises(ConfigError, match="less than the 9 words left, not 12"):
        iter_train_counts(corpus, CountsConfig(dim=12, max_vocabulary=9))
    with pytest.raises(VocabularyError, match="no word is left"):
        iter_train_counts(corpus, CountsConfig(dim=12, min_count=10_000))


def test_text_without_neighbours() -> None:
    lonely = Corpus.from_sentences([[f"w{i % 9}"] for i in range(100)])
    with pytest.raises(TextError, match="no two words occur together: .* give text with longer"):
        iter_train_counts(lonely, CountsConfig(dim=2)).result()


def test_a_shift_that_leaves_nothing(corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match="more often than by chance with shift 1000000.0; lower"):
        iter_train_counts(corpus, CountsConfig(dim=5, shift=1e6)).result()
