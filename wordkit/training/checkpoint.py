"""The file of a checkpoint: all that a training needs to go on to the same numbers.

One safetensors file: the weights, the best weights so far, what the optimizer remembers and the
random state as tensors, the rest as JSON, and a digest of all of it.
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordkit.errors import ConfigError, VocabularyError
from wordkit.storage import TensorFile
from wordkit.storage.checkpoints import (
    damaged_checkpoint,
    read_checkpoint_file,
    write_checkpoint_file,
)
from wordkit.training.loop import TrainingLoop
from wordkit.training.optimizers import WeightAverage
from wordkit.training.state import Tally, TrainingState, Validation

__all__ = ["SavedTraining", "damages_told", "read_training", "save_training"]


@dataclass(frozen=True)
class SavedTraining:
    """What the file of a checkpoint holds."""

    file: TensorFile

    record: Mapping[str, Any]
    """As it was given to :func:`save_training`, with the state and counters of the loop."""

    state: TrainingState
    """But for the tensors, which are in :attr:`tensors`."""

    tensors: Mapping[str, Mapping[str, Tensor]]
    """By group and name."""

    def group(self, name: str) -> Mapping[str, Tensor]:
        """The tensors of a group by name; none where the group is empty."""
        return self.tensors.get(name, {})

    def check_place(self, loop: TrainingLoop[Any]) -> None:
        """Check that a training can go on where it is.

        Raises:
            ConfigError: it is on another kind of device, whose random numbers are others.
        """
        then, now = self.record["counters"]["device"], loop.device.type
        if now != then:
            raise ConfigError(
                f"the training was begun on device {then}, and cannot go on on {now}; "
                f"choose device {then}, or start again"
            )

    def restore(self, loop: TrainingLoop[Any]) -> None:
        """Bring a training of the same network, material and settings to where this one was.

        What the layers carried is left to the kind of training.
        """
        _copy(self.group("weights"), dict(loop.network.named_parameters()))
        loop.updater.restore(self.group("optimizer"))
        loop.state = copy.deepcopy(self.state)  # another training may begin here too
        loop.state.best = dict(self.group("best"))
        counters = self.record["counters"]
        if self.group("average"):
            loop.average = WeightAverage(loop.network)
            _copy(self.group("average"), loop.average.mean)
            loop.average.count = int(counters["averaged"])
        loss, tokens = counters["since_validation"]
        loop.since_validation = Tally(float(loss), int(tokens))
        for name, generator in loop.generators().items():
            generator.set_state(self.group("random")[name])


def _copy(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in target.items():
            tensor.copy_(source[name])


def save_training(
    path: str | os.PathLike[str],
    loop: TrainingLoop[Any],
    *,
    kind: str,
    record: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    groups: Mapping[str, Mapping[str, Tensor]] | None = None,
) -> None:
    """Write where a training is; no batch may be under way.

    Args:
        path: the file.
        loop: the training.
        kind: what the file says that it is.
        record: settings, counters and the like, as JSON takes them; ``counters`` are joined with
            those of the loop.
        arrays: further arrays by name, without a colon.
        groups: tensors beside those of the loop, by group and name.

    Raises:
        StorageError: the file cannot be written.
        DivergenceError: the weights are no numbers any more; an earlier checkpoint stays.
    """
    loop.check()
    average, since = loop.average, loop.since_validation
    known: dict[str, Mapping[str, Tensor]] = {
        "weights": dict(loop.network.named_parameters()),
        "best": loop.state.best,
        "average": {} if average is None else average.mean,
        "optimizer": loop.updater.state(),
        "random": {name: g.get_state() for name, g in loop.generators().items()},
        **(groups or {}),
    }
    tensors = {
        f"{group}:{name}": tensor.detach().cpu().numpy()
        for group, named in known.items()
        for name, tensor in named.items()
    }
    tensors.update(arrays)
    counters = {
        "device": loop.device.type,
        "averaged": 0 if average is None else average.count,
        "since_validation": [since.loss, since.tokens],
        **record.get("counters", {}),
    }
    text = json.dumps({**record, "state": _state_record(loop.state), "counters": counters})
    write_checkpoint_file(path, text, tensors, kind=kind)


def _state_record(state: TrainingState) -> dict[str, Any]:
    known = {
        name: getattr(state, name)
        for name in ("epoch", "position", "seen", "plateaus", "stalls", "seconds", "ended")
    }
    return {
        **known,
        "tally": [state.tally.loss, state.tally.tokens],
        "validations": [
            [v.epochs, v.loss, None if math.isnan(v.train_loss) else v.train_loss, v.seconds]
            for v in state.validations
        ],
        "validations_seconds": state.validations_seconds,
        "best_loss": state.best_loss if math.isfinite(state.best_loss) else None,
    }


def read_training(path: str | os.PathLike[str], *, kind: str) -> SavedTraining:
    """The checkpoint of a file, all of which is read once and checked.

    Args:
        path: the file.
        kind: what it has to be.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is damaged, or something else.
    """
    file, record = read_checkpoint_file(path, kind=kind)
    groups: dict[str, dict[str, Tensor]] = {}
    for name, array in file.tensors.items():
        group, colon, rest = name.partition(":")
        if colon:
            groups.setdefault(group, {})[rest] = torch.from_numpy(np.array(array))
    with damages_told(file):
        return SavedTraining(file, record, _state_of(record["state"]), groups)


@contextlib.contextmanager
def damages_told(file: TensorFile) -> Iterator[None]:
    """Turn what a foreign record leads to into a FormatError that names the file.

    The digest shows that a file is as it was written; this is for what wordkit has not written.
    """
    try:
        yield
    except (ConfigError, VocabularyError) as error:
        raise damaged_checkpoint(file.path, str(error)) from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise damaged_checkpoint(file.path, f"no usable entry {error}") from error


def _state_of(record: Mapping[str, Any]) -> TrainingState:
    best = record["best_loss"]
    return TrainingState(
        epoch=int(record["epoch"]),
        position=int(record["position"]),
        seen=int(record["seen"]),
        plateaus=int(record["plateaus"]),
        stalls=int(record["stalls"]),
        seconds=float(record["seconds"]),
        ended=bool(record.get("ended", False)),
        tally=Tally(*record["tally"]),
        validations=[
            Validation(epochs, loss, math.nan if train is None else train, seconds)
            for epochs, loss, train, seconds in record["validations"]
        ],
        validations_seconds=[float(seconds) for seconds in record["validations_seconds"]],
        best_loss=math.inf if best is None else float(best),
    )
