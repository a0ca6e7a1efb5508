"""Every command in a new process does what a call in the process of the tests does.

Most tests call the command line in their own process; what they show is so for the command that a
person calls if both say the same and leave the same files. Where random numbers are drawn this is
also the proof that one seed and one thread give one result: each process hashes in its own way.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import call, call_in_new_process, start
from conftest import Place
from every_command import COMMANDS, all_calls

TRAINING = {name for name in COMMANDS if name.startswith("train-")}
SEEDED = {*TRAINING, "generate", "plot vectors"}

CALLS: list[tuple[str, list[str], str, tuple[str, ...]]] = []
"""The name of a command, its arguments, standard input, and what it writes; logs tell the time."""
for _name, _row in all_calls().values():
    _words = [*_name.split(), *_row.arguments, *(["--threads", "1"] if _name in TRAINING else [])]
    if _name in SEEDED and "--resume" not in _words:  # which goes on with the seed it has
        CALLS += [(_name, [*_words, "--seed", s], _row.stdin, _row.writes) for s in "78"]
    elif _name in SEEDED or _row is COMMANDS[_name][0]:
        CALLS.append((_name, _words, _row.stdin, _row.writes))
CALLS = [call for call in CALLS if "--log" not in call[1]]


def contents(folder: Path) -> dict[str, bytes]:
    """All files by name; the names that a corpus draws for its parts are made plain.

    Without checkpoints, which tell the time that has been spent.
    """
    drawn = re.compile(rb"(ids|words|counts|offsets)-[-\w]+\.npy")
    return {
        drawn.sub(rb"\1", os.fsencode(path.relative_to(folder))).decode(): drawn.sub(
            rb"\1", path.read_bytes()
        )
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts and path.suffix != ".checkpoint"
    }


Ran = tuple[int, str, str, dict[str, str]]


def ran() -> list[Ran]:
    """What all calls say, one after the other, and digests of the files there are after each."""
    found = []
    for _, arguments, stdin, _ in CALLS:
        done = call(*arguments, stdin=stdin)
        files = contents(Path.cwd()).items()
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files}
        found.append((done.status, done.stdout, done.stderr, digests))
    return found


def test_a_new_process_does_the_same(place: Place) -> None:
    here = ran()
    place.tidy()
    code = "import json; from test_new_processes import ran; print(json.dumps(ran()))"
    paths = [str(Path(__file__).parent), *map(os.path.abspath, sys.path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    seeds: dict[str, object] = {}
    for (name, arguments, _, writes), one, other in zip(
        CALLS, here, json.loads(done.stdout), strict=True
    ):
        assert [*one] == other, arguments
        status, out, error, files = one
        assert status == 0 and (out or error or writes), arguments
        assert name not in TRAINING or not error, "each is told to be quiet"
        if "--seed" in arguments and name not in ("train-counts", "plot vectors"):
            made = out, [files.get(name) for name in writes]
            title = " ".join(arguments[:-1])
            assert made != seeds.get(title), arguments
            seeds[title] = made


def test_the_command_itself_does_the_same(place: Place) -> None:
    _, arguments, stdin, _ = next(call for call in CALLS if call[0] == "train-lm")
    here, left = call(*arguments, stdin=stdin), contents(place.folder)
    place.tidy()
    assert call_in_new_process(*arguments, stdin=stdin) == here
    assert contents(place.folder) == left


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGINT, 1),
        (signal.SIGTERM, 128 + signal.SIGTERM),
    ],
)
def test_statuses_of_signals(place: Place, number: int, status: int) -> None:
    with start("generate", "-n", "100000000") as process:
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 10), "words appear as they are made"
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == status
    assert (b"stopped by Ctrl-C" in error) == (status == 1) and b"Traceback" not in error
