"""The rules of the tokenizers, by example and by law."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.errors import ConfigError
from wordkit.text import get_tokenizer, named_tokenizers
from wordkit.text.characters import invisible_characters, lower_case, word_characters
from wordkit.text.tokenizers import is_number


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("The cat sat.", ["the", "cat", "sat", "."]),
        ("Don't stop, co-operate!", ["don't", "stop", ",", "co-operate", "!"]),
        ("don’t re‐use", ["don't", "re-use"]),
        ("'quoted' -- dash-", ["'", "quoted", "'", "-", "-", "dash", "-"]),
        ("3.14, 10,000 and 5%.", ["3.14", ",", "10,000", "and", "5", "%", "."]),
        ("v1.5 a.b 1.b", ["v1.5", "a", ".", "b", "1", ".", "b"]),
        ("U.S. e-mail's", ["u", ".", "s", ".", "e-mail's"]),
        ("naïve cafe\u0301 ŁÓDŹ", ["naïve", "cafe\u0301", "łódź"]),
        ("ΟΔΟΣ ΣΑΣ", ["οδος", "σας"]),
        ("İstanbul", ["i\u0307stanbul"]),
        ("co\u00adoperate", ["cooperate"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("a\u200bb\ufeffc", ["a", "b", "c"]),
        ("snake_case 😀😀", ["snake_case", "😀", "😀"]),
        ("", []),
        (" \t ", []),
    ],
)
def test_basic(line: str, expected: list[str]) -> None:
    assert get_tokenizer("basic")(line) == expected


@pytest.mark.parametrize(
    ("name", "line", "expected"),
    [
        ("treebank", "They'll won't.", ["They", "'ll", "wo", "n't", "."]),
        ("tweet", "@me #tag :-) cool!!", ["@me", "#tag", ":-)", "cool", "!", "!"]),
        ("words", "It's 3.5 °C -- (Yes; co-op.)", ["it's", "3.5", "c", "yes", "co-op"]),
        ("whitespace", " A\tb <unk>\r\u00a0x y\u2028z", ["A", "b", "<unk>", "\u00a0x", "y\u2028z"]),
        ("toktok", "Is 9.5 ok? Yes.", ["Is", "9.5", "ok", "?", "Yes", "."]),
    ],
)
def test_others(name: str, line: str, expected: list[str]) -> None:
    assert list(get_tokenizer(name)(line)) == expected


@given(st.text())
def test_basic_keeps_every_visible_character(line: str) -> None:
    kept = "".join(get_tokenizer("basic")(line))
    invisible = invisible_characters()
    folded = line.lower().replace("’", "'").replace("‐", "-").replace("‑", "-")
    assert kept == "".join(c for c in folded if not invisible[ord(c)])


def test_classes_agree_with_python() -> None:
    words, invisible, lower = word_characters(), invisible_characters(), lower_case()
    for point in range(0x110000):
        character = chr(point)
        if character.isalnum() or unicodedata.category(character)[0] == "M":
            assert words[point], hex(point)
        if character.isspace():
            assert invisible[point], hex(point)
        if len(character.lower()) == 1 and character not in "Σ\u00ad":
            assert chr(lower[point]) == character.lower(), hex(point)
    assert not (words & invisible).any()


def test_numbers() -> None:
    assert all(map(is_number, ["1", "3.14", "10,000", "1.2.3", "٣"]))
    assert not any(map(is_number, ["", "1990s", "3.", "-1", "one", "1-2"]))


def test_names_and_callables() -> None:
    assert all(tokenizer.description for tokenizer in named_tokenizers().values())
    tokenizer = get_tokenizer(str.split)
    assert get_tokenizer(tokenizer) is tokenizer and tokenizer("a  b") == ["a", "b"]
    with pytest.raises(ConfigError, match="must be one of basic, words, .*not 'spacy'"):
        get_tokenizer("spacy")
