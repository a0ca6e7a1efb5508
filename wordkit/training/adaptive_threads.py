"""The number of PyTorch's threads on the CPU: fewer while other processes keep its cores busy.

The threads of a matrix product wait for each other at its end, so one that shares its core with
another process makes all of them as slow. With another process on one of two cores, two threads
train at a third of the speed of a quiet machine, one thread at half of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TypeVar

import torch

from wordkit.runtime import Report, Run

__all__ = ["AdaptiveThreads", "adapting_threads"]

T = TypeVar("T")

_PERIOD = 0.5  # seconds that a rate is measured over
_LOST_CORES = 0.3  # from which other numbers of threads are tried
_GAIN = 1.05  # times the rate of before, for a number to be kept
_PAUSE, _MAX_PAUSE = 3.0, 60.0  # seconds between two trials: at first, and after many in vain


class AdaptiveThreads:
    """Sets the number of threads of a training by its rate.

    Where the process has had less processor time than its threads could use, it tries as many
    threads as it had cores, and later all again; a number is kept where the rate is higher.

    Args:
        threads: at most, and at first.
        set_threads: called with each new number.
        clock, processor_clock: in seconds; the latter is the time of all threads of the process.
    """

    def __init__(
        self,
        threads: int,
        set_threads: Callable[[int], object] = torch.set_num_threads,
        clock: Callable[[], float] = time.perf_counter,
        processor_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self.threads = self._max = threads
        self._set_threads, self._clock, self._processor_clock = set_threads, clock, processor_clock
        self._before: tuple[int, float] | None = None  # threads and rate, during a trial
        # a training is slow at first; in seconds, as beside two processes on two cores one step may
        # take some, and a period is no shorter
        self._pause, self._next_trial = _PAUSE, clock() + _PAUSE
        self.begin(0)

    def begin(self, done: int) -> None:
        """Begin to measure, where so many units of the training are done."""
        self._done, self._began, self._used = done, self._clock(), self._processor_clock()

    def update(self, done: int) -> None:
        """Note that so many units are done, and choose the number of threads."""
        seconds = self._clock() - self._began
        if seconds < _PERIOD:
            return
        cores = (self._processor_clock() - self._used) / seconds
        self._choose((done - self._done) / seconds, cores)
        self.begin(done)

    def _choose(self, rate: float, cores: float) -> None:
        wanted = self.threads
        if self._before is not None:
            wanted, rate_before = self._before
            self._before = None
            if rate >= _GAIN * rate_before:
                wanted, self._pause = self.threads, _PAUSE
            else:
                self._pause = min(2 * self._pause, _MAX_PAUSE)
            self._next_trial = self._clock() + self._pause
        elif self._clock() >= self._next_trial:
            is_slowed = cores < self.threads - _LOST_CORES
            wanted = max(int(cores), 1) if is_slowed else self._max
            if wanted != self.threads:
                self._before = self.threads, rate
        if wanted != self.threads:
            self.threads = wanted
            self._set_threads(wanted)


def adapting_threads(work: Generator[Report, None, T]) -> Generator[Report, None, T]:
    """Pass on the reports of work, and set the number of threads by the rate of each stage."""
    run, threads, last = Run(work), torch.get_num_threads(), Report("", 0)
    adaptive = AdaptiveThreads(threads)
    try:
        for report in run:
            if report.stage != last.stage or report.done < last.done:
                adaptive.begin(report.done)
            adaptive.update(report.done)
            last = report
            yield report
        return run.result()
    finally:
        run.close()
        torch.set_num_threads(threads)
