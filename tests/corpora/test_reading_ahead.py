"""Reading ahead gives the same items, passes errors on, and leaves nothing behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from wordkit_corpora.reading_ahead import read_ahead


def counting(stop: int, seen: list[int]) -> Generator[int, None, None]:
    try:
        for number in range(1, stop + 1):
            seen.append(number)
            yield number
    finally:
        seen.append(-1)


def test_same_items() -> None:
    assert list(read_ahead(counting(100, []))) == list(range(1, 101))
    assert list(read_ahead(counting(0, []))) == []


def test_it_runs_ahead_but_not_far() -> None:
    seen: list[int] = []
    items = read_ahead(counting(100, seen), depth=2)
    next(items)
    deadline = time.monotonic() + 5
    while len(seen) < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert seen == [1, 2, 3]


def test_work_overlaps() -> None:
    def slow() -> Generator[int, None, None]:
        for number in range(1, 11):
            time.sleep(0.02)
            yield number

    start = time.monotonic()
    for _ in read_ahead(slow()):
        time.sleep(0.02)
    assert time.monotonic() - start < 0.36  # 0.40 s one after the other, 0.22 s at once


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
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert seen[-1] == -1  # the generator was closed


def test_an_error_of_the_consumer_ends_the_thread() -> None:
    before = threading.active_count()

    def consume() -> None:
        for _ in read_ahead(counting(100, [])):
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        consume()
    assert threading.active_count() == before
