"""The loss of several processes that train one model, each with a part of each batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from wordkit.training.task import BatchLoss, Task

__all__ = ["DistributedLoss"]


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
