"""Several processes that train one model together, started by torchrun."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

from wordkit.errors import ConfigError, LostProcessError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Processes", "join_processes", "lost_process_error", "torchrun_number"]


@dataclass(frozen=True)
class Processes:
    """This process among all of a training."""

    rank: int = 0
    """Rank from 0; process 0 alone reports and writes."""

    count: int = 1

    def all_reduce(self, value: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes, in place."""
        if self.count > 1:
            from torch import distributed as dist

            dist.all_reduce(value)
        return value

    def gather(self, value: Tensor) -> Tensor:
        """Return the tensors of all processes, concatenated along the first dimension."""
        if self.count == 1:
            return value
        import torch
        from torch import distributed as dist

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
        import torch
        from torch import distributed as dist

        shared = torch.tensor(value, dtype=torch.float64).to(device, torch.float32)
        dist.broadcast(shared, 0)
        return float(shared)

    def check_same(self, things: Mapping[str, object], device: str | torch.device) -> None:
        """Raise in all processes where one of them has something else than process 0.

        Args:
            things: by their names; they are the same where ``repr`` says the same of them.
            device: of what is sent.

        Raises:
            ConfigError: a process has something else.
        """
        if self.count == 1:
            return
        import torch

        digests = [hashlib.sha256(repr(thing).encode()).digest() for thing in things.values()]
        own = torch.tensor([[list(digest) for digest in digests]], dtype=torch.uint8)
        known = self.gather(own.to(device))
        for rank, number in (known != known[0]).any(2).nonzero().tolist():
            raise ConfigError(
                f"process {rank} of this training has another {list(things)[number]} than process "
                "0; start all processes with the same files and settings"
            )


def join_processes(device: str) -> Processes:
    """Join the process group, where torchrun has started several processes.

    Args:
        device: ``cpu`` (backend gloo) or ``cuda`` (NCCL).

    Raises:
        ConfigError: the device is neither, or the others cannot be reached.
    """
    count = torchrun_number("WORLD_SIZE", 1)
    if count == 1:
        return Processes()
    import torch  # takes seconds
    from torch import distributed as dist

    if not dist.is_available():
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
    from torch import distributed as dist

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


@contextlib.contextmanager
def lost_process_error(processes: Processes) -> Iterator[None]:
    """Raise what torch raises where another process was lost as a LostProcessError."""
    try:
        yield
    except RuntimeError as error:
        if processes.count == 1:
            raise
        from torch import distributed as dist

        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise LostProcessError(
            "another process of this training has ended or cannot be reached; see what it "
            "said, and start all again, from the last checkpoint where there is one"
        ) from error


def _leave_group() -> None:
    """End the group's threads before the interpreter ends: else they abort the process."""
    # see https://github.com/pytorch/pytorch/pull/179291
    from torch import distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()


def torchrun_number(name: str, default: int) -> int:
    """Return a number that torchrun sets in the environment of each of its processes.

    Args:
        name: of the variable, such as ``WORLD_SIZE``.
        default: what it is where torchrun has not begun this process.

    Raises:
        ConfigError: it is no number.
    """
    value = os.environ.get(name, str(default))
    if not value.isdecimal():
        raise ConfigError(
            f"${name} must be a whole number, as torchrun sets it, not {value!r}; unset it"
        )
    return int(value)
