"""The whole way from a corpus to vectors, on the CPU: what is learnt, and what can go wrong."""

from __future__ import annotations

import gzip
import math
import tracemalloc
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from chunk_cases import MODELS
from training_cases import KINDS, SMALL, no_threads, of_a_kind, settings, topics, train

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, DivergenceError, ResourceError, TextError
from wordkit.runtime import Report
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec import (
    Word2VecConfig,
    iter_train_word2vec,
    start_afresh,
    start_from_model,
)
from wordkit.word2vec.kernels import training

models = pytest.mark.parametrize(("arch", "gradient", "loss"), MODELS)


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


@models
def test_topics_are_told_apart(corpus: Corpus, arch: str, gradient: str, loss: str) -> None:
    config = settings(arch=arch, cbow_gradient=gradient, loss=loss, epochs=5)
    run = iter_train_word2vec(corpus, config, threads=1)
    losses = {report.figures["epoch"]: report.figures["loss"] for report in run}
    assert losses[5] < losses[2] < losses[1]
    assert all(of_a_kind(run.result(), kind) >= 17 for kind in KINDS)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("arch", "loss"), [("skipgram", "ns"), ("cbow", "ns"), ("skipgram", "hs")])
def test_subwords_tell_the_topic_of_words_that_are_not_in_the_text(
    corpus: Corpus, arch: str, loss: str, threads: int
) -> None:
    vectors = train(corpus, threads=threads, arch=arch, loss=loss, subwords="3-5", epochs=5)
    assert all(of_a_kind(vectors, kind) >= 17 for kind in KINDS)
    for kind in KINDS:
        near = [word for word, _ in vectors.most_similar(f"{kind}99", n=10)]
        assert vectors.composes(f"{kind}99") and all(word.startswith(kind) for word in near)
    assert vectors.subwords is not None
    composed = vectors.subwords.compose(vectors.words, vectors.weights["input"])
    assert composed.tobytes() == vectors.vectors.tobytes()
    with pytest.raises(ConfigError, match="subwords are trained on the CPU, not on cuda"):
        iter_train_word2vec(corpus, settings(subwords="3-5"), device="cuda")


