"""The CPU engine: what it hands to the kernels, how threads share chunks, and their borders."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_cases import no_threads

from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec import Word2VecConfig, start_afresh
from wordkit.word2vec.cpu import CpuEngine
from wordkit.word2vec.engine import Chunk, chunk_borders, chunk_tokens
from wordkit.word2vec.huffman import huffman_tree
from wordkit.word2vec.kernels import cbow, training
from wordkit.word2vec.kernels.arguments import HS, NS, SOFTMAX, Settings
from wordkit.word2vec.sampling import alias_table, keep_probabilities, noise_probabilities
from wordkit.word2vec.state import LossSum

COUNTS = {"often": 900, "rare": 3, "second": 400, "third": 200, "rarer": 1, "last": 20}
KEPT = np.array([900, 400, 200, 20])  # those of at least 20


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    words = [word for word, count in COUNTS.items() for _ in range(count)]
    order = np.random.default_rng(0).permutation(len(words))
    return Corpus.from_sentences(
        [[words[i] for i in order[k : k + 20]] for k in range(0, 1524, 20)]
    )


def engine_of(corpus: Corpus, *, threads: int = 1, **settings: Any) -> CpuEngine:
    config = Word2VecConfig(**{"arch": "skipgram", "dim": 4, "min_count": 20, **settings})
    return CpuEngine(corpus, start_afresh(corpus, config), config, threads=threads)


def chunks_of(corpus: Corpus, number: int, epoch: int = 0) -> list[Chunk]:
    borders = np.linspace(0, corpus.tokens, number + 1, dtype=int).tolist()
    return [Chunk(epoch, start, stop, 0.05, 0.04) for start, stop in pairwise(borders)]


class Recorded:
    """Stands in for the kernel, and keeps what it is called with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float = 0) -> None:
        self.calls: list[dict[str, Any]] = []
        self._seconds = seconds
        monkeypatch.setattr(training, "train_chunk", self._train)
        monkeypatch.setattr(cbow, "train_chunk", self._train)

    def _train(
        self, text: Any, start: int, stop: int, targets: Any, settings: Any, inputs: Any,
        outputs: Any, start_lr: float, stop_lr: float, seed: Any, parts: Any,
    ) -> tuple[float, int]:  # fmt: skip
        if start < stop:  # nothing is trained on for the sake of compilation
            self.calls.append({**locals(), "thread": threading.get_ident()})
            time.sleep(self._seconds)
        return 2.0 * (stop - start), stop - start


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    return Recorded(monkeypatch)


def run(engine: CpuEngine, chunks: list[Chunk]) -> list[tuple[Chunk, LossSum]]:
    done: list[tuple[Chunk, LossSum]] = []
    for _ in engine.run(iter(chunks), lambda chunk, loss_sum: done.append((chunk, loss_sum))):
        pass
    return done


# --- what the kernels are given ------------------------------------------------------------------


@pytest.mark.parametrize("sample", [0.0, 1e-3, 0.05])
def test_words_with_their_probabilities(corpus: Corpus, recorded: Recorded, sample: float) -> None:
    run(engine_of(corpus, sample=sample), chunks_of(corpus, 1))
    text = recorded.calls[0]["text"]
    np.testing.assert_array_equal(text.ids, corpus.ids)
    np.testing.assert_array_equal(text.offsets, corpus.offsets)
    expected = [*keep_probabilities(KEPT, sample).tolist(), 0, 0]
    assert (text.words >> np.uint64(32)).astype(float) / 2**32 == pytest.approx(expected, abs=1e-9)
    assert (text.words & np.uint64(0xFFFFFFFF)).tolist()[:4] == [0, 1, 2, 3]
    if sample == 0:
        assert (text.words[:4] >> np.uint64(32)).tolist() == [2**32 - 1] * 4


def test_targets_and_settings(corpus: Corpus, recorded: Recorded) -> None:
    for loss in ("ns", "hs", "softmax"):
        more = {"ns_exponent": 0.5} if loss == "ns" else {}
        run(engine_of(corpus, loss=loss, window=7, **more), chunks_of(corpus, 1))
    ns, hs, softmax = (call["targets"] for call in recorded.calls)
    np.testing.assert_array_equal(ns.noise, alias_table(noise_probabilities(KEPT, 0.5)))
    tree = huffman_tree(KEPT)
    for name in ("starts", "nodes", "codes"):
        np.testing.assert_array_equal(getattr(hs, name), getattr(tree, name))
    assert softmax.nodes.tolist() == [0, 1, 2, 3]
    assert [call["outputs"].shape for call in recorded.calls] == [(4, 16), (3, 16), (4, 16)]
    other = {"arch": "cbow", "cbow_gradient": "word2vec", "dynamic_window": False, "negative": 9}
    run(engine_of(corpus, **other), chunks_of(corpus, 1))
    assert [call["settings"] for call in recorded.calls] == [
        *(Settings(1, i, 7, 1, 5, 1, 0, 16384) for i in (NS, HS, SOFTMAX)),
        Settings(0, NS, 5, 0, 9, 0, 0, 16384),
    ]


def test_the_copies_of_threads_are_merged_before_they_drift_apart(
    corpus: Corpus, recorded: Recorded
) -> None:
    for threads in (1, 2, 3, 16, 17):
        run(engine_of(corpus, threads=threads), chunks_of(corpus, 1))
    given = [(call["settings"].copied, call["settings"].merge_words) for call in recorded.calls]
    assert [copied for copied, _ in given] == [0, 4, 4, 4, 0]
    assert [words for _, words in given[1:4]] == [8192, 5456, 1024]


