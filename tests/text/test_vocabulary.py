"""The vocabulary: order, cuts, lookup, and what it refuses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.errors import ConfigError, FormatError, UnknownWordError, VocabularyError
from wordkit.text import Vocabulary
from wordkit.text.vocabulary import EOS, UNK

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1)
tokens = st.sampled_from(["a", "b", "c", "d", "e", "f", "<unk>", "<eos>"])
sentences = st.lists(st.lists(tokens)).filter(any)


@given(st.lists(st.lists(words)))
def test_most_frequent_first_ties_by_first_appearance(text: list[list[str]]) -> None:
    vocabulary = Vocabulary.from_sentences(text)
    expected = Counter(word for sentence in text for word in sentence).most_common()
    assert list(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == expected


plain = st.lists(st.lists(tokens.filter(lambda t: t != EOS))).filter(any)


@given(plain, st.integers(1, 4), st.none() | st.integers(1, 6))
def test_a_cut_is_a_cut_of_the_ids(
    text: list[list[str]], min_count: int, max_size: int | None
) -> None:
    full = Vocabulary.from_sentences(text)
    expected = [w for w, n in zip(full.words, full.counts, strict=True) if n >= min_count]
    expected = expected[:max_size]
    if not expected:
        with pytest.raises(VocabularyError, match="no word is left"):
            full.cut(min_count=min_count, max_size=max_size)
        return
    cut = full.cut(min_count=min_count, max_size=max_size)
    assert list(cut.words) == expected
    assert len(cut) == full.size_at(min_count=min_count, max_size=max_size)


@given(sentences, st.integers(1, 3), st.none() | st.integers(3, 6))
def test_unk_takes_the_counts_of_what_is_cut(
    text: list[list[str]], min_count: int, max_size: int | None
) -> None:
    full = Vocabulary.from_sentences(text)
    if not any(n >= min_count for n in full.counts):
        return
    cut = full.cut(min_count=min_count, max_size=max_size, unk=True)
    assert cut.counts.sum() == full.counts.sum()
    assert UNK in cut and (EOS in cut) == (EOS in full)
    assert max_size is None or len(cut) <= max_size
    assert list(cut.counts) == sorted(cut.counts, reverse=True)
    for word in cut:
        if word != UNK:
            assert cut.counts[cut.id(word)] == full.counts[full.id(word)]


def test_lookup() -> None:
    vocabulary = Vocabulary(["the", "cat"], [3, 1])
    assert vocabulary.id("cat") == 1 and vocabulary.word(1) == "cat"
    assert vocabulary.get("dog") is None and "dog" not in vocabulary
    assert vocabulary.encode(["cat", "dog", "the"]).tolist() == [1, 0]
    assert Vocabulary(["a", UNK]).encode(["b", "a"]).tolist() == [1, 0]
    assert vocabulary.decode([1, 0]) == ["cat", "the"]
    with pytest.raises(VocabularyError, match="no word 2"):
        vocabulary.word(2)
    with pytest.raises(VocabularyError, match="no word -1"):
        vocabulary.word(-1)


def test_equal_spellings_are_found() -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    assert Vocabulary([composed, apart]).ids_of([apart, composed, apart]) == [1, 0, 1]
    for there, asked in ((composed, apart), (apart, composed), ("\u212b", "A\u030a")):
        vocabulary = Vocabulary(["bar", there])
        assert asked in vocabulary and vocabulary.id(asked) == vocabulary.find(asked) == 1
        assert vocabulary.encode([asked]).tolist() == [1]
        assert vocabulary.get(asked) is None and vocabulary.ids([asked, there]).tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("there", "asked", "message"),
    [
        ("car", "c\u0430r", r"\(c U\+0430 r\) is not in .*did you mean car \(c a r\)\?"),
        ("\u2764\ufe0f", "\u2764", r"\(U\+2764\) is .*mean .* \(U\+2764 U\+FE0F\)\?"),
        ("fin", "\ufb01n", r"\(U\+FB01 n\) is .*did you mean fin \(f i n\)\?"),
    ],
)
def test_words_that_look_the_same_are_told_apart(there: str, asked: str, message: str) -> None:
    with pytest.raises(UnknownWordError, match=message) as error:
        Vocabulary(["bar", there]).id(asked)
    assert error.value.suggestions == (there,)


def test_each_of_several_unknown_words_has_suggestions() -> None:
    with pytest.raises(UnknownWordError, match="did you mean vehicle.*'cra' .*did you mean car"):
        Vocabulary(["vehicle", "car"]).ids_of(["vehicel", "car", "cra"])


def test_unknown_word_names_near_spellings() -> None:
    with pytest.raises(UnknownWordError, match="'vehicel' is not in.*did you mean veh") as error:
        Vocabulary(["vehicle", "car"]).id("vehicel")
    assert isinstance(error.value, KeyError) and list(error.value.suggestions) == ["vehicle"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (["a", ""], "word 1 is empty"),
        (["a\nb"], "holds a line break"),
        (["a", "b", "a"], "'a' is in the vocabulary more than once"),
        (["\ud800"], "not valid Unicode"),
    ],
)
def test_refused_words(bad: list[str], message: str) -> None:
    with pytest.raises(VocabularyError, match=message):
        Vocabulary(bad)


@pytest.mark.parametrize(
    ("counts", "cut", "message"),
    [
        ([2, 1], {"min_count": 0}, "min_count must be at least 1, not 0"),
        ([2, 1], {"max_size": 0}, "max_size must be at least 1, not 0"),
        ([1], {}, "need as many counts"),
        ([2, -1], {}, "whole numbers"),
        ([2, 1.5], {}, "whole numbers"),
        ([1, 2], {"min_count": 2}, "in the order of their counts"),
        (None, {"min_count": 2}, "has no counts"),
    ],
)
def test_bad_counts_and_cuts(counts: Any, cut: dict[str, int], message: str) -> None:
    with pytest.raises((ConfigError, VocabularyError), match=message):
        Vocabulary(["a", "b"], counts).cut(**cut)


@given(st.lists(words, unique=True))
def test_round_trip_through_arrays(distinct: list[str]) -> None:
    vocabulary = Vocabulary(distinct, np.arange(len(distinct))[::-1])
    arrays = vocabulary.to_arrays()
    again = Vocabulary.from_arrays(arrays["words"], arrays["counts"], "x")
    assert again == vocabulary


def test_corrupted_arrays() -> None:
    with pytest.raises(FormatError, match="x is corrupted: its words are not UTF-8 at byte 1"):
        Vocabulary.from_arrays(np.frombuffer(b"a\xff", dtype=np.uint8), None, "x")
    with pytest.raises(FormatError, match="x is corrupted: one of its words is empty"):
        Vocabulary.from_arrays(np.frombuffer(b"a\n\nb", dtype=np.uint8), None, "x")
    doubled = Vocabulary.from_arrays(np.frombuffer(b"a\na", dtype=np.uint8), None, "x")
    with pytest.raises(VocabularyError, match="'a' is in the vocabulary more than once"):
        doubled.get("a")


def test_eos_is_never_cut() -> None:
    vocabulary = Vocabulary(["a", "b", EOS], [5, 3, 1])
    assert vocabulary.cut(min_count=2).words == ("a", "b", EOS)
    assert vocabulary.cut(max_size=2).words == ("a", EOS)
    assert vocabulary.cut(max_size=3, unk=True).words == ("a", UNK, EOS)
    with pytest.raises(VocabularyError, match="none of 2 is seen 4 times .the most frequent: 3"):
        Vocabulary([EOS, "a", "b"], [5, 3, 1]).cut(min_count=4)


# --- suggestions for unknown words ---------------------------------------------------------------

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


@settings(max_examples=100)
@given(st.lists(st.text("abcdé", min_size=1, max_size=5), unique=True), st.text(max_size=6))
def test_suggestions_are_other_words_of_the_vocabulary(words, asked):
    found = Vocabulary(words).near(asked)
    assert set(found) <= set(words) - {asked}
    assert len(set(found)) == len(found) <= 3
