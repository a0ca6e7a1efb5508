"""Runs, threads and memory."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from wordkit.errors import ConfigError
from wordkit.runtime import Report, Run, available_memory, thread_count


def count_to(n: int, log: list[str]) -> Generator[Report, None, str]:
    try:
        for i in range(n):
            yield Report("counting", i + 1, n)
    finally:
        log.append("cleaned up")
    return "done"


def test_a_run_can_be_watched_or_waited_for() -> None:
    run = Run(count_to(3, []))
    assert [report.done for report in run] == [1, 2, 3]
    assert run.result() == run.result() == "done"
    assert Run(count_to(3, [])).result() == "done"


def test_a_run_goes_on_where_the_watcher_stopped() -> None:
    run = Run(count_to(5, []))
    assert next(run).done == 1
    assert next(run).done == 2
    assert run.result() == "done"


def test_a_closed_run_cleans_up_and_has_no_value() -> None:
    log: list[str] = []
    run = Run(count_to(5, log))
    next(run)
    run.close()
    assert log == ["cleaned up"]
    with pytest.raises(RuntimeError, match="closed or failed"):
        run.result()


def test_threads() -> None:
    assert thread_count(3) == 3
    assert thread_count() >= 1
    with pytest.raises(ConfigError, match="threads must be at least 1, not 0"):
        thread_count(0)


def test_memory() -> None:
    assert 1 << 20 < available_memory() < 1 << 50


def test_a_job_may_have_nothing_to_give() -> None:
    def nothing() -> Generator[Report, None, None]:
        yield Report("working", 1, 1)

    run = Run(nothing())
    run.result()  # has ended well, so there is no complaint
    assert list(run) == []


def test_a_failed_run_stays_failed() -> None:
    def failing() -> Generator[Report, None, str]:
        yield Report("working", 1, 2)
        raise ValueError("no")

    run = Run(failing())
    with pytest.raises(ValueError, match="no"):
        run.result()
    with pytest.raises(RuntimeError, match="closed or failed"):
        run.result()
