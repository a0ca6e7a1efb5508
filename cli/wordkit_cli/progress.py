"""Progress of a long job: bars on a terminal, JSON lines in a log, silence elsewhere."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, Any, TypeVar

import click

from wordkit.errors import StorageError
from wordkit.runtime import Report, Run, when_compiling
from wordkit.runtime.progress_bar import Figures, Pace, progress_bars, short
from wordkit_cli.output import escaped
from wordkit_cli.stopping import STOPPING

__all__ = ["Progress", "say", "short"]

T = TypeVar("T")


def say(message: str) -> None:
    """Print a line on standard error."""
    click.echo(escaped(message), err=True)


class Progress:
    """Shows how far long jobs have come: as bars on a terminal, and as lines in a log.

    Args:
        quiet: show nothing and say nothing.
        log: a file for the reports, one JSON object a line.

    Raises:
        StorageError: the log cannot be written.
    """

    def __init__(self, *, quiet: bool = False, log: str | None = None) -> None:
        self.quiet = quiet
        self._announced = False
        self._pace = Pace()
        self._stack = contextlib.ExitStack()
        self._log = None if log is None else self._stack.enter_context(_Log(log))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def finish(self, run: Run[T], *, figures: Figures | None = None) -> T:
        """Show a run with the figures of its reports, and return its value."""
        self._pace = pace = Pace()
        with contextlib.ExitStack() as stack:
            sinks: list[Callable[[Report, Pace], None]] = []
            if self._log is not None:
                sinks.append(self._log.show)
            if not self.quiet and sys.stderr is not None and sys.stderr.isatty():
                sinks.append(stack.enter_context(progress_bars(figures)))
            stack.enter_context(self.announcing_compilation())
            stack.callback(run.close)
            for report in run:
                STOPPING.check()
                pace.follow(report)
                for show in sinks:
                    show(report, pace)
            return run.result()

    @property
    def rate(self) -> float | None:
        """Units a second in the stage that was shown last; None where there was no time."""
        return self._pace.rate

    @contextlib.contextmanager
    def announcing_compilation(self) -> Iterator[None]:
        """Announce once that Numba compiles something while the block runs."""
        if self.quiet or self._announced:
            yield
            return
        with when_compiling(self._announce_compilation):
            yield

    def _announce_compilation(self) -> None:
        if not self._announced:
            self._announced = True
            say("Compiling the fast loops that this needs; they are kept for the next time.")

    def say(self, message: str | None) -> None:
        """Print a message on standard error, unless there is none, or quiet."""
        if message is not None and not self.quiet:
            say(message)


class _Log:
    """Writes reports as JSON lines: each stage's first and last, and one a second between.

    A line has ``seconds`` since the command began to report, the ``stage``, what is ``done`` of
    the ``total`` in the ``unit``, the mean number ``per_second`` in this stage, the
    ``seconds_left`` at that rate, and the figures of the report, none of them rounded. What is not
    known is null.

    The file is made when there is something to write, so that a call that ends before any work
    leaves an earlier log as it is.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._began = time.monotonic()
        self._next = 0.0
        self._stage: str | None = None
        self._held: dict[str, Any] | None = None
        self._file: IO[str] | None = None

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._held is not None:
            self._write(self._held)
        if self._file is not None:
            with self._telling_its_name():  # what could not be written is tried once more
                self._file.close()

    def show(self, report: Report, pace: Pace) -> None:
        now = time.monotonic() - self._began
        line = _line(report, pace, now)
        if self._held is not None and line.get("epoch") != self._held.get("epoch"):
            self._write(self._held)  # the last report of an epoch
        if report.stage == self._stage and now < self._next:
            self._held = line  # the last of the stage, perhaps
            return
        if self._held is not None and report.stage != self._stage:
            self._write(self._held)
        self._stage, self._next, self._held = report.stage, now + 1, None
        self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        self._held = None
        with self._telling_its_name():
            if self._file is None:
                self._file = open(self.path, "w", encoding="utf-8")  # noqa: SIM115 - see __exit__
            self._file.write(json.dumps(line, allow_nan=False) + "\n")
            self._file.flush()

    @contextlib.contextmanager
    def _telling_its_name(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            from wordkit.storage import why_unwritable

            reason = why_unwritable(self.path, error)
            raise StorageError(f"cannot write {self.path}: {reason}") from error


def _line(report: Report, pace: Pace, now: float) -> dict[str, Any]:
    figures = {
        name: value if math.isfinite(value) else None for name, value in report.figures.items()
    }  # JSON has no NaN
    return {
        "seconds": round(now, 3),
        "stage": report.stage,
        "done": report.done,
        "total": report.total,
        "unit": report.unit,
        "per_second": pace.rate,
        "seconds_left": pace.left,
        **figures,
    }
