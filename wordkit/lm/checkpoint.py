"""The checkpoint of a language model's training: all it needs to go on to the same numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from wordkit.config import from_record
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.training import Training, WholeState
from wordkit.storage import LANGUAGE_MODEL_CHECKPOINT, is_of_kind
from wordkit.text import Vocabulary
from wordkit.training.checkpoint import SavedTraining, damages_told, read_training, save_training
from wordkit.training.state import TrainingState

__all__ = ["Checkpoint", "is_checkpoint", "read_checkpoint", "save_checkpoint"]


@dataclass(frozen=True)
class Checkpoint:
    """A training that can go on."""

    vocabulary: Vocabulary
    model: ModelConfig
    training: TrainingConfig
    about: Mapping[str, Any]
    """What the training was on, as in the metadata of the model."""

    saved: SavedTraining

    @property
    def state(self) -> TrainingState:
        """How far the training had come."""
        return self.saved.state

    @property
    def is_dense(self) -> bool:
        """Whether the word matrices were stepped whole: the exact ending had begun."""
        return bool(self.saved.record["counters"]["dense"])

    def restore(self, training: Training) -> None:
        """Bring a training of the same model, text and settings to where this one was.

        Raises:
            ConfigError: it is on another kind of device, whose random numbers are others.
        """
        self.saved.check_place(training)
        if self.is_dense:
            training.go_dense()
        self.saved.restore(training)
        training.restore_whole(self._whole(training))
        training.windows = int(self.saved.record["counters"]["windows"])

    def _whole(self, training: Training) -> WholeState:
        carried, dropout = self.saved.group("carried"), self.saved.group("dropout")
        layers = training.model.start_state(1) if carried else ()
        return WholeState(
            tuple(
                tuple(carried[f"{i}.{j}"] for j in range(len(layer)))
                for i, layer in enumerate(layers)
            ),
            [dropout[str(rank)] for rank in range(len(dropout))],
        )


def save_checkpoint(path: str | os.PathLike[str], training: Training) -> None:
    """Write where a training is; no window may be under way.

    Raises:
        StorageError: the file cannot be written.
        DivergenceError: the weights are no numbers any more; an earlier checkpoint stays.
    """
    whole = training.whole()
    groups = {
        "carried": {
            f"{i}.{j}": part
            for i, layer in enumerate(whole.carried)
            for j, part in enumerate(layer)
        },
        "dropout": {str(rank): part for rank, part in enumerate(whole.dropout)},
    }
    record = {
        "model": asdict(training.model.config),
        "config": asdict(training.config),
        "about": dict(training.material.about),
        "counters": {"windows": training.windows, "dense": not training.updater.by_rows},
    }
    save_training(
        path,
        training,
        kind=LANGUAGE_MODEL_CHECKPOINT,
        record=record,
        groups=groups,
        arrays=training.material.vocabulary.to_arrays(),
    )


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is such a checkpoint."""
    return is_of_kind(path, LANGUAGE_MODEL_CHECKPOINT)


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The checkpoint of a file, all of which is read once and checked.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is damaged, or something else.
    """
    saved = read_training(path, kind=LANGUAGE_MODEL_CHECKPOINT)
    file, record = saved.file, saved.record
    words, counts = file.tensor("words", np.uint8, 1), file.tensor("counts", np.int64, 1)
    vocabulary = Vocabulary.from_arrays(words, counts, str(path))
    with damages_told(file):
        return Checkpoint(
            vocabulary,
            from_record(ModelConfig, record["model"]),
            from_record(TrainingConfig, record["config"]),
            dict(record["about"]),
            saved,
        )
