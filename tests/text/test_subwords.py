"""N-grams of words and their buckets, against a slow twin and gensim's FastText."""

from __future__ import annotations

from itertools import pairwise

import pytest
from fasttext_files import buckets_of, fnv
from hypothesis import example, given
from hypothesis import strategies as st

from wordkit.errors import ConfigError
from wordkit.text import subwords
from wordkit.text.subwords import NGrams

WORDS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab<>é語𝒳"), min_size=1)
LENGTHS = st.tuples(st.integers(1, 7), st.integers(0, 5)).map(lambda n: (n[0], n[0] + n[1]))


def split(words: list[str], ngrams: NGrams) -> list[list[int]]:
    buckets, offsets = ngrams.buckets_of(words)
    return [buckets[a:b].tolist() for a, b in pairwise(offsets)]


@given(st.lists(WORDS, max_size=5), LENGTHS, st.integers(1, 2**31 - 1))
@example(["</s>", "a", "</s>", "<"], (1, 3), 100)
@example([], (3, 6), 100)
def test_buckets_are_those_of_the_twin(words: list[str], lengths, buckets: int) -> None:
    found = split(words, NGrams(*lengths, buckets))
    assert found == [buckets_of(word, *lengths, buckets) for word in words]


@given(WORDS.filter(lambda word: word != "</s>"), LENGTHS, st.integers(1, 2**31 - 1))
def test_buckets_are_those_of_gensim(word: str, lengths, buckets: int) -> None:
    from gensim.models.fasttext import ft_ngram_hashes

    expected = list(ft_ngram_hashes(word, *lengths, buckets))
    assert split([word], NGrams(*lengths, buckets)) == [expected]


def test_hashes_are_those_of_the_program() -> None:
    """As its ``print-ngrams`` shows for a file, and what FNV-1a's authors publish for ASCII."""
    assert fnv(b"") == 0x811C9DC5 and fnv(b"a") == 0xE40C292C and fnv(b"foobar") == 0xBF9CF968
    assert split(["foobar"], NGrams(8, 8, 2**31 - 1)) == [[fnv(b"<foobar>") % (2**31 - 1)]]


def test_many_words_are_done_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"word{i}" * (i % 3) + "x" for i in range(50)]
    whole = split(words, NGrams())
    monkeypatch.setattr(subwords, "_BLOCK_CHARACTERS", 20)
    assert split(words, NGrams()) == whole


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ("", "as in 3-6, not ''"),
        ("3", "as in 3-6, not '3'"),
        ("-3-6", "as in 3-6"),
        ("3-6-9", "as in 3-6"),
        ("6-3", "the shorter length comes first, as in 3-6"),
        ("0-3", "min_n must be from 1 to 100, not 0"),
        ("0-0", "min_n must be from 1 to 100, not 0"),
        ("3-101", "max_n must be from 1 to 100, not 101"),
        ("٣-٦", "as in 3-6"),
    ],
)
def test_impossible_lengths(lengths: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        NGrams.parse(lengths, 100)
    assert NGrams.parse("3-6", 100) == NGrams(3, 6, 100)
