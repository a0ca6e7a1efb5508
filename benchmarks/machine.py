"""Common parts of the benchmarks: the machine, fair timing, peak memory and tables.

Ratios are taken in one run, in turns, because the speed of a shared machine changes from minute
to minute.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wordkit import __version__
from wordkit.config import Settings, settings_of
from wordkit.errors import WordkitError, counted

__all__ = [
    "Process",
    "Timing",
    "alternate",
    "changed_settings",
    "counted",
    "describe",
    "heading",
    "in_one_line",
    "in_turns",
    "row",
    "run_process",
    "table",
]

PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "gensim", "torch")


@dataclass(frozen=True)
class Timing:
    """The time of a job, in seconds, over all rounds."""

    best: float
    median: float


def describe() -> str:
    """The machine, the versions and the day, in a few lines."""
    versions = [f"wordkit {__version__}"]
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return (
        f"{_processor()}, {os.cpu_count()} cores, {_memory()} of memory, {platform.system()}\n"
        f"Python {platform.python_version()}, {', '.join(versions)}\n"
        f"{datetime.date.today().isoformat()}"
    )


def changed_settings(config: Settings) -> str:
    """The settings that are not the defaults, in one line."""
    known = settings_of(type(config))
    changed = {name: value for name, value in vars(config).items() if value != known[name].default}
    return ", ".join(f"{name} {value}" for name, value in changed.items())


def alternate(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """The seconds that each job takes, run in turns: all once, then all again.

    Args:
        jobs: what to run, by name.
        rounds: how many times to run each.
    """

    def timed(job: Callable[[], object]) -> Callable[[], float]:
        def run() -> float:
            start = time.perf_counter()
            job()
            return time.perf_counter() - start

        return run

    return in_turns({name: timed(job) for name, job in jobs.items()}, rounds)


def in_turns(jobs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Timing]:
    """Run jobs as :func:`alternate` does, which measure and return their own seconds.

    Args:
        jobs: what to run, by name; what a job does before it looks at the clock is not counted.
        rounds: how many times to run each, at least 1.
    """
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            seconds[name].append(job())
    return {name: Timing(min(taken), statistics.median(taken)) for name, taken in seconds.items()}


@dataclass(frozen=True)
class Process:
    """The time, memory and output of a process."""

    seconds: float
    peak: int
    """Bytes of anonymous memory: without the pages of mapped files, which the operating system
    can take back at any time. 0 where the system does not tell (not Linux)."""

    output: str
    """Its standard output."""

    errors: str = ""
    """Its standard error."""


def run_process(command: Sequence[str]) -> Process:
    """Run a process to its end and watch its memory.

    The benchmark ends with one line where the process ends with an error.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    peak = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.02):
            peak = max(peak, _anonymous_memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        output, errors = process.communicate()
    except BaseException:  # Ctrl-C: it ends with us
        process.kill()
        raise
    finally:
        ended.set()
        watcher.join()
    seconds = time.perf_counter() - began
    if process.returncode:
        last = errors.strip().splitlines()[-1:] or [f"status {process.returncode}"]
        raise SystemExit(f"{' '.join(command)} ended with: {last[0]}")
    return Process(seconds, peak, output, errors)


def _anonymous_memory(process: int) -> int:
    """Bytes that a process has now, 0 where that is not known."""
    try:
        text = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def heading(columns: Sequence[str]) -> str:
    """The first two lines of a table for a README; all columns but the first are figures."""
    return f"{row(columns)}\n|---|{'---:|' * (len(columns) - 1)}"


def row(cells: Iterable[object]) -> str:
    """A line of a table for a README."""
    return f"|{'|'.join(f' {cell} ' if cell != '' else ' ' for cell in cells)}|"


def table(timings: Mapping[str, Timing], *, reference: str) -> str:
    """Timings as a table for a README, with ratios of medians to that of ``reference``.

    Args:
        timings: what :func:`alternate` returned.
        reference: the job that the others are compared with.
    """
    lines = [heading(["", "best", "median", f"as fast as {reference}"])]
    for name, timing in timings.items():
        ratio = timings[reference].median / timing.median
        figures = f"{timing.best:.2f} s", f"{timing.median:.2f} s", f"{ratio:.1f} x"
        lines.append(row([name, *figures]))
    return "\n".join(lines)


def in_one_line(main: Callable[[], None], *, needs: str | None = None) -> None:
    """Run a benchmark; where something is missing, the process ends with one line that says what.

    Args:
        main: the benchmark.
        needs: the package that it compares with; None: with none.
    """
    if needs is not None and importlib.util.find_spec(needs) is None:
        raise SystemExit(f"this benchmark compares with {needs}; install it")
    try:
        main()
    except WordkitError as error:
        raise SystemExit(str(error)) from error


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()


def _memory() -> str:
    if not hasattr(os, "sysconf"):
        return "an unknown amount"
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GB"
