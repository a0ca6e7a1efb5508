"""Co-occurrence counts against a slow and obvious twin, in every way they can be made."""

from __future__ import annotations

import errno
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.counts import CooccurrenceConfig, iter_count_cooccurrences, kernels
from wordkit.counts.config import Side, Weighting
from wordkit.counts.cooccurrence import MemoryPlan
from wordkit.counts.merge import RowScratch
from wordkit.counts.spill import GrowingArray
from wordkit.errors import ConfigError, ResourceError, StorageError
from wordkit.runtime import Report
from wordkit.text import Corpus, Vocabulary

WORDS = 9
Sentences = list[list[int]]


def corpus_of(sentences: Sentences, words: int = WORDS) -> Corpus:
    """A corpus of these ids, whatever they are."""
    ids = np.array([word for sentence in sentences for word in sentence], dtype=np.int32)
    offsets = np.cumsum([0, *map(len, sentences)], dtype=np.int64)
    vocabulary = Vocabulary([f"w{i}" for i in range(words)], range(words, 0, -1))
    return Corpus(ids, offsets, vocabulary)


def weight(config: CooccurrenceConfig, distance: int) -> Fraction:
    if config.weighting == "flat":
        return Fraction(1)
    if config.weighting == "harmonic":
        return Fraction(1, distance)
    return Fraction(config.window - distance + 1, config.window)


def twin(sentences: Sentences, config: CooccurrenceConfig, size: int) -> npt.NDArray[np.float32]:
    """The counts by the definition, in exact fractions."""
    counts = {(w, c): Fraction(0) for w in range(size) for c in range(size)}
    for sentence in sentences:
        kept = [word for word in sentence if 0 <= word < size]
        for i, centre in enumerate(kept):
            for j, context in enumerate(kept):
                side = "left" if j < i else "right"
                if i != j and abs(i - j) <= config.window and config.side in ("both", side):
                    counts[centre, context] += weight(config, abs(i - j))
    return np.array([float(n) for n in counts.values()], dtype=np.float32).reshape(size, size)


def least_memory(words: int, threads: int, window: int) -> int:
    """The smallest memory that counting accepts."""
    memory = 1
    while True:
        try:
            MemoryPlan.make(memory, tokens=1000, words=words, threads=threads, window=window)
        except ResourceError:
            memory = memory * 21 // 20 + 1
        else:
            return memory


def assert_well_formed(matrix: Any) -> None:
    assert matrix.dtype == np.float32
    assert matrix.indices.dtype == np.int32
    assert (matrix.data > 0).all()
    for row in range(matrix.shape[0]):
        columns = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
        assert (np.diff(columns) > 0).all()


sentences_strategy = st.lists(
    # ids beyond the cut, and corrupted ones: negative or far too large
    st.lists(st.integers(-2, WORDS) | st.sampled_from([2**31 - 1, -(2**31)]), max_size=12),
    max_size=8,
)
configs = st.builds(
    CooccurrenceConfig,
    window=st.integers(1, 7) | st.just(30),
    weighting=st.sampled_from(["flat", "harmonic", "dynamic"]),
    side=st.sampled_from(["both", "left", "right"]),
)


@given(sentences_strategy, configs, st.integers(0, WORDS), st.integers(1, 4))
def test_counts_equal_those_of_the_twin(
    sentences: Sentences, config: CooccurrenceConfig, size: int, threads: int
) -> None:
    run = iter_count_cooccurrences(
        corpus_of(sentences), config, vocabulary_size=size, threads=threads
    )
    matrix = run.result()
    assert_well_formed(matrix)
    assert matrix.shape == (size, size)
    expected = twin(sentences, config, size)
    if config.weighting == "harmonic" and config.window > 22:  # rounded to multiples of 2^-31
        np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-6)
    else:
        np.testing.assert_array_equal(matrix.toarray(), expected)


