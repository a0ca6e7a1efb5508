"""The number of threads of a training, on a machine that is simulated."""

from __future__ import annotations

from collections.abc import Generator

import pytest
import torch

from wordkit.runtime import Report, Run
from wordkit.training import adaptive_threads
from wordkit.training.adaptive_threads import AdaptiveThreads, adapting_threads


class Machine:
    """Two cores, other processes on some of them, and a training.

    Args:
        spins: whether threads use their core while they wait for each other.
    """

    def __init__(self, spins: bool = True) -> None:
        self.now = self.used = self.done = 0.0
        self.warm_up = 2.0  # seconds, in which it is slow and does not use its cores
        self.spins, self.others, self.step = spins, 0, 0.1  # seconds of a step
        self.history: list[int] = []
        self.threads = AdaptiveThreads(2, int, lambda: self.now, lambda: self.used)

    def run(self, seconds: float) -> float:
        """Train for some time; the units that are done in it."""
        end, done = self.now + seconds, self.done
        while self.now < end:
            n = self.threads.threads
            cores = min(n, 2 * n / (n + self.others))
            # with two threads, the slower one shares its core
            speed = {1: 0.6 * cores, 2: 1.0 if not self.others else 0.35 / self.others}[n]
            is_warm = self.now >= self.warm_up
            self.now += self.step
            self.used += self.step * cores * (1 if self.spins and is_warm else 0.75)
            self.done += 1000 * self.step * speed * (1 if is_warm else 0.3)
            self.threads.update(int(self.done))
            self.history.append(n)
        return self.done - done


def test_a_quiet_machine_has_all_threads() -> None:
    machine = Machine()
    machine.run(300)
    assert set(machine.history) == {2}


def test_threads_that_sleep_are_not_taken_for_a_busy_machine() -> None:
    machine = Machine(spins=False)
    machine.run(300)
    assert machine.history.count(1) / len(machine.history) < 0.03


@pytest.mark.parametrize("others", [1, 2])
def test_a_busy_machine_has_fewer_until_it_is_quiet(others: int) -> None:
    machine = Machine()
    machine.run(20)
    machine.others = others
    machine.run(20)
    busy = machine.run(200)
    at_best = 100 * 10 * 200 * 0.6 * min(1, 2 / (1 + others))
    assert busy > 0.9 * at_best
    machine.others = 0
    machine.run(61)
    assert machine.threads.threads == 2


def test_long_steps_put_no_trial_off() -> None:
    machine = Machine()
    machine.others, machine.step = 2, 2.5
    machine.run(10)
    assert machine.threads.threads == 1


def test_work_is_measured_stage_by_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[object] = []

    class Recorder:
        def __init__(self, threads: int) -> None:
            torch.set_num_threads(1)

        def begin(self, done: int) -> None:
            noted.append(f"begin {done}")

        def update(self, done: int) -> None:
            noted.append(done)

    monkeypatch.setattr(adaptive_threads, "AdaptiveThreads", Recorder)
    reports = [Report(stage, done) for stage, done in (("a", 0), ("a", 5), ("b", 6), ("b", 2))]

    def work() -> Generator[Report, None, str]:
        try:
            yield from reports
        finally:
            noted.append("closed")
        return "value"

    before = torch.get_num_threads()
    run = Run(adapting_threads(work()))
    assert [*run] == reports and run.result() == "value"
    assert noted == ["begin 0", 0, 5, "begin 6", 6, "begin 2", 2, "closed"]
    stopped = adapting_threads(work())
    next(stopped)
    stopped.close()
    assert noted[-1] == "closed" and torch.get_num_threads() == before
