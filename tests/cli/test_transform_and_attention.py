"""transform answers as lines come; attention's map is aligned by the columns of the terminal."""

from __future__ import annotations

import json
import os
import select
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import Wordkit, start
from rich.cells import cell_len
from seq2seq.toy_pairs import random_model

from wordkit.seq2seq import save_seq2seq
from wordkit.seq2seq.transformation import Alignment

_PATIENCE = 120.0  # seconds after which an answer is taken never to come


@pytest.fixture
def model(folder: Path) -> Path:
    path = folder / "seq2seq.safetensors"
    model = random_model()
    with torch.no_grad():  # so that it writes something
        model.network.output.bias[model.target_vocabulary.id("<eos>")] = -2
    save_seq2seq(model, path)
    return path


def test_each_line_is_answered_before_the_next_is_written(wordkit: Wordkit, model: Path) -> None:
    texts = ["a", "ab", "abc", "dcba", "a"]
    expected = wordkit("transform", model, stdin="".join(f"{text}\n" for text in texts)).stdout
    with start("transform", model, "-") as process:
        assert process.stdin is not None and process.stdout is not None
        found = b""
        for text in texts:
            process.stdin.write(f"{text}\n".encode())
            process.stdin.flush()
            wanted = found.count(b"\n") + 1
            while found.count(b"\n") < wanted:
                ready, _, _ = select.select([process.stdout], [], [], _PATIENCE)
                assert ready, f"no answer to {text!r}"
                some = os.read(process.stdout.fileno(), 1 << 16)
                assert some, "it ended before it answered"
                found += some
        process.stdin.close()
        assert process.wait(_PATIENCE) == 0
    assert found.decode() == expected


def test_a_pipe_is_answered_as_a_file_is(wordkit: Wordkit, model: Path, folder: Path) -> None:
    letters = np.random.default_rng(1).choice(list("abcd"), (5000, 3))
    text = "".join("".join(row) + "\n" for row in letters)  # more lines than are answered together
    (folder / "text").write_text(text)
    from_file = wordkit("transform", model, "text").stdout
    assert wordkit("transform", model, stdin=text).stdout == from_file
    assert from_file.count("\n") == 5000


def test_a_blank_line_is_answered_by_a_blank_line(wordkit: Wordkit, model: Path) -> None:
    first, second = wordkit("transform", model, stdin="abc\nba\n").stdout.splitlines()
    assert wordkit("transform", model, stdin="\nabc\n \n\ufeffba\n\n").stdout == (
        f"\n{first}\n\n{second}\n\n"
    )
    assert wordkit("transform", model, stdin="\n\n").stdout == "\n\n"
    [line] = wordkit("transform", model, "--json", stdin="\n").stdout.splitlines()
    assert json.loads(line) == {"source": "", "answers": []}


@pytest.mark.parametrize("command", ["transform", "attention", "evaluate-seq2seq"])
def test_the_model_is_an_argument_or_an_option(
    wordkit: Wordkit, model: Path, folder: Path, command: str
) -> None:
    (folder / "text").write_text("abc\tb\n")
    named = wordkit(command, model, "text")
    assert wordkit(command, "text", "-m", model) == named
    error = wordkit(command, model, "text", "-m", model, status=2).stderr
    assert "name the model once: as MODEL or with --model" in error
    if command == "transform":
        assert wordkit(command, "-m", model, stdin="abc\tb\n").stdout == named.stdout


@pytest.mark.parametrize(
    ("source", "written"),
    [
        (("日", "本", "a"), ("東", "b")),
        (("e", "\u0301", "日"), ("\u0301", "x", "京")),
        (("東京", "a", "longer"), ("日本語", "b")),
        (("a", "b"), ()),
    ],
    ids=["wide", "combining", "words", "nothing written"],
)
def test_cells_stand_below_their_unit(
    source: tuple[str, ...], written: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """With all the weight on one unit after the other, the shades begin where its head does."""
    from wordkit_cli.attention import _print_cells

    for place in range(len(source)):
        weights = np.zeros((len(written), len(source)), np.float32)
        weights[:, place] = 1
        _print_cells(Alignment(source, written, weights))
        head, *rows = capsys.readouterr().out.splitlines()
        assert len(rows) == len(written)
        begins = cell_len(head[: _find(head, source, place)])
        for row, unit in zip(rows, written, strict=True):
            assert unit in row[: len(unit) + 1]
            shades = row.index("█")
            assert cell_len(row[:shades]) == begins
            assert row[shades:] == "█" * max(cell_len(source[place]), 2)


def _find(head: str, source: tuple[str, ...], place: int) -> int:
    """Where a unit begins in the first row; a mark stands on a circle there."""
    at = 0
    for unit in source[: place + 1]:
        found = head.index(unit, at)
        at = found + len(unit)
    return found - (head[found - 1] == "◌")


def test_a_map_and_json_together(wordkit: Wordkit, model: Path, folder: Path) -> None:
    alone = wordkit("attention", model, "abc", "--json").stdout
    done = wordkit("attention", model, "abc", "--json", "-o", "map.svg")
    assert done.stdout == alone and json.loads(alone)["source"] == list("abc")
    assert "map.svg" in done.stderr and (folder / "map.svg").read_text().lstrip()[:5] == "<?xml"


def test_there_is_no_map_of_nothing(wordkit: Wordkit, folder: Path) -> None:
    silent = random_model()
    with torch.no_grad():
        silent.network.output.bias[silent.target_vocabulary.id("<eos>")] = 1000
    save_seq2seq(silent, folder / "silent")
    assert json.loads(wordkit("attention", "silent", "abc", "--json").stdout)["written"] == []
    done = wordkit("attention", "silent", "abc", "-o", "map.png", status=1)
    assert "the model writes nothing for 'abc', so there is no map to draw" in done.stderr
    assert not (folder / "map.png").exists()
