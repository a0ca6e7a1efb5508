"""Checkpoints of a training: their plan, and when they are written."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Protocol, TypeVar

from wordkit.errors import ConfigError, FormatError, StorageError, VersionError, WordkitWarning
from wordkit.runtime.signals import uninterrupted
from wordkit.storage import check_writable, kind_of

__all__ = [
    "CheckpointKeeper", "CheckpointPlan", "Resumable", "check_replaceable", "resumed_checkpoint",
]  # fmt: skip


@dataclass(frozen=True)
class CheckpointPlan:
    """The file of the checkpoints of a training, and how often they are written."""

    path: str | os.PathLike[str]
    """The file, which each checkpoint replaces."""

    every: float = 300.0
    """Seconds from one checkpoint to the next, above 0; infinity: only at the end and when
    interrupted."""

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | os.PathLike):
            raise ConfigError(
                f"the path of checkpoints must be a name or a Path, not {self.path!r}"
            )
        if not (isinstance(self.every, Real) and self.every > 0):
            raise ConfigError(f"every must be more than 0 seconds, not {self.every!r}")


class Resumable(Protocol):
    """A checkpoint, of any training."""

    @property
    def is_finished(self) -> bool:
        """True if the training had ended."""
        ...

    @property
    def progress(self) -> str:
        """Progress of the training, for messages."""
        ...


C = TypeVar("C", bound=Resumable)


def check_replaceable(
    plan: CheckpointPlan | None,
    read: Callable[[str | os.PathLike[str]], Resumable],
    *,
    kind: str,
    resumed: str | os.PathLike[str] | None = None,
) -> str | None:
    """Check that the checkpoints of a training would replace nothing that is of use.

    Args:
        plan: None: none are written.
        read: reads a checkpoint.
        kind: of the file of a checkpoint.
        resumed: the checkpoint that is resumed, which may be the one replaced.

    Returns:
        One line on what will be replaced; None where nothing is.

    Raises:
        StorageError: the file cannot be written.
        ConfigError: it is no such checkpoint, or that of another training that can be resumed.
    """
    if plan is None:
        return None
    path = plan.path
    check_writable(path)
    if not os.path.exists(path) or not os.path.getsize(path):
        return None
    if kind_of(path) != kind:
        raise ConfigError(f"{path} exists and is no {kind}; name another file for checkpoints")
    if resumed is not None and os.path.exists(resumed) and os.path.samefile(path, resumed):
        return None
    anew = "to start anew delete it, or name another file for checkpoints"
    try:
        held = read(path)
    except VersionError as error:
        raise ConfigError(f"{error}; {anew}") from error
    except FormatError:
        return f"{path} is corrupted, and will be replaced by those of this training"
    if not held.is_finished:
        raise ConfigError(
            f"{path} holds a training that was stopped {held.progress}; resume it, or {anew}"
        )
    return f"{path}, of a finished training, will be replaced by those of this one"


def resumed_checkpoint(
    plan: CheckpointPlan | None,
    read: Callable[[str | os.PathLike[str]], C],
    *,
    kind: str,
    resume: bool,
) -> tuple[C | None, str | None]:
    """Return the checkpoint to resume, None where a training starts anew; and one line on it.

    Args:
        plan: of the checkpoints of the training; None: none are written.
        read: reads a checkpoint.
        kind: of the file of a checkpoint.
        resume: resume the checkpoint of the plan, where there is one already.

    Raises:
        ConfigError: as :func:`check_replaceable` says, or there is no plan to resume.
        StorageError: the file cannot be read or written.
        FormatError: the checkpoint to resume is corrupted.
    """
    if not resume:
        return None, check_replaceable(plan, read, kind=kind)
    if plan is None:
        raise ConfigError("resume needs the checkpoint; name its file with checkpoint")
    check_replaceable(plan, read, kind=kind, resumed=plan.path)
    if not os.path.lexists(plan.path):
        return None, f"there is no {plan.path} yet: starting afresh"
    checkpoint = read(plan.path)
    return checkpoint, f"resuming {plan.path} {checkpoint.progress}"


class CheckpointKeeper:
    """Writes the checkpoints of one training.

    Args:
        plan: None: none are written.
        write: writes one to a path.
        done: returns how much of the training is done, in any unit.

    Raises:
        StorageError: the file cannot be written.
    """

    def __init__(
        self,
        plan: CheckpointPlan | None,
        write: Callable[[str | os.PathLike[str]], None],
        done: Callable[[], int],
    ) -> None:
        self._plan, self._write, self._done = plan, write, done
        self._saved = done()
        self._last = time.monotonic()
        self._has_failed = False
        if plan is not None:  # fail before the work
            check_writable(plan.path)

    def is_due(self) -> bool:
        """Return whether it is time for a checkpoint, and the last one lacks anything."""
        is_time = self._plan is not None and time.monotonic() - self._last >= self._plan.every
        return is_time and self._done() > self._saved

    def save_rest(self) -> None:
        """Write a checkpoint if the last one lacks anything."""
        if self._done() > self._saved:
            self.save()

    def save(self) -> None:
        """Write a checkpoint, if there is a plan; Ctrl-C takes effect when it is written.

        If it cannot be written, a warning says so once, and the last one stays.
        """
        if self._plan is None or sys.is_finalizing():  # nothing can be written on the way out
            return
        self._saved = self._done()  # one that fails is not tried again at once
        with uninterrupted():
            try:
                self._write(self._plan.path)
            except (StorageError, MemoryError) as error:
                if not self._has_failed:
                    reason = str(error) or "not enough memory"
                    message = f"the training goes on without a checkpoint: {reason}"
                    warnings.warn(message, WordkitWarning, stacklevel=2)
                self._has_failed = True
        self._last = time.monotonic()
