"""Reading ahead: the next items are made in a thread while the consumer works on the last one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["read_ahead"]

T = TypeVar("T")


def read_ahead(items: Generator[T, None, None], depth: int = 2) -> Generator[T, None, None]:
    """The same items, of which up to ``depth`` are made ahead in one thread.

    An exception of the generator is raised where its item would have come. The thread has ended
    and the generator is closed when the iteration ends, is closed, or fails.

    Args:
        items: what makes the items; none of them is None.
        depth: how many may wait, which bounds the memory they take.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="wordkit-read-ahead")
    running = threading.Lock()

    def make() -> T | None:
        with running:
            return next(items, None)

    try:
        coming = deque(pool.submit(make) for _ in range(depth))
        while (item := coming.popleft().result()) is not None:
            coming.append(pool.submit(make))
            yield item
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        with running:  # a thread whose start was interrupted is one that the pool does not know
            items.close()
