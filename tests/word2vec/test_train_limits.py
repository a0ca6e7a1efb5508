"""Trainings that cannot go well, and corpora of all kinds."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from chunk_cases import MODELS
from topics import SMALL, no_threads, of_a_kind, settings, topics, train

from wordkit.errors import ConfigError, DivergenceError, ResourceError, TextError, VocabularyError
from wordkit.runtime import Report
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec import start_afresh, train_word2vec


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.from_sentences(topics())


# --- what can go wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "gradient", "loss"), MODELS)
@pytest.mark.parametrize("lr", [50.0, 1e30])
def test_divergence_says_when_and_what_to_do(
    corpus: Corpus, arch: str, gradient: str, loss: str, lr: float
) -> None:
    config = settings(arch=arch, cbow_gradient=gradient, loss=loss, lr=lr)
    run = train_word2vec(corpus, config, threads=1)
    reports: list[Report] = []
    with pytest.raises(DivergenceError) as caught:
        reports.extend(run)
    assert 0 < len(reports) < 10 and reports[-1].done < corpus.tokens, "it stops at once"
    message = str(caught.value)
    assert "\n" not in message
    words = int(message.split("diverged after ")[1].split(" words")[0].replace(",", ""))
    assert 0 < words < corpus.tokens
    rate = float(message.split("at learning rate ")[1].split(":")[0])
    assert rate == pytest.approx(lr, rel=0.2)
    assert (
        "in epoch 1," in message and f"lower lr, to {config.usual_lr:.2g} say" in message
    )  # a quarter diverges too
    assert no_threads()


@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
def test_many_negatives_and_wide_windows_are_no_divergence(corpus: Corpus, arch: str) -> None:
    """Their first losses are high, as they must be."""
    config = settings(arch=arch, negative=1000, window=100, epochs=1, dim=4, lr=1e-3)
    assert train_word2vec(corpus, config, threads=2).result().metadata["training"]["loss"] < 1000


def test_too_little_memory_is_an_error_and_no_kill(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wordkit.word2vec.memory.available_memory", lambda: 1 << 20)
    with pytest.raises(ResourceError, match=r"48 words of 16 dimensions need .* GiB") as caught:
        train_word2vec(corpus, SMALL)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "table"),
    [
        ({"threads": 3}, r"a table of 2,000 x 48 numbers for each of 3 threads"),
        ({"threads": 1}, r"a table of 2,000 x 48 numbers,"),
        ({"device": "torch-cpu"}, "the gradient of the words that come out"),
    ],
    ids=str,
)
def test_too_little_memory_for_the_full_softmax(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], table: str
) -> None:
    """It is asked for when the weights have been taken."""
    config = settings(arch="skipgram", loss="softmax", window=1000)
    start = start_afresh(corpus, config)
    monkeypatch.setattr("wordkit.word2vec.memory.available_memory", lambda: 1000)
    with pytest.raises(
        ResourceError, match=f"loss softmax needs .* for {table}.* loss ns"
    ) as error:
        train_word2vec(corpus, config, start=start, **options)
    assert "\n" not in str(error.value)
    if "threads" in options:
        needed = 4 * 2002 * 48 * options["threads"]
        monkeypatch.setattr("wordkit.word2vec.memory.available_memory", lambda: needed)
        train_word2vec(corpus, config, start=start, **options).close()


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_the_estimate_of_memory_is_enough(loss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not far more than enough, but for the room that is left for the rest of the process."""
    V = 20_000
    counts = 10**7 // np.arange(1, V + 1) + 5
    vocabulary = Vocabulary([f"w{i}" for i in range(V)], counts)
    corpus = Corpus(np.zeros(100, np.int32), np.array([0, 100]), vocabulary)
    config = settings(loss=loss, dim=1)
    asked: list[int] = []
    monkeypatch.setattr("wordkit.word2vec.memory._BESIDES", 0)
    monkeypatch.setattr("wordkit.word2vec.memory._gib", lambda number: asked.append(number) or "")
    monkeypatch.setattr("wordkit.word2vec.memory.available_memory", lambda: 0)
    with pytest.raises(ResourceError):
        start_afresh(corpus, config)
    monkeypatch.setattr("wordkit.word2vec.memory.available_memory", lambda: asked[0])
    tracemalloc.start()
    train_word2vec(corpus, config, threads=1).close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < asked[0] < 2 * peak


def test_fewer_than_two_words() -> None:
    for sentences in ([["a"] * 9], [["a"] * 9 + ["b"] * 4]):
        with pytest.raises(VocabularyError, match="needs at least 2 words that occur 5 times"):
            train_word2vec(Corpus.from_sentences(sentences), SMALL)
    with pytest.raises(VocabularyError, match="lower the minimum count"):
        train_word2vec(Corpus.from_sentences([["a", "b", "c"]]), SMALL)


