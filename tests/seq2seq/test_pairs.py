"""Pairs of texts: how they are read, held out, and cut into units."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from string_source import StringSource

from wordkit.errors import ConfigError, TextError, VocabularyError, WordkitWarning
from wordkit.seq2seq.pairs import (
    Pair,
    Unit,
    joined,
    read_pairs,
    split_pairs,
    units_of,
    vocabulary_of,
)
from wordkit_corpora.plaintext import open_text
from wordkit_corpora.texts import Lines

UNITS: list[Unit] = ["char", "word"]


def numbered(n: int) -> list[Pair]:
    """Pairs that tell their places."""
    return [Pair(f"source {i}", f"target {i}") for i in range(n)]


# --- reading --------------------------------------------------------------------------------------


def read(lines: list[str], separator: str = "\t") -> list[Pair]:
    return list(read_pairs(Lines(lines, "some.txt"), separator))


def test_each_line_is_a_pair_without_the_spaces_around_its_texts() -> None:
    lines = ["16+75  _91  ", "", "  \t ", " a b_ c d", "é_\u3000ü"]
    assert read(lines, "_") == [("16+75", "91"), ("a b", "c d"), ("é", "ü")]
    assert read(["a _ b\tc"]) == [Pair("a _ b", "c")]
    assert read(["a => b = c"], "=>") == [Pair("a", "b = c")]


text = st.text(st.sampled_from("ab é"), min_size=1).filter(str.strip)


@given(st.lists(st.tuples(text, text), min_size=1), st.sampled_from(["\t", "_", " | "]))
def test_pairs_that_are_written_are_read(texts: list[tuple[str, str]], separator: str) -> None:
    lines = [f"{source}{separator}{target}" for source, target in texts]
    expected = [(source.strip(), target.strip()) for source, target in texts]
    assert read(lines, separator) == expected


@pytest.mark.parametrize(
    ("line", "separator", "found", "remedy"),
    [
        ("a,b", "\t", "a tab between, found 'a,b'", "name the separator"),
        ("a\tb", "_", r"'_' between, found 'a\tb'", "name the separator"),
        ("a" * 90, "_", f"'_' between, found '{'a' * 40}…'", "name the separator"),
        ("a_b_c", "_", "'_' between, found 3 in 'a_b_c'", "name another separator"),
        (" _b", "_", "'_' between, but the first is empty in ' _b'", "fill it in"),
        ("a\t ", "\t", r"a tab between, but the second is empty in 'a\t '", "fill it in"),
    ],
)
def test_a_line_that_is_no_pair_is_named_by_its_number(
    line: str, separator: str, found: str, remedy: str
) -> None:
    good = f"x{separator}y"
    pairs = read_pairs(Lines([good, "", " ", good, line, good], "some.txt"), separator)
    assert [next(pairs), next(pairs)] == [Pair("x", "y")] * 2
    with pytest.raises(TextError) as caught:
        next(pairs)
    expected = f"some.txt: line 5: expected two texts with {found}; {remedy}"
    assert str(caught.value).startswith(expected)


def test_further_columns_are_left_out_and_counted() -> None:
    """As Tatoeba's third, which names the authors; a text may end in tabs too."""
    lines = ["a\tb", "c\td\tCC-BY 2.0", "e\tf\t\t"]
    with pytest.warns(WordkitWarning, match="^some.txt: 2 lines have more than two columns"):
        assert read(lines) == [Pair("a", "b"), Pair("c", "d"), Pair("e", "f")]
    for line in ("\tb\tc", "a\t\tc"):
        with pytest.raises(TextError, match="expected two texts with a tab between"):
            read([line])


