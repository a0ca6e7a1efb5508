"""The whole way from a corpus to vectors, on the CPU: what is learnt, and how it goes on."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from chunk_cases import MODELS
from topics import KINDS, SMALL, no_threads, of_a_kind, settings, topics, train

from wordkit.embeddings import Embeddings
from wordkit.runtime import Report
from wordkit.text import Corpus
from wordkit.word2vec import Word2VecConfig, kernels, train_word2vec


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.from_sentences(topics())


def same_bits(a: Embeddings, b: Embeddings) -> bool:
    """Whether words, vectors and weights are equal."""
    return (
        a.words == b.words
        and a.vectors.tobytes() == b.vectors.tobytes()
        and all(a.weights[name].tobytes() == b.weights[name].tobytes() for name in a.weights)
    )


# --- what is learnt ------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "gradient", "loss"), MODELS)
def test_topics_are_told_apart(corpus: Corpus, arch: str, gradient: str, loss: str) -> None:
    run = train_word2vec(
        corpus, settings(arch=arch, cbow_gradient=gradient, loss=loss, epochs=5), threads=1
    )
    losses = {report.figures["epoch"]: report.figures["loss"] for report in run}
    assert losses[5] < losses[2] < losses[1]
    vectors = run.result()
    for kind in KINDS:
        assert of_a_kind(vectors, kind) >= 17


@pytest.mark.parametrize("vectors", ["in", "out", "sum"])
def test_any_of_the_vectors_tell_them_apart(corpus: Corpus, vectors: str) -> None:
    found = train(corpus, arch="cbow", vectors=vectors, epochs=6)
    assert of_a_kind(found, "tree") >= 15


def test_the_loss_falls_to_that_of_the_best_guess() -> None:
    """Two words in turn: each is surely next to the other, and no more than that can be known."""
    corpus = Corpus.from_sentences([["a", "b"]] * 3000)
    run = train_word2vec(corpus, settings(loss="softmax", window=1, epochs=20), threads=1)
    losses = [report.figures["loss"] for report in run if report.done]
    assert np.log(2) > losses[0] > losses[-1] and losses[-1] < 0.02
    corpus = Corpus.from_sentences([["a", "a", "b"], ["a", "b", "b"]] * 2000)
    run = train_word2vec(corpus, settings(loss="softmax", window=2, epochs=6), threads=1)
    last = [report.figures["loss"] for report in run][-1]
    surprise = np.log(3) - 2 / 3 * np.log(2)  # one of the context is like the centre, two are not
    assert last == pytest.approx(surprise, abs=0.05)


@pytest.mark.parametrize(
    ("arch", "loss", "epochs", "least"),
    [("skipgram", "ns", 1, 0.8), ("cbow", "ns", 2, 0.8), ("cbow", "hs", 2, 0.5)],
)
def test_gensim_finds_the_same_words_similar(
    wiki: list[list[str]], arch: str, loss: str, epochs: int, least: float
) -> None:
    """How similar frequent words are to each other, by both: as from two seeds of one program."""
    from gensim.models import Word2Vec

    theirs = Word2Vec(
        wiki, vector_size=32, min_count=5, epochs=epochs, alpha=0.05, sg=int(arch == "skipgram"),
        hs=int(loss == "hs"), negative=5 if loss == "ns" else 0, workers=2, seed=1,
    ).wv  # fmt: skip
    config = Word2VecConfig(
        arch=arch,
        loss=loss,
        cbow_gradient="word2vec" if arch == "cbow" else "true",
        dim=32,
        epochs=epochs,
        lr=0.05,
        vectors="in",
    )
    ours = train_word2vec(Corpus.from_sentences(wiki), config, threads=2).result()
    assert set(ours.words) == set(theirs.index_to_key)
    words = ours.words[20:320]
    similarities = [
        _similarities(np.array([vectors[ids[word]] for word in words]))
        for vectors, ids in (
            (theirs.vectors, theirs.key_to_index),
            (ours.vectors, {word: i for i, word in enumerate(ours.words)}),
        )
    ]
    assert np.corrcoef(similarities)[0, 1] > least


def _similarities(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The cosine of each pair of vectors."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (units @ units.T)[np.triu_indices(len(units), 1)]


@pytest.fixture(scope="module")
def wiki(shared_data: Path) -> list[list[str]]:
    """About 300,000 tokens of text."""
    path = shared_data / "enwiki-2018" / "enwiki-2018.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [line.lower().split() for line in islice(file, 11_000)]


# --- chance --------------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_one_thread_is_the_same_bit_for_bit(
    corpus: Corpus, tmp_path: Path, arch: str, loss: str
) -> None:
    changes = {"arch": arch, "loss": loss, "sample": 1e-3}
    first = train(corpus, **changes)
    assert same_bits(first, train(corpus, **changes))
    corpus.save(tmp_path / "corpus.ids")
    mapped = Corpus.open(tmp_path / "corpus.ids")
    assert same_bits(first, train(mapped, **changes)), "in memory or mapped from a file"
    run = train_word2vec(corpus, settings(**changes), threads=1)
    assert len(list(run)) > 10 and same_bits(first, run.result()), "reports or not"
    other = train(corpus, **changes, seed=2)
    assert (first.vectors != other.vectors).mean() > 0.9


def test_threads_do_the_same_work(corpus: Corpus) -> None:
    """Each chunk once; what is skipped and how long windows are does not hang on the others."""
    for changes in ({}, {"arch": "cbow"}, {"sample": 1e-3, "loss": "hs"}):
        made = [train(corpus, threads=threads, **changes) for threads in (1, 2, 5)]
        tallies = [vectors.metadata["training"]["predictions"] for vectors in made]
        assert tallies[0] == tallies[1] == tallies[2] > 1000
        losses = [vectors.metadata["training"]["loss"] for vectors in made]
        assert max(losses) - min(losses) < 0.05


def test_a_large_seed(corpus: Corpus) -> None:
    assert same_bits(train(corpus, seed=2**100), train(corpus, seed=2**100))


# --- how it goes on ------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_rises_to_its_total(corpus: Corpus, threads: int) -> None:
    run = train_word2vec(corpus, SMALL, threads=threads)
    reports: list[Report] = list(run)
    total = 3 * corpus.tokens
    assert {(report.stage, report.unit, report.total) for report in reports} == {
        ("training", "words", total)
    }
    done = [report.done for report in reports]
    assert done == sorted(done) and (done[0], done[-1]) == (0, total)
    assert len(reports) > 30
    epochs = [report.figures["epoch"] for report in reports]
    assert epochs == sorted(epochs) and set(epochs) == {1, 2, 3}
    rates = [report.figures["lr"] for report in reports]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == 0.025 and rates[-1] == SMALL.min_lr
    made = run.result().metadata["training"]
    assert made["loss"] == reports[-1].figures["loss"]
    assert made["words"] == total


def test_the_learning_rate_falls_evenly_over_all_epochs(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[float, ...]] = []

    def record(text: Any, start: int, stop: int, *rest: Any) -> tuple[float, int]:
        if start < stop:  # nothing is trained on for the sake of compilation
            calls.append((start, stop, *rest[4:6]))
        return 0.0, 1

    monkeypatch.setattr(kernels, "train_chunk", record)
    train(corpus, lr=0.1, min_lr=0.01, epochs=2)
    starts, stops, start_rates, stop_rates = np.array(calls).T
    N = corpus.tokens
    assert starts.tolist() == [0, *stops[:-1] % N] and stops[-1] == N
    epoch = np.arange(len(calls)) >= len(calls) // 2
    for places, rates in ((starts, start_rates), (stops, stop_rates)):
        done = (places + N * epoch) / (2 * N)
        np.testing.assert_allclose(rates, np.maximum(0.1 * (1 - done), 0.01))


@pytest.mark.parametrize("after", [0, 1, 2, 10])
def test_closing_stops_the_threads(corpus: Corpus, after: int) -> None:
    run = train_word2vec(corpus, settings(epochs=1000), threads=2)
    reports = list(islice(run, after))
    assert len(reports) == after
    run.close()
    assert no_threads()
    assert list(run) == []
    with pytest.raises(RuntimeError, match="closed"):
        run.result()


def test_a_run_does_nothing_before_it_is_asked_to(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(kernels, "train_chunk", lambda *args: calls.append(args) or (0.0, 1))
    run = train_word2vec(corpus, SMALL, threads=1)
    assert not calls and no_threads()
    run.result()
    assert calls
