"""The edit distance against a slow twin, and the laws of a distance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from hypothesis import given
from hypothesis import strategies as st

from wordkit.evaluation import edit_distance

texts = st.text("abc", max_size=9)


def slow(one: Sequence[str], other: Sequence[str]) -> int:
    """By the definition: the cheapest of the three ways to begin."""

    @lru_cache(None)
    def between(i: int, j: int) -> int:
        if i == len(one) or j == len(other):
            return len(one) - i + len(other) - j
        return min(
            between(i + 1, j) + 1,
            between(i, j + 1) + 1,
            between(i + 1, j + 1) + (one[i] != other[j]),
        )

    return between(0, 0)


@given(texts, texts)
def test_it_is_what_the_slow_twin_finds(one: str, other: str) -> None:
    assert edit_distance(one, other) == slow(one, other)
    assert edit_distance(list(one), tuple(other)) == slow(one, other), "of any sequences"


@given(texts, texts, texts)
def test_it_is_a_distance(one: str, other: str, third: str) -> None:
    distance = edit_distance(one, other)
    assert distance == edit_distance(other, one)
    assert (distance == 0) == (one == other)
    assert distance <= edit_distance(one, third) + edit_distance(third, other)
