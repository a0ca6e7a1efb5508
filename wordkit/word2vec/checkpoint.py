"""Checkpoints: when a training keeps all that it needs to go on, and where."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

from wordkit.errors import ConfigError
from wordkit.storage import check_writable
from wordkit.text import Corpus
from wordkit.word2vec.checkpoint_file import (
    Checkpoint,
    CorpusRecord,
    describe,
    is_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.starting_point import StartingPoint
from wordkit.word2vec.state import Engine

__all__ = [
    "Checkpoint",
    "CheckpointKeeper",
    "CheckpointPlan",
    "CorpusRecord",
    "is_checkpoint",
    "read_checkpoint",
    "save_checkpoint",
]


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
        corpus: what is trained on.
        config: with what settings.
        start: from where; its state is what is kept.

    Raises:
        StorageError: the file could not be written.
        ConfigError: the settings of the corpus could not be.
    """

    saved: int
    """Words trained on, over all epochs, when the last checkpoint was written; 0 before."""

    def __init__(
        self,
        plan: CheckpointPlan | None,
        corpus: Corpus,
        config: Word2VecConfig,
        start: StartingPoint,
    ) -> None:
        self.saved = 0
        self._plan = plan
        self._last = time.monotonic()
        self._checkpoint = Checkpoint(
            start.vocabulary, config, start.state, CorpusRecord.of(corpus), start.kept, start.joined
        )
        self._kept = self._checkpoint.words_done
        if plan is not None:  # find out before the work what could hinder
            check_writable(plan.path)
            describe(self._checkpoint)

    def is_due(self) -> bool:
        """Whether it is time for the next checkpoint, and there is progress to keep."""
        return (
            self._plan is not None
            and time.monotonic() - self._last >= self._plan.every
            and self._checkpoint.words_done > self._kept
        )

    def save_progress(self, engine: Engine) -> None:
        """As :meth:`save`, where there is anything that the last checkpoint lacks."""
        if self._checkpoint.words_done > self._kept:
            self.save(engine)

    def save(self, engine: Engine) -> None:
        """Write a checkpoint, if there is a plan; no chunk may be under way.

        Ctrl-C takes effect when the checkpoint is written.

        Raises:
            DivergenceError: the weights are not finite; the last checkpoint stays.
            StorageError: the file cannot be written; the last checkpoint stays.
        """
        if self._plan is None or sys.is_finalizing():  # nothing can be written on the way out
            return
        plan, go = self._plan, SimpleQueue[bool]()

        def work() -> None:
            if go.get():
                self._save(plan, engine)

        with ThreadPoolExecutor(1) as pool:  # signals interrupt the main thread alone
            try:
                saving = pool.submit(work)
                go.put(True)  # from here on the pool waits for the end
                saving.result()
            finally:
                go.put(False)

    def _save(self, plan: CheckpointPlan, engine: Engine) -> None:
        engine.fetch()
        save_checkpoint(plan.path, self._checkpoint)
        self.saved = self._kept = self._checkpoint.words_done
        self._last = time.monotonic()
