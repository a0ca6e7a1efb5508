"""What the benchmarks share: a description of the machine, and fair timing.

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
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wordkit.errors import WordkitError
from wordkit.runtime import thread_count

__all__ = ["Timing", "alternate", "describe", "in_one_line", "table"]

PACKAGES = ("wordkit", "numpy", "scipy", "scikit-learn", "numba", "gensim", "torch")


@dataclass(frozen=True)
class Timing:
    """How long a job took, in seconds, over all rounds."""

    best: float
    median: float


def describe() -> str:
    """The machine, the versions and the day, in a few lines."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return (
        f"{_processor()}, {thread_count()} cores, {_memory()} of memory, {platform.system()}\n"
        f"Python {platform.python_version()}, {', '.join(versions)}\n"
        f"{datetime.date.today().isoformat()}"
    )


def alternate(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """The seconds that each job takes, run in turns: all once, then all again.

    Args:
        jobs: what to run, by name.
        rounds: how many times to run each.
    """
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - start)
    return {name: Timing(min(taken), statistics.median(taken)) for name, taken in seconds.items()}


def table(timings: Mapping[str, Timing], *, reference: str) -> str:
    """Timings as a table for a README, with ratios of medians to that of ``reference``.

    Args:
        timings: what :func:`alternate` returned.
        reference: the job that the others are compared with.
    """
    lines = [f"| | best | median | {reference} takes |", "|---|---:|---:|---:|"]
    for name, timing in timings.items():
        ratio = timings[reference].median / timing.median
        lines.append(f"| {name} | {timing.best:.2f} s | {timing.median:.2f} s | {ratio:.1f} x |")
    return "\n".join(lines)


def in_one_line(main: Callable[[], None], *, needs: str) -> None:
    """Run a benchmark; where something is missing, the process ends with one line that says what.

    Args:
        main: the benchmark.
        needs: the package that it compares with.
    """
    if importlib.util.find_spec(needs) is None:
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
