"""Work on several threads, with the answers in the order of the work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from wordkit.runtime import thread_count

__all__ = ["in_order"]

Job = TypeVar("Job")
Answer = TypeVar("Answer")


def in_order(
    function: Callable[[Job], Answer], jobs: Iterable[Job]
) -> Generator[Answer, None, None]:
    """``map(function, jobs)`` on all cores, a few jobs ahead, so that memory stays bounded.

    The jobs are drawn on the calling thread. Closing the generator drops what has not begun.
    """
    from concurrent.futures import Future, ThreadPoolExecutor  # takes 10 ms to import

    threads = thread_count()
    waiting: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for job in jobs:
                waiting.append(pool.submit(function, job))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
