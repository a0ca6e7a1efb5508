"""Every command that writes is stopped at random moments: its files are the old or the new ones."""

from __future__ import annotations

import random
import shutil
import signal
import time

import pytest
from command_line import CommandLine
from conftest import Place
from every_command import Call, all_calls

CALLS = {title: (name, call) for title, (name, call) in all_calls().items() if call.writes}
STATUSES = {signal.SIGINT: 1, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -9}


@pytest.mark.parametrize("title", CALLS)
def test_a_signal_leaves_the_old_files_or_the_new(
    place: Place, command_line: CommandLine, title: str
) -> None:
    """What SIGKILL leaves half-written beside a file goes with the next run."""
    (name, call), chooser = CALLS[title], random.Random(title)
    arguments = [*name.split(), *call.arguments]
    place.fill(call)
    old, lengths = written(place, call), []
    for _ in range(2):
        began = time.monotonic()
        command_line.start(*arguments).communicate(call.stdin.encode(), timeout=60)
        lengths.append(time.monotonic() - began)
        new, known = written(place, call), {*place.content()}
        place.tidy()
        place.fill(call)
    for number, status in STATUSES.items():
        process = command_line.start(*arguments)
        # the first moments of a fork are those of the tests
        time.sleep(0.02 + chooser.uniform(0, min(lengths)))
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
        assert process.returncode in (0, status, -number), error  # before it takes signals: by it
        assert "Traceback" not in error.decode()
        for path, content in written(place, call).items():
            if content not in (old[path], new[path]):  # the best model until then, which is whole
                assert name in ("train-lm", "train-seq2seq"), (path, number)
                assert place.run("info", Call((path,)))[0] == 0, (path, number)
        if any(output.endswith(".ids") for output in call.writes):
            assert place.run("info", Call(("new.ids",)))[0] == 0
        elif number != signal.SIGKILL:
            assert not place.left_over()
            assert {*place.content()} <= known | {"tmp"}
        for path in (place.folder / "tmp").iterdir():
            assert number == signal.SIGKILL
            shutil.rmtree(path)
        status, error = place.run(name, call)
        assert status == 0, error
        place.tidy()
        place.fill(call)


def written(place: Place, call: Call) -> dict[str, bytes | None]:
    """The files that a call writes, but for those that are the same never twice.

    They are corpora, logs, and checkpoints, which tell the time. That a checkpoint is whole is seen
    by the next run, which goes on from it.
    """
    content = place.content()
    return {
        path: content[path]
        for path in call.writes
        if not path.endswith((".ids", ".checkpoint")) and path != "log"
    }
