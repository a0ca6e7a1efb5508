"""Work shared among threads, with its results in order.

The kernels release the GIL, so plain threads use all cores. Which thread does what never shows in
a result: results come back in the order of the tasks.
"""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import TypeVar

from wordkit.runtime import thread_count

__all__ = ["Workers", "even_ranges", "one_blas_thread", "worker_count"]

_MOST_THREADS = 64  # where the machine has no more cores than that: beyond, they only take memory

Task = TypeVar("Task")
Result = TypeVar("Result")


def worker_count(threads: int | None) -> int:
    """How many threads to use at most: as many as wanted, but not thousands.

    Where there is less work than that, fewer are started: see :class:`Workers`.

    Args:
        threads: wanted; None: all cores.

    Raises:
        ConfigError: ``threads`` is less than 1.
    """
    return min(thread_count(threads), max(_MOST_THREADS, thread_count()))


class Workers:
    """A number of threads to hand tasks to; a context manager that waits for them at its end.

    A thread starts when a task finds all others busy.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="wordkit-counts")

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        _give_back_memory()

    @property
    def look_ahead(self) -> int:
        """How many results there may be at once: the running tasks and as many that wait."""
        return 2 * self.threads

    def ordered(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[Result]:
        """The results of the tasks in their order; at most ``look_ahead`` are held at once."""
        waiting: deque[Future[Result]] = deque()
        for task in tasks:
            waiting.append(self._pool.submit(function, task))
            if len(waiting) == self.look_ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def each(self, function: Callable[[Task], object], tasks: Iterable[Task]) -> None:
        """Do the tasks, in any order, and wait for all of them.

        Meant for many short tasks: a thread takes the next one without a word to the others.
        """
        waiting = deque(tasks)

        def work() -> None:
            while True:
                try:
                    task = waiting.popleft()
                except IndexError:  # none left
                    return
                function(task)

        running = [self._pool.submit(work) for _ in range(min(self.threads, len(waiting)))]
        try:
            for future in running:
                future.result()
        finally:
            waiting.clear()  # after an error or Ctrl-C, no further task begins


def _give_back_memory() -> None:
    """Let the system have the memory that was freed.

    glibc keeps for each thread what that thread has freed, some 10 MB here, also when the thread
    has ended. It would come on top of what the next step may take.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
        if trim is not None:
            trim(ctypes.c_size_t(0))


def even_ranges(size: int, parts: int) -> list[tuple[int, int]]:
    """``range(size)`` cut into at most ``parts`` ranges of about the same length."""
    cuts = [size * i // parts for i in range(parts + 1)]
    return [(a, b) for a, b in pairwise(cuts) if a < b]


def one_blas_thread() -> AbstractContextManager[object]:
    """A context in which NumPy's and SciPy's linear algebra runs on one thread.

    For matrices of a few hundred rows, more threads gain little, and where other work runs on the
    same cores their busy waiting makes the call up to a hundred times as slow.
    """
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    limit: AbstractContextManager[object] = ThreadpoolController().limit(limits=1, user_api="blas")
    return limit
