"""What a person at a terminal sees while a job runs, and what a pipe does not."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Wordkit


def run_on_a_terminal(folder: Path, *arguments: str) -> str:
    """What a command writes to standard error when that is a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "wordkit_cli", *arguments],
        cwd=folder,
        stderr=follower,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
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


def test_quiet_shows_nothing(folder: Path, corpus_txt: Path) -> None:
    assert run_on_a_terminal(folder, "train-counts", "corpus.txt", "--dim", "4", "-q") == ""


@pytest.mark.slow
def test_the_first_compilation_is_announced(
    wordkit: Wordkit, folder: Path, corpus_txt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels are kept where there is a place for them, so that later runs do not wait."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder / "kernels"))
    first = wordkit("prepare", "corpus.txt")
    assert first.stderr.count("Compiling the fast loops") == 1
    assert "Compiling" not in wordkit("prepare", "corpus.txt").stderr
    assert list((folder / "kernels").rglob("*.nbc"))