@pytest.mark.parametrize("block_size", [16, 1 << 20])
def test_a_line_is_numbered_in_the_file_it_stands_in(tmp_path: Path, block_size: int) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_bytes("a long é enough text\tb\r\n\r\nc\td".encode())
    second.write_bytes(b"\ne\tf\n\n\n\n a line without a separator \ng\th\n")
    assert list(read_pairs(open_text([first], block_size=block_size))) == [
        Pair("a long é enough text", "b"),
        Pair("c", "d"),
    ]
    found = read_pairs(open_text([first, second], block_size=block_size))
    assert [next(found).source for _ in range(3)][1:] == ["c", "e"]
    with pytest.raises(TextError, match=r"second\.txt: line 6: expected two texts"):
        next(found)


@pytest.mark.parametrize("lines", [[], ["", "  "]])
def test_a_text_without_a_pair(lines: list[str], tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"^some\.txt holds no pair; give a text with two texts"):
        read(lines)
    path = tmp_path / "file.txt"
    path.write_text("\n".join(lines))
    with pytest.raises(TextError, match=r"file\.txt holds no pair"):
        list(read_pairs(open_text([path])))


@pytest.mark.parametrize("separator", ["", "\n", "a\r", "\n\t"])
def test_separators_that_cannot_stand_in_a_line(separator: str) -> None:
    """They are refused at once, not when the first pair is asked for."""
    with pytest.raises(ConfigError, match="separator must be text without a line break"):
        read_pairs(StringSource("a\tb"), separator)


# --- holding out ----------------------------------------------------------------------------------


@given(st.integers(2, 60), st.floats(0, 0.5, exclude_min=True), st.integers(0, 1000))
def test_every_pair_is_on_one_side_in_its_order(n: int, fraction: float, seed: int) -> None:
    pairs = numbered(n)
    train, valid = split_pairs(iter(pairs), fraction, seed)
    assert sorted([*train, *valid], key=pairs.index) == pairs
    assert train == sorted(train, key=pairs.index)
    assert valid == sorted(valid, key=pairs.index)
    assert 1 <= len(valid) <= len(train)
    assert len(valid) == 1 or abs(len(valid) - fraction * n) <= 0.5
    assert (train, valid) == split_pairs(pairs, fraction, seed)


def test_pairs_are_drawn_at_random_by_the_seed() -> None:
    pairs = numbered(1000)
    drawn = [split_pairs(pairs, 0.1, seed)[1] for seed in range(30)]
    assert {len(valid) for valid in drawn} == {100}
    assert len({tuple(valid) for valid in drawn}) == 30
    places = [pairs.index(pair) for valid in drawn for pair in valid]
    assert 450 < sum(places) / len(places) < 550, "from everywhere in the text"
    assert len(set(places)) > 900


def test_a_source_that_is_validated_on_is_not_trained_on() -> None:
    pairs = [Pair(source, target) for source in "abcdefghij" for target in "xyz"] * 2
    train, valid = split_pairs(pairs, 0.3, 1)
    assert (len(train), len(valid)) == (42, 18)
    assert {pair.source for pair in train}.isdisjoint(pair.source for pair in valid)


def test_what_cannot_be_held_out() -> None:
    for fraction in (0, -0.1, 0.51, 1, float("nan")):
        with pytest.raises(ConfigError, match="hold_out must be .*above 0 and at most"):
            split_pairs(numbered(9), fraction, 1)
    with pytest.raises(ConfigError, match="seed must be at least 0, not -1"):
        split_pairs(numbered(9), 0.1, -1)
    with pytest.raises(TextError, match="the text has 1 different source, and one must be"):
        split_pairs(numbered(1), 0.5, 1)
    with pytest.raises(TextError, match="the text has 0 different sources"):
        split_pairs([], 0.5, 1)


# --- units ----------------------------------------------------------------------------------------


def test_units_are_characters_or_words() -> None:
    assert units_of(" né b", "char") == [" ", "n", "é", " ", "b"]
    assert units_of("  one\ttwo  three ", "word") == ["one", "two", "three"]
    assert joined(["a", " ", "b"], "char") == "a b"
    assert joined(["one", "two"], "word") == "one two"


def test_units_that_do_not_exist() -> None:
    for call in (units_of, lambda text, unit: joined([text], unit), vocabulary_of):
        with pytest.raises(ConfigError, match="unit must be one of char, word, bpe, not 'line'"):
            call("a", "line")  # type: ignore[arg-type]