def test_each_chunk_has_random_numbers_of_its_own(corpus: Corpus, recorded: Recorded) -> None:
    for seed in (1, 2, 2**70, 1):
        for epoch in (0, 1):
            run(engine_of(corpus, seed=seed), chunks_of(corpus, 5, epoch))
    seeds = [int(call["seed"]) for call in recorded.calls]
    assert len(set(seeds)) == 3 * 2 * 5 and seeds[:10] == seeds[-10:]
    assert np.diff(sorted(set(seeds))).min() > 10**9, "so far apart that they never overlap"
    assert isinstance(recorded.calls[0]["seed"], np.uint64)


# --- threads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_chunk_is_trained_on_once(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    calls = Recorded(monkeypatch, seconds=0.002).calls
    chunks = chunks_of(corpus, 40)
    engine = engine_of(corpus, threads=threads)
    done = run(engine, chunks)
    assert engine.name == f"{threads} CPU thread" + "s" * (threads > 1)
    assert sorted(chunk.start for chunk, _ in done) == [chunk.start for chunk in chunks]
    assert sorted(call["start"] for call in calls) == [chunk.start for chunk in chunks]
    assert all(loss_sum == LossSum(2.0 * chunk.tokens, chunk.tokens) for chunk, loss_sum in done)
    assert {(call["start_lr"], call["stop_lr"]) for call in calls} == {(0.05, 0.04)}
    assert len({call["thread"] for call in calls}) <= threads
    if threads == 1:
        assert [chunk for chunk, _ in done] == chunks
    assert no_threads()


def test_closing_waits_for_the_chunks_under_way(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Recorded(monkeypatch, seconds=0.01).calls
    done: list[Chunk] = []
    running = engine_of(corpus, threads=2).run(
        iter(chunks_of(corpus, 400)), lambda chunk, _: done.append(chunk)
    )
    next(running)
    running.close()
    assert no_threads()
    assert 1 <= len(done) == len(calls) < 300


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_a_thread_comes_out(corpus: Corpus, threads: int) -> None:
    def chunks() -> Iterator[Chunk]:
        yield from chunks_of(corpus, 3)
        raise OSError("the disk is gone")

    engine = engine_of(corpus, threads=threads)
    with pytest.raises(OSError, match="the disk is gone"):
        list(engine.run(chunks(), lambda chunk, loss_sum: None))
    assert no_threads()


# --- chunks --------------------------------------------------------------------------------------


MIN_CHUNKS, MIN_CUT_TOKENS = 64, 1000


def corpus_of(lengths: list[int]) -> Corpus:
    """A corpus of sentences of these lengths."""
    offsets = np.cumsum([0, *lengths], dtype=np.int64)
    N = int(offsets[-1])
    return Corpus(np.zeros(N, dtype=np.int32), offsets, Vocabulary(["w"], [N]))


def checked_borders(lengths: list[int], tokens: int) -> npt.NDArray[np.int64]:
    """The borders, after a look at the laws of all."""
    corpus = corpus_of(lengths)
    borders = chunk_borders(corpus, tokens)
    N = corpus.tokens
    size = max(min(tokens, N // MIN_CHUNKS), MIN_CUT_TOKENS)
    assert borders.dtype == np.int64
    assert borders[0] == 0 and borders[-1] == N
    sizes = np.diff(borders)
    assert (sizes > 0).all()
    assert sizes.max(initial=0) < max(2 * size, tokens + max(lengths, default=0) + 1)
    starts = set(corpus.offsets.tolist())
    for border in borders.tolist():
        if border not in starts:  # then the sentence goes on for at least a chunk
            end = corpus.offsets[np.searchsorted(corpus.offsets, border)]
            assert end - border >= size
    return borders


@given(
    st.lists(st.integers(0, 40) | st.integers(0, 5000) | st.just(0), max_size=60),
    st.integers(1, 5000),
    st.integers(1, 30),
)
def test_laws_of_chunk_borders(lengths: list[int], tokens: int, times: int) -> None:
    checked_borders(lengths * times, tokens)


@pytest.mark.parametrize(
    ("lengths", "tokens", "sizes"),
    [
        ([20] * 20_000, 4000, [4000] * 100),
        ([128_000], 1500, [1500] * 84 + [2000]),  # cut within, as text8 is in one line
        ([20] * 5000, 100, [100] * 1000),  # as the full softmax of many words wants them
        ([20] * 5000, 7, [20] * 5000),  # but no window is cut for it
        ([3, 900, 0, 2, 5000, 4, 4, 4, 1], 10, [903, 97, 1000, 1000, 1000, 1905, 8, 5]),
        ([3, 0, 4], 1 << 16, [7]),
        ([400, 600], 1 << 16, [1000]),
        ([0, 0], 1 << 16, []),
        ([], 1 << 16, []),
    ],
    ids=lambda value: f"{value!r:.20}",
)
def test_sizes_of_chunks(lengths: list[int], tokens: int, sizes: list[int]) -> None:
    assert np.diff(checked_borders(lengths, tokens)).tolist() == sizes


@pytest.mark.parametrize(
    ("settings", "words", "tokens"),
    [
        ({}, 70_000, 1 << 16),
        ({"loss": "softmax"}, 70_000, 5),
        ({"loss": "softmax", "arch": "cbow"}, 70_000, 28),
        ({"loss": "hs"}, 1 << 15, 24_576),
    ],
    ids=str,
)
def test_chunks_are_sized_by_their_products(
    settings: dict[str, Any], words: int, tokens: int
) -> None:
    config = Word2VecConfig(**{"arch": "skipgram", **settings})
    assert chunk_tokens(6 * 5 * 100 << 16, 1 << 16, words=words, config=config) == tokens
