"""File names that are not UTF-8, words that a terminal would obey, and JSON for any terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import Wordkit, call
from conftest import Place
from every_command import all_calls, command_names, options
from lm.models import random_model

from wordkit.errors import ConfigError
from wordkit.lm import load_language_model
from wordkit.text import Corpus
from wordkit.text.vocabulary import UNK

TAKES_ARGUMENTS = set(command_names()) - {"generate", "corpora", "doctor"}
CALLS = {title: row for title, row in all_calls().items() if row[1].reads or row[1].writes}


@pytest.mark.parametrize("title", CALLS)
def test_file_names_need_not_be_utf8(place: Place, title: str) -> None:
    name, row = CALLS[title]
    files = {*row.reads, *row.writes} - {row.default}
    names = {file: os.fsdecode(b"caf\xe9 " + os.fsencode(file)) for file in files}
    for file in files:
        if (place.folder / file).exists():
            (place.folder / file).rename(place.folder / names[file])
    row = replace(row, arguments=tuple(names.get(word, word) for word in row.arguments))
    done = place.run(name, row)
    assert done.status == 0, done.stderr
    assert all((place.folder / names[file]).exists() for file in row.writes)
    if "--json" in {flag for option in options(name) for flag in option.opts}:
        words = [word for word in row.arguments if word != "--json"]
        done = place.run(name, replace(row, arguments=(*words, "--json")))
        assert done.stdout.isascii() and [json.loads(line) for line in done.stdout.splitlines()]


def test_words_may_begin_with_a_hyphen(wordkit: Wordkit, folder: Path) -> None:
    for name in command_names():
        hint = f"A word that begins with - comes after --: wordkit {name} -- -5+3\n"
        error = wordkit(*name.split(), "-5+3", status=2).stderr
        assert error.endswith(hint) == (name in TAKES_ARGUMENTS), name
    for mistaken in ("-x", "--modle"):
        assert "comes after" not in wordkit("classify", mistaken, "y", status=2).stderr
    (folder / "v.txt").write_text("-lrb- 1 0\nbar 0.5 1\n")
    assert "similar -- -lrb-" in wordkit("similar", "-lrb-", "-m", "v.txt", status=2).stderr
    assert wordkit("similar", "-m", "v.txt", "--", "-lrb-").stdout.startswith("bar")


def test_json_is_ascii(wordkit: Wordkit, folder: Path) -> None:
    (folder / "v.txt").write_text("\U0001f600 1 0\nbar 0.5 1\n\x1b[31mred 1 1\n", encoding="utf-8")
    done = wordkit("similar", "bar", "-m", "v.txt", "--json")
    assert done.stdout.isascii()
    assert {word for word, _ in json.loads(done.stdout)["bar"]} == {"\U0001f600", "\x1b[31mred"}
    assert "\x1b[31mred" in wordkit("similar", "bar", "-m", "v.txt").stdout


def test_a_terminal_is_shown_control_characters_and_does_not_obey_them(folder: Path) -> None:
    (folder / "v.txt").write_text("bar 1 0\n\x1b[31mred 1 1\n\u202egfe 1 1\n", encoding="utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "wordkit_cli", "similar", "bar", "-m", "v.txt"]
    subprocess.run(command, stdout=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 1000).decode()
    os.close(ours)
    assert r"\x1b[31mred" in shown and r"\u202egfe" in shown
    assert not {"\x1b", "\u202e"} & set(shown)
    said = call("similar", "[31mred", "-m", "v.txt")
    assert said.status == 1 and "\x1b" not in said.stderr and r"\x1b[31mred" in said.stderr


def test_the_normal_form_is_kept(wordkit: Wordkit, folder: Path) -> None:
    (folder / "text").write_text("a caf\u00e9 and the cafe\u0301 ﬁn\n" * 20, encoding="utf-8")

    def words(corpus: str) -> set[str]:
        return set(Corpus.open(folder / corpus).vocabulary) - {"a", "and", "the", "<eos>"}

    for form, expected in {
        "nfc": {"caf\u00e9", "ﬁn"}, "nfkc": {"caf\u00e9", "fin"},
        "none": {"caf\u00e9", "cafe\u0301", "ﬁn"},
    }.items():  # fmt: skip
        wordkit("prepare", "text", "--eos", "--normalize", form, "-o", form)
        assert words(form) == expected
        wordkit("prepare", "text", "--vocabulary", form, "-o", "valid")
        assert Corpus.open(folder / "valid").settings["normalize"] == form
        assert Corpus.open(folder / "valid").settings["oov"] == 0
        small = ["--preset", "rnnlm", "--hidden", "4", "--epochs", "1", "--batch", "2", "-q"]
        wordkit("train-lm", form, "--valid", "text", "-o", "lm", *small)
        model = load_language_model(folder / "lm")
        assert model.tokenizer.normalize == form and UNK not in model.vocabulary.decode(
            model.encode("cafe\u0301 ﬁn")
        )
    assert "already" in wordkit("train-w2v", "nfc", "--normalize", "nfkc", status=2).stderr


@pytest.mark.parametrize("known", ["caf\u00e9", "cafe\u0301"])
def test_trainings_start_from_words_in_any_spelling(
    wordkit: Wordkit, folder: Path, known: str
) -> None:
    (folder / "v.txt").write_text(f"{known} 1 2\nelsewhere 3 4\n", encoding="utf-8")
    (folder / "text").write_text("un cafe\u0301 noir\n" * 900, encoding="utf-8")
    small = ["--dim", "2", "--epochs", "1", "--threads", "1"]
    assert (
        "1 word kept its vector" in wordkit("train-w2v", "text", "--init", "v.txt", *small).stderr
    )
    lm = ["--preset", "rnnlm", "--hidden", "2", *small]
    done = wordkit("train-lm", "text", "--embeddings", "v.txt", "--hold-out", "0", *lm)
    assert "1 of 5 words have vectors" in done.stderr


def test_what_does_not_tell_its_normal_form_has_none() -> None:
    model = random_model(text={"tokenizer": "basic"})
    assert model.tokenizer.normalize == "none"
    with pytest.raises(ConfigError, match="normalize must be one of nfc, nfkc, none, not 'nfd'"):
        random_model(text={"tokenizer": "basic", "normalize": "nfd"})
