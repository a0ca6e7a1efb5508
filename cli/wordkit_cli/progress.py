"""Progress of a long job: bars on a terminal, JSON lines in a log, silence elsewhere."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeVar

import click

from wordkit.errors import StorageError
from wordkit.runtime import Report, Run, when_compiling
from wordkit_cli.stopping import STOPPING

if TYPE_CHECKING:
    import rich.progress
    from rich.progress_bar import ProgressBar

__all__ = ["Progress", "say", "short"]

T = TypeVar("T")
Figures = Callable[[Mapping[str, float]], str]


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
        self._pace = _Pace()
        self._stack = contextlib.ExitStack()
        self._log = None if log is None else self._stack.enter_context(_Log(log))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def finish(self, run: Run[T], *, figures: Figures | None = None) -> T:
        """Show a run with the figures of its reports, and return its value."""
        self._pace = pace = _Pace()
        with contextlib.ExitStack() as stack:
            sinks: list[_Sink] = [] if self._log is None else [self._log]
            if not self.quiet and sys.stderr is not None and sys.stderr.isatty():
                sinks.append(stack.enter_context(_bars(figures or _plain)))
            stack.enter_context(self.announcing_compilation())
            stack.callback(run.close)
            for report in run:
                STOPPING.check()
                pace.follow(report)
                for sink in sinks:
                    sink.show(report, pace)
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

    def say(self, message: str) -> None:
        """Print a message on standard error, unless quiet."""
        if not self.quiet:
            say(message)


class _Pace:
    """The rate of a stage since its first report."""

    def __init__(self) -> None:
        self._first: Report | None = None
        self._began = 0.0
        self.rate: float | None = None
        self.left: float | None = None
        """Seconds to the end of the stage at that rate."""

    def follow(self, report: Report) -> None:
        """Take a report into account."""
        now = time.monotonic()
        if self._first is None or report.stage != self._first.stage:
            self._first, self._began = report, now
        passed, done = now - self._began, report.done - self._first.done
        self.rate = done / passed if passed > 0 else None
        self.left = None
        if self.rate and report.total is not None:
            self.left = (report.total - report.done) / self.rate


class _Sink(Protocol):
    def show(self, report: Report, pace: _Pace) -> None: ...


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

    def show(self, report: Report, pace: _Pace) -> None:
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


def _line(report: Report, pace: _Pace, now: float) -> dict[str, Any]:
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


def _plain(figures: Mapping[str, float]) -> str:
    return "  ".join(f"{short(value)} {name}" for name, value in figures.items())


class _Bars:
    """A bar for each stage, with rate and time left."""

    def __init__(self, progress: rich.progress.Progress, figures: Figures) -> None:
        self.progress, self.figures = progress, figures
        self.stage: str | None = None
        self.task: rich.progress.TaskID | None = None

    def show(self, report: Report, pace: _Pace) -> None:
        shown: dict[str, Any] = {"rate": pace.rate, "figures": self.figures(report.figures)}
        shown["unit"] = report.unit
        if report.stage != self.stage or self.task is None:
            self.end_stage()
            self.stage = report.stage
            self.task = self.progress.add_task(report.stage, total=report.total, **shown)
        self.progress.update(self.task, completed=report.done, total=report.total, **shown)

    def end_stage(self) -> None:
        """Complete the bar of the stage."""
        if self.task is not None:
            task = self.progress.tasks[self.task]
            total = task.total if task.total is not None else max(task.completed, 1)
            self.progress.update(task.id, completed=total, total=total)


@contextlib.contextmanager
def _bars(figures: Figures) -> Iterator[_Bars]:
    import rich.progress
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column
    from rich.text import Text

    console = Console(stderr=True)

    class Stage(ProgressColumn):
        def render(self, task: rich.progress.Task) -> Text:
            return Text(task.description.ljust(_width_of_stages(console.width)))

    class Bar(BarColumn):
        def render(self, task: rich.progress.Task) -> ProgressBar:
            self.bar_width = _width_of_bars(console.width)
            return super().render(task)

    class Rate(ProgressColumn):
        def render(self, task: rich.progress.Task) -> Text:
            rate, unit = task.fields["rate"], task.fields["unit"]
            return Text(f"{short(rate)} {unit}/s" if rate and unit else "")

    columns = (
        Stage(Column(no_wrap=True)),
        Bar(),
        TextColumn("{task.percentage:>3.0f}%", table_column=Column(no_wrap=True)),
        Rate(Column(no_wrap=True, justify="right", min_width=_WIDTH_OF_RATES)),
        TimeRemainingColumn(elapsed_when_finished=True, table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True)),
    )
    with rich.progress.Progress(*columns, console=console) as progress:
        bars = _Bars(progress, figures)
        yield bars
        bars.end_stage()


_WIDTH_OF_RATES = 14  # 12.3M tokens/s
_WIDTH_OF_FIGURES = 32  # epoch 2/5  loss 2.345  lr 0.0123


def _width_of_stages(width: int) -> int:
    """Characters for the name of a stage on a terminal of this width."""
    return 20 if width >= 100 else 10


def _width_of_bars(width: int) -> int:
    """Characters for a bar: as many as leave room for the rest."""
    others = _width_of_stages(width) + len("100%") + _WIDTH_OF_RATES + len("0:00:00")
    return max(4, min(30, width - others - _WIDTH_OF_FIGURES - 5))


def short(number: float) -> str:
    """Format a number in a few characters: 950, 12.3k, 4.56M."""
    for suffix in ("", "k", "M", "G"):
        if abs(number) < 999.5:
            return f"{number:.3g}{suffix}" if suffix or number % 1 else f"{number:.0f}"
        number /= 1000
    return f"{number:.0f}T"
