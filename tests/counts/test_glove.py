"""GloVe, against slow and obvious references."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from wordkit.counts import (
    GloveCheckpoint,
    GloveConfig,
    iter_count_cooccurrences,
    iter_train_glove,
    read_glove_checkpoint,
)
from wordkit.counts.glove_checkpoint import GloveState, save_glove_checkpoint
from wordkit.counts.glove_kernels import train_pairs
from wordkit.counts.glove_pairs import PairChunks, random_counter
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, DivergenceError, FormatError, TextError, VocabularyError
from wordkit.kernels.random import below
from wordkit.runtime import ThreadPool
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.text import Corpus

SMALL = GloveConfig(dim=10, window=4, epochs=3, min_count=2)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Sentences of two kinds, so that words of a kind occur with each other more often."""
    chooser = np.random.default_rng(0)
    kinds = [[f"{kind}{i}" for i in range(20)] for kind in ("fish", "tree")]
    common = [f"common{i}" for i in range(8)]

    def word(n: int) -> str:
        kind = chooser.choice(3, p=(0.7, 0.1, 0.2))
        return str(chooser.choice((kinds[n % 2], kinds[1 - n % 2], common)[kind]))

    lines = [[word(n) for _ in range(12)] for n in range(600)]
    return Corpus.from_sentences([*lines, ["once"], []])


def train(corpus: Corpus, *, threads: int = 1, **changes: Any) -> Embeddings:
    return iter_train_glove(corpus, replace(SMALL, **changes), threads=threads).result()


def shuffled(
    matrix: csr_array, *, seed: int = 1, memory: int = 1 << 30, threads: int = 1
) -> PairChunks:
    with ThreadPool(threads) as pool:
        steps = PairChunks.shuffle(matrix, 10.0, 0.75, seed, memory, pool)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]


# --- pairs in random order -----------------------------------------------------------------------


@st.composite
def symmetric_matrices(draw: st.DrawFn) -> csr_array:
    n = draw(st.integers(1, 12))
    values = draw(st.lists(st.floats(2.0**-10, 2.0**20, width=32), min_size=n * n, max_size=n * n))
    kept = draw(st.lists(st.booleans(), min_size=n * n, max_size=n * n))
    upper = np.triu(np.where(kept, values, 0).reshape(n, n)).astype(np.float32)
    return csr_array(upper + np.triu(upper, 1).T)


@given(symmetric_matrices(), st.integers(0, 2**70))
def test_each_pair_is_in_one_chunk_with_its_logarithm_and_weight(
    matrix: csr_array, seed: int
) -> None:
    chunks = shuffled(matrix, seed=seed) if matrix.nnz else None
    if chunks is None:
        return
    assert chunks.entries == matrix.nnz
    found = {}
    for chunk in range(len(chunks)):
        pairs, values = chunks[chunk]
        for (row, column), (log, weight) in zip(pairs[:, :2].tolist(), values[:, 2:], strict=True):
            assert (row, column) not in found
            found[row, column] = float(log), float(weight)
    dense = matrix.toarray()
    assert found.keys() == {(i, j) for i, j in zip(*dense.nonzero(), strict=True) if i <= j}
    for (row, column), (log, weight) in found.items():
        assert log == pytest.approx(np.log(dense[row, column]), rel=1e-6, abs=1e-7)
        assert weight == pytest.approx(min((dense[row, column] / 10) ** 0.75, 1), rel=1e-5)


def test_threads_and_memory_change_no_chunk() -> None:
    random = np.random.default_rng(0)
    dense = np.triu(random.poisson(0.3, (600, 600))).astype(np.float32)
    matrix = csr_array(dense + np.triu(dense, 1).T)
    expected = shuffled(matrix)
    assert len(expected) > 20 and not isinstance(expected.pairs.base, np.memmap)
    sizes = np.diff(expected.starts)
    assert sizes.min() > 0.8 * sizes.mean() and sizes.max() < 1.2 * sizes.mean()
    for options in ({"threads": 2}, {"memory": 1}, {"memory": 2_000_000, "threads": 3}):
        found = shuffled(matrix, **options)
        np.testing.assert_array_equal(found.starts, expected.starts)
        np.testing.assert_array_equal(found.pairs, expected.pairs)
    assert not np.array_equal(shuffled(matrix, seed=2).pairs[:, :2], expected.pairs[:, :2])


# --- the training --------------------------------------------------------------------------------


