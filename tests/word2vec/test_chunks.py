"""Where a corpus is cut into chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec import Word2VecConfig
from wordkit.word2vec.chunks import chunk_borders, tokens_of_work

FEWEST, SMALLEST = 64, 1000


def corpus_of(lengths: list[int]) -> Corpus:
    """A corpus of sentences of these lengths."""
    offsets = np.cumsum([0, *lengths], dtype=np.int64)
    N = int(offsets[-1])
    return Corpus(np.zeros(N, dtype=np.int32), offsets, Vocabulary(["w"], [N]))


def checked_borders(lengths: list[int], tokens: int) -> npt.NDArray[np.int64]:
    """The borders, after a look at what must be true of all."""
    corpus = corpus_of(lengths)
    borders = chunk_borders(corpus, tokens)
    N = corpus.tokens
    size = max(min(tokens, N // FEWEST), SMALLEST)
    assert borders.dtype == np.int64
    assert borders[0] == 0 and borders[-1] == N
    sizes = np.diff(borders)
    assert (sizes > 0).all()
    assert (sizes < 2 * size).all()
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
def test_laws(lengths: list[int], tokens: int, times: int) -> None:
    checked_borders(lengths * times, tokens)


def test_short_sentences_are_whole() -> None:
    lengths = np.random.default_rng(0).integers(0, 60, 8000).tolist()
    borders = checked_borders(lengths, 10_000)
    assert set(borders.tolist()) <= set(np.cumsum([0, *lengths]).tolist())
    assert FEWEST <= len(borders) - 1 <= FEWEST + 1
    assert np.diff(borders)[:-1].min() > sum(lengths) // FEWEST - 60


def test_a_large_corpus_has_chunks_of_the_size_asked_for() -> None:
    borders = checked_borders([20] * 20_000, 4000)
    assert np.diff(borders).tolist() == [4000] * 100


def test_a_very_long_sentence_is_cut_within() -> None:
    """As text8 is, in one line."""
    assert np.diff(checked_borders([128_000], 1500)).tolist() == [1500] * 84 + [2000]
    assert len(checked_borders([10, 500_000, 10], 5000)) - 1 == 101


def test_small_chunks_are_of_whole_sentences() -> None:
    """As the full softmax of many words wants them; but no window is cut for it."""
    borders = chunk_borders(corpus_of([20] * 5000), 100)
    assert np.diff(borders).tolist() == [100] * 1000
    borders = chunk_borders(corpus_of([20] * 5000), 7)
    assert np.diff(borders).tolist() == [20] * 5000
    sizes = np.diff(chunk_borders(corpus_of([3, 900, 0, 2, 5000, 4, 4, 4, 1]), 10)).tolist()
    assert sizes == [903, 97, 1000, 1000, 1000, 1905, 8, 5]  # the long one as it was cut before


@given(st.lists(st.integers(0, 40) | st.integers(0, 5000), max_size=60), st.integers(1, 999))
def test_laws_of_small_chunks(lengths: list[int], tokens: int) -> None:
    corpus = corpus_of(lengths)
    borders = chunk_borders(corpus, tokens)
    assert borders[0] == 0 and borders[-1] == corpus.tokens
    assert set(chunk_borders(corpus, SMALLEST).tolist()) <= set(borders.tolist())
    longest = max(lengths, default=0)
    assert (np.diff(borders) > 0).all() and np.diff(borders).max(initial=0) < tokens + longest + 1


@pytest.mark.parametrize(
    ("settings", "words", "tokens"),
    [
        ({}, 70_000, 1 << 16),
        ({"dim": 200}, 70_000, 1 << 15),
        ({"negative": 11}, 10, 1 << 15),
        ({"loss": "softmax"}, 70_000, 5),
        ({"loss": "softmax", "arch": "cbow"}, 70_000, 28),
        ({"loss": "softmax"}, 10**9, 1),
        ({"loss": "hs"}, 1 << 15, 24_576),
    ],
    ids=str,
)
def test_chunks_are_sized_by_their_work(settings: dict[str, Any], words: int, tokens: int) -> None:
    config = Word2VecConfig(**{"arch": "skipgram", **settings})
    found = tokens_of_work(6 * 5 * 100 << 16, 1 << 16, words=words, config=config)
    assert found == tokens


def test_a_tiny_corpus_is_one_chunk() -> None:
    for lengths in ([1], [3, 0, 4], [0, 0, 5], [999], [400, 600]):
        assert chunk_borders(corpus_of(lengths), 1 << 16).tolist() == [0, sum(lengths)]
    assert chunk_borders(corpus_of([]), 1 << 16).tolist() == [0]
    assert chunk_borders(corpus_of([0, 0]), 1 << 16).tolist() == [0]
