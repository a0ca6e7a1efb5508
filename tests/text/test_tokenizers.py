"""The rules of the tokenizers, by example and by law."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.errors import ConfigError
from wordkit.text import get_tokenizer, named_tokenizers
from wordkit.text.characters import (
    in_categories,
    invisible_characters,
    lower_case,
    marks,
    unsettled_characters,
    word_characters,
)
from wordkit.text.normalization import Normalization
from wordkit.text.tokenizers import is_number

FAMILY = "\u200d".join("👨👩👧👦")
FLAG = "🇩🇪"
SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
KEYS = ["1\ufe0f\u20e3", "#\ufe0f\u20e3"]


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
        ("naïve cafe\u0301 ŁÓDŹ", ["naïve", "café", "łódź"]),
        ("ΟΔΟΣ ΣΑΣ", ["οδος", "σας"]),
        ("İstanbul", ["i\u0307stanbul"]),
        ("co\u00adoperate", ["cooperate"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("a\u200bb \ufeffc\ufeffd", ["a", "b", "cd"]),
        ("snake_case 😀😀", ["snake_case", "😀", "😀"]),
        ("☕\ufe0f x ❤\ufe0fpizza!", ["☕\ufe0f", "x", "❤\ufe0f", "pizza", "!"]),
        (
            f"{FAMILY}{FAMILY} ok\U0001f44d\U0001f3fd",
            [FAMILY, FAMILY, "ok", "\U0001f44d\U0001f3fd"],
        ),
        (f"{FLAG}{FLAG}{FLAG[0]} {SCOTLAND}", [FLAG, FLAG, FLAG[0], SCOTLAND]),
        (f"ab{KEYS[0]}{KEYS[1]}", ["ab", *KEYS]),
        ("\u0301x \ufe0f \u200dy =\u0338", ["x", "y", "≠"]),
        ("H\u0331 \u212b \u1112\u1161\u11ab", ["\u1e96", "\u00e5", "한"]),
        ("an <unk> (<UNK>) <eos>", ["an", "<unk>", "(", "<unk>", ")", "<", "eos", ">"]),
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


SYMBOLS = ["❤\ufe0f", "1\ufe0f⃣", "#\ufe0f⃣", "🏳\ufe0f\u200d🌈", "👍🏽", FAMILY, FLAG]


@pytest.mark.parametrize("name", sorted({*named_tokenizers()} - {"bpe"}))  # which keeps all bytes
def test_marks_belong_to_the_symbol_before_them(name: str) -> None:
    tokenizer = get_tokenizer(name)
    if name != "words":
        assert [token for token in tokenizer(" ".join(SYMBOLS)) if token != " "] == SYMBOLS
    if name in ("whitespace", "char"):  # as is
        return
    tokens = tokenizer(f"\ufe0f{'x'.join(SYMBOLS)}pizza \u200b \ufe0f x\u200b \u0301")
    assert not [token for token in tokens if marks()[ord(token[0])] or token == "\u200b"]


@given(st.text())
def test_basic_keeps_every_visible_character(line: str) -> None:
    tokens = get_tokenizer("basic")(line)
    dropped = invisible_characters() | marks()  # a mark is dropped where it follows nothing
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", line).lower())
    folded = folded.replace("’", "'").replace("‐", "-").replace("‑", "-")
    kept = "".join(c for c in "".join(tokens) if not dropped[ord(c)])
    assert kept == "".join(c for c in folded if not dropped[ord(c)])
    assert not any(dropped[ord(token[0])] for token in tokens)


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("eH\u0301\u0331\u1161")))
def test_equal_spellings_are_the_same_tokens(line: str) -> None:
    for form in ("NFC", "NFD"):
        spelling = unicodedata.normalize(form, line)
        for name in ("basic", "words", "whitespace"):
            assert get_tokenizer(name)(spelling) == get_tokenizer(name)(line)


@pytest.mark.parametrize(
    ("form", "expected"),
    [("nfc", ["é", "ﬁn", "½"]), ("nfkc", ["é", "fin", "1⁄2"]), ("none", ["e\u0301", "ﬁn", "½"])],
)
def test_normal_forms(form: Normalization, expected: list[str]) -> None:
    assert get_tokenizer("whitespace", form)("e\u0301 ﬁn ½") == expected
    with pytest.raises(ConfigError, match="must be one of nfc, nfkc, none, not 'nfd'"):
        get_tokenizer("basic", "nfd")  # type: ignore[arg-type]


def test_categories_are_those_of_unicode() -> None:
    categories = np.array([unicodedata.category(chr(point)) for point in range(0x110000)])
    for name in ("L", "M", "N", "Nd", "P", "S", "Z", "C", "Cc", "Cf", "Cn", "Co", "Cs"):
        assert np.array_equal(in_categories(name), np.char.startswith(categories, name)), name


def test_classes_agree_with_python() -> None:
    words, invisible, lower = word_characters(), invisible_characters(), lower_case()
    for point in range(0x110000):
        character = chr(point)
        is_mark = unicodedata.category(character)[0] == "M"
        in_words = character.isalnum() or is_mark or character in "_\u200c\u200d"
        assert words[point] == in_words, hex(point)
        if character.isspace():
            assert invisible[point], hex(point)
        if len(character.lower()) == 1 and character not in "Σ\u00ad\u212a":
            assert chr(lower[point]) == character.lower(), hex(point)
    assert not (words & invisible).any()
    assert not (marks() & ~words).any()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_of_settled_characters_is_normalized(line: str) -> None:
    for form in ("nfc", "nfkc"):
        unsettled = unsettled_characters(form)
        settled = "".join(c for c in line if not unsettled[ord(c)])
        assert unicodedata.is_normalized(form.upper(), settled)


def test_numbers() -> None:
    assert all(map(is_number, ["1", "3.14", "10,000", "1.2.3", "٣"]))
    assert not any(map(is_number, ["", "1990s", "3.", "-1", "one", "1-2"]))


def test_names_and_callables() -> None:
    assert all(tokenizer.description for tokenizer in named_tokenizers().values())
    tokenizer = get_tokenizer(str.split)
    assert get_tokenizer(tokenizer) is tokenizer and tokenizer("a  b") == ["a", "b"]
    with pytest.raises(ConfigError, match="must be one of basic, words, .*not 'spacy'"):
        get_tokenizer("spacy")
