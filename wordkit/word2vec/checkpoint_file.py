"""The file of a checkpoint: all that a training needs to go on, whole or not there at all.

V is the number of words, O of rows of the output matrix, D of dimensions. The file is a
safetensors container with ``input`` (V, D) and ``output`` (O, D) as float32, ``words`` and
``counts`` as in a file of vectors, the rest as JSON, and a digest of all of it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError, DivergenceError, FormatError, VocabularyError, counted
from wordkit.storage import is_of_kind
from wordkit.storage.checkpoints import (
    damaged_checkpoint,
    read_checkpoint_file,
    write_checkpoint_file,
)
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.recorded_config import config_of, record_of
from wordkit.word2vec.state import Tally, TrainingState, learning_rate
from wordkit.word2vec.weights import Weights, compact, expand, output_rows

__all__ = [
    "Checkpoint",
    "CorpusRecord",
    "describe",
    "is_checkpoint",
    "read_checkpoint",
    "save_checkpoint",
]

KIND = "word2vec checkpoint"


@dataclass(frozen=True)
class CorpusRecord:
    """What is to be remembered of a corpus."""

    fingerprint: str
    tokens: int
    sentences: int
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, corpus: Corpus) -> CorpusRecord:
        """That of this corpus."""
        return cls(corpus.fingerprint, corpus.tokens, corpus.sentences, corpus.settings)


@dataclass(frozen=True)
class Checkpoint:
    """A training that can go on."""

    vocabulary: Vocabulary
    """The words of the model, with counts, most frequent first."""

    config: Word2VecConfig
    """The settings."""

    state: TrainingState
    """The weights, and how far they have come. Weights that were read from a file are mapped from
    it, read-only and without padding."""

    corpus: CorpusRecord
    """What is trained on."""

    kept: int = 0
    """Words whose vectors were there before the training."""

    joined: int = 0
    """Words that began with random vectors."""

    @property
    def words_done(self) -> int:
        """Words of the corpus trained on, over all epochs."""
        return self.state.epoch * self.corpus.tokens + self.state.position

    @property
    def share_done(self) -> float:
        """From 0 to 1."""
        return self.words_done / max(self.config.epochs * self.corpus.tokens, 1)


def save_checkpoint(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write a checkpoint; what was there before gives way when the new one is whole.

    No second copy of the weights is made: while they are written they lie close together in their
    own memory, where nobody may use them meanwhile; then they are as before.

    Raises:
        DivergenceError: the weights are not finite, or soon will not be. Nothing is written.
        ConfigError: the settings of the corpus cannot be written.
        StorageError: the file cannot be written.
    """
    if not (checkpoint.state.weights.are_bounded and math.isfinite(checkpoint.state.tally.loss)):
        rate = learning_rate(checkpoint.config, checkpoint.share_done)
        done = counted(checkpoint.words_done, "word")
        raise DivergenceError(
            f"the vectors have grown beyond all bounds after {done}, at "
            f"a learning rate of {rate:.4g}; lower it (--lr). {path} is left as it was"
        )
    training = describe(checkpoint)
    with _packed(checkpoint.state.weights) as matrices:
        tensors = {**matrices, **checkpoint.vocabulary.to_arrays()}
        write_checkpoint_file(path, training, tensors, kind=KIND)


def describe(checkpoint: Checkpoint) -> str:
    """All but the arrays, as JSON.

    Raises:
        ConfigError: JSON cannot hold it.
    """
    state = checkpoint.state
    known = {
        "config": record_of(checkpoint.config),
        "corpus": vars(checkpoint.corpus),
        "epoch": state.epoch,
        "position": state.position,
        "loss": float(state.tally.loss),
        "predictions": int(state.tally.predictions),
        "seconds": float(state.seconds),
        "kept": checkpoint.kept,
        "joined": checkpoint.joined,
    }
    try:
        return json.dumps(known, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"the settings cannot be kept in a checkpoint: {error}") from error


