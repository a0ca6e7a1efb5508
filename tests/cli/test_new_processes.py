"""Every command in a new process: with imports of its own it does what a fork of a warm one does.

Most tests call forks of one process that has loaded all modules; what they show is so for the
command that a person calls if both say the same and leave the same files.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import CommandLine, ForkedProcess, Wordkit
from conftest import Place
from every_command import COMMANDS


def contents(folder: Path) -> dict[str, bytes]:
    """All files by name; the names that a corpus draws for its parts are made plain."""
    drawn = re.compile(rb"(ids|words|counts|offsets)-[-0-9a-f]+\.npy")
    return {
        drawn.sub(rb"\1", os.fsencode(path.relative_to(folder))).decode(): drawn.sub(
            rb"\1", path.read_bytes()
        )
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_a_new_process_does_what_a_fork_does(wordkit: Wordkit, place: Place, name: str) -> None:
    """Also where one seed is to give one result: each process hashes in its own way."""
    call, results = COMMANDS[name][0], []
    before = contents(place.folder)
    for anew in (True, False):
        done = wordkit(*name.split(), *call.arguments, anew=anew, stdin=call.stdin)
        results.append((done.stdout, done.stderr, contents(place.folder)))
        place.tidy()
    assert results[0] == results[1]
    assert results[0][0] or results[0][2] != before


@pytest.mark.skipif(sys.platform != "linux", reason="there are no forks")
def test_what_a_fork_takes_over(
    command_line: CommandLine, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment that is read at use; where another kind differs the process is a new one."""
    with command_line.start("similar", "king") as process:
        assert isinstance(process, ForkedProcess)
    monkeypatch.setenv("WORDKIT_VECTORS", "nowhere")
    with command_line.start("similar", "king") as process:
        assert isinstance(process, ForkedProcess)
        assert b"nowhere" in process.stderr.read()
        assert process.wait() == 1
    for name in ("PYTHONIOENCODING", "NUMBA_CACHE_DIR", "OMP_NUM_THREADS"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "1" if name.startswith("OMP") else "latin-1")
            with command_line.start("--version") as process:
                assert isinstance(process, subprocess.Popen)


def test_statuses_and_signals(command_line: CommandLine, place: Place) -> None:
    for number, status, anew in (
        (signal.SIGINT, 1, True),
        (signal.SIGINT, 1, False),
        (signal.SIGTERM, 128 + signal.SIGTERM, False),
        (signal.SIGHUP, 128 + signal.SIGHUP, False),
        (signal.SIGKILL, -signal.SIGKILL, False),
    ):
        with command_line.start("generate", "-n", "100000000", anew=anew) as process:
            assert process.stdout is not None
            assert process.poll() is None
            os.read(process.stdout.fileno(), 10)
            process.send_signal(number)
            process.communicate(timeout=60)
        assert process.returncode == process.poll() == status
