"""Several processes that train one model, started by torchrun: each with a part of each batch."""

from __future__ import annotations

import atexit
import importlib
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

from wordkit.errors import ConfigError
from wordkit.runtime import torchrun_number
from wordkit.training.task import BatchLoss, Task

__all__ = ["DistributedLoss", "Processes", "is_process_loss", "join_processes"]


@dataclass(frozen=True)
class Processes:
    """This process among all of a training."""

    rank: int = 0
    """Rank from 0; process 0 alone reports and writes."""

    count: int = 1

    def all_reduce(self, value: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes, in place."""
        if self.count > 1:
            dist.all_reduce(value)
        return value

    def gather(self, value: Tensor) -> Tensor:
        """Return the tensors of all processes, concatenated along the first dimension."""
        if self.count == 1:
            return value
        parts = [torch.empty_like(value) for _ in range(self.count)]
        dist.all_gather(parts, value.contiguous())
        return torch.cat(parts)

    def local_part(self, value: Tensor) -> Tensor:
        """Return the part of this process of what :meth:`gather` gave."""
        return value.chunk(self.count)[self.rank]

    def broadcast(self, value: float, device: torch.device) -> float:
        """Return the value of process 0, in all of them."""
        if self.count == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64).to(device, torch.float32)
        dist.broadcast(shared, 0)
        return float(shared)


class DistributedLoss:
    """The loss of a task, whose backward pass averages the gradients of all processes."""

    def __init__(self, task: Task[Any, Any]) -> None:
        self._module = _Loss(task)
        self._wrapped: nn.Module = nn.parallel.DistributedDataParallel(
            self._module, find_unused_parameters=task.leaves_unused
        )

    def __call__(self, batch: Any, fraction: float) -> BatchLoss:
        """Return the loss of a batch."""
        objective = self._wrapped(batch, fraction)
        return replace(self._module.batch_loss, objective=objective)

    def close(self) -> None:
        """Release DistributedDataParallel, whose hooks need all processes."""
        self._wrapped = self._module


class _Loss(nn.Module):
    """The loss as the forward pass of a module."""

    def __init__(self, task: Task[Any, Any]) -> None:
        super().__init__()
        self.network, self.task = task.network, task
        self.batch_loss: BatchLoss

    def forward(self, batch: Any, fraction: float) -> Tensor:
        self.batch_loss = self.task.loss(batch, fraction)
        return self.batch_loss.objective


def join_processes(device: str) -> Processes:
    """Join the process group, where torchrun has started several processes.

    Args:
        device: ``cpu`` (backend gloo) or ``cuda`` (NCCL).

    Raises:
        ConfigError: the device is neither, or the others cannot be reached.
    """
    count = torchrun_number("WORLD_SIZE", 1)
    if count == 1 or not dist.is_available():
        return Processes()
    if device not in ("cpu", "cuda"):
        raise ConfigError(f"several processes can train on cpu or cuda, not on {device}")
    if not dist.is_initialized():
        if device == "cuda":
            torch.cuda.set_device(torchrun_number("LOCAL_RANK", 0))
        # otherwise imported by DistributedDataParallel: its functions have the group that they find
        # as the default of a parameter, and would keep it for ever
        importlib.import_module("torch.distributed.nn")
        _init_group("nccl" if device == "cuda" else "gloo")
        atexit.register(_leave_group)
    return Processes(dist.get_rank(), count)


def _init_group(backend: str) -> None:
    """Wait for the others in a thread, as torch does not answer to signals meanwhile."""
    failures: list[Exception] = []

    def init() -> None:
        try:
            dist.init_process_group(backend)
        except (RuntimeError, ValueError) as error:
            failures.append(error)

    waiting = Thread(target=init, daemon=True)
    waiting.start()
    waiting.join()
    for error in failures:
        raise ConfigError(
            f"cannot reach the other processes: {str(error).splitlines()[0]}; "
            "start them by torchrun"
        ) from error


def is_process_loss(error: RuntimeError) -> bool:
    """Return whether this error of torch means that another process was lost."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def _leave_group() -> None:
    """End the group's threads before the interpreter ends: else they abort the process."""
    # see https://github.com/pytorch/pytorch/pull/179291
    if dist.is_initialized():
        dist.destroy_process_group()
