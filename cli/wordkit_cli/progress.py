"""Progress of a long job: bars on a terminal, JSON lines in a log, silence elsewhere."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import IO, Any, TypeVar

from wordkit.errors import StorageError, WordkitWarning
from wordkit.runtime import Report, Run, when_compiling
from wordkit.runtime.progress_bar import Figures, Pace, progress_bars, short
from wordkit_cli.output import escaped
from wordkit_cli.stopping import STOPPING

__all__ = ["Progress", "say", "short"]

T = TypeVar("T")


def say(message: str) -> None:
    """Print a line on standard error."""
    sys.stderr.write(f"{escaped(message)}\n")


class Progress:
    """Shows how far long jobs have come: as bars on a terminal, and as lines in a log.

    Args:
        quiet: show nothing and say nothing.
        log: a file for the reports, one JSON object a line.
        append: keep what is in the log, and write after it.

    Raises:
        StorageError: the log cannot be opened. What happens to it later is a warning.
    """

    def __init__(
        self, *, quiet: bool = False, log: str | None = None, append: bool = False
    ) -> None:
        self.quiet = quiet
        self._announced = False
        self._pace = Pace()
        self._stack = contextlib.ExitStack()
        self._log = None if log is None else self._stack.enter_context(_Log(log, append))

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
            if not self.quiet and sys.stderr.isatty():
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
    known is null. When appending, ``seconds`` continue from the last line.

    The file is made when there is something to write, so that a call that ends before any work
    leaves an earlier log as it is. When it cannot be written any more, a warning says so.
    """

    def __init__(self, path: str, append: bool) -> None:
        self.path, self._append = path, append
        self._began = time.monotonic()
        self._next = 0.0
        self._stage: str | None = None
        self._held: dict[str, Any] | None = None
        self._file: IO[str] | None = None
        self._has_failed = False

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._held is not None:
            self._write(self._held)
        if self._file is not None:
            with self._warning():
                self._file.close()
                os.stat(self.path)  # it may have been removed

    def show(self, report: Report, pace: Pace) -> None:
        if self._file is None and not self._has_failed:
            self._open()
        line = _line(report, pace, now := time.monotonic() - self._began)
        if self._held is not None and line.get("epoch") != self._held.get("epoch"):
            self._write(self._held)  # the last report of an epoch
        if report.stage == self._stage and now < self._next:
            self._held = line  # the last of the stage, perhaps
            return
        if self._held is not None and report.stage != self._stage:
            self._write(self._held)
        self._stage, self._next, self._held = report.stage, now + 1, None
        self._write(line)

    def _open(self) -> None:
        from wordkit.storage import why_unwritable

        try:
            if self._append and os.path.isfile(self.path):
                self._continue()
            self._file = open(self.path, "a" if self._append else "w", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            reason = why_unwritable(self.path, error)
            raise StorageError(f"cannot write {self.path}: {reason}") from error

    def _continue(self) -> None:
        """Take the time of the last line, and cut off one that a kill has left half-written."""
        with open(self.path, "rb+") as file:
            text = file.read()
            end = text.rfind(b"\n") + 1
            file.truncate(end)
        with contextlib.suppress(ValueError, LookupError, TypeError):  # no log of ours
            self._began -= float(json.loads(text[:end].splitlines()[-1])["seconds"])

    def _write(self, line: dict[str, Any]) -> None:
        self._held = None
        if self._file is not None:
            with self._warning():
                self._file.write(json.dumps(line, allow_nan=False) + "\n")
                self._file.flush()

    @contextlib.contextmanager
    def _warning(self) -> Iterator[None]:
        """Let the log end with a warning where it cannot be written."""
        try:
            yield
        except OSError as error:
            file, self._file, self._has_failed = self._file, None, True
            with contextlib.suppress(OSError):
                if file is not None:
                    file.close()
            message = f"{self.path} lacks the rest of the log: {error.strerror or error}"
            warnings.warn(message, WordkitWarning, stacklevel=2)


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
