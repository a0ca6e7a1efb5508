"""The checkpoint of a training: nested state dictionaries in one safetensors file.

Tensors are stored by the path of their keys, all else as JSON, with a digest of both.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordkit.config import change, from_record
from wordkit.errors import ConfigError, VersionError, VocabularyError, counted
from wordkit.nn.config import NetworkConfig
from wordkit.nn.network_file import read_vocabularies, vocabulary_arrays
from wordkit.storage import TensorFile
from wordkit.storage.checkpoint_file import (
    check_same_settings,
    check_same_texts,
    corrupted_checkpoint,
    read_checkpoint_file,
    write_checkpoint_file,
)
from wordkit.text import Vocabulary
from wordkit.training.config import LearningConfig
from wordkit.training.state import LoopState

__all__ = [
    "FREE_TO_CHANGE", "TrainingCheckpoint", "as_decided", "as_format_error", "check_resumption",
    "read_training", "resumed_metadata", "save_training",
]  # fmt: skip

M = TypeVar("M", bound=NetworkConfig)
C = TypeVar("C", bound=LearningConfig)

FREE_TO_CHANGE = ("epochs", "max_minutes", "patience")
"""Settings that may be others when training is resumed."""

_TENSOR, _TUPLE = "tensor:", "tuple:"  # prefixes of such values in the JSON


@dataclass(frozen=True)
class TrainingCheckpoint(Generic[M, C]):
    """A training that can be resumed, with a model of settings M and a training of settings C."""

    vocabularies: tuple[Vocabulary, ...]
    """Vocabularies of the network: one, or those of the sources and of the targets."""

    model: M
    training: C
    about: Mapping[str, Any]
    """The texts of the training, as in the metadata of the model."""

    state: LoopState
    """The state of the loop."""

    trainer: Mapping[str, Any]
    """See :meth:`wordkit.training.trainer.Trainer.state_dict`."""

    file: TensorFile

    unit: str = "token"
    """Unit of :attr:`progress`."""

    @property
    def is_finished(self) -> bool:
        """True if the training had ended."""
        return self.state.ended

    @property
    def progress(self) -> str:
        """Progress of the training, for messages: ``after 3,500 tokens``."""
        return f"after {counted(self.state.seen, self.unit)}"

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary; that of the sources where there are two."""
        return self.vocabularies[0]


def save_training(
    path: str | os.PathLike[str],
    state: Mapping[str, Any],
    *,
    kind: str,
    about: Mapping[str, Any],
    vocabularies: Mapping[str, Vocabulary],
) -> None:
    """Write a checkpoint.

    Args:
        path: the file.
        state: nested dictionaries and tuples of tensors and of what JSON can hold.
        kind: of the file.
        about: ``model``, ``config`` and ``about``: settings and texts, as JSON takes them.
        vocabularies: of the network, by the prefix of their arrays.

    Raises:
        StorageError: the file cannot be written.
    """
    tensors = vocabulary_arrays(vocabularies)
    record = {"about": dict(about), "state": _flatten(state, "state", tensors)}
    write_checkpoint_file(path, json.dumps(record), tensors, kind=kind)


def _flatten(value: Any, path: str, tensors: dict[str, NDArray[Any]]) -> Any:
    """Return the value as JSON can hold it; its tensors go by their paths into ``tensors``."""
    if isinstance(value, Tensor):
        tensors[path] = value.detach().cpu().numpy()
        return _TENSOR + path
    if isinstance(value, Mapping):
        return {str(key): _flatten(part, f"{path}/{key}", tensors) for key, part in value.items()}
    if isinstance(value, tuple):
        parts = [_flatten(part, f"{path}/{i}", tensors) for i, part in enumerate(value)]
        return {_TUPLE: parts}
    if isinstance(value, list):
        return [_flatten(part, f"{path}/{i}", tensors) for i, part in enumerate(value)]
    return value


def _unflatten(value: Any, file: TensorFile) -> Any:
    if isinstance(value, str) and value.startswith(_TENSOR):
        return torch.from_numpy(np.array(file.tensors[value.removeprefix(_TENSOR)]))
    if isinstance(value, dict):
        if _TUPLE in value:
            return tuple(_unflatten(part, file) for part in value[_TUPLE])
        return {key: _unflatten(part, file) for key, part in value.items()}
    if isinstance(value, list):
        return [_unflatten(part, file) for part in value]
    return value


def read_training(
    path: str | os.PathLike[str],
    model: type[M],
    training: type[C],
    *,
    kind: str,
    prefixes: Sequence[str] = ("",),
    unit: str = "token",
) -> TrainingCheckpoint[M, C]:
    """Read a checkpoint, and check all of it.

    Args:
        path: the file.
        model, training: the dataclasses of its settings.
        kind: that it must be of.
        prefixes: of the arrays of each vocabulary.
        unit: what the training counts.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, of another kind, or of an older version.
    """
    file, record = read_checkpoint_file(path, kind=kind)
    state = record.get("state")
    if isinstance(state, dict) and "loop" not in state:
        raise VersionError(
            f"{path} is of wordkit 0.1, whose trainings cannot be resumed; train from the start"
        )
    vocabularies = read_vocabularies(file, prefixes)
    with as_format_error(file):
        about, state = record["about"], _unflatten(record["state"], file)
        return TrainingCheckpoint(
            vocabularies,
            from_record(model, about["model"]),
            from_record(training, about["config"]),
            dict(about["about"]),
            LoopState(**state["loop"]),
            state,
            file,
            unit,
        )


def as_decided(config: C, checkpoint: TrainingCheckpoint[Any, C] | None) -> C:
    """Return the settings of a resumed training: ``auto`` means what was decided before."""
    if checkpoint is None:
        return config
    undecided = [field.name for field in fields(config) if getattr(config, field.name) == "auto"]
    return change(config, **{name: getattr(checkpoint.training, name) for name in undecided})


def check_resumption(
    checkpoint: TrainingCheckpoint[M, C],
    model: M,
    training: C,
    texts: Mapping[str, Any] | None = None,
) -> None:
    """Check that a training is resumed with the settings and texts that it began with.

    Args:
        checkpoint: of the training.
        model, training: the settings of now.
        texts: records of the texts by name; None: these are not checked.

    Raises:
        ConfigError: a setting is another one that may not change on the way, or a text.
    """
    if texts is not None:
        check_same_texts(checkpoint.about, texts)
    check_same_settings(
        {**asdict(checkpoint.model), **asdict(checkpoint.training)},
        {**asdict(model), **asdict(as_decided(training, checkpoint))},
        may_change=FREE_TO_CHANGE,
    )


def resumed_metadata(
    checkpoint: TrainingCheckpoint[M, C] | None, model: M, training: C,
    metadata: Mapping[str, Any], texts: Iterable[str],
) -> dict[str, Any]:  # fmt: skip
    """Return how a resumed training started, for the metadata, by which its texts are checked."""
    if checkpoint is None:
        return {}
    check_resumption(checkpoint, model, training, {name: metadata[name] for name in texts})
    about = checkpoint.about
    return {name: about[name] for name in ("embeddings", "init") if name in about}


@contextlib.contextmanager
def as_format_error(file: TensorFile) -> Iterator[None]:
    """Raise the errors of an invalid record as a FormatError that names the file.

    The digest shows that a file is as it was written; this is for what wordkit has not written.
    """
    try:
        yield
    except (ConfigError, VocabularyError) as error:
        raise corrupted_checkpoint(file.path, str(error)) from error
    except (KeyError, TypeError, ValueError, RuntimeError, RecursionError) as error:
        raise corrupted_checkpoint(file.path, f"no usable entry {error}") from error
