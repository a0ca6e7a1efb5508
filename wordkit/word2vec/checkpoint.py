"""Checkpoints: when a training keeps all that it needs to go on, and where."""

from __future__ import annotations

import os

from wordkit.storage.checkpoints import CheckpointKeeper as FileKeeper
from wordkit.storage.checkpoints import CheckpointPlan
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
        self._engine: Engine | None = None
        self._checkpoint = Checkpoint(
            start.vocabulary, config, start.state, CorpusRecord.of(corpus), start.kept, start.joined
        )
        self._kept = self._checkpoint.words_done
        self._keeper = FileKeeper(plan, self._write)
        if plan is not None:  # find out before the work what could hinder
            describe(self._checkpoint)

    def is_due(self) -> bool:
        """Whether it is time for the next checkpoint, and there is progress to keep."""
        return self._keeper.is_due() and self._checkpoint.words_done > self._kept

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
        self._engine = engine
        self._keeper.save()

    def _write(self, path: str | os.PathLike[str]) -> None:
        if self._engine is not None:
            self._engine.fetch()
        save_checkpoint(path, self._checkpoint)
        self.saved = self._kept = self._checkpoint.words_done
