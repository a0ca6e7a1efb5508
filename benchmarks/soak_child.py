"""A command of the soak in a fork of this process, or in several that torchrun begins there."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["PATIENCE", "Child"]

AT_WORK = "rank"
PATIENCE = 120  # seconds after which a command hangs


class Child:
    """A command in a fork of this process, or in several that torchrun begins there."""

    def __init__(
        self, *arguments: str, terminal: tuple[int, int] | None = None, processes: int = 1
    ) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the child
        self._process = multiprocessing.get_context("fork").Process(
            target=_run, args=(arguments, terminal or (None, self._said.fileno()), processes)
        )
        listening = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child, until it catches it
        self._process.start()
        signal.signal(signal.SIGINT, listening)

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def watch(self, seconds: float, leader: int | None = None) -> None:
        """Wait some time at most, reading what is shown on a terminal."""
        if leader is None:
            self._process.join(seconds)
            return
        until = time.monotonic() + seconds
        while self.runs() and time.monotonic() < until:
            if select.select([leader], [], [], 0.02)[0]:
                with contextlib.suppress(OSError):  # closed at the other end
                    os.read(leader, 1 << 16)

    def end(self, number: int | None = None) -> int | None:
        """Send a signal perhaps, wait for the end, and return the status; None if it hangs."""
        if number is not None and self.runs():
            os.kill(self._process.pid or 0, number)
        self._process.join(PATIENCE)
        status = self._process.exitcode
        self._process.kill()
        return status

    def ranks(self) -> list[int]:
        """The processes that it has begun and that are at work."""
        with contextlib.suppress(OSError):  # one has ended
            return [pid for pid in _children(self._process.pid) if _name_of(pid) == AT_WORK]
        return []

    def descendants(self) -> list[int]:
        """The processes that it, and they, have begun, in their order."""
        found, new = list[int](), [self._process.pid]
        while new:
            children = _children(new.pop())
            found += children
            new += children
        return sorted(found)

    def said(self) -> str:
        """What was printed to standard error."""
        self._said.seek(0)
        return self._said.read().decode()

    def faults(self, *statuses: int) -> list[str]:
        """What is wrong: another status, or an error that is no plain line."""
        status, said = self._process.exitcode, self.said()
        right = status in statuses and "Traceback" not in said
        return [] if right else [f"status {status}: {said[-1000:]}"]


def _run(arguments: tuple[str, ...], errors: tuple[int | None, int], processes: int) -> None:
    from wordkit_cli.main import main

    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    leader, target = errors
    os.dup2(target, 2)
    if leader is not None:
        os.close(leader)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
    tempfile.tempdir = None
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as of nohup
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells ignore behind &
        main(arguments) if processes == 1 else _torchrun(processes, main, arguments)
    except KeyboardInterrupt:  # before it could listen, or behind its end
        sys.exit(1)


def _torchrun(processes: int, function: Callable[..., None], *arguments: object) -> None:
    """Do what the program of this name does, in forks."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.disable()  # the tracebacks that torch logs
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(ChildFailedError):
        config = LaunchConfig(
            1, 1, processes, rdzv_backend="c10d", rdzv_endpoint="localhost:0",
            start_method="fork", max_restarts=0, logs_specs=DefaultLogsSpecs(folder),
        )  # fmt: skip
        elastic_launch(config, _rank)(function, *arguments)
        return
    sys.exit(1)


def _children(pid: int | None) -> list[int]:
    with contextlib.suppress(OSError):  # it has ended
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(each) for task in tasks for each in (task / "children").read_text().split()]
    return []


def _name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")


def _rank(function: Callable[..., None], *arguments: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not the launcher's
    name = Path("/proc/self/comm")
    name.write_text(AT_WORK)
    function(*arguments)
    name.write_text("ended")  # the launcher may hang where a rank is killed that has answered it
