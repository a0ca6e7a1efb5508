"""The beginnings of a training of word2vec: afresh, vectors, a model, or a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from wordkit.config import change
from wordkit.embeddings import Embeddings, load_embeddings
from wordkit.errors import ConfigError
from wordkit.storage import WORD2VEC_CHECKPOINT
from wordkit.storage.checkpoints import CheckpointPlan, check_replaceable, resumed_checkpoint
from wordkit.text import Corpus
from wordkit.word2vec.checkpoint import (
    Checkpoint,
    is_checkpoint,
    read_checkpoint,
    start_from_checkpoint,
)
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.start import (
    start_afresh,
    start_from_model,
    start_from_vectors,
    trained_config,
)
from wordkit.word2vec.state import TrainingState

__all__ = ["Beginning", "begin_training"]

Source: TypeAlias = Embeddings | str | os.PathLike[str]
"""Vectors, or the file of vectors or of a checkpoint."""


@dataclass(frozen=True)
class Beginning:
    """The settings of a training and what it begins with."""

    config: Word2VecConfig
    file: str | os.PathLike[str] | None = None
    """The file that was read."""

    loaded: Embeddings | Checkpoint | None = None
    is_resumed: bool = False
    """True if ``loaded`` is a model whose training is resumed, not just vectors to start from."""

    note: str | None = None
    """One line on the checkpoint that is resumed or will be replaced."""

    def start(self, corpus: Corpus) -> TrainingState:
        """Return the initial state on a corpus; errors are those of the ``start_`` functions."""
        if self.loaded is None:
            return start_afresh(corpus, self.config)
        if isinstance(self.loaded, Checkpoint):
            return start_from_checkpoint(corpus, self.config, self.loaded)
        begin = start_from_model if self.is_resumed else start_from_vectors
        return begin(corpus, self.config, self.loaded)


def begin_training(
    settings: Mapping[str, Any],
    *,
    init: Source | None = None,
    resume: Source | bool = False,
    checkpoint: CheckpointPlan | None = None,
    update: Callable[..., Word2VecConfig] = change,
) -> Beginning:
    """Read what a training begins with, and settle its settings.

    Args:
        settings: those that are given; the others are the defaults, or those of the model.
        init: vectors to start from.
        resume: a model, or a checkpoint, whose training is resumed; True: that of ``checkpoint``
            where there is one already, and else the training begins, with ``init`` if it is given.
        checkpoint: where the training will write checkpoints.
        update: updates settings by those given, as :func:`wordkit.config.change` does.

    Raises:
        ConfigError: both are given, a setting is out of its range or has no effect, or the
            checkpoints would replace another file or an unfinished training.
        StorageError: a file cannot be read.
        FormatError: it is corrupted, or holds no vectors.
    """
    loaded: Embeddings | Checkpoint | None
    if isinstance(resume, bool):
        loaded, note = resumed_checkpoint(
            checkpoint, read_checkpoint, kind=WORD2VEC_CHECKPOINT, resume=resume
        )
    else:
        if init is not None:
            raise ConfigError("init starts anew and resume does not; give one of them")
        note = check_replaceable(
            checkpoint, read_checkpoint, kind=WORD2VEC_CHECKPOINT, resumed=_file(resume)
        )
        loaded = _read(resume)
        if isinstance(loaded, Checkpoint):
            note = f"resuming {resume} {loaded.progress}"
    if loaded is None and init is not None:
        vectors = init if isinstance(init, Embeddings) else load_embeddings(init)
        config = update(Word2VecConfig(dim=vectors.dim), **settings)
        return Beginning(config, _file(init), vectors, note=note)
    if loaded is None:
        return Beginning(update(Word2VecConfig(), **settings), note=note)
    if isinstance(loaded, Checkpoint):
        before, file = loaded.config, loaded.state.file
    else:
        before, file = trained_config(loaded) or Word2VecConfig(dim=loaded.dim), _file(resume)
    new = {name for name, value in settings.items() if value != getattr(before, name)}
    if new & {"arch", "loss", "cbow_gradient", "subwords"}:  # another default, where none is given
        settings = {"lr": None, "vectors": None, **settings}
    return Beginning(update(before, **settings), file, loaded, is_resumed=True, note=note)


def _read(source: Source) -> Embeddings | Checkpoint:
    if isinstance(source, Embeddings):
        return source
    return read_checkpoint(source) if is_checkpoint(source) else load_embeddings(source)


def _file(source: Source | bool) -> str | os.PathLike[str] | None:
    return None if isinstance(source, Embeddings | bool) else source
