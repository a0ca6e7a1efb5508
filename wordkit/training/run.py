"""A training as a job: threads, processes, checkpoints, and the best model so far."""

from __future__ import annotations

import os
import platform
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import fields
from importlib.metadata import version
from typing import Any, Generic, Literal, TypeVar

import torch

from wordkit import __version__
from wordkit.config import change
from wordkit.errors import ConfigError, LostProcessError, ResourceError
from wordkit.recurrent.recurrence import is_bf16_fast
from wordkit.runtime import Report, Run, available_memory, thread_count, torchrun_number
from wordkit.storage.checkpoints import CheckpointKeeper, CheckpointPlan
from wordkit.training.config import LearningConfig, Precision
from wordkit.training.loop import TrainingLoop
from wordkit.training.processes import Processes, join_processes, tells_of_others

__all__ = [
    "TrainingJob",
    "TrainingRun",
    "as_decided",
    "check_memory",
    "check_same_settings",
    "check_same_texts",
    "chosen_precision",
    "versions",
]

T = TypeVar("T")
C = TypeVar("C", bound=LearningConfig)

_AFTERWARDS = ("epochs", "max_minutes", "patience")  # settings that may change on the way
_COPIES = 5  # of the weights: they, their gradients, two moments, the best so far
_BESIDES = 128 << 20  # bytes for all that does not grow with the model


class TrainingJob(ABC, Generic[T]):
    """From settings to a training that runs, to a model T.

    Args:
        device: ``cpu``, ``cuda`` or ``mps``.
        threads: of the CPU; None: all cores.
        plan: where to keep the state of the training, and how often.
    """

    def __init__(self, device: str, threads: int | None, plan: CheckpointPlan | None) -> None:
        self.device, self.threads, self.plan = device, threads, plan
        self.loop: TrainingLoop[T] | None = None
        if plan is not None:  # find out before the work what could hinder
            CheckpointKeeper(plan, lambda path: None)

    @abstractmethod
    def prepare(self, processes: Processes) -> Generator[Report, None, TrainingLoop[T]]:
        """A training at its start, or where its checkpoint was."""

    @abstractmethod
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint."""

    def run(self) -> Generator[Report, None, T]:
        """Prepare, and train to the end; what is interrupted writes a checkpoint first."""
        before = torch.get_num_threads()
        torch.set_num_threads(_threads(self.threads))
        processes = Processes()
        try:
            processes = join_processes(self.device)
            self.loop = yield from self.prepare(processes)
            keeper = CheckpointKeeper(self.plan if processes.rank == 0 else None, self.save)
            try:
                return (yield from self.loop.run(keeper))
            except (KeyboardInterrupt, SystemExit, GeneratorExit):
                if processes.count == 1:  # one of several cannot ask the others now
                    keeper.save()
                raise
        except RuntimeError as error:
            if processes.count == 1 or not tells_of_others(error):
                raise
            raise LostProcessError(
                "another process of this training has ended or cannot be reached; see what it "
                "said, and start all again, from the last checkpoint where there is one"
            ) from error
        finally:
            if self.loop is not None:
                self.loop.end_steps()
            torch.set_num_threads(before)


class TrainingRun(Run[T]):
    """The run of a training: iterate over it for reports; it knows the best model so far."""

    def __init__(self, job: TrainingJob[T]) -> None:
        super().__init__(job.run())
        self._job = job

    @property
    def rate(self) -> float | None:
        """Units (tokens, pairs) trained on a second, all in all; None before the first."""
        loop = self._job.loop
        return loop.state.seen / loop.state.seconds if loop and loop.state.seen else None

    @property
    def figures(self) -> Mapping[str, float]:
        """What the best validation found beside the loss."""
        return {} if self._job.loop is None else self._job.loop.best_figures

    @property
    def has_learnt(self) -> bool:
        """Whether there is a model that has been trained for a while."""
        return self._job.loop is not None and self._job.loop.state.seen > 0

    @property
    def has_validated(self) -> bool:
        """Whether there is a model that validation has found the best so far."""
        return self._job.loop is not None and bool(self._job.loop.state.best)

    def best(self) -> T:
        """The model with the best validation so far, or as it is where there was none yet.

        Raises:
            ConfigError: the training has not begun.
        """
        if self._job.loop is None:
            raise ConfigError("the training has not begun; there is no model yet")
        return self._job.loop.best()


def chosen_precision(precision: Precision, device: str) -> Literal["fp32", "bf16"]:
    """``fp32`` or ``bf16``, with a decision in the place of ``auto``.

    Args:
        precision: ``auto``, ``fp32`` or ``bf16``.
        device: ``cpu``, ``cuda`` or ``mps``.
    """
    if precision != "auto":
        return precision
    fast = is_bf16_fast() if device == "cpu" else device == "cuda" and _cuda_has_bf16()
    return "bf16" if fast else "fp32"


def _cuda_has_bf16() -> bool:
    return bool(torch.cuda.is_bf16_supported())


def check_memory(what: str, weights: int, remedy: str, *, more: int = 0) -> None:
    """Find out before the work whether all that a training keeps will fit.

    Args:
        what: the model, in words, as the subject of a sentence.
        weights: of the network.
        remedy: what to do where they do not fit.
        more: bytes for what else is kept.

    Raises:
        ResourceError: they do not.
    """
    needed, free = 4 * _COPIES * weights + more + _BESIDES, available_memory()
    if needed > free:
        raise ResourceError(
            f"{what} and {weights:,} weights needs {needed / 2**30:.1f} GiB of memory to train, "
            f"and {free / 2**30:.1f} GiB are free; {remedy}"
        )


def _threads(threads: int | None) -> int:
    """Threads of this process: all cores, shared with the other processes of this machine."""
    beside = torchrun_number("LOCAL_WORLD_SIZE", 1) if threads is None else 1
    return max(thread_count(threads) // max(beside, 1), 1)


def check_same_texts(then: Mapping[str, Any], now: Mapping[str, Any], *names: str) -> None:
    """Check that a training goes on with the texts that it was begun with.

    Args:
        then, now: for each name a record with a ``fingerprint``, or None.
        names: of the texts.

    Raises:
        ConfigError: one is another.
    """
    for text in names:
        before, given = (about[text] or {} for about in (then, now))
        if before.get("fingerprint") != given.get("fingerprint"):
            raise ConfigError(
                f"the checkpoint is of a training with another text ({text}); give the same texts, "
                "preprocessed in the same way, with as much held out"
            )


def as_decided(config: C, before: C) -> C:
    """Settings that go on where a training was: ``auto`` means what was decided then."""
    undecided = [field.name for field in fields(config) if getattr(config, field.name) == "auto"]
    return change(config, **{name: getattr(before, name) for name in undecided})


def check_same_settings(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Check that a training goes on with the settings that it was begun with.

    Raises:
        ConfigError: one is another that may not change on the way.
    """
    for name, value in now.items():
        if value != then[name] and name not in _AFTERWARDS:
            raise ConfigError(
                f"the training was begun with {name} {then[name]}, and cannot go on with {value}; "
                f"leave {name} as it was, or start again"
            )


def versions() -> dict[str, str]:
    """Of wordkit and of what its training rests on."""
    return {
        "wordkit": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "numba")},
    }