@given(
    st.lists(st.lists(st.integers(-1, WORDS), max_size=90), min_size=4, max_size=12),
    configs,
    st.integers(1, 3),
)
@settings(max_examples=25)
def test_segments_in_files_add_up_to_the_same_bits(
    sentences: Sentences, config: CooccurrenceConfig, threads: int
) -> None:
    corpus = corpus_of(sentences)
    whole = iter_count_cooccurrences(corpus, config).result()
    memory = least_memory(WORDS, threads, config.window)
    run = iter_count_cooccurrences(corpus, config, memory=memory, threads=threads)
    stages = {report.stage for report in run}
    cut = run.result()
    assert_well_formed(cut)
    plan = MemoryPlan.make(
        memory, tokens=corpus.tokens, words=WORDS, threads=threads, window=config.window
    )
    assert ("merging" in stages) == (plan.segment < corpus.tokens)
    for part in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(cut, part), getattr(whole, part))


@pytest.mark.parametrize(
    ("side", "weighting"), [("both", "harmonic"), ("left", "flat"), ("right", "dynamic")]
)
def test_one_long_sentence_is_cut_into_segments(side: Side, weighting: Weighting) -> None:
    """As text8 is, 17 million tokens in one line; most words lie outside the vocabulary."""
    chooser = np.random.default_rng(3)
    ids = chooser.integers(0, 40, 3000)
    config = CooccurrenceConfig(4, weighting, side)
    corpus = corpus_of([ids.tolist()], 40)
    memory = least_memory(12, 1, 4)
    run = iter_count_cooccurrences(corpus, config, vocabulary_size=12, memory=memory, threads=1)
    reports = list(run)
    segments = MemoryPlan.make(memory, tokens=3000, words=12, threads=1, window=4).segment
    assert segments < 300
    assert any(report.stage == "merging" for report in reports)
    np.testing.assert_array_equal(run.result().toarray(), twin([ids.tolist()], config, 12))


