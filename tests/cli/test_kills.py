"""Every command that writes is stopped at random moments: its files are the old or the new ones."""

from __future__ import annotations

import random
import shutil
import signal
import time

import pytest
from command_line import CommandLine
from conftest import Place
from every_command import all_calls

CALLS = {title: (name, call) for title, (name, call) in all_calls().items() if call.writes}
STATUSES = {signal.SIGINT: 1, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -9}


@pytest.mark.parametrize("title", CALLS)
def test_a_signal_leaves_the_old_files_or_the_new(
    place: Place, command_line: CommandLine, title: str
) -> None:
    """What SIGKILL leaves half-written beside a file goes with the next run."""
    (name, call), chooser = CALLS[title], random.Random(title)
    arguments = [*name.split(), *call.arguments]
    lengths = []
    for _ in range(2):
        began = time.monotonic()
        command_line.start(*arguments).communicate(call.stdin.encode(), timeout=60)
        lengths.append(time.monotonic() - began)
        new = {path for path in place.content() if not path.startswith(("new.ids/", "tmp"))}
        place.tidy()
    for number, status in STATUSES.items():
        process = command_line.start(*arguments)
        # the first moments of a fork are those of the tests
        time.sleep(0.02 + chooser.uniform(0, min(lengths)))
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
        assert process.returncode in (0, status, -number), error  # before it takes signals: by it
        assert "Traceback" not in error.decode()
        if number != signal.SIGKILL:
            assert not place.left_over()
            assert set(place.content()) <= new | {"tmp"} | set(parts(place))
        for path in (place.folder / "tmp").iterdir():
            assert number == signal.SIGKILL
            shutil.rmtree(path)
        status, error = place.run(name, call)
        assert status == 0, error
        place.tidy()


def parts(place: Place) -> set[str]:
    """The files of corpora, whose names are drawn."""
    return {path for path in place.content() if path.startswith("new.ids")}