def test_the_loss_falls_to_the_entropy_of_the_text() -> None:
    corpus = Corpus.from_sentences([["a", "a", "b"], ["a", "b", "b"]] * 2000)
    vectors = train(corpus, loss="softmax", window=2, epochs=6)
    entropy = np.log(3) - 2 / 3 * np.log(2)  # one of the context is like the centre, two are not
    assert vectors.metadata["training"]["loss"] == pytest.approx(entropy, abs=0.05)


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
    ours = iter_train_word2vec(Corpus.from_sentences(wiki), config, threads=2).result()
    assert set(ours.words) == set(theirs.index_to_key)
    words = ours.words[20:320]
    similarities = [
        _similarities(np.array([vector(word) for word in words]))
        for vector in (theirs.get_vector, ours.vector)
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
    changes = {"arch": arch, "loss": loss, "sample": 1e-3, "seed": 2**100}
    first = train(corpus, **changes)
    corpus.save(tmp_path / "corpus.ids")
    mapped = Corpus.open(tmp_path / "corpus.ids")
    assert same_bits(first, train(mapped, **changes)), "in memory or mapped from a file"
    run = iter_train_word2vec(corpus, settings(**changes), threads=1)
    assert len(list(run)) > 10 and same_bits(first, run.result()), "reports or not"
    other = train(corpus, **{**changes, "seed": 2})
    assert (first.vectors != other.vectors).mean() > 0.9


def test_threads_do_the_same_work(corpus: Corpus) -> None:
    """Each chunk once; what is skipped and how wide windows are does not depend on the others."""
    for changes in ({}, {"arch": "cbow"}, {"sample": 1e-3, "loss": "hs"}):
        made = [train(corpus, threads=n, **changes).metadata["training"] for n in (1, 2, 5)]
        assert made[0]["predictions"] == made[1]["predictions"] == made[2]["predictions"] > 1000
        losses = [training["loss"] for training in made]
        assert max(losses) - min(losses) < 0.05


# --- reports -------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_rises_to_its_total(corpus: Corpus, threads: int) -> None:
    run = iter_train_word2vec(corpus, SMALL, threads=threads)
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
    assert rates[0] == 0.1 and rates[-1] == SMALL.min_lr
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

    monkeypatch.setattr(training, "train_chunk", record)
    run = iter_train_word2vec(corpus, settings(lr=0.1, min_lr=0.01, epochs=2), threads=1)
    assert not calls and no_threads(), "nothing is done before it is asked for"
    run.result()
    starts, stops, start_rates, stop_rates = np.array(calls).T
    N = corpus.tokens
    assert starts.tolist() == [0, *stops[:-1] % N] and stops[-1] == N
    epoch = np.arange(len(calls)) >= len(calls) // 2
    for places, rates in ((starts, start_rates), (stops, stop_rates)):
        done = (places + N * epoch) / (2 * N)
        np.testing.assert_allclose(rates, np.maximum(0.1 * (1 - done), 0.01))


# --- what can go wrong ---------------------------------------------------------------------------


@models
@pytest.mark.parametrize("lr", [50.0, 1e30])
def test_divergence_says_when_and_what_to_do(
    corpus: Corpus, arch: str, gradient: str, loss: str, lr: float
) -> None:
    config = settings(arch=arch, cbow_gradient=gradient, loss=loss, lr=lr)
    run = iter_train_word2vec(corpus, config, threads=1)
    reports: list[Report] = []
    with pytest.raises(DivergenceError) as caught:
        reports.extend(run)
    assert 0 < len(reports) < 10 and reports[-1].done < corpus.tokens, "it stops at once"
    message = str(caught.value)
    assert "\n" not in message and "in epoch 1," in message
    words = int(message.split("diverged after ")[1].split(" words")[0].replace(",", ""))
    assert 0 < words < corpus.tokens
    rate = float(message.split("at learning rate ")[1].split(":")[0])
    assert rate == pytest.approx(lr, rel=0.2)
    assert f"lower lr, to {config.usual_lr:.2g} say" in message  # a quarter diverges too
    assert no_threads()


@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
@pytest.mark.parametrize("negative", [5, 10, 100])
@pytest.mark.parametrize("chances", [[1, 1], [10, 1, 1], [1] * 10])
def test_the_default_rate_suits_texts_of_few_words(
    arch: str, negative: int, chances: list[int]
) -> None:
    chooser = np.random.default_rng(1)
    p = np.array(chances) / sum(chances)
    corpus = Corpus.from_sentences([list(map(str, chooser.choice(len(p), 3000, p=p)))])
    vectors = train(corpus, arch=arch, negative=negative, sample=0, lr=None, dim=16)
    assert vectors.metadata["training"]["loss"] < (negative + 1) * math.log(2)


def test_long_trainings_of_skip_gram_start_lower() -> None:
    counts = np.full(
        1000, 20_000
    )  # at 0.1 Wikipedia's 11 million words diverged in epoch 13 of 170
    rates = [
        settings(arch=arch, lr=None, epochs=epochs).with_stable_lr(counts).lr
        for arch in ("skipgram", "cbow") for epochs in (5, 6)
    ]  # fmt: skip
    assert rates == [0.1, 0.05, 0.2, 0.2]


@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
def test_many_negatives_and_wide_windows_are_no_divergence(corpus: Corpus, arch: str) -> None:
    """Their first losses are high, as they must be."""
    config = settings(arch=arch, negative=1000, window=100, epochs=1, dim=4, lr=1e-3)
    assert (
        iter_train_word2vec(corpus, config, threads=2).result().metadata["training"]["loss"] < 1000
    )


@pytest.mark.parametrize(
    ("options", "purpose"),
    [
        ({"threads": 3}, r"a table of 2,000 x 48 numbers for each of 3 threads"),
        ({"device": "torch-cpu"}, "the gradient of the output embeddings"),
    ],
    ids=str,
)
def test_too_little_memory_for_the_full_softmax(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], purpose: str
) -> None:
    """It is asked for when the weights have been taken."""
    config = settings(arch="skipgram", loss="softmax", window=1000)
    state = start_afresh(corpus, config)
    free = 4 * 2002 * 48 * 3 - 1 if "threads" in options else 1000
    monkeypatch.setattr("wordkit.runtime.memory.available_memory", lambda: free)
    with pytest.raises(ResourceError, match=f"loss softmax needs for {purpose}.* loss ns"):
        iter_train_word2vec(corpus, config, start=state, **options)
    free += 10**6
    iter_train_word2vec(corpus, config, start=state, **options).close()