def twin(corpus: Corpus, config: GloveConfig) -> tuple[np.ndarray[Any, Any], float]:
    """Vectors and the mean loss of the last epoch, one step after the other in float64."""
    vocabulary = corpus.vocabulary.cut(min_count=config.min_count)
    state = GloveState.initial(vocabulary, config)
    w, gw, c, gc = state.vectors[:, :, : config.dim].astype(np.float64).transpose(1, 0, 2)
    b, gb, d, gd = state.biases.astype(np.float64).T
    matrix = iter_count_cooccurrences(
        corpus, config.cooccurrence(), vocabulary_size=len(vocabulary)
    ).result()
    X, losses = matrix.toarray(), []
    for epoch in range(config.epochs):
        losses = []
        for i, j in epoch_order(matrix, config, epoch):
            for a, z in {(i, j), (j, i)}:  # which change different numbers
                f = min((X[a, z] / config.x_max) ** config.alpha, 1)
                error = w[a] @ c[z] + b[a] + d[z] - np.log(X[a, z])
                losses.append(f * error**2 / 2)
                of_w, of_c, of_b = f * error * c[z], f * error * w[a], f * error
                w[a] -= config.lr * of_w / np.sqrt(gw[a])
                c[z] -= config.lr * of_c / np.sqrt(gc[z])
                gw[a] += (config.lr * of_w) ** 2
                gc[z] += (config.lr * of_c) ** 2
                b[a] -= of_b / np.sqrt(gb[a])
                d[z] -= of_b / np.sqrt(gd[z])
                gb[a] += of_b**2
                gd[z] += of_b**2
    return w + c, float(np.mean(losses))


def epoch_order(matrix: csr_array, config: GloveConfig, epoch: int) -> Iterator[tuple[int, int]]:
    """The pairs of an epoch in the order that the training has."""
    chunks = shuffled(matrix, seed=config.seed)
    for chunk in np.random.default_rng((config.seed, epoch)).permutation(len(chunks)).tolist():
        pairs = chunks[chunk][0][:, :2].tolist()
        counter = random_counter(config.seed, epoch, chunk)
        for i in range(len(pairs) - 1, 0, -1):
            j = below(i + 1, counter + np.uint64(i))
            pairs[i], pairs[j] = pairs[j], pairs[i]
        yield from pairs


@pytest.mark.parametrize("changes", [{}, {"dim": 16, "lr": 0.2, "alpha": 0.3}, {"dim": 1}])
def test_it_is_its_twin(corpus: Corpus, changes: dict[str, Any]) -> None:
    config = replace(SMALL, **changes)
    vectors, loss = twin(corpus, config)
    found = train(corpus, **changes)
    np.testing.assert_allclose(found.vectors, vectors, rtol=2e-3, atol=2e-4)
    assert found.metadata["training"]["loss"] == pytest.approx(loss, rel=1e-4)


def test_a_step_follows_the_gradient() -> None:
    """The change of each number is −lr times the derivative of the loss, and lr 1 for biases."""
    random = np.random.default_rng(3)
    vectors = np.ones((2, 4, 16), np.float32)
    vectors[:, ::2] = random.normal(size=(2, 2, 16)) / 4
    biases = np.ones((2, 4), np.float32)
    biases[:, ::2] = random.normal(size=(2, 2)) / 4
    pair = np.array([[0, 1, 0, 0]], np.int32)
    values = pair.view(np.float32)
    values[0, 2:] = np.log(7.0), 0.3
    lr = 1e-3

    def loss(vectors: np.ndarray[Any, Any], biases: np.ndarray[Any, Any]) -> float:
        both = ((0, 1), (1, 0))
        products = [vectors[a, 0] @ vectors[z, 2] + biases[a, 0] + biases[z, 2] for a, z in both]
        return float(sum(0.3 * (product - np.log(7.0)) ** 2 / 2 for product in products))

    before = vectors.astype(np.float64), biases.astype(np.float64)
    total, steps = train_pairs(pair, values, vectors.reshape(2, 64), biases, lr, random_counter(1))
    assert steps == 2 and total == pytest.approx(loss(*before), rel=1e-5)
    for array, old, rate in ((vectors, before[0], lr), (biases, before[1], 1.0)):
        for index in np.ndindex(old.shape):
            if index[1] in (1, 3):
                continue
            shifted = [[part.copy() for part in before] for _ in range(2)]
            which = 0 if array is vectors else 1
            for sign, parts in zip((1, -1), shifted, strict=True):
                parts[which][index] += sign * 1e-5
            slope = (loss(*shifted[0]) - loss(*shifted[1])) / 2e-5
            assert array[index] - old[index] == pytest.approx(-rate * slope, rel=1e-3, abs=2e-7)


def test_words_of_a_kind_are_near_each_other(corpus: Corpus) -> None:
    run = iter_train_glove(corpus, replace(SMALL, epochs=30), threads=2)
    reports = list(run)
    assert list(dict.fromkeys(r.stage for r in reports)) == ["counting", "shuffling", "training"]
    losses = {r.figures["epoch"]: r.figures["loss"] for r in reports if r.stage == "training"}
    assert losses[30] < losses[10] < losses[2]
    vectors = run.result()
    nearest = [word for word, _ in vectors.most_similar("fish3", n=19)]
    assert sum(word.startswith("fish") for word in nearest) > 15
    assert "once" not in vectors and reports[-1].done == reports[-1].total


