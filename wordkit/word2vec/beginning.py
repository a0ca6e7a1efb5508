"""What a training of word2vec begins with: nothing, vectors, a model, or a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from wordkit.config import change
from wordkit.embeddings import Embeddings, load_embeddings
from wordkit.errors import ConfigError
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

Source: TypeAlias = Embeddings | str | os.PathLike[str] | None
"""Vectors, or the file of vectors or of a checkpoint."""


@dataclass(frozen=True)
class Beginning:
    """The settings of a training and what it begins with."""

    config: Word2VecConfig
    file: str | os.PathLike[str] | None = None
    """The file that was read."""

    held: Embeddings | Checkpoint | None = None
    is_resumed: bool = False
    """True if ``held`` is a model whose training is resumed, not just vectors to start from."""

    def start(self, corpus: Corpus) -> TrainingState:
        """Return the initial state on a corpus; errors are those of the ``start_`` functions."""
        if self.held is None:
            return start_afresh(corpus, self.config)
        if isinstance(self.held, Checkpoint):
            return start_from_checkpoint(corpus, self.config, self.held)
        begin = start_from_model if self.is_resumed else start_from_vectors
        return begin(corpus, self.config, self.held)


def begin_training(
    settings: Mapping[str, Any],
    *,
    init: Source = None,
    resume: Source = None,
    update: Callable[[Word2VecConfig, Mapping[str, Any]], Word2VecConfig] | None = None,
) -> Beginning:
    """Read what a training begins with, and settle its settings.

    Args:
        settings: those that are given; the others are the defaults, or those of the model.
        init: vectors to start from.
        resume: a model, or a checkpoint, whose training is resumed.
        update: updates settings by those given; None: as :func:`wordkit.config.change` does.

    Raises:
        ConfigError: both are given, or a setting is out of its range or has no effect.
        StorageError: a file cannot be read.
        FormatError: it is corrupted, or holds no vectors.
    """
    update = update or _update
    if init is not None and resume is not None:
        raise ConfigError("init starts anew and resume does not; give one of them")
    if init is not None:
        vectors = init if isinstance(init, Embeddings) else load_embeddings(init)
        return Beginning(update(Word2VecConfig(dim=vectors.dim), settings), _file(init), vectors)
    if resume is None:
        return Beginning(update(Word2VecConfig(), settings))
    held: Embeddings | Checkpoint
    if not isinstance(resume, Embeddings) and is_checkpoint(resume):
        held = read_checkpoint(resume)
        before = held.config
    else:
        held = resume if isinstance(resume, Embeddings) else load_embeddings(resume)
        before = trained_config(held) or Word2VecConfig(dim=held.dim)
    new = {name for name, value in settings.items() if value != getattr(before, name)}
    if new & {"arch", "loss", "cbow_gradient"}:  # another default, where none is given
        settings = {"lr": None, "vectors": None, **settings}
    return Beginning(update(before, settings), _file(resume), held, is_resumed=True)


def _file(source: Source) -> str | os.PathLike[str] | None:
    return None if isinstance(source, Embeddings) else source


def _update(config: Word2VecConfig, settings: Mapping[str, Any]) -> Word2VecConfig:
    return change(config, **settings)
