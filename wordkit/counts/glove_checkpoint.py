"""The state of a training of GloVe, and its checkpoint files.

V is the number of words, D of dimensions, S the floats of a vector with its padding. The file is a
safetensors container with ``vectors`` (V, 4, S) and ``biases`` (V, 4) as float32, ``words`` and
``counts`` as in a file of vectors, the rest as JSON, and a digest of all of it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.config import change, from_record
from wordkit.counts.config import GloveConfig
from wordkit.errors import ConfigError, DivergenceError, VocabularyError, counted
from wordkit.kernels.aligned import aligned, are_bounded, padded_length
from wordkit.runtime import require_memory
from wordkit.storage import GLOVE_CHECKPOINT, to_json
from wordkit.storage.checkpoint_file import (
    MAX_FLOAT,
    check_same_settings,
    check_same_texts,
    corrupted_checkpoint,
    read_checkpoint_file,
    record_entry,
    write_checkpoint_file,
)
from wordkit.storage.checkpoints import CheckpointPlan, resumed_checkpoint
from wordkit.text import Corpus, Vocabulary

__all__ = [
    "GloveCheckpoint",
    "GloveState",
    "begin_glove",
    "read_glove_checkpoint",
    "save_glove_checkpoint",
]

Floats = npt.NDArray[np.float32]

WORD, CONTEXT = 0, 2
"""The vectors of a word among its four; after each come its sums of squared gradients."""

_OTHER_BYTES = 64 << 20  # all that does not grow with the vocabulary
_WORD_BYTES = 100  # of the list of words
_PROGRESS: Mapping[str, Any] = {
    "epoch": int, "position": int, "loss": float, "steps": int, "entries": int, "seconds": float,
}  # fmt: skip
"""The numbers of a state, with their types."""


@dataclass
class GloveState:
    """All that a training of GloVe changes; good for one training."""

    vocabulary: Vocabulary
    """The words, most frequent first."""

    vectors: Floats
    """(V, 4, S): word and context vectors, each before its sums of squared gradients."""

    biases: Floats
    """(V, 4): those of words and of contexts, each before its sum of squared gradients."""

    epoch: int = 0
    """Epochs done."""

    position: int = 0
    """Chunks of the present epoch that have been assigned."""

    loss: float = 0.0
    """Sum of the losses of the present epoch."""

    steps: int = 0
    """Steps of the present epoch, one for each entry of the matrix."""

    entries: int = 0
    """Entries of the matrix; 0 before it is counted."""

    seconds: float = 0.0
    """Time spent on training, before and after a resume."""

    file: str | os.PathLike[str] | None = None
    """The checkpoint that is resumed."""

    @classmethod
    def initial(cls, vocabulary: Vocabulary, config: GloveConfig) -> GloveState:
        """Return random vectors, uniform in ±0.5/D, and biases of zero.

        Raises:
            ResourceError: there is too little memory.
        """
        V, D = len(vocabulary), config.dim
        _check_memory(V, D)
        vectors = aligned(np.zeros, V, 4, padded_length(D))
        state = cls(vocabulary, vectors, np.zeros((V, 4), dtype=np.float32))
        random = np.random.default_rng(config.seed)
        for which in (WORD, CONTEXT):
            state.vectors[:, which, :D] = (random.random((V, D), dtype=np.float32) - 0.5) / D
            state.vectors[:, which + 1] = 1
            state.biases[:, which + 1] = 1
        return state

    def copied(self, config: GloveConfig) -> GloveState:
        """Return a state with vectors of its own, to be trained.

        Raises:
            ResourceError: there is too little memory.
        """
        _check_memory(len(self.vocabulary), config.dim)
        vectors = aligned(np.zeros, *self.vectors.shape)
        vectors[:] = self.vectors
        return replace(self, vectors=vectors, biases=np.array(self.biases))

    @property
    def mean_loss(self) -> float:
        """The mean over the steps of the present epoch; NaN where there was none."""
        return self.loss / self.steps if self.steps else math.nan

    @property
    def is_bounded(self) -> bool:
        """True if all numbers are finite, and far from overflow."""
        return are_bounded(self.vectors, self.biases) and math.isfinite(self.loss)


def _check_memory(words: int, dim: int) -> None:
    needed = words * (16 * padded_length(dim) + 8 * dim + _WORD_BYTES) + _OTHER_BYTES
    require_memory(
        f"{counted(words, 'word')} of {counted(dim, 'dimension')} need", needed,
        "raise the minimum count, cap the vocabulary or lower dim",
    )  # fmt: skip


@dataclass(frozen=True)
class GloveCheckpoint:
    """A training of GloVe that can resume."""

    config: GloveConfig
    """The settings."""

    state: GloveState
    """Arrays that were read from a file are mapped from it, read-only."""

    corpus: Mapping[str, Any]
    """The training data: its ``fingerprint``, ``tokens``, ``sentences`` and ``settings``."""

    @property
    def steps_done(self) -> int:
        """Steps over all epochs."""
        return self.state.epoch * self.state.entries + (0 if self.is_finished else self.state.steps)

    @property
    def fraction_done(self) -> float:
        """The fraction of the training that is done, from 0 to 1."""
        return self.steps_done / max(self.config.epochs * self.state.entries, 1)

    @property
    def is_finished(self) -> bool:
        """True if the training had ended."""
        return self.state.epoch >= self.config.epochs

    @property
    def progress(self) -> str:
        """Progress of the training, for messages: ``at 25%``."""
        return f"at {self.fraction_done:.0%}"

    def start(self, corpus: Corpus, config: GloveConfig) -> GloveState:
        """Return the state to resume with.

        Raises:
            ConfigError: the corpus or a setting is another one.
            ResourceError: there is too little memory.
        """
        check_same_texts({"corpus": self.corpus}, {"corpus": corpus.record})
        check_same_settings(asdict(self.config), asdict(config))
        return self.state.copied(config)


def begin_glove(
    settings: Mapping[str, Any],
    *,
    resume: bool = False,
    checkpoint: CheckpointPlan | None = None,
    update: Callable[..., GloveConfig] = change,
) -> tuple[GloveConfig, GloveCheckpoint | None, str | None]:
    """Settle the settings of a training, and read the checkpoint that it resumes.

    Args:
        settings: those that are given; the others are the defaults, or those of the checkpoint.
        resume: resume the training of ``checkpoint``, where there is one already.
        checkpoint: where the training will write checkpoints.
        update: updates settings by those given, as :func:`wordkit.config.change` does.

    Returns:
        The settings, the checkpoint (None where there is none), and one line on it.

    Raises:
        ConfigError: a setting is out of its range, or the checkpoints would replace another file
            or an unfinished training.
        StorageError: the file cannot be read or written.
        FormatError: the checkpoint is corrupted.
    """
    loaded, note = resumed_checkpoint(
        checkpoint, read_glove_checkpoint, kind=GLOVE_CHECKPOINT, resume=resume
    )
    return update(GloveConfig() if loaded is None else loaded.config, **settings), loaded, note


# --- files ---------------------------------------------------------------------------------------


def save_glove_checkpoint(path: str | os.PathLike[str], checkpoint: GloveCheckpoint) -> None:
    """Write a checkpoint, atomically.

    Raises:
        DivergenceError: the vectors are not finite, or soon will not be. Nothing is written.
        ConfigError: the settings of the corpus cannot be written as JSON.
        StorageError: the file cannot be written.
    """
    state = checkpoint.state
    if not state.is_bounded:
        raise DivergenceError(
            f"the vectors have grown beyond all bounds; lower lr, which is {checkpoint.config.lr}. "
            f"{path} is left as it was"
        )
    arrays = {"vectors": state.vectors, "biases": state.biases, **state.vocabulary.to_arrays()}
    write_checkpoint_file(path, glove_record(checkpoint), arrays, kind=GLOVE_CHECKPOINT)


def glove_record(checkpoint: GloveCheckpoint) -> str:
    """Return everything but the arrays, as JSON.

    Raises:
        ConfigError: JSON cannot hold it.
    """
    record = {"config": asdict(checkpoint.config), "corpus": dict(checkpoint.corpus)}
    progress = {name: getattr(checkpoint.state, name) for name in _PROGRESS}
    return to_json({**record, **progress})


def read_glove_checkpoint(path: str | os.PathLike[str]) -> GloveCheckpoint:
    """Read a checkpoint, and check all of it once.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, or something else.
    """
    path = Path(path)
    file, record = read_checkpoint_file(path, kind=GLOVE_CHECKPOINT)
    vocabulary = Vocabulary.from_file(file)
    try:
        config = from_record(GloveConfig, record.get("config"))
        _ = "" in vocabulary  # builds the word table, which finds duplicates
    except (ConfigError, VocabularyError) as error:
        raise corrupted_checkpoint(path, str(error)) from error
    corpus = record_entry(path, record, "corpus", dict)
    limits = {"epoch": config.epochs, "steps": record_entry(path, record, "entries", int)}
    progress = {
        name: record_entry(path, record, name, kind, at_most=limits.get(name, MAX_FLOAT))
        for name, kind in _PROGRESS.items()
    }
    vectors, biases = file.tensor("vectors", np.float32, 3), file.tensor("biases", np.float32, 2)
    state = GloveState(vocabulary, vectors, biases, file=path, **progress)
    V, found = len(vocabulary), (state.vectors.shape, state.biases.shape)
    expected = (V, 4, padded_length(config.dim)), (V, 4)
    if found != expected:
        raise corrupted_checkpoint(
            path, f"its arrays should have the shapes {expected}, not {found}"
        )
    squares = [state.vectors[:, 1::2], state.biases[:, 1::2]]
    if not state.is_bounded or any(array.min(initial=1) < 1 for array in squares):
        raise corrupted_checkpoint(path, "some of its numbers are not finite, or out of range")
    kinds = {"fingerprint": str, "tokens": int, "sentences": int, "settings": dict}
    about = {name: record_entry(path, corpus, name, kind) for name, kind in kinds.items()}
    return GloveCheckpoint(config, state, about)