def zipfian(tokens: int, words: int) -> Corpus:
    """A corpus with the look of text: a few frequent words, many rare ones, short lines."""
    chooser = np.random.default_rng(5)
    weights = 1 / np.arange(1, words + 1)
    ids = chooser.choice(words, tokens, p=weights / weights.sum())
    offsets = np.unique(np.concatenate([[0, tokens], chooser.integers(0, tokens, tokens // 20)]))
    counts = np.bincount(ids, minlength=words)
    order = np.argsort(-counts, kind="stable")
    ranks = np.empty(words, dtype=np.int32)
    ranks[order] = np.arange(words)
    vocabulary = Vocabulary([f"w{i}" for i in range(words)], counts[order])
    return Corpus(ranks[ids], offsets.astype(np.int64), vocabulary)


def test_threads_and_memory_change_no_bit(tmp_path: Path) -> None:
    corpus = zipfian(100_000, 3000)
    corpus.save(tmp_path / "corpus.ids")
    mapped = Corpus.open(tmp_path / "corpus.ids")
    config = CooccurrenceConfig(5, "harmonic")
    expected = iter_count_cooccurrences(corpus, config, threads=1).result()
    assert expected.nnz > 100_000
    assert not isinstance(expected.data.base, np.memmap)
    for threads, memory in [(2, None), (3, 2_000_000), (1, 700_000), (1, 3_000_000)]:
        found = iter_count_cooccurrences(mapped, config, threads=threads, memory=memory).result()
        for part in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    assert isinstance(found.data.base, np.memmap)  # 3 MB hold text or result, not both


def test_laws() -> None:
    corpus = zipfian(20_000, 1500)
    both = iter_count_cooccurrences(corpus, CooccurrenceConfig(4, "dynamic")).result()
    left = iter_count_cooccurrences(corpus, CooccurrenceConfig(4, "dynamic", "left")).result()
    right = iter_count_cooccurrences(corpus, CooccurrenceConfig(4, "dynamic", "right")).result()
    assert abs(both - both.T).nnz == 0
    assert abs(left - right.T).nnz == 0
    np.testing.assert_allclose((left + right).toarray(), both.toarray(), rtol=1e-6)

    flat = iter_count_cooccurrences(corpus, CooccurrenceConfig(1, "flat", "right")).result()
    lengths = np.diff(corpus.offsets)
    assert flat.sum(dtype=np.float64) == (lengths - 1).sum()  # each word but the last has one
    last = corpus.ids[corpus.offsets[1:] - 1]
    rows = np.bincount(corpus.ids, minlength=1500) - np.bincount(last, minlength=1500)
    np.testing.assert_array_equal(flat.sum(axis=1), rows)


def test_progress_reaches_its_total() -> None:
    corpus = zipfian(100_000, 3000)
    for options in ({}, {"vocabulary_size": 50}, {"memory": 1_000_000}):
        run = iter_count_cooccurrences(corpus, threads=2, **options)
        reports: list[Report] = [report for report in run if report.stage == "counting"]
        done = [report.done for report in reports]
        assert done == sorted(done)
        assert (done[0], done[-1]) == (0, corpus.tokens)
        assert {(report.total, report.unit) for report in reports} == {(corpus.tokens, "tokens")}


def test_bad_settings() -> None:
    corpus = corpus_of([[0, 1]])
    with pytest.raises(ConfigError, match="vocabulary_size must be .* not 10"):
        iter_count_cooccurrences(corpus, vocabulary_size=10)
    with pytest.raises(ConfigError, match="memory must be at least 1, not 0"):
        iter_count_cooccurrences(corpus, memory=0)
    with pytest.raises(ConfigError, match="threads must be at least 1, not 0"):
        iter_count_cooccurrences(corpus, threads=0)


def test_too_little_memory_says_what_is_needed() -> None:
    corpus = zipfian(20_000, 800)
    with pytest.raises(ResourceError, match="needs about (\\d+) bytes") as caught:
        iter_count_cooccurrences(corpus, memory=20_000, threads=2).result()
    needed = int(str(caught.value).split("about ")[1].split()[0])
    assert iter_count_cooccurrences(corpus, memory=needed, threads=2).result().nnz > 0


@pytest.mark.parametrize("memory", [1_000_000, 6_000_000])  # parts in files; the result in one
def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, memory: int) -> None:
    room = [1000]

    def write(data: memoryview) -> int:
        written = min(len(data), room[0])
        room[0] -= written
        if not written:
            raise OSError(errno.ENOSPC, "No space left on device")
        return written

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Mock(write=write))
    with pytest.raises(StorageError, match="No space left on device; free some space") as caught:
        iter_count_cooccurrences(zipfian(200_000, 5000), memory=memory, threads=1).result()
    assert "\n" not in str(caught.value)


def test_stopping_early_lets_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = iter_count_cooccurrences(zipfian(200_000, 5000), memory=1_500_000, threads=2)
    for report in run:
        if report.done > 50_000:
            break
    run.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError):
        run.result()


# --- arrays in memory and in files ---------------------------------------------------------------


@given(st.lists(st.lists(st.integers(-9, 9), max_size=9), max_size=9), st.integers(-1, 50))
@settings(max_examples=100)
def test_it_holds_what_was_added(pieces: list[list[int]], capacity: int) -> None:
    array = GrowingArray(np.int32, capacity)
    expected: list[int] = []
    for piece in pieces:
        array.append(np.array(piece, dtype=np.int32))
        expected += piece
        assert len(array) == len(expected)
        assert array.read(1, 4).tolist() == expected[1:4]
    found = array.finish()
    assert found.dtype == np.int32 and found.tolist() == expected
    if len(expected) > capacity >= 0:
        assert isinstance(found, np.memmap) and not found.flags.writeable
    array.close()
    assert found.tolist() == expected  # a result outlives what made it


def test_more_memory_than_there_is_becomes_a_file() -> None:
    array = GrowingArray(np.float64, 1 << 58)
    array.append(np.arange(3.0))
    assert isinstance(array.finish(), np.memmap)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("memory", [None, 12_000])
def test_an_error_in_a_task_ends_the_job(
    monkeypatch: pytest.MonkeyPatch, threads: int, memory: int | None
) -> None:
    def fail(*_: Any) -> int:
        raise MemoryError("no room")

    monkeypatch.setattr(kernels, "count_rows", fail)
    corpus = Corpus.from_sentences([list("abcdefgh") * 8] * 50)
    with pytest.raises(MemoryError, match="no room"):
        iter_count_cooccurrences(corpus, memory=memory, threads=threads).result()


def test_a_failed_task_leaves_clean_sums() -> None:
    scratch = RowScratch(5, 5, np.float32)

    def fail(row: Any, output: Any) -> int:
        row[0][3] = 7
        raise MemoryError

    def look(row: Any, output: Any) -> int:
        output[0][:5], output[1][:5], output[2][0] = np.arange(5), row[0], 5
        return 5

    with pytest.raises(MemoryError):
        scratch.gather(1, fail)
    assert scratch.gather(1, look).values.tolist() == [0] * 5
