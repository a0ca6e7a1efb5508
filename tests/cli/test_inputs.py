"""What the commands make of the texts that they are given."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Wordkit


def test_a_folder_named_like_a_corpus_is_noted(wordkit: Wordkit, folder: Path) -> None:
    (folder / "ptb-test").mkdir()
    (folder / "ptb-test" / "a.txt").write_text("my own words\n")
    data = folder / "data"
    data.mkdir()
    (data / "ptb.test.txt").write_text("words of the named corpus\n")
    note = "ptb-test is a folder here and is read as such"
    err = wordkit("prepare", "ptb-test", "-o", "mine").stderr
    assert note in err
    assert "3 tokens" in err
    err = wordkit("prepare", "ptb-test", "-o", "named", "--data-dir", data).stderr
    assert note not in err
    assert "5 tokens" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("word\n", "1 token of 1 word in 1 line"),
        ("a word\na\n", "3 tokens of 2 words in 2 lines"),
        ("a b " * 600, "1,200 tokens of 2 words in 1 line"),
    ],
)
def test_what_was_read_is_said_in_plain_english(
    wordkit: Wordkit, folder: Path, text: str, said: str
) -> None:
    (folder / "a.txt").write_text(text)
    assert wordkit("prepare", "a.txt").stderr == f"a.txt: {said}\n"
