"""Checkpoints: when a long training keeps all that it needs to go on, where, and in what file."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy.typing as npt

from wordkit.errors import ConfigError, FormatError
from wordkit.storage import (
    TensorFile,
    check_writable,
    content_digest,
    read_tensors,
    write_tensors,
)

__all__ = [
    "CheckpointKeeper",
    "CheckpointPlan",
    "damaged_checkpoint",
    "read_checkpoint_file",
    "write_checkpoint_file",
]

_TRAINING, _DIGEST = "training", "sha256"  # entries of the metadata


@dataclass(frozen=True)
class CheckpointPlan:
    """Where a training keeps its state, and how often."""

    path: str | os.PathLike[str]
    """The file, which each checkpoint replaces."""

    every: float = 300.0
    """Seconds from one checkpoint to the next, above 0; infinity: only at the end and when
    interrupted."""

    def __post_init__(self) -> None:
        if not self.every > 0:
            raise ConfigError(f"every must be more than 0 seconds, not {self.every}")


class CheckpointKeeper:
    """Writes the checkpoints of one training.

    Args:
        plan: None: none are written.
        write: writes one to a path.

    Raises:
        StorageError: the file could not be written.
    """

    def __init__(
        self, plan: CheckpointPlan | None, write: Callable[[str | os.PathLike[str]], None]
    ) -> None:
        self._plan, self._write = plan, write
        self._last = time.monotonic()
        if plan is not None:  # find out before the work what could hinder
            check_writable(plan.path)

    def is_due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        return self._plan is not None and time.monotonic() - self._last >= self._plan.every

    def save(self) -> None:
        """Write a checkpoint, if there is a plan; Ctrl-C takes effect when it is written.

        Raises:
            StorageError: the file cannot be written; the last checkpoint stays.
        """
        if self._plan is None or sys.is_finalizing():  # nothing can be written on the way out
            return
        path, go = self._plan.path, SimpleQueue[bool]()

        def work() -> None:
            if go.get():
                self._write(path)

        with ThreadPoolExecutor(1) as pool:  # signals interrupt the main thread alone
            try:
                saving = pool.submit(work)
                go.put(True)  # from here on the pool waits for the end
                saving.result()
            finally:
                go.put(False)
        self._last = time.monotonic()


def write_checkpoint_file(
    path: str | os.PathLike[str],
    record: str,
    tensors: Mapping[str, npt.NDArray[Any]],
    *,
    kind: str,
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
    """The file of a checkpoint, all of which is read once and checked, and its record.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is damaged, or something else.
    """
    file = read_tensors(path, kind=kind)
    text = file.metadata.get(_TRAINING, "")
    if content_digest(text, file.tensors) != file.metadata.get(_DIGEST):
        fault = "its content does not have the digest that was written with it"
        raise damaged_checkpoint(path, fault)
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged_checkpoint(path, "what it says of the training is not JSON") from error
    if not isinstance(record, dict):
        raise damaged_checkpoint(path, "what it says of the training is no JSON object")
    return file, record


def damaged_checkpoint(path: str | os.PathLike[str], fault: str) -> FormatError:
    """The error that a checkpoint is damaged."""
    return FormatError(
        f"{path} is damaged: {fault}; go on from another checkpoint, or train from the start"
    )
