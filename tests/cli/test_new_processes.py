"""Every command in a new process does what a call in the process of the tests does.

Most tests call the command line in their own process; what they show is so for the command that a
person calls if both say the same and leave the same files. Where random numbers are drawn this is
also the proof that one seed and one thread give one result: each process hashes in its own way.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Result, call, call_in_new_process, start
from conftest import Place
from every_command import COMMANDS, all_calls

TRAINING = {name for name in COMMANDS if name.startswith("train-")}
SEEDED = {*TRAINING, "generate", "plot vectors"}

CALLS = {
    title: call
    for title, call in all_calls().items()
    if call[0] in SEEDED and "--log" not in call[1].arguments
}
"""All that draw random numbers; a log tells the time."""
OTHERS = [
    ([*name.split(), *calls[0].arguments], calls[0].stdin)
    for name, calls in COMMANDS.items()
    if name not in SEEDED
]


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


@pytest.mark.parametrize("title", CALLS)
def test_a_new_process_does_the_same(place: Place, title: str) -> None:
    name, row = CALLS[title]
    arguments, before = [*name.split(), *row.arguments], contents(place.folder)
    if name in SEEDED and "--resume" not in arguments:  # which goes on with the seed it has
        arguments += ["--seed", "7"]
    if name in TRAINING:
        arguments += ["--threads", "1"]

    def done(result: Result) -> tuple[Result, dict[str, bytes]]:
        left = contents(place.folder)
        place.tidy()
        return result, left

    here = done(call(*arguments, stdin=row.stdin))
    there = done(call_in_new_process(*arguments, stdin=row.stdin))
    assert here == there
    assert here[0].status == 0 and (here[0].stdout or here[1] != before)
    assert name not in TRAINING or not here[0].stderr  # each is told to be quiet
    if name in SEEDED - {"train-counts", "plot vectors"} and "--resume" not in arguments:
        assert done(call(*arguments, "--seed", "8", stdin=row.stdin)) != here


def test_all_others_do_the_same(place: Place) -> None:
    """One after the other in one new process."""
    here = [call(*arguments, stdin=stdin) for arguments, stdin in OTHERS]
    left = contents(place.folder)
    place.tidy()
    code = (
        "import json, sys; from command_line import call\n"
        "print(json.dumps([vars(call(*a, stdin=s)) for a, s in json.load(sys.stdin)]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(OTHERS), capture_output=True, text=True,
        check=True, env=environment,
    )  # fmt: skip
    assert [Result(**result) for result in json.loads(done.stdout)] == here
    assert contents(place.folder) == left
    failed = [
        arguments
        for (arguments, _), result in zip(OTHERS, here, strict=True)
        if result.status or not (result.stdout or result.stderr)
    ]
    assert not failed


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
