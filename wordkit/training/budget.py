"""The budget of a training: epochs, minutes, and the time of validations in them."""

from __future__ import annotations

import math
import time
from typing import Any

from wordkit.nn.network import device_of
from wordkit.runtime.processes import Processes
from wordkit.training.state import LoopState
from wordkit.training.task import Task

__all__ = ["Budget"]

_VALIDATION_FRACTION = 0.05  # of a limited time that validations may take
_MAX_RESERVED = 0.1  # of a limited time, for a last validation whose duration is not yet known


class Budget:
    """The progress of a training within its epochs and minutes, and its time to validate.

    Args:
        task: what is trained.
        state: of the loop.
        processes: that train together; process 0 decides what depends on the clock.
        seconds: that the training has taken already.
    """

    def __init__(
        self, task: Task[Any, Any], state: LoopState, processes: Processes, seconds: float
    ) -> None:
        self.task, self.state, self.config = task, state, task.config
        self._processes, self._device = processes, device_of(task.network)
        self._began = time.monotonic() - seconds

    @property
    def seconds(self) -> float:
        """Seconds spent on training."""
        return time.monotonic() - self._began

    @property
    def epochs(self) -> float:
        """Epochs done, the present one as a fraction."""
        return self.state.epoch + self.state.epoch_units / self.task.size

    def fraction(self) -> float:
        """Return the fraction of the training that is done, from 0 to 1."""
        config, done = self.config, 0.0
        if config.epochs is not None:
            done = self.epochs / config.epochs
        if config.max_minutes is not None:
            available = max(60 * config.max_minutes - self._validation_seconds, 1e-3)
            done = self._processes.broadcast(max(done, self.seconds / available), self._device)
        return min(done, 1.0)

    def total(self, fraction: float) -> int:
        """Return the units of the whole training, estimated from the fraction that is done."""
        config, seen = self.config, self.state.seen
        total = seen / max(fraction, 1e-9)
        if config.epochs is not None and config.max_minutes is None:
            total = config.epochs * self.task.size
        return max(int(total), seen)

    def epochs_of_schedule(self, fraction: float) -> float:
        """Return the epochs done, shortened to fit where the clock ends the training earlier."""
        if self.config.epochs is None:
            return self.epochs
        return max(self.epochs, fraction * self.config.epochs)  # rounding must not undo an epoch

    @property
    def _validation_seconds(self) -> float:
        """The duration of the last validation, or an estimate of the first one's."""
        state = self.state
        if state.validations:
            return state.validations[-1]["seconds"]
        if not state.seen:
            return 0.0
        expected = self.task.validation_cost * self.seconds / state.seen  # too high at first
        return min(expected, _MAX_RESERVED * 60 * (self.config.max_minutes or math.inf))

    @property
    def is_validated(self) -> bool:
        """True if the present weights have been validated, or cannot be."""
        known = self.state.validations
        return not self.task.validation_cost or (bool(known) and known[-1]["epochs"] == self.epochs)

    def is_validation_due(self) -> bool:
        """Return whether an epoch has ended, and there is time to validate."""
        if not self.state.epoch or self.state.batches or self.is_validated:
            return False
        if self.config.max_minutes is None:
            return True
        spent = sum(each["seconds"] for each in self.state.validations) + self._validation_seconds
        spent = self._processes.broadcast(spent, self._device)
        return spent <= _VALIDATION_FRACTION * 60 * self.config.max_minutes
