"""Bars that show how far a run has come, in a terminal or a notebook."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from wordkit.runtime.progress import Report, Run
from wordkit.streams import messages

if TYPE_CHECKING:
    import rich.progress
    from rich.console import JustifyMethod

__all__ = ["Figures", "Pace", "finish", "progress_bars", "short"]

T = TypeVar("T")

Figures = Callable[[Mapping[str, float]], str]
"""Writes the figures of a report, which stand beside its bar."""


def finish(run: Run[T], progress: bool | None = None) -> T:
    """Run to the end and return the value.

    Args:
        run: what is run.
        progress: True: show a bar on standard error; False: show nothing; None: show one in
            terminals and notebooks. A notebook without ipywidgets gets one line at the end.
    """
    in_notebook = _is_notebook()
    if progress is None:
        progress = in_notebook or (sys.stderr is not None and sys.stderr.isatty())
    has_bars = progress and (not in_notebook or find_spec("ipywidgets") is not None)
    pace = Pace()
    show: Callable[[Report, Pace], None] | None = None
    with contextlib.ExitStack() as stack:
        stack.callback(run.close)
        for report in run:
            pace.follow(report)
            if has_bars:
                show = show or stack.enter_context(progress_bars())
                show(report, pace)
        value = run.result()
    if progress and not has_bars and str(pace):
        messages().write(f"{pace}\n")
    return value


def _is_notebook() -> bool:
    """Return whether this runs in a notebook, which shows HTML."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


class Pace:
    """The rate of a stage since its first report."""

    def __init__(self) -> None:
        self._first: Report | None = None
        self._began = 0.0
        self.rate: float | None = None
        self.left: float | None = None
        """Seconds to the end of the stage at that rate."""
        self._last: Report | None = None

    def follow(self, report: Report) -> None:
        """Take a report into account."""
        self._last, now = report, time.monotonic()
        if self._first is None or report.stage != self._first.stage:
            self._first, self._began = report, now
        passed, done = now - self._began, report.done - self._first.done
        self.rate = done / passed if passed > 0 else None
        self.left = None
        if self.rate and report.total is not None:
            self.left = (report.total - report.done) / self.rate

    def __str__(self) -> str:
        if self._last is None:
            return ""
        rate = f", {short(self.rate)} {self._last.unit}/s" if self.rate and self._last.unit else ""
        return f"{self._last.stage}: {self._last.done:,} {self._last.unit}{rate}"


def _plain(figures: Mapping[str, float]) -> str:
    return "  ".join(f"{short(value)} {name}" for name, value in figures.items())


class _Bars:
    """A bar for each stage, with rate and time left."""

    def __init__(self, progress: rich.progress.Progress, figures: Figures) -> None:
        self.progress, self.figures = progress, figures
        self.stage: str | None = None
        self.task: rich.progress.TaskID | None = None

    def show(self, report: Report, pace: Pace) -> None:
        rate = f"{short(pace.rate)} {report.unit}/s" if pace.rate and report.unit else ""
        shown: dict[str, Any] = {"rate": rate, "figures": self.figures(report.figures)}
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
def progress_bars(figures: Figures | None = None) -> Iterator[Callable[[Report, Pace], None]]:
    """Give the function that shows a report as a bar, one for each stage."""
    import rich.progress
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column

    console = Console(file=messages())
    width_of_stages = 20 if console.width >= 100 else 10
    others = width_of_stages + len("100%") + _WIDTH_OF_RATES + len("0:00:00") + _WIDTH_OF_FIGURES

    def text(template: str, *, align: JustifyMethod = "left", width: int = 0) -> TextColumn:
        column = Column(no_wrap=True, justify=align, min_width=width)
        return TextColumn(template, justify=align, markup=False, table_column=column)

    columns = (
        text("{task.description}", width=width_of_stages),
        BarColumn(max(4, min(30, console.width - others - 5))),
        text("{task.percentage:>3.0f}%"),
        text("{task.fields[rate]}", align="right", width=_WIDTH_OF_RATES),
        TimeRemainingColumn(elapsed_when_finished=True, table_column=Column(no_wrap=True)),
        text("{task.fields[figures]}"),
    )
    with rich.progress.Progress(*columns, console=console) as progress:
        bars = _Bars(progress, figures or _plain)
        yield bars.show
        bars.end_stage()


_WIDTH_OF_RATES = 14  # 12.3M tokens/s
_WIDTH_OF_FIGURES = 32  # epoch 2/5  loss 2.345  lr 0.0123


def short(number: float) -> str:
    """Format a number in a few characters: 950, 12.3k, 4.56M."""
    for suffix in ("", "k", "M", "G"):
        if abs(number) < 999.5:
            return f"{number:.3g}{suffix}" if suffix or number % 1 else f"{number:.0f}"
        number /= 1000
    return f"{number:.0f}T"