@contextlib.contextmanager
def _packed(weights: Weights) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
    """The matrices without padding, as the package that writes them needs them."""
    with contextlib.ExitStack() as undo:
        matrices = {}
        for name, padded in (("input", weights.padded_input), ("output", weights.padded_output)):
            matrices[name] = compact(padded, weights.dim)
            undo.callback(expand, matrices[name], padded)
        yield matrices


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is a checkpoint; its first bytes are all that is looked at."""
    return is_of_kind(path, KIND)


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The checkpoint of a file, all of which is read once and checked.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is damaged, or something else.
    """
    path = Path(path)
    file, known = read_checkpoint_file(path, kind=KIND)
    arrays = {
        "input": file.tensor("input", np.float32, 2),
        "output": file.tensor("output", np.float32, 2),
        "words": file.tensor("words", np.uint8, 1),
        "counts": file.tensor("counts", np.int64, 1),
    }
    vocabulary = Vocabulary.from_arrays(arrays["words"], arrays["counts"], str(path))
    try:
        config = config_of(known.get("config"))
        _ = "" in vocabulary  # doubled words show when the table of words is made
    except (ConfigError, VocabularyError) as error:
        raise damaged_checkpoint(path, str(error)) from error
    weights = Weights(config.dim, arrays["input"], arrays["output"])
    _check_arrays(path, vocabulary, config, weights)
    return _checkpoint(path, _Record(path, known), vocabulary, config, weights)


def _check_arrays(
    path: Path, vocabulary: Vocabulary, config: Word2VecConfig, weights: Weights
) -> None:
    V = len(vocabulary)
    expected = (V, config.dim), (output_rows(V, config), config.dim)
    found = weights.padded_input.shape, weights.padded_output.shape
    if found != expected:
        raise damaged_checkpoint(
            path, f"its matrices should have the shapes {expected}, not {found}"
        )
    if V < 2 or np.any(vocabulary.counts[1:] > vocabulary.counts[:-1]):
        raise damaged_checkpoint(
            path, "its words are fewer than two, or not in the order of their counts"
        )
    if not weights.are_bounded:
        raise damaged_checkpoint(path, "some of its weights are not finite, or far too large")


def _checkpoint(
    path: Path,
    record: _Record,
    vocabulary: Vocabulary,
    config: Word2VecConfig,
    weights: Weights,
) -> Checkpoint:
    about = _Record(path, record.mapping("corpus"))
    corpus = CorpusRecord(
        fingerprint=about.text("fingerprint"),
        tokens=about.whole("tokens"),
        sentences=about.whole("sentences"),
        settings=about.mapping("settings"),
    )
    epoch = record.whole("epoch", config.epochs)
    state = TrainingState(
        weights,
        epoch=epoch,
        position=record.whole("position", 0 if epoch == config.epochs else corpus.tokens),
        tally=Tally(record.amount("loss"), record.whole("predictions")),
        seconds=record.amount("seconds", 0),
    )
    kept, joined = record.whole("kept"), record.whole("joined")
    if kept + joined != len(vocabulary):
        raise damaged_checkpoint(
            path, f"{kept} words kept and {joined} joined are not {len(vocabulary)}"
        )
    return Checkpoint(vocabulary, config, state, corpus, kept, joined)


@dataclass(frozen=True)
class _Record:
    """Values out of JSON, each checked as it is taken."""

    path: Path
    known: Mapping[str, Any]

    def whole(self, name: str, most: int | None = None) -> int:
        value = self.known.get(name)
        if type(value) is not int or value < 0 or (most is not None and value > most):
            raise self._wrong(name)
        return value

    def amount(self, name: str, least: float = -math.inf) -> float:
        value = self.known.get(name)
        if type(value) is not float or not math.isfinite(value) or value < least:
            raise self._wrong(name)
        return value

    def text(self, name: str) -> str:
        value = self.known.get(name)
        if not isinstance(value, str):
            raise self._wrong(name)
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.known.get(name)
        if not isinstance(value, dict):
            raise self._wrong(name)
        return value

    def _wrong(self, name: str) -> FormatError:
        return damaged_checkpoint(self.path, f"its entry {name!r} is missing or cannot be right")
