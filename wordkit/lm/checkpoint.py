"""The checkpoint of a language model's training: all it needs to go on to the same numbers.

One safetensors file: the weights, the best weights so far, what the optimizer remembers, the
carried state and the random state as tensors, the rest as JSON, and a digest of all of it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wordkit.errors import ConfigError, FormatError, VocabularyError
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.optimizers import WeightAverage
from wordkit.lm.training import Training, WholeState
from wordkit.lm.training_state import CHECKPOINT_KIND, Tally, TrainingState, Validation
from wordkit.records import from_record
from wordkit.storage import content_digest, is_of_kind, read_tensors, write_tensors
from wordkit.text import Vocabulary

__all__ = ["Checkpoint", "is_checkpoint", "read_checkpoint", "save_checkpoint"]

_TRAINING, _DIGEST = "training", "sha256"  # entries of the metadata
_GROUPS = ("weights", "best", "average", "optimizer", "carried", "dropout", "random")


@dataclass(frozen=True)
class Checkpoint:
    """A training that can go on."""

    vocabulary: Vocabulary
    model: ModelConfig
    training: TrainingConfig
    about: Mapping[str, Any]
    """What the training was on, as in the metadata of the model."""

    state: TrainingState
    """But for the tensors, which are in :attr:`tensors`."""

    counters: Mapping[str, Any]
    """Small numbers beside the state: windows, steps of the mean of the weights."""

    tensors: Mapping[str, Mapping[str, Tensor]]
    """By group and name."""

    @property
    def is_dense(self) -> bool:
        """Whether the word matrices were stepped whole: the exact ending had begun."""
        return bool(self.counters["dense"])

    def restore(self, training: Training) -> None:
        """Bring a training of the same model, text and settings to where this one was.

        Raises:
            ConfigError: it is on another kind of device, whose random numbers are others.
        """
        self._check_place(training)
        _copy(self.tensors["weights"], dict(training.model.named_parameters()))
        if self.is_dense:
            training.go_dense()
        training.updater.restore(self.tensors["optimizer"])
        training.state = self.state
        training.state.best = dict(self.tensors["best"])
        if self.tensors["average"]:
            training.average = WeightAverage(training.model)
            _copy(self.tensors["average"], training.average.mean)
            training.average.count = int(self.counters["averaged"])
        for name, generator in training.generators().items():
            generator.set_state(self.tensors["random"][name])
        training.restore_whole(self._whole(training))
        training.windows = int(self.counters["windows"])
        loss, words = self.counters["since_validation"]
        training.since_validation = Tally(float(loss), int(words))

    def _whole(self, training: Training) -> WholeState:
        carried, dropout = self.tensors["carried"], self.tensors["dropout"]
        layers = training.model.start_state(1) if carried else ()
        return WholeState(
            tuple(
                tuple(carried[f"{i}.{j}"] for j in range(len(layer)))
                for i, layer in enumerate(layers)
            ),
            [dropout[str(rank)] for rank in range(len(dropout))],
        )

    def _check_place(self, training: Training) -> None:
        then, now = self.counters["device"], training.model.device.type
        if now != then:
            raise ConfigError(
                f"the training was begun on device {then}, and cannot go on on {now}; "
                f"choose device {then}, or start again"
            )


def _copy(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in target.items():
            tensor.copy_(source[name])


def save_checkpoint(path: str | os.PathLike[str], training: Training) -> None:
    """Write where a training is; no window may be under way.

    Raises:
        StorageError: the file cannot be written.
        DivergenceError: the weights are no numbers any more; an earlier checkpoint stays.
    """
    training.check()
    state = training.state
    average, whole = training.average, training.whole()
    groups: dict[str, Mapping[str, Tensor]] = {
        "weights": dict(training.model.named_parameters()),
        "best": state.best,
        "average": {} if average is None else average.mean,
        "optimizer": training.updater.state(),
        "carried": {
            f"{i}.{j}": part
            for i, layer in enumerate(whole.carried)
            for j, part in enumerate(layer)
        },
        "dropout": {str(rank): part for rank, part in enumerate(whole.dropout)},
        "random": {name: g.get_state() for name, g in training.generators().items()},
    }
    tensors = {
        f"{group}:{name}": tensor.detach().cpu().numpy()
        for group, named in groups.items()
        for name, tensor in named.items()
    }
    tensors.update(training.material.vocabulary.to_arrays())
    since = training.since_validation
    record = {
        "model": asdict(training.model.config),
        "config": asdict(training.config),
        "about": dict(training.material.about),
        "state": _state_record(state),
        "counters": {
            "device": training.model.device.type,
            "windows": training.windows,
            "dense": not training.updater.by_rows,
            "averaged": 0 if average is None else average.count,
            "since_validation": [since.loss, since.words],
        },
    }
    text = json.dumps(record)
    metadata = {_TRAINING: text, _DIGEST: content_digest(text, tensors)}
    write_tensors(path, tensors, kind=CHECKPOINT_KIND, metadata=metadata)


def _state_record(state: TrainingState) -> dict[str, Any]:
    known = {
        name: getattr(state, name)
        for name in ("epoch", "position", "words", "plateaus", "stalls", "seconds")
    }
    return {
        **known,
        "tally": [state.tally.loss, state.tally.words],
        "validations": [
            [v.epochs, v.loss, None if math.isnan(v.train_loss) else v.train_loss, v.seconds]
            for v in state.validations
        ],
        "validations_seconds": state.validations_seconds,
        "best_loss": state.best_loss if math.isfinite(state.best_loss) else None,
    }


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is such a checkpoint."""
    return is_of_kind(path, CHECKPOINT_KIND)


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The checkpoint of a file, all of which is read once and checked.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is damaged, or something else.
    """
    file = read_tensors(path, kind=CHECKPOINT_KIND)
    text = file.metadata.get(_TRAINING, "")
    if content_digest(text, file.tensors) != file.metadata.get(_DIGEST):
        raise _damaged(file.path, "its content does not have the digest that was written with it")
    words, counts = file.tensor("words", np.uint8, 1), file.tensor("counts", np.int64, 1)
    vocabulary = Vocabulary.from_arrays(words, counts, str(path))
    groups: dict[str, dict[str, Tensor]] = {group: {} for group in _GROUPS}
    for name, array in file.tensors.items():
        group, colon, rest = name.partition(":")
        if colon and group in groups:
            groups[group][rest] = torch.from_numpy(np.array(array))
    try:  # the digest has shown that the file is as it was written; this is for foreign ones
        record = json.loads(text)
        return Checkpoint(
            vocabulary,
            from_record(ModelConfig, record["model"]),
            from_record(TrainingConfig, record["config"]),
            dict(record["about"]),
            _state_of(record["state"]),
            dict(record["counters"]),
            groups,
        )
    except (ConfigError, VocabularyError) as error:
        raise _damaged(file.path, str(error)) from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _damaged(file.path, f"no usable entry {error}") from error


def _state_of(record: Mapping[str, Any]) -> TrainingState:
    best = record["best_loss"]
    return TrainingState(
        epoch=int(record["epoch"]),
        position=int(record["position"]),
        words=int(record["words"]),
        plateaus=int(record["plateaus"]),
        stalls=int(record["stalls"]),
        seconds=float(record["seconds"]),
        tally=Tally(*record["tally"]),
        validations=[
            Validation(epochs, loss, math.nan if train is None else train, seconds)
            for epochs, loss, train, seconds in record["validations"]
        ],
        validations_seconds=[float(seconds) for seconds in record["validations_seconds"]],
        best_loss=math.inf if best is None else float(best),
    )


def _damaged(path: Path, fault: str) -> FormatError:
    return FormatError(
        f"{path} is damaged: {fault}; go on from another checkpoint, or train from the start"
    )
