"""Threads for kernels that release the GIL: how many, and maps over them with results in order."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from wordkit.config import check_number
from wordkit.runtime.groups import group_folders, read_text
from wordkit.runtime.memory import release_freed_memory
from wordkit.runtime.processes import torchrun_number
from wordkit.runtime.signals import uninterrupted

if TYPE_CHECKING:
    from concurrent.futures import Future

    import numpy as np
    import numpy.typing as npt

__all__ = [
    "ThreadPool", "balanced_ranges", "even_ranges", "ordered_map", "thread_count", "unordered_map",
]  # fmt: skip

_POLL_SECONDS = 0.2  # between looks for Ctrl-C
_MAX_THREADS = 64  # on machines with fewer cores: more threads only take memory

Task = TypeVar("Task")
Result = TypeVar("Result")


def thread_count(threads: int | None = None) -> int:
    """Return ``threads``, or the number of cores that this process may use.

    They are those it may run on, within the quotas of its control groups, divided among the
    processes that torchrun has begun on this machine; ``$OMP_NUM_THREADS`` bounds their number.

    Raises:
        ConfigError: ``threads`` is no whole number from 1 up.
    """
    if threads is not None:
        return int(check_number("threads", threads))
    allowed = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0))
    cores = min((allowed or os.cpu_count() or 1, *_quotas()))
    processes = max(torchrun_number("LOCAL_WORLD_SIZE", 1), 1)
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    lowest = 1 if processes == 1 else 2  # torchrun sets it to 1 where nobody has set it
    bound = int(wanted) if wanted.isdecimal() and int(wanted) >= lowest else cores
    return max(min(cores // processes, bound), 1)


def _quotas() -> Iterator[int]:
    """Yield the cores that each control group around this process may use at a time."""
    for version, folder in group_folders("cpu"):
        if version == 2:
            quota, _, period = (read_text(folder / "cpu.max") or "").partition(" ")
        else:
            quota = read_text(folder / "cpu.cfs_quota_us") or ""
            period = read_text(folder / "cpu.cfs_period_us") or ""
        if quota.isdecimal() and period.isdecimal() and int(period):  # else there is no bound
            yield max(math.ceil(int(quota) / int(period)), 1)


class ThreadPool:
    """Threads to run tasks on, as a context manager that waits for them at its end.

    A thread starts when a task finds all others busy. After an error or Ctrl-C, no further task
    begins, and the context ends when the running ones have.

    Args:
        threads: the number of threads, at most 64 or the number of cores; None: all cores.

    Raises:
        ConfigError: ``threads`` is no whole number from 1 up.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = min(thread_count(threads), max(_MAX_THREADS, thread_count()))
        self.look_ahead = 2 * self.threads
        """Results that :meth:`map` holds at most, those of the running tasks included."""

    def __enter__(self) -> ThreadPool:
        from concurrent.futures import ThreadPoolExecutor  # takes 10 ms to import

        self._executor = ThreadPoolExecutor(self.threads, thread_name_prefix="wordkit")
        return self

    def __exit__(self, *exception: object) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
        release_freed_memory()

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Generator[Result, None, None]:
        """Yield ``function(task)`` for each task, in the order of the tasks.

        The tasks are drawn on the calling thread, at most ``look_ahead`` of them before the first
        result is taken, so that memory stays bounded. The first error in that order is raised;
        closing the generator drops the tasks that have not begun.
        """
        waiting: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                waiting.append(self._executor.submit(function, task))
                if len(waiting) == self.look_ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def for_each(self, function: Callable[[Task], object], tasks: Iterable[Task]) -> None:
        """Call the function with each task, in any order, and wait for all of them.

        Meant for many short tasks: a thread takes the next one without waking another.
        """
        waiting = deque(tasks)

        def work() -> None:
            while True:
                try:
                    task = waiting.popleft()
                except IndexError:  # none left
                    return
                function(task)

        running = [self._executor.submit(work) for _ in range(min(self.threads, len(waiting)))]
        try:
            for future in running:
                future.result()
        finally:
            waiting.clear()


def ordered_map(
    function: Callable[[Task], Result], tasks: Iterable[Task], threads: int | None = None
) -> Generator[Result, None, None]:
    """Yield the results of :meth:`ThreadPool.map` of a pool of its own."""
    with ThreadPool(threads) as pool:
        yield from pool.map(function, tasks)


def unordered_map(
    function: Callable[[Task], Result],
    tasks: Iterator[Task],
    record: Callable[[Task, Result], None],
    threads: int,
    name: str,
) -> Generator[None, None, None]:
    """Call a function that changes shared state with each task; yield after each that is done.

    When the generator is exhausted or closed, no task is under way, and each that began has been
    recorded.

    Args:
        function: called on the threads.
        tasks: drawn on the calling thread, one more than there are threads.
        record: called on the calling thread with each task and its result, as they come.
        threads: the number of threads.
        name: of the threads.
    """
    from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

    running: dict[Future[Result], Task] = {}  # in their order
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
    try:
        while True:
            while len(running) <= threads:  # one more waits, so that no thread does
                try:
                    task = next(tasks)
                except StopIteration:
                    break
                running[pool.submit(function, task)] = task
            if not running:
                return
            wait(running, _POLL_SECONDS, FIRST_COMPLETED)
            for future in [future for future in running if future.done()]:
                record(running.pop(future), future.result())
                yield
    finally:
        with uninterrupted():  # until no thread changes the state any more
            pool.shutdown()
            for future, task in running.items():
                record(task, future.result())


def balanced_ranges(ends: npt.NDArray[np.int64], max_units: int) -> list[tuple[int, int]]:
    """Return row ranges of at most ``max_units`` units each; a row with more is a range of its own.

    Args:
        ends: (V + 1,), units before each row, from 0.
        max_units: at least 1.
    """
    ranges = []
    start, rows = 0, len(ends) - 1
    while start < rows:
        stop = int(ends.searchsorted(ends[start] + max_units, side="right")) - 1
        stop = min(max(stop, start + 1), rows)
        ranges.append((start, stop))
        start = stop
    return ranges


def even_ranges(size: int, parts: int) -> list[tuple[int, int]]:
    """Return ``range(size)`` cut into at most ``parts`` ranges of about the same length."""
    cuts = [size * i // parts for i in range(parts + 1)]
    return [(a, b) for a, b in pairwise(cuts) if a < b]
