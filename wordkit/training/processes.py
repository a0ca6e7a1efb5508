"""Several processes that train one model: started by torchrun, each with a part of the tracks."""

from __future__ import annotations

import atexit
import importlib
from dataclasses import dataclass
from threading import Thread

import torch
from torch import Tensor
from torch import distributed as dist

from wordkit.errors import ConfigError
from wordkit.runtime import torchrun_number

__all__ = ["Processes", "join_processes", "tells_of_others"]


@dataclass(frozen=True)
class Processes:
    """This process among all."""

    rank: int = 0
    """From 0; 0 alone reports and writes."""

    count: int = 1

    def total(self, value: Tensor) -> Tensor:
        """The sum of a value over all processes, in place."""
        if self.count > 1:
            dist.all_reduce(value)
        return value

    def gather(self, value: Tensor) -> Tensor:
        """The values of all processes, one after the other along the first dimension."""
        if self.count == 1:
            return value
        parts = [torch.empty_like(value) for _ in range(self.count)]
        dist.all_gather(parts, value.contiguous())
        return torch.cat(parts)

    def own(self, value: Tensor) -> Tensor:
        """The part of this process of what :meth:`gather` gave."""
        return value.chunk(self.count)[self.rank]

    def agree(self, value: float, device: torch.device) -> float:
        """The value of process 0, in all of them: what each measures by itself differs."""
        if self.count == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64).to(device, torch.float32)
        dist.broadcast(shared, 0)
        return float(shared)


def join_processes(device: str) -> Processes:
    """Meet the other processes, where torchrun has started some.

    Args:
        device: ``cpu`` (they talk through gloo) or ``cuda`` (through NCCL).

    Raises:
        ConfigError: the device is neither, or the others cannot be met.
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
        _meet("nccl" if device == "cuda" else "gloo")
        atexit.register(_leave)
    return Processes(dist.get_rank(), count)


def _meet(backend: str) -> None:
    """Wait for the others in a thread, as torch does not answer to signals meanwhile."""
    failures: list[Exception] = []

    def meet() -> None:
        try:
            dist.init_process_group(backend)
        except (RuntimeError, ValueError) as error:
            failures.append(error)

    waiting = Thread(target=meet, daemon=True)
    waiting.start()
    waiting.join()
    for error in failures:
        raise ConfigError(
            f"cannot meet the other processes: {str(error).splitlines()[0]}; start them by torchrun"
        ) from error


def tells_of_others(error: RuntimeError) -> bool:
    """Whether torch says by this that another process could not be reached."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def _leave() -> None:
    """End the group's threads while there is an interpreter: one that it ends aborts the process.

    See https://github.com/pytorch/pytorch/pull/179291.
    """
    if dist.is_initialized():
        dist.destroy_process_group()
