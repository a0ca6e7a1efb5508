"""Checkpoints: when a long training keeps all that it needs to go on, and where."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

from wordkit.errors import ConfigError
from wordkit.storage import check_writable

__all__ = ["CheckpointKeeper", "CheckpointPlan"]


@dataclass(frozen=True)
class CheckpointPlan:
    """Where a training keeps its state, and how often."""

    path: str | os.PathLike[str]
    """The file, which each checkpoint replaces."""

    every: float = 300.0
    """Seconds from one checkpoint to the next, above 0; infinity: only at the end and when
    interrupted."""

    def __post_init__(self) -> None:
        if not self.every > 0:
            raise ConfigError(f"every must be more than 0 seconds, not {self.every}")


class CheckpointKeeper:
    """Writes the checkpoints of one training.

    Args:
        plan: None: none are written.
        write: writes one to a path.

    Raises:
        StorageError: the file could not be written.
    """

    def __init__(
        self, plan: CheckpointPlan | None, write: Callable[[str | os.PathLike[str]], None]
    ) -> None:
        self._plan, self._write = plan, write
        self._last = time.monotonic()
        if plan is not None:  # find out before the work what could hinder
            check_writable(plan.path)

    def is_due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        return self._plan is not None and time.monotonic() - self._last >= self._plan.every

    def save(self) -> None:
        """Write a checkpoint, if there is a plan; Ctrl-C takes effect when it is written.

        Raises:
            StorageError: the file cannot be written; the last checkpoint stays.
        """
        if self._plan is None or sys.is_finalizing():  # nothing can be written on the way out
            return
        path, go = self._plan.path, SimpleQueue[bool]()

        def work() -> None:
            if go.get():
                self._write(path)

        with ThreadPoolExecutor(1) as pool:  # signals interrupt the main thread alone
            try:
                saving = pool.submit(work)
                go.put(True)  # from here on the pool waits for the end
                saving.result()
            finally:
                go.put(False)
        self._last = time.monotonic()