@pytest.mark.parametrize(
    "changes",
    [*({"loss": n, "dim": 1} for n in ("ns", "hs", "softmax")), {"subwords": "3-6", "dim": 20}],
)
def test_the_estimate_of_memory_is_enough(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not far more than enough, but for the room that is left for the rest of the process."""
    V = 20_000
    vocabulary = Vocabulary([f"word{i}" for i in range(V)], 10**7 // np.arange(1, V + 1) + 5)
    corpus = Corpus(np.zeros(100, np.int32), np.array([0, 100]), vocabulary)
    config, asked = settings(**changes), list[int]()
    monkeypatch.setattr("wordkit.word2vec.weights._OTHER_BYTES", 0)
    with monkeypatch.context() as patch:
        for home in ("weights", "components"):
            name = f"wordkit.word2vec.{home}.require_memory"
            patch.setattr(name, lambda _, needed, __: asked.append(needed))
        start_afresh(corpus, config)
    tracemalloc.start()
    iter_train_word2vec(corpus, config, threads=1).close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < max(asked) < 2 * peak
    if "subwords" not in changes:
        return
    for free, message in (
        (1000, "n-grams of 20,000 words need .* fewer lengths"),
        (min(asked), "n-grams of 20 dimensions need .* fewer buckets"),
    ):
        monkeypatch.setattr("wordkit.runtime.memory.available_memory", lambda free=free: free)
        with pytest.raises(ResourceError, match=message):
            start_afresh(corpus, config)


# --- corpora of all kinds ------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_rare_words_are_left_out_and_change_nothing_else(loss: str) -> None:
    lines = topics(300)
    for number, line in enumerate(lines):
        line.insert(number % 7, f"rare{number}")
    corpus = Corpus.from_sentences([*lines, ["<eos>"]])  # whose id is beyond those kept
    vectors = train(corpus, loss=loss, epochs=8, lr=0.05)
    assert len(vectors) == 49 and not any(word.startswith("rare") for word in vectors.words)
    assert of_a_kind(vectors, "tree") >= 15
    assert len(train(corpus, loss=loss, max_vocabulary=10)) == 10


def test_words_that_the_text_lacks_keep_their_vectors(corpus: Corpus) -> None:
    counts = dict(zip(corpus.vocabulary.words, corpus.vocabulary.counts.tolist(), strict=True))
    vocabulary = Vocabulary.from_counts({**counts, "elsewhere": 10**6})
    vectors = train(Corpus.from_sentences(topics(), vocabulary=vocabulary))
    assert vectors.words[0] == "elsewhere"
    assert np.abs(vectors.vector("elsewhere")).max() <= 0.5 / 16
    assert np.abs(vectors.vector("tree3")).max() > 0.1


@pytest.mark.parametrize("device", ["cpu", "torch-cpu"])
def test_words_that_a_new_text_lacks_are_no_negatives(corpus: Corpus, device: str) -> None:
    model = train(corpus)
    new = Corpus.from_sentences([[f"fish{n % 20}", f"fish{n % 7}"] for n in range(2000)])
    start = start_from_model(new, SMALL, model)
    after = iter_train_word2vec(new, SMALL, start=start, device=device, threads=1).result()
    changed = {
        word
        for word in model.words
        if not np.array_equal(
            after.weights["output"][after.vocabulary.id(word)],
            model.weights["output"][model.vocabulary.id(word)],
        )
    }
    assert changed == {word for word in new.vocabulary if word in model}


@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
def test_nothing_to_predict(arch: str) -> None:
    rare = [[f"rare{n}", "a", f"rarer{n}"] for n in range(10)]
    for sentences, sample in (
        ([["a"], ["b"], []] * 10, 0.0),
        ([["b"]] * 10 + rare, 0.0),
        ([["a", "b", "c"]] * 5, 1e-9),  # all is skipped
    ):
        config = settings(arch=arch, sample=sample)
        run = iter_train_word2vec(Corpus.from_sentences(sentences), config, threads=1)
        with pytest.raises(TextError, match=r"there was nothing to predict.* sample") as caught:
            run.result()
        assert "\n" not in str(caught.value)
        assert not run.has_learnt, "there is nothing to keep"


@pytest.mark.parametrize(("arch", "sample"), [("cbow", 0.0), ("skipgram", 1e-3)])
def test_a_text_of_two_words_does_not_diverge(arch: str, sample: float) -> None:
    words = np.random.default_rng(1).choice(["a", "b"], size=(2000, 10))
    corpus = Corpus.from_sentences(words.tolist())
    vectors = train(corpus, arch=arch, sample=sample, epochs=5, dim=100, lr=None)
    # with no word known from another, a prediction costs at most 6 log 2
    assert vectors.metadata["training"]["loss"] < 6 * math.log(2)


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_a_training_that_learns_nothing_is_no_warning(
    loss: str, recwarn: pytest.WarningsRecorder
) -> None:
    draws = np.random.default_rng(1).integers(60, size=(2000, 10))
    text = np.where(draws < 30, draws, 30).astype(str)  # half of it is one word
    train(Corpus.from_sentences(text.tolist()), loss=loss, lr=1e-7, sample=1e-3, epochs=1)
    assert not recwarn.list
