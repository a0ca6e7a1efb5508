"""What a person at a terminal sees while a job runs, and what a pipe does not."""

from __future__ import annotations

import json
import math
import os
import pty
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from command_line import Wordkit

from wordkit.runtime import Report, Run
from wordkit_cli.progress import Progress


def run_on_a_terminal(folder: Path, *arguments: str, columns: int = 100) -> str:
    """What a command writes to standard error when that is a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "wordkit_cli", *arguments],
        cwd=folder,
        stderr=follower,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": str(columns)},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 1 << 16)
        except OSError:  # Linux says so when the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert process.wait() == 0
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())


def test_bars_show_stage_share_and_figures(folder: Path, corpus_txt: Path) -> None:
    shown = run_on_a_terminal(folder, "train-counts", "corpus.txt", "--dim", "4")
    for stage in ("reading", "counting", "weighting", "decomposing"):
        assert re.search(rf"{stage} .*100%", shown), stage
    assert "1.53k tokens" in shown


@pytest.mark.parametrize("columns", [80, 120])
def test_all_that_training_shows_has_room(folder: Path, corpus_txt: Path, columns: int) -> None:
    shown = run_on_a_terminal(
        folder, "train-w2v", "corpus.txt", "--epochs", "12", "--dim", "4", columns=columns
    )
    lines = [line for line in re.split(r"[\r\n]+", shown) if line.startswith("training")]
    pattern = (
        r"training +━{6,30} 100% +[\d.]+[kM]? words/s \d:\d\d:\d\d "
        r"epoch 12/12  loss \d\.\d{3}  lr 0\.0001"
    )
    assert re.fullmatch(pattern, lines[-1].rstrip()), lines[-1]
    assert all(len(line) <= columns for line in lines)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rates_are_those_of_this_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that goes on from a checkpoint begins with much done."""
    clock = Clock()
    monkeypatch.setattr("wordkit_cli.progress.time.monotonic", clock)

    def steps() -> Generator[Report, None, str]:
        yield Report("reading", 500, 500, "bytes")
        clock.now += 1
        for done, loss in ((1000, math.nan), (2000, 0.1 + 0.2), (2500, 0.25)):
            yield Report("training", done, 3000, "words", {"loss": loss})
            clock.now += 2
        return "value"

    with Progress(quiet=True, log="log") as progress:
        assert progress.finish(Run(steps())) == "value"
        assert progress.rate == 375
    lines = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    assert lines[1:] == [
        {
            "seconds": seconds,
            "stage": "training",
            "done": done,
            "total": 3000,
            "unit": "words",
            "per_second": rate,
            "seconds_left": left,
            "loss": loss,
        }
        for seconds, done, rate, left, loss in (
            (1.0, 1000, None, None, None),
            (3.0, 2000, 500.0, 2.0, 0.30000000000000004),
            (5.0, 2500, 375.0, 500 / 375, 0.25),
        )
    ]


def test_quiet_shows_nothing(folder: Path, corpus_txt: Path) -> None:
    assert run_on_a_terminal(folder, "train-counts", "corpus.txt", "--dim", "4", "-q") == ""


@pytest.mark.slow
def test_the_first_compilation_is_announced(
    wordkit: Wordkit, folder: Path, corpus_txt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels are kept where there is a place for them, so that later runs do not wait."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder / "kernels"))
    first = wordkit("prepare", "corpus.txt", anew=True)
    assert first.stderr.count("Compiling the fast loops") == 1
    assert "Compiling" not in wordkit("prepare", "corpus.txt", anew=True).stderr
    assert list((folder / "kernels").rglob("*.nbc"))
