"""Blocks of centres and contexts: the same pairs as windows laid one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch_cases import DEVICES, numbered_corpus, numpy

from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec import Word2VecConfig
from wordkit.word2vec.engine import Chunk
from wordkit.word2vec.sampling import keep_probabilities
from wordkit.word2vec.torch_blocks import BlockMaker, Blocks, generator_for

Pair = tuple[int, int]


def blocks_of(
    corpus: Corpus,
    config: Word2VecConfig,
    chunk: Chunk,
    *,
    T: int = 4,
    left_out: tuple[int, ...] = (),
    device: str = "cpu",
) -> Blocks:
    rows = np.arange(len(corpus.vocabulary), dtype=np.int32)
    rows[list(left_out)] = -1
    maker = BlockMaker(corpus, rows, config, centres=T, device=device)
    return maker.make(chunk, generator_for(config, chunk, device))


def whole(corpus: Corpus, **rest: Any) -> Chunk:
    return replace(Chunk(0, 0, corpus.tokens, 0.1, 0.1), **rest)


def pairs_in(blocks: Blocks) -> Counter[Pair]:
    """All pairs of a centre and one of its contexts."""
    centres, contexts = numpy(blocks.centres), numpy(blocks.contexts)
    g, j, t = numpy(blocks.links).nonzero()
    return Counter(zip(centres[g, t].tolist(), contexts[g, j].tolist(), strict=True))


def pairs_of(sentences: list[list[int]], window: int) -> Counter[Pair]:
    """The same, laid one by one."""
    return Counter(
        (sentence[i], sentence[j])
        for sentence in sentences
        for i in range(len(sentence))
        for j in range(len(sentence))
        if 0 < abs(i - j) <= window
    )


@pytest.mark.parametrize("device", DEVICES)
@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=8),
    window=st.integers(1, 7),
    T=st.integers(1, 9),
    data=st.data(),
)
def test_windows_end_at_sentence_ends(
    device: str, lengths: list[int], window: int, T: int, data: st.DataObject
) -> None:
    corpus = numbered_corpus(lengths)
    N = corpus.tokens
    first = data.draw(st.integers(0, N))
    last = data.draw(st.integers(first, N))
    left_out = data.draw(st.sets(st.integers(1, N))) if N else set()
    config = Word2VecConfig(window=window, dynamic_window=False, sample=0)
    chunk = Chunk(0, first, last, 0.1, 0.1)
    blocks = blocks_of(corpus, config, chunk, T=T, left_out=tuple(left_out), device=device)
    sentences = [
        [w for w in sentence.tolist() if first < w <= last and w not in left_out]
        for sentence in corpus
    ]
    assert pairs_in(blocks) == pairs_of(sentences, window)
    kept = sorted(word for sentence in sentences for word in sentence)
    assert sorted(w for w in blocks.centres.flatten().tolist() if w) == kept
    assert blocks.links.shape == (len(blocks), T + 2 * window, T)


def test_each_window_has_a_radius_of_its_own() -> None:
    """Of all contexts at a distance d, (W − d + 1)/W are in a window drawn evenly from 1 to W."""
    corpus = numbered_corpus([40_000])
    blocks = blocks_of(corpus, Word2VecConfig(window=4, sample=0), whole(corpus), T=16)
    pairs = pairs_in(blocks)
    assert max(pairs.values()) == 1
    radii = Counter[int]()
    for centre in range(10, 39_990):
        left = [d for d in range(1, 6) if (centre, centre - d) in pairs]
        right = [d for d in range(1, 6) if (centre, centre + d) in pairs]
        assert left == right == list(range(1, len(left) + 1))
        radii[len(left)] += 1
    assert sorted(radii) == [1, 2, 3, 4]
    for count in radii.values():
        assert count == pytest.approx(39_980 / 4, abs=5 * (39_980 * 3 / 16) ** 0.5)


@pytest.mark.parametrize("device", DEVICES)
def test_subsampling_comes_before_windows(device: str) -> None:
    counts = np.array([30_000, 8_000, 1_500, 500])
    ids = np.random.default_rng(0).permutation(np.repeat(np.arange(4, dtype=np.int32), counts))
    corpus = Corpus(ids, np.array([0, 40_000]), Vocabulary(list("abcd"), counts))
    config = Word2VecConfig(window=1, dynamic_window=False, sample=0.02)
    blocks = blocks_of(corpus, config, whole(corpus), T=16, device=device)
    linked = numpy(blocks.links).any(1)
    found = np.bincount(numpy(blocks.centres)[linked], minlength=4)
    keep = keep_probabilities(counts, 0.02)
    assert keep[0] < 0.2
    assert keep[3] == 1
    for count, expected, p in zip(found, counts * keep, keep, strict=True):
        assert count == pytest.approx(expected, abs=1 + 5 * (expected * (1 - p)) ** 0.5)
    # Every word but the first and the last still has two neighbours: windows know no gaps.
    assert pairs_in(blocks).total() == 2 * found.sum() - 2


def test_draws_depend_on_seed_epoch_and_place() -> None:
    corpus = numbered_corpus([500, 500])
    config = Word2VecConfig(sample=1e-3)
    chunk = Chunk(1, 500, 1000, 0.1, 0.1)

    def drawn(config: Word2VecConfig, chunk: Chunk) -> Counter[Pair]:
        return pairs_in(blocks_of(corpus, config, chunk))

    pairs = drawn(config, chunk)
    assert drawn(config, replace(chunk, start_lr=0.01)) == pairs
    for other in (replace(chunk, epoch=0), replace(chunk, start=499), replace(chunk, start=0)):
        assert drawn(config, other) != pairs
    assert drawn(replace(config, seed=2**70), chunk) != pairs
    seeds = {generator_for(config, replace(chunk, start=i), "cpu").initial_seed() for i in range(9)}
    assert len(seeds) == 9
