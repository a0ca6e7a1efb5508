"""The suggestions for a word that is not there."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.text import Vocabulary

COMMON = Vocabulary(
    ["the", "car", "Paris", "vehicle", "vehicles", "ten", "tech", "government", "USA"]
)


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("Car", "car"),
        ("CAR", "car"),
        ("usa", "USA"),
        ("paris", "Paris"),
        ("vehicel", "vehicle"),
        ("teh", "the"),
        ("goverment", "government"),
        ("governmnets", "government"),
    ],
)
def test_the_nearest_word_comes_first(asked, first):
    assert COMMON.near(asked)[0] == first


def test_of_equally_near_words_the_more_frequent_comes_first():
    assert Vocabulary(["bar", "far", "car"]).near("zar") == ["bar", "far", "car"]
    assert Vocabulary(["car", "far", "bar"]).near("zar", n=2) == ["car", "far"]


def test_nothing_near_is_nothing():
    assert COMMON.near("xqzzt") == []
    assert COMMON.near("x" * 100_000) == []
    assert Vocabulary([]).near("car") == []


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text("abcdé", min_size=1, max_size=5), unique=True), st.text(max_size=6))
def test_suggestions_are_other_words_of_the_vocabulary(words, asked):
    found = Vocabulary(words).near(asked)
    assert set(found) <= set(words) - {asked}
    assert len(set(found)) == len(found) <= 3


def test_suggestions_among_80_000_words_are_quick():
    letters = random.Random(0)
    words = {
        "".join(letters.choices("etaoinshrdlu", k=letters.randint(3, 10))) for _ in range(95_000)
    }
    large = Vocabulary(sorted(words)[:80_000])
    assert "x" not in large  # builds the table of ids
    start = time.perf_counter()
    large.near("Tonehsrias")
    assert time.perf_counter() - start < 0.5  # 0.03 s on a quiet machine
