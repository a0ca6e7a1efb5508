"""The run of a training, and the checks before it: memory, precision, settings, texts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias, TypeVar

import torch
from torch import nn

from wordkit.errors import ConfigError
from wordkit.runtime import (
    Report,
    StoppableRun,
    choose_device,
    is_bf16_fast,
    require_memory,
    thread_count,
)
from wordkit.runtime.processes import Processes, join_processes, lost_process_error
from wordkit.storage.checkpoints import CheckpointPlan, check_replaceable
from wordkit.training.adaptive_threads import adapting_threads
from wordkit.training.checkpoint import TrainingCheckpoint, as_decided
from wordkit.training.config import LearningConfig, Precision
from wordkit.training.state import LoopState
from wordkit.training.task import Task
from wordkit.training.trainer import Trainer

__all__ = [
    "TrainingRun", "check_network_memory", "chosen_precision", "decided",
]  # fmt: skip

M = TypeVar("M")
C = TypeVar("C", bound=LearningConfig)
MakeTask: TypeAlias = Callable[[Processes], Generator[Report, None, Task[Any, M]]]

_COPIES = 5  # of the weights: they, their gradients, two moments, the best so far
_FIXED_BYTES = 128 << 20  # for all that does not grow with the model


class TrainingRun(StoppableRun[M]):
    """The run of a training: iterate over it for reports; it knows the best model so far.

    Args:
        make_task: makes what is trained, with its initial weights.
        device: ``cpu``, ``cuda`` or ``mps``.
        threads: of the CPU; None: all cores, but fewer while other processes keep them busy.
        checkpoints: where checkpoints go, and how often; None: there are none.
        resume: where the training is resumed; None: it starts anew.
    """

    def __init__(
        self,
        make_task: MakeTask[M],
        device: str,
        threads: int | None,
        *,
        checkpoints: CheckpointPlan | None = None,
        resume: TrainingCheckpoint[Any, Any] | None = None,
    ) -> None:
        super().__init__(self._train(make_task, device, threads, checkpoints, resume))
        self._trainer: Trainer[M] | None = None

    def _train(
        self, make_task: MakeTask[M], device: str, threads: int | None,
        checkpoints: CheckpointPlan | None, resume: TrainingCheckpoint[Any, Any] | None,
    ) -> Generator[Report, None, M]:  # fmt: skip
        before = torch.get_num_threads()
        torch.set_num_threads(thread_count(threads))
        try:
            processes, began = join_processes(device), time.monotonic()
            with lost_process_error(processes):
                task = yield from make_task(processes)
                record = task.record()
                known = {
                    "set of settings": (record["model"], record["config"]),
                    "text, model to start from or version": record["about"],
                    "checkpoint": resume and resume.progress,
                }
                processes.check_same(known, device)
                adapts = threads is None and device == "cpu" and processes.count == 1
                self._trainer = trainer = Trainer(
                    task, processes, checkpoints, seconds=time.monotonic() - began
                )
                if resume is not None:
                    trainer.resume(resume)
                try:
                    return (yield from adapting_threads(trainer.run()) if adapts else trainer.run())
                except (KeyboardInterrupt, SystemExit, GeneratorExit):
                    if processes.count == 1:  # one of several cannot ask the others now
                        trainer.save_checkpoint()
                    raise
        finally:
            if self._trainer is not None:
                self._trainer.close()
            torch.set_num_threads(before)

    @property
    def rate(self) -> float | None:
        """Units (tokens, pairs) trained on per second, on average; None before the first."""
        state = self._state
        return state.seen / state.seconds if state.seen and state.seconds else None

    @property
    def figures(self) -> Mapping[str, float]:
        """Further figures of the best validation."""
        return self._state.best_figures

    @property
    def has_learnt(self) -> bool:  # noqa: D102 - see StoppableRun
        return self._state.seen > 0

    @property
    def has_validated(self) -> bool:  # noqa: D102
        return math.isfinite(self._state.best_loss)

    @property
    def _state(self) -> LoopState:
        return LoopState() if self._trainer is None else self._trainer.state

    def best(self) -> M:
        """Return the model with the best validation so far, or as it is where there was none yet.

        Raises:
            ConfigError: the training has not begun.
        """
        if self._trainer is None:
            raise ConfigError("the training has not begun; there is no model yet")
        return self._trainer.best()


def chosen_precision(precision: Precision, device: str) -> Literal["fp32", "bf16"]:
    """Return ``fp32`` or ``bf16``: what was asked for, or for ``auto`` the faster one.

    Args:
        precision: ``auto``, ``fp32`` or ``bf16``.
        device: ``cpu``, ``cuda`` or ``mps``.
    """
    if precision != "auto":
        return precision
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if device == "cpu" and is_bf16_fast() else "fp32"


def decided(
    config: C, device: str, checkpoint: CheckpointPlan | None,
    resume: TrainingCheckpoint[Any, C] | None, read: Callable[..., TrainingCheckpoint[Any, C]],
    kind: str,
) -> tuple[C, str]:  # fmt: skip
    """Check where the checkpoints go, and return settings and device with nothing ``auto``.

    Args and errors are those of :func:`wordkit.storage.checkpoints.check_replaceable`.
    """
    resumed = None if resume is None else resume.file.path
    check_replaceable(checkpoint, read, kind=kind, resumed=resumed)
    device, config = choose_device(device), as_decided(config, resume)
    return replace(config, precision=chosen_precision(config.precision, device)), device


def check_network_memory(
    what: str, build: Callable[[], nn.Module], remedy: str, *, extra: int = 0
) -> None:
    """Raise before the work if the tensors of a training do not fit into memory.

    Args:
        what: the model, in words, as the subject of a sentence.
        build: makes the network.
        remedy: what to do where they do not fit.
        extra: bytes for what else is kept.

    Raises:
        ResourceError: it does not.
    """
    with torch.device("meta"):  # takes no memory
        weights = sum(parameter.numel() for parameter in build().parameters())
    needed = 4 * _COPIES * weights + extra + _FIXED_BYTES
    require_memory(f"training {what} and {weights:,} weights needs", needed, remedy)
