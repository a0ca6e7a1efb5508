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
from wordkit.word2vec.engine import chunk_borders, chunk_tokens

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
def test_laws(lengths: list[int], tokens: int, times: int) -> None:
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
def test_sizes(lengths: list[int], tokens: int, sizes: list[int]) -> None:
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
