"""Bad input ends in status 1 and one plain line; files that were there stay as they were."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Wordkit, call

WORDS = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
]  # fmt: skip
TEXT = "".join(f"{' '.join(WORDS[i % 5 :])}\n" for i in range(40))


@pytest.fixture
def old(folder: Path) -> Path:
    """A file of vectors that was there before, and must be there unharmed after."""
    path = folder / "vectors.safetensors"
    path.write_bytes(b"years of training")
    return path


@pytest.fixture
def text(folder: Path) -> Path:
    path = folder / "text.txt"
    path.write_text(TEXT)
    return path


def check_untouched(folder: Path, old: Path, *others: str) -> None:
    assert old.read_bytes() == b"years of training"
    left = {p.name for p in folder.iterdir()} - {".cache"}
    assert left == {old.name, *others}


TRAINING = [["prepare", "-o", "corpus.ids"], ["train-counts", "--dim", "5"]]


@pytest.mark.parametrize("command", TRAINING)
def test_bad_calls(
    wordkit: Wordkit, folder: Path, old: Path, text: Path, command: list[str]
) -> None:
    cases = {
        ("none.txt",): "there is no such file or folder",
        ("*.none",): "*.none",
        ("text.txt", "--min-count", "1000"): "no word is left",
        ("text.txt", "--tokenizer", "spacy"): "tokenizer must be one of basic",
        ("text.txt", "--encoding", "klingon"): "klingon",
    }
    for arguments, message in cases.items():
        assert message in wordkit(*command, *arguments, status=1).stderr
    check_untouched(folder, old, "text.txt")


def test_standard_input_is_never_overwritten(folder: Path, text: Path) -> None:
    with open(text, "rb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "wordkit_cli", "prepare", "-", "--log", "text.txt"],
            stdin=file, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1 and "is read as standard input" in done.stderr
    assert text.read_text() == TEXT


def test_a_prepared_corpus_does_not_take_text_options(
    wordkit: Wordkit, folder: Path, text: Path
) -> None:
    wordkit("prepare", "text.txt", "-q")
    error = wordkit("train-counts", "corpus.ids", "--numbers", "N", status=2).stderr
    assert "prepared already" in error
    assert "give it alone" in wordkit("train-counts", "corpus.ids", "text.txt", status=1).stderr
    assert "already" in wordkit("prepare", "corpus.ids", "-o", "again.ids", status=1).stderr
    (next((folder / "corpus.ids").glob("ids-*"))).write_bytes(b"")
    assert "prepare the text again" in wordkit("train-counts", "corpus.ids", status=1).stderr
    assert not (folder / "again.ids").exists() and not (folder / "vectors.safetensors").exists()


def test_a_bad_suffix_is_found_before_the_work(wordkit: Wordkit, folder: Path, text: Path) -> None:
    for name in ("vectors.foo", "vectors"):
        error = wordkit("train-counts", "text.txt", "-o", name, status=1).stderr
        assert "no format has the suffix" in error
        assert "tokens" not in error, "the text was not read"


@pytest.mark.parametrize("command", ["train-counts", "train-glove", "train-w2v"])
def test_too_few_dimensions_are_found_before_the_work(
    wordkit: Wordkit, folder: Path, text: Path, command: str
) -> None:
    error = wordkit(command, "text.txt", "--dim", "1", "-o", "v.tsv", status=1).stderr
    assert error == (
        "wordkit: a projector file has vectors of 2 dimensions at least, not 1; save word2vec text "
        "(.txt)\n"
    )


@pytest.mark.parametrize("option", ["--log", "--checkpoint", "-o"])
def test_a_hyphen_is_no_file_to_write(
    wordkit: Wordkit, folder: Path, text: Path, option: str
) -> None:
    error = wordkit("train-lm", "text.txt", option, "-", status=2).stderr
    assert "it is a file, not standard output; ./- is a file called -" in error
    assert not (folder / "-").exists()


def test_closed_streams(folder: Path, text: Path) -> None:
    start = f"{sys.executable} -m wordkit_cli"
    cases = {
        f"{start} prepare none.txt 2>&-": 1,
        f"{start} tokenizers >&-": 1,
        f"{start} prepare - <&-": 1,
        f"{start} prepare text.txt -q <&- 2>&-": 0,
    }
    for command, status in cases.items():
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == status, (command, done.stderr)
        assert "Traceback" not in done.stderr + done.stdout


def test_an_output_that_lacks_the_characters(
    wordkit: Wordkit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    assert r"king \u2212 man" in wordkit("analogy", "king", "man", "woman", anew=True).stdout


def test_a_given_vocabulary_is_taken_as_it_is(wordkit: Wordkit, folder: Path, text: Path) -> None:
    wordkit("prepare", "text.txt", "-o", "train.ids", "-q")
    given = ("prepare", "text.txt", "--vocabulary", "train.ids")
    for option in (["--min-count", "2"], ["--max-vocabulary", "3"], ["--unk"]):
        assert "shapes a vocabulary" in wordkit(*given, *option, status=2).stderr
    assert "same folder" in wordkit(*given, "-o", "./train.ids", status=2).stderr
    words = next((folder / "train.ids").glob("words-*"))
    words.write_bytes(words.read_bytes().replace(b"one", b"oqe"))
    assert "fingerprint" in wordkit(*given, status=1).stderr


def test_arguments_that_are_not_utf8_are_told_by_their_bytes(folder: Path) -> None:
    word = os.fsdecode(b"caf\xe9")
    for given in (["similar", word], ["info", word], [word], ["similar", "king", "-n", word]):
        done = call(*given)
        assert done.status == (1 if given[1:] == [word] else 2)
        assert r"caf\xe9" in done.stderr and "udce9" not in done.stderr, given


def test_words_from_standard_input_are_utf8(
    wordkit: Wordkit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "v.txt").write_text("2 2\nčaj 1 0\nkava 1 1\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    answer = wordkit("similar", "-", "-m", "v.txt", stdin="čaj\n", anew=True)
    assert answer.stdout
    error = wordkit("similar", "-", "-m", "v.txt", stdin=b"\xff\n", status=1).stderr
    assert "byte 0: not UTF-8" in error