# --- the vocabulary -------------------------------------------------------------------------------


def counts_of(texts: list[str], unit: Unit, **cut: int) -> dict[str, int]:
    vocabulary = vocabulary_of(iter(texts), unit, **cut)
    return dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))


def test_a_vocabulary_has_the_units_the_unknown_one_and_an_end_for_each_text() -> None:
    assert list(counts_of(["abba", "a b", "a"], "char").items()) == [
        ("a", 4), ("b", 3), ("<eos>", 3), (" ", 1), ("<unk>", 0),
    ]  # fmt: skip
    assert list(counts_of(["one two", "two", "two "], "word").items()) == [
        ("two", 3), ("<eos>", 3), ("one", 1), ("<unk>", 0),
    ]  # fmt: skip


def test_rare_units_count_as_unknown() -> None:
    texts = ["a a a b b c", "d"]
    assert counts_of(texts, "word", min_count=2) == {"a": 3, "b": 2, "<eos>": 2, "<unk>": 2}
    assert counts_of(texts, "word", max_size=3) == {"a": 3, "<eos>": 2, "<unk>": 4}
    # three times an end: more often than any text ends
    assert counts_of(texts, "word", min_count=3) == {"a": 3, "<eos>": 2, "<unk>": 4}


@given(
    st.lists(st.text(st.sampled_from("ab c"), min_size=1).filter(str.strip), min_size=1),
    st.sampled_from(UNITS),
    st.integers(1, 3),
)
def test_nothing_that_is_counted_gets_lost(texts: list[str], unit: Unit, min_count: int) -> None:
    seen = Counter(part for text in texts for part in units_of(text, unit))
    if max(seen.values()) < min_count:
        with pytest.raises(VocabularyError, match="none is seen"):
            vocabulary_of(texts, unit, min_count=min_count)
        return
    counts = counts_of(texts, unit, min_count=min_count)
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert counts.pop("<eos>") == len(texts)
    rare = sum(n for n in seen.values() if n < min_count)
    assert counts.pop("<unk>") == rare
    assert counts == {part: n for part, n in seen.items() if n >= min_count}


def test_words_of_a_text_that_are_called_like_the_marks() -> None:
    counts = counts_of(["a <eos> a", "<unk> a"], "word")
    assert counts == {"a": 3, "<eos>": 2, "<unk>": 2}, "the word <eos> is unknown, not an end"
    characters = counts_of(["<eos>"], "char")
    assert characters == {"<": 1, "e": 1, "o": 1, "s": 1, ">": 1, "<eos>": 1, "<unk>": 0}


def test_vocabularies_that_cannot_be() -> None:
    with pytest.raises(VocabularyError, match=r"^no word is left: none is seen 2 times .*: 1\)"):
        vocabulary_of(["a b", "c"], "word", min_count=2)
    with pytest.raises(VocabularyError, match="no character is left: none is seen 1 times"):
        vocabulary_of([], "char")
    with pytest.raises(VocabularyError, match="no word is left"):
        vocabulary_of(["<unk> <eos>"], "word")
    with pytest.raises(ConfigError, match="min_count must be at least 1, not 0"):
        vocabulary_of(["a"], "char", min_count=0)
    with pytest.raises(ConfigError, match="max_size must leave room .*: at least 3, not 2"):
        vocabulary_of(["a"], "char", max_size=2)


# --- real data ------------------------------------------------------------------------------------


def test_dates_are_read_right(shared_data: Path) -> None:
    path = shared_data / "seq2seq" / "date.txt"
    pairs = list(read_pairs(open_text([path]), "_"))
    assert len(pairs) == 50_000
    assert pairs[1] == Pair("August 19, 2003", "2003-08-19")
    assert {len(pair.target) for pair in pairs} == {10}
    with pytest.raises(TextError, match=r"date\.txt: line 1: expected two texts with a tab"):
        next(read_pairs(open_text([path])))
