"""The same seed and one thread: the same bytes, in files and on standard output, on every run.

Two new processes, which hash in their own ways. Of commands that draw no numbers
``test_new_processes`` shows the same.
"""

from __future__ import annotations

import pytest
from command_line import CommandLine
from conftest import Place
from every_command import all_calls
from test_new_processes import contents

TRAINING = {"train-w2v", "train-counts", "train-lm", "train-seq2seq"}
SEEDED = {*TRAINING, "generate", "plot vectors"}
"""Commands that draw random numbers; each is told a seed."""

CALLS = {
    title: (name, call)
    for title, (name, call) in all_calls().items()
    if name in SEEDED and "--log" not in call.arguments  # which tells the time
}


@pytest.mark.parametrize("title", CALLS)
def test_the_same_seed_gives_the_same_bytes(
    place: Place, command_line: CommandLine, title: str
) -> None:
    name, call = CALLS[title]
    arguments = [*call.arguments]
    if "--resume" not in arguments:  # which goes on with the seed it has
        arguments += ["--seed", "7"]
    if name in TRAINING:
        arguments += ["--threads", "1"]
    results = []
    for number in (1, 2):
        variables = {"PYTHONHASHSEED": str(number)}  # so that each is a new process
        process = command_line.start(*name.split(), *arguments, environment=variables)
        said, error = process.communicate(call.stdin.encode(), timeout=120)
        assert process.returncode == 0, error
        files = contents(place.folder)  # a checkpoint tells the time that has been spent
        kept = {path: data for path, data in files.items() if not path.endswith(".checkpoint")}
        results.append((said, kept))
        place.tidy()
    assert results[0] == results[1]
