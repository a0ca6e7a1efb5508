"""The file of a checkpoint, and checks that a training resumes as it was begun."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import numpy.typing as npt

from wordkit.errors import ConfigError, FormatError
from wordkit.storage import TensorFile, content_digest, read_tensors, write_tensors

__all__ = [
    "MAX_FLOAT", "check_same_settings", "check_same_texts", "corrupted_checkpoint",
    "read_checkpoint_file", "record_entry", "write_checkpoint_file",
]  # fmt: skip

T = TypeVar("T", int, float, str, dict[str, Any])

MAX_FLOAT = sys.float_info.max
_TRAINING, _DIGEST = "training", "sha256"  # entries of the metadata


def write_checkpoint_file(
    path: str | os.PathLike[str], record: str, tensors: Mapping[str, npt.NDArray[Any]], *, kind: str
) -> None:
    """Write a checkpoint: arrays by name, all else as JSON, and a digest of both.

    Raises:
        StorageError: the file cannot be written.
    """
    metadata = {_TRAINING: record, _DIGEST: content_digest(record, tensors)}
    write_tensors(path, tensors, kind=kind, metadata=metadata)


def read_checkpoint_file(
    path: str | os.PathLike[str], *, kind: str
) -> tuple[TensorFile, dict[str, Any]]:
    """Return the file of a checkpoint, all of which is read once and checked, and its record.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, or something else.
    """
    file = read_tensors(path, kind=kind)
    text = file.metadata.get(_TRAINING, "")
    if content_digest(text, file.tensors) != file.metadata.get(_DIGEST):
        fault = "its content does not have the digest that was written with it"
        raise corrupted_checkpoint(path, fault)
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise corrupted_checkpoint(path, "its record of the training is not JSON") from error
    if not isinstance(record, dict):
        raise corrupted_checkpoint(path, "its record of the training is no JSON object")
    return file, record


def corrupted_checkpoint(path: str | os.PathLike[str], fault: str) -> FormatError:
    """Return the error that a checkpoint is corrupted."""
    return FormatError(
        f"{path} is corrupted: {fault}; resume another checkpoint, or train from the start"
    )


def record_entry(
    path: str | os.PathLike[str],
    record: Mapping[str, Any],
    name: str,
    kind: type[T],
    *,
    at_least: float = 0,
    at_most: float = MAX_FLOAT,
) -> T:
    """Return an entry of the record, of exactly this type, and in the range if it is a number.

    Raises:
        FormatError: it is not.
    """
    value = record.get(name)
    fits = not isinstance(value, int | float) or at_least <= value <= at_most
    if type(value) is not kind or not fits:
        raise corrupted_checkpoint(path, f"its entry {name!r} is missing or cannot be right")
    return value


def check_same_texts(
    then: Mapping[str, Mapping[str, Any] | None], now: Mapping[str, Mapping[str, Any] | None]
) -> None:
    """Check that a training resumes on the texts that it was begun on.

    Args:
        then: for the name of each text a record with its ``fingerprint``; None for no text.
        now: the same, of the texts given.

    Raises:
        ConfigError: one is another.
    """
    for name, text in now.items():
        before, given = ((record or {}).get("fingerprint") for record in (then.get(name), text))
        if before != given:
            raise ConfigError(
                f"the checkpoint is of a training on another text ({name}: fingerprint "
                f"{before or 'none':.8}, not {given or 'none':.8}); give the same texts, "
                "preprocessed in the same way, with as much held out"
            )


def check_same_settings(
    then: Mapping[str, Any], now: Mapping[str, Any], *, may_change: Collection[str] = ()
) -> None:
    """Check that a training resumes with the settings that it was begun with.

    Args:
        then: the values by name.
        now: the same, as they are given.
        may_change: names of settings that may be others.

    Raises:
        ConfigError: one is another that may not change.
    """
    for name, value in now.items():
        if value != then[name] and name not in may_change:
            raise ConfigError(
                f"the training was begun with {name} {then[name]}, and cannot resume with {value}; "
                f"leave {name} as it was, or start again"
            )
