"""Reading ahead gives the same items, passes errors on, and leaves nothing behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wordkit_corpora import plaintext
from wordkit_corpora.plaintext import read_ahead

PATIENCE = 30  # seconds until what never comes is given up; nothing that works waits so long


def counting(stop: int, seen: list[int]) -> Generator[int, None, None]:
    try:
        for number in range(1, stop + 1):
            seen.append(number)
            yield number
    finally:
        seen.append(-1)


def test_it_runs_ahead_but_not_far() -> None:
    seen: list[int] = []
    is_far = threading.Event()

    def observed() -> Generator[int, None, None]:
        for number in counting(100, seen):
            if number == 3:
                is_far.set()
            yield number

    items = read_ahead(observed(), depth=2)
    next(items)
    assert is_far.wait(PATIENCE)
    time.sleep(0.02)  # a chance to go on, for one that would
    assert seen == [1, 2, 3]
    items.close()  # type: ignore[attr-defined]


def test_errors_come_in_their_place() -> None:
    def failing() -> Generator[int, None, None]:
        yield 1
        raise ValueError("here")

    items = read_ahead(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="here"):
        next(items)
    with pytest.raises(StopIteration):
        next(items)


def test_nothing_runs_before_the_first_item_or_after_the_end() -> None:
    before = threading.active_count()
    seen: list[int] = []
    items = read_ahead(counting(100, seen))
    assert (seen, threading.active_count()) == ([], before)
    assert [next(items), next(items)] == [1, 2]
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert list(read_ahead(counting(100, []))) == list(range(1, 101))
    assert list(read_ahead(counting(0, []))) == []
    assert seen[-1] == -1  # the generator was closed


class InterruptedPool(ThreadPoolExecutor):
    """One that Ctrl-C strikes as it starts its thread: that runs, and the pool does not know it."""

    begun = threading.Event()

    def submit(self, *arguments: Any, **options: Any) -> Any:
        super().submit(*arguments, **options)
        assert self.begun.wait(PATIENCE)
        raise KeyboardInterrupt

    def shutdown(self, *_: Any, **__: Any) -> None:
        super().shutdown(wait=False, cancel_futures=True)


def test_a_thread_that_the_pool_lost_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the midst of making an item, when a generator cannot be closed."""
    monkeypatch.setattr(plaintext, "ThreadPoolExecutor", InterruptedPool)
    seen: list[str] = []

    def slow() -> Generator[int, None, None]:
        try:
            InterruptedPool.begun.set()
            time.sleep(0.2)
            seen.append("made")
            yield 1
        finally:
            seen.append("closed")

    with pytest.raises(KeyboardInterrupt):
        next(read_ahead(slow()))
    assert seen == ["made", "closed"]
