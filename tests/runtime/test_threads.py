"""Maps over threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from wordkit.errors import ConfigError
from wordkit.runtime import ThreadPool, ordered_map, thread_count


def test_thread_count() -> None:
    assert thread_count(3) == 3
    assert thread_count() >= 1
    for use in (thread_count, ThreadPool):
        with pytest.raises(ConfigError, match="threads must be at least 1, not 0"):
            use(0)
    assert ThreadPool(100_000).threads <= max(64, thread_count())


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order_and_tasks_are_drawn_as_needed(threads: int) -> None:
    drawn = 0

    def tasks() -> Iterator[int]:
        nonlocal drawn
        while drawn < 30:
            drawn += 1
            yield drawn

    def slow_first(task: int) -> int:
        time.sleep(0.01 if task % 3 == 1 else 0)
        return task**2

    results = []
    for result in ordered_map(slow_first, tasks(), threads):
        results.append(result)
        assert drawn < len(results) + 2 * threads
    assert results == [task**2 for task in range(1, 31)]


def fail_at_3(task: int) -> int:
    if task >= 3:
        raise ValueError(f"task {task}")
    return task


def test_the_first_error_is_raised_after_the_results_before_it() -> None:
    results = []
    with pytest.raises(ValueError, match="task 3"):  # noqa: PT012
        for result in ordered_map(fail_at_3, range(100), 4):
            results.append(result)
    assert results == [0, 1, 2]
    with ThreadPool(1) as pool:
        with pytest.raises(ValueError, match="task 3"):
            pool.for_each(fail_at_3, range(100))
        assert list(pool.map(str, range(9))) == list("012345678"), "still of use"


def test_a_closed_map_drops_what_has_not_begun() -> None:
    begun: list[int] = []
    go_on = threading.Event()

    def wait_after_first(task: int) -> int:
        begun.append(task)
        return task if task == 0 or go_on.wait(10) else -1

    results = ordered_map(wait_after_first, range(100), 1)
    assert next(results) == 0
    threading.Timer(0.05, go_on.set).start()
    results.close()
    assert begun in ([0], [0, 1]), "a running task has ended, no other began"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("wordkit")]


def test_for_each_ends_at_an_interrupt() -> None:
    done = []
    both_run = threading.Event()

    def interrupt_first(task: int) -> None:
        if task == 0:
            both_run.wait(10)
            raise KeyboardInterrupt
        both_run.set()
        time.sleep(0.01)
        done.append(task)

    with ThreadPool(2) as pool, pytest.raises(KeyboardInterrupt):
        pool.for_each(interrupt_first, range(100))
    assert len(done) < 10
    with ThreadPool(2) as pool:
        pool.for_each(done.append, range(1000, 2000))
    assert sorted(done)[-1000:] == list(range(1000, 2000))
