"""How much of a training is done, by its epochs or by the clock."""

from __future__ import annotations

import time

from wordkit.training.config import LearningConfig

__all__ = ["Pace"]


class Pace:
    """The share of a training that is done.

    Args:
        config: its ``epochs`` and ``max_minutes``; whichever is reached first ends it.
        spent: seconds that it has taken before this process.
    """

    def __init__(self, config: LearningConfig, spent: float = 0.0) -> None:
        self._epochs = config.epochs
        self._limit = None if config.max_minutes is None else 60 * config.max_minutes
        self._began = time.monotonic() - spent

    @property
    def seconds(self) -> float:
        """Spent so far."""
        return time.monotonic() - self._began

    def share(self, epochs: float, reserve: float = 0.0) -> float:
        """From 0 to 1.

        Args:
            epochs: done, in parts.
            reserve: seconds that must be left at the end, for the last validation.
        """
        shares = []
        if self._epochs is not None:
            shares.append(epochs / self._epochs)
        if self._limit is not None:
            available = max(self._limit - reserve, 1e-3)
            shares.append(self.seconds / available)
        return min(max(shares), 1.0)

    def epochs_for_schedule(self, epochs: float, share: float) -> float:
        """The epochs that a schedule in epochs should take for done.

        Where the clock ends the training before its epochs are over, they are shortened to fit.
        """
        if self._epochs is None:
            return epochs
        return max(epochs, share * self._epochs)  # rounding must not undo a whole epoch
