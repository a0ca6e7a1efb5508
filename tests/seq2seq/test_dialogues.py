"""Dialogues of a text and of lists: what is read, what is left out, and what is said."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from string_source import StringSource

from wordkit.errors import TextError, WordkitWarning
from wordkit.seq2seq.dialogue import read_dialogues, split_dialogues
from wordkit.seq2seq.dialogue.dialogues import check_dialogues

TEXT = "hello\r\n\thi there \n\n  \nA\tone\nA\ttwo\nB\tthree\nfour\nfive\n\n\na\nb\n"


def test_turns_are_lines_and_blank_lines_separate_dialogues() -> None:
    for block in (5, 100):
        found = read_dialogues(StringSource(TEXT, block))
        assert found == [("hello", "hi there"), ("one two", "three", "four", "five"), ("a", "b")]


@pytest.mark.parametrize(
    ("text", "left", "says"),
    [
        ("a\n\nb\nc\n\nd\ne\n\nf\n", 2, "left out 2 dialogues that have one turn"),
        ("a\tx\n\nb\nc\n", 1, "left out 1 dialogue that has one turn"),
        ("A\tx\nB\t \nC\ty\n\nb\nc\n", 2, "left out 1 empty turn$"),
        ("a\nb\nc\n", 1, "has no blank line between dialogues, so all of it is one dialogue"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_said(text: str, left: int, says: str) -> None:
    with pytest.warns(WordkitWarning, match=says) as said:
        assert len(read_dialogues(StringSource(text))) == left
    assert [str(one.message).startswith("a string") for one in said] == [True]


@pytest.mark.parametrize("text", ["", "\n\n", "one\n\ntwo\n", "A\tx\nA\ty\n"])
def test_a_text_without_dialogues(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WordkitWarning)
        with pytest.raises(TextError, match="a string holds no dialogue of two turns; give a"):
            read_dialogues(StringSource(text))


@pytest.mark.parametrize(
    ("dialogues", "says"),
    [
        (["hello"], "dialogue 1 must be a list of turns, not 'hello'"),
        ([("a", "b"), 3], "dialogue 2 must be a list of turns, not 3"),
        ([("a", None)], "dialogue 1: a turn must be a string, not None; leave out what is missing"),
    ],
)
def test_what_is_no_dialogue(dialogues: Any, says: str) -> None:
    with pytest.raises(TextError, match=says):
        check_dialogues(dialogues)


def test_equal_dialogues_are_on_one_side() -> None:
    dialogues = [(f"{n % 10}", "x") for n in range(40)]
    train, valid = split_dialogues(dialogues, 0.2, seed=1)
    assert len(train) == 32 and len(valid) == 8 and not {*train} & {*valid}
    assert split_dialogues(dialogues, 0.2, seed=1) == (train, valid)
    with pytest.raises(TextError, match="has 1 different dialogue, and one must be held out"):
        split_dialogues(dialogues[:1] * 5, 0.1, seed=1)
