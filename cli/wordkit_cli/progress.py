"""Progress of a long job: bars on a terminal, JSON lines in a log, silence elsewhere."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeVar

import click

from wordkit.errors import StorageError
from wordkit.runtime import Report, Run, when_compiling

if TYPE_CHECKING:
    import rich.progress

__all__ = ["Progress", "say"]

T = TypeVar("T")


def say(message: str) -> None:
    """Print a line on standard error."""
    click.echo(message, err=True)


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
        self._stack = contextlib.ExitStack()
        self._log = None if log is None else self._stack.enter_context(_Log(log))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def finish(self, run: Run[T]) -> T:
        """The value of a run, which is shown as it goes on."""
        with contextlib.ExitStack() as stack:
            sinks: list[_Sink] = [] if self._log is None else [self._log]
            if not self.quiet and sys.stderr is not None and sys.stderr.isatty():
                sinks.append(stack.enter_context(_bars()))
            if not self.quiet:
                stack.enter_context(when_compiling(self._announce_compilation))
            stack.callback(run.close)
            for report in run:
                for sink in sinks:
                    sink.show(report)
            return run.result()

    def _announce_compilation(self) -> None:
        if not self._announced:
            self._announced = True
            say("Compiling the fast loops; only the first run on a machine waits for this.")

    def say(self, message: str) -> None:
        """Tell the person at the terminal something, on standard error."""
        if not self.quiet:
            say(message)


class _Sink(Protocol):
    def show(self, report: Report) -> None: ...


class _Log:
    """Writes reports as JSON lines: each stage's first and last, and one a second between.

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
            self._file.close()

    def show(self, report: Report) -> None:
        now = time.monotonic() - self._began
        line = {
            "seconds": round(now, 3),
            "stage": report.stage,
            "done": report.done,
            "total": report.total,
            "unit": report.unit,
            **report.figures,
        }
        if report.stage == self._stage and now < self._next:
            self._held = line  # the last of the stage, perhaps
            return
        if report.stage != self._stage and self._held is not None:
            self._write(self._held)
        self._stage, self._next, self._held = report.stage, now + 1, None
        self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        try:
            if self._file is None:
                self._file = open(self.path, "w", encoding="utf-8")  # noqa: SIM115 - see __exit__
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror or error}") from error


class _Bars:
    """A bar for each stage, with rate and time left."""

    def __init__(self, progress: rich.progress.Progress) -> None:
        self.progress = progress
        self.stage: str | None = None
        self.task: int | None = None

    def show(self, report: Report) -> None:
        if report.stage != self.stage:
            self._end_stage()
            self.stage = report.stage
            self.task = self.progress.add_task(
                report.stage, total=report.total, unit=report.unit, figures=""
            )
        figures = "  ".join(f"{_short(value)} {name}" for name, value in report.figures.items())
        self.progress.update(
            self.task,  # type: ignore[arg-type]
            completed=report.done,
            total=report.total,
            figures=figures,
        )

    def _end_stage(self) -> None:
        """Fill the bar of a stage that the next one has taken over from."""
        if self.task is not None:
            task = self.progress.tasks[self.task]
            total = task.total if task.total is not None else max(task.completed, 1)
            self.progress.update(task.id, completed=total, total=total)


@contextlib.contextmanager
def _bars() -> Iterator[_Bars]:
    import rich.progress
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: rich.progress.Task) -> Text:
            speed = task.finished_speed or task.speed
            unit = task.fields["unit"]
            return Text(f"{_short(speed)} {unit}/s" if speed and unit else "")

    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f}%"),
        Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[figures]}"),
    )
    with rich.progress.Progress(*columns, console=Console(stderr=True)) as progress:
        bars = _Bars(progress)
        yield bars
        bars._end_stage()


def _short(number: float) -> str:
    """A number in a few characters: 950, 12.3k, 4.56M."""
    for suffix in ("", "k", "M", "G"):
        if abs(number) < 999.5:
            return f"{number:.3g}{suffix}" if suffix or number % 1 else f"{number:.0f}"
        number /= 1000
    return f"{number:.0f}T"
