"""The figures of a perplexity, from its sums."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.evaluation import Perplexity


@settings(deadline=None)
@given(st.integers(2, 10**6), st.integers(1, 10**9))
def test_of_even_chances(words: int, tokens: int) -> None:
    score = Perplexity(-tokens * math.log(words), tokens)
    assert score.perplexity == pytest.approx(words, rel=1e-12)
    assert score.perplexity_excluding_oov == score.perplexity
    assert score.bits_per_word == pytest.approx(math.log2(words), rel=1e-12)
    assert score.cross_entropy == pytest.approx(math.log(words), rel=1e-12)
    assert score.oov_rate == 0


@settings(deadline=None)
@given(
    st.lists(st.floats(-30, -1e-3), min_size=1, max_size=30),
    st.lists(st.floats(-30, -1e-3), max_size=30),
)
def test_unknown_words_are_left_out(known: list[float], unknown: list[float]) -> None:
    score = Perplexity(
        math.fsum(known + unknown), len(known) + len(unknown), len(unknown), math.fsum(unknown)
    )
    alone = Perplexity(math.fsum(known), len(known))
    assert score.perplexity_excluding_oov == pytest.approx(alone.perplexity, rel=1e-9)
    assert score.oov_rate == len(unknown) / score.tokens


def test_at_the_ends_of_the_numbers() -> None:
    assert Perplexity(-3.0, 2, 2, -3.0).perplexity_excluding_oov is None
    assert Perplexity(-1e9, 2).perplexity == math.inf
    assert Perplexity(-0.0, 5).perplexity == 1
