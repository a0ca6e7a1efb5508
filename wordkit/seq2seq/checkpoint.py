"""The checkpoint of a sequence to sequence model's training: all it needs to go on as it was."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wordkit.config import from_record
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.training import Seq2SeqTraining
from wordkit.seq2seq.vocabularies import read_vocabularies, vocabulary_arrays
from wordkit.storage import SEQ2SEQ_CHECKPOINT
from wordkit.text import Vocabulary
from wordkit.training.checkpoint import SavedTraining, damages_told, read_training, save_training
from wordkit.training.state import TrainingState

__all__ = ["Seq2SeqCheckpoint", "read_checkpoint", "save_checkpoint"]


@dataclass(frozen=True)
class Seq2SeqCheckpoint:
    """A training that can go on."""

    source_vocabulary: Vocabulary
    target_vocabulary: Vocabulary
    model: Seq2SeqConfig
    training: Seq2SeqTrainingConfig
    about: Mapping[str, Any]
    """What the training was on, as in the metadata of the model."""

    saved: SavedTraining

    @property
    def state(self) -> TrainingState:
        """How far the training had come."""
        return self.saved.state

    def restore(self, training: Seq2SeqTraining) -> None:
        """Bring a training of the same model, pairs and settings to where this one was.

        Raises:
            ConfigError: it is on another kind of device, whose random numbers are others.
        """
        self.saved.check_place(training)
        self.saved.restore(training)
        counters = self.saved.record["counters"]
        training.figures.update(counters["figures"])
        training.best_figures.update(counters["best_figures"])


def save_checkpoint(path: str | os.PathLike[str], training: Seq2SeqTraining) -> None:
    """Write where a training is; no batch may be under way.

    Raises:
        StorageError: the file cannot be written.
        DivergenceError: the weights are no numbers any more; an earlier checkpoint stays.
    """
    material = training.material
    save_training(
        path,
        training,
        kind=SEQ2SEQ_CHECKPOINT,
        record={
            "model": asdict(training.model.config),
            "config": asdict(training.config),
            "about": dict(material.about),
            "counters": {"figures": training.figures, "best_figures": training.best_figures},
        },
        arrays=vocabulary_arrays(material.source_vocabulary, material.target_vocabulary),
    )


def read_checkpoint(path: str | os.PathLike[str]) -> Seq2SeqCheckpoint:
    """The checkpoint of a file, all of which is read once and checked.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is damaged, or something else.
    """
    saved = read_training(path, kind=SEQ2SEQ_CHECKPOINT)
    record = saved.record
    with damages_told(saved.file):
        return Seq2SeqCheckpoint(
            *read_vocabularies(saved.file),
            from_record(Seq2SeqConfig, record["model"]),
            from_record(Seq2SeqTrainingConfig, record["config"]),
            dict(record["about"]),
            saved,
        )
