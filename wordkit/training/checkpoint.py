"""The checkpoint of a training: nested state dictionaries in one safetensors file.

Tensors are stored by the path of their keys, all else as JSON, with a digest of both.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordkit.errors import ConfigError, VersionError, VocabularyError
from wordkit.storage import TensorFile
from wordkit.storage.checkpoints import (
    corrupted_checkpoint,
    read_checkpoint_file,
    write_checkpoint_file,
)
from wordkit.training.state import LoopState

__all__ = ["SavedTraining", "as_format_error", "read_training", "save_training"]

_TENSOR, _TUPLE = "tensor:", "tuple:"  # prefixes of such values in the JSON


@dataclass(frozen=True)
class SavedTraining:
    """The content of a checkpoint."""

    file: TensorFile

    about: Mapping[str, Any]
    """Settings and texts of the training, as JSON."""

    state: Mapping[str, Any]
    """See :meth:`wordkit.training.trainer.Trainer.state_dict`."""

    loop: LoopState
    """The state of the loop."""


def save_training(
    path: str | os.PathLike[str],
    state: Mapping[str, Any],
    *,
    kind: str,
    about: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
) -> None:
    """Write a checkpoint.

    Args:
        path: the file.
        state: nested dictionaries and tuples of tensors and of what JSON can hold.
        kind: of the file.
        about: settings and the like, as JSON takes them.
        arrays: further arrays by name, without a slash.

    Raises:
        StorageError: the file cannot be written.
    """
    tensors = dict(arrays)
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


def read_training(path: str | os.PathLike[str], *, kind: str) -> SavedTraining:
    """Read a checkpoint, and check all of it.

    Args:
        path: the file.
        kind: that it must be of.

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
    with as_format_error(file):
        state = _unflatten(record["state"], file)
        return SavedTraining(file, dict(record["about"]), state, LoopState(**state["loop"]))


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