def test_seed_threads_and_memory(corpus: Corpus) -> None:
    expected = train(corpus)
    again = iter_train_glove(corpus, SMALL, threads=1, memory=100_000).result()
    np.testing.assert_array_equal(again.vectors, expected.vectors)
    assert again.metadata == expected.metadata
    assert not np.array_equal(train(corpus, seed=2).vectors, expected.vectors)
    together = train(corpus, threads=3)
    assert together.metadata["training"]["pairs"] == expected.metadata["training"]["pairs"]
    np.testing.assert_allclose(together.vectors, expected.vectors, atol=0.1)


def test_the_metadata_say_how_they_were_made(corpus: Corpus) -> None:
    made = json.loads(json.dumps(dict(train(corpus).metadata)))
    assert made["made_by"] == "wordkit train-glove" and made["settings"] == asdict(SMALL)
    assert made["corpus"]["fingerprint"] == corpus.fingerprint
    assert set(made["versions"]) == {"wordkit", "python", "numpy", "scipy", "numba"}


# --- checkpoints ---------------------------------------------------------------------------------


def stopped(corpus: Corpus, path: Path) -> GloveCheckpoint:
    """The checkpoint of a training that is closed in its second epoch."""
    run = iter_train_glove(corpus, SMALL, threads=1, checkpoint=CheckpointPlan(path))
    while not next(run).figures.get("epochs", 0) > 1.3:
        pass
    run.close()
    assert run.has_learnt and len(run.best()) == 48
    return read_glove_checkpoint(path)


def test_a_resumed_training_is_the_uninterrupted_one(corpus: Corpus, tmp_path: Path) -> None:
    whole = train(corpus)
    checkpoint = stopped(corpus, tmp_path / "c")
    assert 0.4 < checkpoint.fraction_done < 0.7 and not checkpoint.is_finished
    plan = CheckpointPlan(tmp_path / "c")
    run = iter_train_glove(corpus, SMALL, resume=checkpoint, threads=1, checkpoint=plan)
    np.testing.assert_array_equal(run.result().vectors, whole.vectors)
    assert run.result().metadata == whole.metadata
    finished = read_glove_checkpoint(tmp_path / "c")
    assert finished.is_finished and finished.progress == "at 100%"
    once_more = iter_train_glove(corpus, SMALL, resume=finished).result()
    np.testing.assert_array_equal(once_more.vectors, whole.vectors)


def test_what_a_checkpoint_cannot_resume(corpus: Corpus, tmp_path: Path) -> None:
    checkpoint = stopped(corpus, tmp_path / "c")
    other = Corpus.from_sentences([["a", "b"]] * 9)
    with pytest.raises(ConfigError, match="of a training on another text"):
        iter_train_glove(other, SMALL, resume=checkpoint)
    with pytest.raises(ConfigError, match="begun with x_max 10.0, and cannot resume with 9.0"):
        iter_train_glove(corpus, replace(SMALL, x_max=9.0), resume=checkpoint)
    with pytest.raises(ConfigError, match=r"c holds a training that was stopped at \d\d%"):
        iter_train_glove(corpus, SMALL, checkpoint=CheckpointPlan(tmp_path / "c"))
    bad = replace(checkpoint, state=replace(checkpoint.state, entries=99_999))
    with pytest.raises(FormatError, match="c is corrupted: it has 99999 pairs, and its text"):
        iter_train_glove(corpus, SMALL, resume=bad).result()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 4}, "its entry 'epoch'"),
        ({"loss": -1.0}, "its entry 'loss'"),
        ({"steps": 10**9}, "its entry 'steps'"),
        ({"biases": np.ones((3, 4), np.float32)}, "its arrays should have the shapes"),
        ({"biases": np.zeros((48, 4), np.float32)}, "not finite, or out of range"),
    ],
)
def test_a_corrupted_checkpoint(
    corpus: Corpus, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    checkpoint = stopped(corpus, tmp_path / "c")
    state = replace(checkpoint.state, **changes)
    save_glove_checkpoint(tmp_path / "d", replace(checkpoint, state=state))
    with pytest.raises(FormatError, match=f"d is corrupted: .*{message}"):
        read_glove_checkpoint(tmp_path / "d")


# --- bad input -----------------------------------------------------------------------------------


def test_text_and_settings_that_do_not_go(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="no word is left"):
        iter_train_glove(corpus, replace(SMALL, min_count=10_000))
    lonely = Corpus.from_sentences([[f"w{i % 9}"] for i in range(100)])
    with pytest.raises(TextError, match="no two words occur together: .* give text with longer"):
        iter_train_glove(lonely, SMALL).result()
    run = iter_train_glove(
        corpus, replace(SMALL, lr=1e9), checkpoint=CheckpointPlan(tmp_path / "c")
    )
    with pytest.raises(DivergenceError, match="diverged in epoch 1, at learning rate 1e"):
        run.result()
    assert not (tmp_path / "c").exists()


def test_one_word_and_one_pair() -> None:
    vectors = iter_train_glove(
        Corpus.from_sentences([["a", "a"]]), GloveConfig(dim=3, min_count=1), threads=1
    ).result()
    assert vectors.words == ("a",) and np.isfinite(vectors.vectors).all()