def test_bad_options(corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match="threads must be at least 1, not 0"):
        train_word2vec(corpus, SMALL, threads=0)
    with pytest.raises(ConfigError, match="device must be one of auto, cpu, .*, not 'tpu'"):
        train_word2vec(corpus, SMALL, device="tpu")


# --- corpora of all kinds ------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_rare_words_are_left_out_and_change_nothing_else(loss: str) -> None:
    lines = topics(300)
    for number, line in enumerate(lines):
        line.insert(number % 7, f"rare{number}")
    corpus = Corpus.from_sentences(lines)
    vectors = train(corpus, loss=loss, epochs=8, lr=0.05)
    assert len(vectors) == 48 and not any(word.startswith("rare") for word in vectors.words)
    assert of_a_kind(vectors, "tree") >= 15
    assert len(train(corpus, loss=loss, max_vocabulary=10)) == 10


@pytest.mark.parametrize("unk", [True, False])
def test_words_for_the_unknown_and_for_ends_of_lines(unk: bool) -> None:
    """They are words like others, wherever their counts put them."""
    lines = [[*line, f"rare{n}", "<eos>"] for n, line in enumerate(topics(600))]
    corpus = Corpus.from_sentences(lines, min_count=2 if unk else 1, unk=unk)
    assert ("<unk>" in corpus.vocabulary) == unk
    vectors = train(corpus, epochs=4)
    assert vectors.words == corpus.vocabulary.words[: len(vectors)]
    assert ("<unk>" in vectors, "<eos>" in vectors) == (unk, True)
    assert of_a_kind(vectors, "tree") >= 17
    few = train(corpus, max_vocabulary=12)
    assert len(few) == 12 and "<eos>" in few


def test_an_end_of_lines_rarer_than_the_cut_stays_a_word_in_its_place() -> None:
    """Its id is beyond those kept; the words of the corpus find their rows all the same."""
    lines = [*topics(400), ["<eos>"], *[["once", f"rare{n}"] for n in range(3)]]
    corpus = Corpus.from_sentences(lines)
    vectors = train(corpus, epochs=6, lr=0.05)
    assert "<eos>" in vectors and "once" not in vectors and len(vectors) == 49
    assert of_a_kind(vectors, "tree") >= 15


def test_words_with_counts_from_another_text(corpus: Corpus) -> None:
    """A vocabulary may hold words that this text lacks; they keep the vectors they began with."""
    counts = dict(zip(corpus.vocabulary.words, corpus.vocabulary.counts.tolist(), strict=True))
    vocabulary = Vocabulary.from_counts({**counts, "elsewhere": 10**6})
    wider = Corpus.from_sentences(topics(), vocabulary=vocabulary)
    vectors = train(wider)
    assert vectors.words[0] == "elsewhere"
    assert np.abs(vectors.vector("elsewhere")).max() <= 0.5 / 16
    assert np.abs(vectors.vector("tree3")).max() > 0.1


@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
def test_sentences_of_one_word_have_nothing_to_predict(arch: str) -> None:
    rare = [[f"rare{n}", "a", f"rarer{n}"] for n in range(10)]
    for sentences in ([["a"], ["b"], []] * 10, [["b"]] * 10 + rare):
        with pytest.raises(TextError, match="there was nothing to predict") as caught:
            train(Corpus.from_sentences(sentences), arch=arch)
        assert "\n" not in str(caught.value)


def test_a_text_of_which_all_is_skipped_is_told_so() -> None:
    """Its words do stand together; what leaves nothing is the subsampling."""
    corpus = Corpus.from_sentences([["a", "b", "c"]] * 5)
    assert train(corpus).metadata["training"]["predictions"] > 0
    with pytest.raises(TextError, match="sample"):
        train(corpus, sample=1e-9)


def test_one_very_long_line_of_which_little_is_kept() -> None:
    """So long that a chunk is more than the kernels look at together, and nearly all skipped."""
    ids = np.zeros(700_000, dtype=np.int32)
    ids[::1000] = 1
    vocabulary = Vocabulary(["a", "b"], [699_300, 700])
    corpus = Corpus(ids, np.array([0, len(ids)]), vocabulary)
    vectors = train(corpus, sample=1e-6, window=20, epochs=1)
    assert vectors.metadata["training"]["predictions"] > 1000


def test_subsampling_skips_frequent_words(corpus: Corpus) -> None:
    tallies = [
        train(corpus, sample=sample, epochs=1, dynamic_window=False).metadata["training"]
        for sample in (0, 1e-2, 1e-3, 1e-5)
    ]
    predictions = [tally["predictions"] for tally in tallies]
    assert predictions == sorted(predictions, reverse=True)
    assert predictions[0] > 1.5 * predictions[2] > 10 * predictions[3]
