"""Every command that writes is stopped at each moment: its files are the old or the new ones."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import call
from conftest import Files, Place
from every_command import Call, all_calls

SUFFIXES = {
    (name, path.rpartition(".")[2]): title
    for title, (name, row) in reversed(all_calls().items())
    for path in row.writes
}
CALLS = {title: all_calls()[title] for title in dict.fromkeys(reversed(SUFFIXES.values()))}
"""Calls of all commands that write files of all kinds."""
STATUSES = {signal.SIGINT: 1, signal.SIGTERM: 143, signal.SIGHUP: 129}
EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"}

Listener = Callable[[], None]
_listeners: list[Listener] = []


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _listeners and event in EVENTS and _touches_files(arguments):
        listener = _listeners.pop()  # which may itself open files
        try:
            listener()
        finally:
            _listeners.append(listener)


def _touches_files(arguments: tuple[object, ...]) -> bool:
    path = arguments[0]
    return isinstance(path, str | bytes | os.PathLike) and not str(os.fspath(path)).endswith(
        (".py", ".pyc", ".so", ".nbi", ".nbc")
    )


sys.addaudithook(_hear)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call the listener before each step that changes or opens files, while the block runs."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@pytest.mark.parametrize("title", CALLS)
def test_a_signal_leaves_the_old_files_or_the_new(place: Place, title: str) -> None:
    name, row = CALLS[title]
    place.fill(row)
    old, moments = written(place, row), []
    with listening(lambda: moments.append(place.content())):
        assert place.run(name, row).status == 0
    new, known = written(place, row), {*map(undrawn, place.content())}
    chooser = random.Random(title)
    for number, status in STATUSES.items():
        place.tidy()
        place.fill(row)
        with listening(Alarm(number, chooser.randrange(len(moments)))):
            done = place.run(name, row)
        assert done.status in (0, status), done  # 0: it came as the command ended
        check_whole(place, title, old, new)
        assert {*map(undrawn, place.content())} <= known
        assert half_written(place) == []

    # what SIGKILL would have left; what lies half-written beside a file goes with the next run
    killed = list({repr(sorted(moment.items())): moment for moment in moments}.values())
    for moment in killed:
        place.put(moment)
        check_whole(place, title, old, new)
    for moment in chooser.sample(killed, min(3, len(killed))):
        place.put(moment)
        assert place.run(name, row).status == 0
        assert half_written(place) == []


def half_written(place: Place) -> list[Path]:
    """Corpora with more files than theirs; that none lies beside others is seen at each run."""
    return [path for path in place.folder.glob("*.ids") if len([*path.iterdir()]) != 5]


class Alarm:
    """Sends this process a signal at an event."""

    def __init__(self, number: int, event: int) -> None:
        self._number, self._left = number, event

    def __call__(self) -> None:
        self._left -= 1
        if self._left == -1:
            signal.raise_signal(self._number)


def check_whole(place: Place, title: str, old: Files, new: Files) -> None:
    """Each file that the call writes is the old one or the new one."""
    name, row = CALLS[title]
    for path, content in written(place, row).items():
        if content not in (old[path], new[path]):  # the best model until then, which is whole
            assert name in ("train-w2v", "train-lm", "train-seq2seq", "train-dialogue"), path
            assert place.run("info", Call((path,))).status == 0, path
    if any(path.endswith(".ids") for path in row.writes):
        assert call("info", "new.ids").status == 0


def undrawn(path: str) -> str:
    """A path without the part of the names of a corpus' files that is drawn anew each time."""
    return re.sub(r"-[0-9a-f]+-\d+-\w{8}\.npy$", ".npy", path)


def written(place: Place, row: Call) -> Files:
    """The files that a call writes, but for those that are the same never twice.

    They are corpora, logs, and checkpoints, which tell the time. That a checkpoint is whole is seen
    by the next run, which goes on from it.
    """
    content = place.content()
    return {
        path: content[path]
        for path in row.writes
        if not path.endswith((".ids", ".checkpoint")) and path != "log"
    }
