"""Bad input ends in status 1 and one plain line; files that were there stay as they were."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import CommandLine, Wordkit

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
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no token"),
        (b" \n\t\n\r\n", "holds no token"),
        (b"\x7fELF\x02\x01\x01\x00\x00\x00\x00", "binary"),
        (b"good\nb\xe4d\n", "line 2, byte 6: not UTF-8 (0xe4)"),
        ("größer\n".encode("utf-16"), "--encoding utf-16"),
        (gzip.compress(os.urandom(3000))[:1500], "truncated"),
    ],
    ids=["empty", "blank", "binary", "latin-1", "utf-16", "cut gzip"],
)
def test_bad_text(
    wordkit: Wordkit, folder: Path, old: Path, command: list[str], content: bytes, message: str
) -> None:
    (folder / "bad.txt").write_bytes(content)
    error = wordkit(*command, "bad.txt", status=1).stderr
    assert message in error and "bad.txt" in error
    check_untouched(folder, old, "bad.txt")


@pytest.mark.parametrize("command", TRAINING)
def test_bad_calls(
    wordkit: Wordkit, folder: Path, old: Path, text: Path, command: list[str]
) -> None:
    cases = {
        ("none.txt",): "there is no such file or folder",
        ("*.none",): "*.none",
        ("text.txt", "--min-count", "1000"): "no word is left",
        ("text.txt", "--min-count", "0"): "min_count must be at least 1, not 0",
        ("text.txt", "--tokenizer", "spacy"): "tokenizer must be one of basic",
        ("text.txt", "--encoding", "klingon"): "klingon",
    }
    for arguments, message in cases.items():
        assert message in wordkit(*command, *arguments, status=1).stderr
    check_untouched(folder, old, "text.txt")


def test_bad_settings(wordkit: Wordkit, folder: Path, old: Path, text: Path) -> None:
    cases = {
        ("--dim", "500"): "dim",
        ("--dim", "0"): "dim must be at least 1, not 0",
        ("--window", "0"): "window must be",
        ("--shift", "-1"): "shift must be above 0",
        ("--smoothing", "2"): "smoothing must be",
        ("--exponent", "7"): "exponent must be",
        ("--seed", "-1"): "seed must be",
    }
    for arguments, message in cases.items():
        assert message in wordkit("train-counts", "text.txt", *arguments, status=1).stderr
    assert "not a size" in wordkit("train-counts", "text.txt", "--memory", "x", status=2).stderr
    check_untouched(folder, old, "text.txt")


def test_a_text_of_single_words_has_no_co_occurrences(
    wordkit: Wordkit, folder: Path, old: Path
) -> None:
    (folder / "list.txt").write_text("\n".join(WORDS * 9))
    assert "wordkit:" in wordkit("train-counts", "list.txt", "--dim", "3", status=1).stderr
    check_untouched(folder, old, "list.txt")


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


def test_a_file_is_never_overwritten_by_a_corpus(
    wordkit: Wordkit, folder: Path, text: Path
) -> None:
    (folder / "file").write_text("a file")
    assert "it is a file" in wordkit("prepare", "text.txt", "-o", "file", status=1).stderr
    assert (folder / "file").read_text() == "a file"


def test_a_line_of_200_megabytes(wordkit: Wordkit, folder: Path) -> None:
    with open(folder / "line.txt", "wb") as file:
        for _ in range(200):
            file.write(b"one two three four five " * 41_667)
    wordkit("prepare", "line.txt", "-q")
    known = json.loads(wordkit("info", "corpus.ids", "--json").stdout)
    assert known["lines"] == 1 and known["tokens"] == 200 * 41_667 * 5
    with open(folder / "line.txt", "wb") as file:
        for _ in range(200):
            file.write(b"x" * 1_000_000)
    error = wordkit("prepare", "line.txt", "-o", "x.ids", status=1).stderr
    assert "white space" in error
    assert not (folder / "x.ids").exists()


def test_files_that_are_no_vectors(wordkit: Wordkit, folder: Path) -> None:
    """The ways of formats to be wrong; ``test_damage`` tries every command on damaged files."""
    (folder / "out.txt").write_text("old")
    header, row = b"3 4\n", b"one 1 2 3 4\n"
    bad = {
        "binary.bin": header + b"one " + bytes(10),
        "short.txt": header + row,
        "wide.txt": header + row + b"two 1 2 3\nthree 1 2 3 4\n",
        "nan.txt": header + row + b"two 1 nan 3 4\nthree 1 2 3 4\n",
        "huge.txt": b"99999999999 300\n" + row,
        "cut.gz": gzip.compress(header + row * 100)[:30],
        "prose.txt": b"It was a dark and stormy night.\nThe rain fell.\n",
        "noise": bytes(range(256)) * 4,
        "header.safetensors": (1 << 60).to_bytes(8, "little") + b"{}",
        "pickle": pickle.dumps({"one": [1.0]}),
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
        for query in (["similar", "one", "-m", name], ["convert", name, "out.txt"]):
            error = wordkit(*query, status=1).stderr
            assert name in error
    assert "pickle" in error
    assert (folder / "out.txt").read_text() == "old"


@pytest.mark.parametrize("command", TRAINING)
def test_the_text_is_never_overwritten(
    wordkit: Wordkit, folder: Path, text: Path, command: list[str]
) -> None:
    (folder / "link.txt").symlink_to(text)
    (folder / "log").write_text("an earlier log")
    for path in ("text.txt", "link.txt"):
        assert "is read" in wordkit(*command, "text.txt", "--log", path, status=1).stderr
        if command[0] == "train-counts":
            error = wordkit(*command, "text.txt", "-o", path, status=1).stderr
            assert "is read" in error
    wordkit(*command, "none.txt", "--log", "log", status=1)
    with open(text, "rb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "wordkit_cli", *command, "-", "--log", "text.txt"],
            stdin=file,
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
    assert done.returncode == 1 and "is read as standard input" in done.stderr
    assert text.read_text() == TEXT
    assert (folder / "log").read_text() == "an earlier log"


def test_a_bad_suffix_is_found_before_the_work(wordkit: Wordkit, folder: Path, text: Path) -> None:
    for name in ("vectors.foo", "vectors", "-"):
        error = wordkit("train-counts", "text.txt", "-o", name, status=1).stderr
        assert "no format has the suffix" in error
        assert "tokens" not in error, "the text was not read"


def test_a_killed_first_prepare_can_be_repeated(
    folder: Path, wordkit: Wordkit, command_line: CommandLine, text: Path
) -> None:
    (folder / "big.txt").write_text(TEXT * 50_000)
    for _ in range(3):
        process = command_line.start("prepare", "big.txt", "-o", "c.ids")
        while process.poll() is None and not list(folder.glob("c.ids/*")):
            time.sleep(0.005)
        process.kill()
        process.communicate()
    wordkit("prepare", "text.txt", "-o", "c.ids")
    assert len(list((folder / "c.ids").iterdir())) == 5


def test_folders_that_are_not_there(wordkit: Wordkit, folder: Path, text: Path) -> None:
    for call in (
        ("prepare", "text.txt", "-o", "no/x.ids"),
        ("prepare", "text.txt", "--log", "no/log"),
        ("train-counts", "text.txt", "-o", "no/x.safetensors"),
    ):
        error = wordkit(*call, status=1).stderr.splitlines()[-1]
        assert error.endswith(f"there is no folder {folder / 'no'}; make it")


def test_closed_streams(folder: Path, text: Path) -> None:
    start = f"{sys.executable} -m wordkit_cli"
    cases = {
        f"{start} prepare text.txt -q 2>&-": 0,
        f"{start} prepare none.txt 2>&-": 1,
        f"{start} tokenizers >&-": 1,
        f"{start} prepare - <&-": 1,
        f"{start} prepare text.txt <&-": 0,
    }
    for command, status in cases.items():
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == status, (command, done.stderr)
        assert "Traceback" not in done.stderr + done.stdout


def test_an_output_that_lacks_the_characters(
    wordkit: Wordkit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    assert r"2 \u2212 1" in wordkit("tokenizers", "2 − 1").stdout


def test_a_hang_up_cleans_up(folder: Path, command_line: CommandLine, text: Path) -> None:
    (folder / "big.txt").write_text(TEXT * 100_000)
    (folder / "tmp").mkdir()
    tmp = {"TMPDIR": str(folder / "tmp")}
    process = command_line.start("train-counts", "big.txt", "--dim", "5", environment=tmp)
    while process.poll() is None and not list((folder / "tmp").iterdir()):
        time.sleep(0.005)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert list((folder / "tmp").iterdir()) == []
    assert process.returncode == 128 + signal.SIGHUP


def test_what_is_read_is_never_the_log(wordkit: Wordkit, folder: Path, text: Path) -> None:
    wordkit("prepare", "text.txt", "-q")
    wordkit("train-counts", "corpus.ids", "--dim", "5", "-q")
    (folder / "questions.txt").write_text(": all\none two three four\n")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    for path in (folder / "corpus.ids").iterdir():
        error = wordkit("train-counts", "corpus.ids", "-o", "x.txt", "--log", path, status=1)
        assert "is read as corpus.ids" in error.stderr
    for path in ("vectors.safetensors", "questions.txt"):
        error = wordkit("evaluate", "--analogies", "questions.txt", "--log", path, status=1)
        assert "is read" in error.stderr
    error = wordkit("train-counts", "text.txt", "-o", "x.txt", "--log", "./x.txt", status=1)
    assert "written twice" in error.stderr
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


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
    for call in (["similar", word], ["info", word], [word], ["similar", "king", "-n", word]):
        command = [sys.executable, "-m", "wordkit_cli", *call]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == (1 if call[1:] == [word] else 2)
        assert r"caf\xe9" in done.stderr and "udce9" not in done.stderr, call


def test_words_from_standard_input_are_utf8(
    wordkit: Wordkit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "v.txt").write_text("2 2\nčaj 1 0\nkava 1 1\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    answer = wordkit("similar", "-", "-m", "v.txt", stdin="čaj\n")
    assert answer.stdout
    error = wordkit("similar", "-", "-m", "v.txt", stdin=b"\xff\n", status=1).stderr
    assert "byte 0 is not UTF-8" in error
