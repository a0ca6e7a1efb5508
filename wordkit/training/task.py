"""The interface of a training task: batches, their loss, validation, and the resulting model."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn

from wordkit.runtime import Report
from wordkit.text import Vocabulary
from wordkit.training.config import LearningConfig

__all__ = ["BatchLoss", "Metrics", "Task"]

Batch = TypeVar("Batch")
Model_co = TypeVar("Model_co", covariant=True)


@dataclass(frozen=True)
class BatchLoss:
    """The loss of a batch."""

    objective: Tensor
    """The scalar to minimize, with gradients."""

    loss: Tensor | None
    """The exact sum of −log p over this process's part of the batch, in nats; None: not known."""

    tokens: int
    """Tokens that the sum is over, in all processes."""

    units: int
    """Units of the task that the batch has, in all processes."""

    lr_scale: float = 1.0
    """Factor of the learning rate for this batch."""

    sparse: Sequence[nn.Parameter] = ()
    """Parameters of whose gradients few rows are other than 0; these rows alone are updated."""


@dataclass(frozen=True)
class Metrics:
    """The metrics of a validation."""

    loss: float
    """Mean −log p of a token, in nats: the lower, the better."""

    figures: Mapping[str, float] = field(default_factory=dict)
    """Further figures by name, such as ``valid_exact``."""


class Task(Protocol[Batch, Model_co]):
    """A network with its data, as the trainer sees it."""

    @property
    def network(self) -> nn.Module:
        """The network to train, on its device."""

    @property
    def config(self) -> LearningConfig:
        """The settings, in which nothing is ``auto`` any more."""

    @property
    def checkpoint_kind(self) -> str:
        """The kind of its checkpoint files."""

    @property
    def vocabularies(self) -> Mapping[str, Vocabulary]:
        """The vocabularies of the network, by the prefix of their arrays in a checkpoint."""

    @property
    def unit(self) -> str:
        """The unit of progress: "tokens", "pairs"."""

    @property
    def size(self) -> int:
        """Units of an epoch."""

    @property
    def validation_cost(self) -> float:
        """Time of a validation in units of training; 0: there is nothing to validate on."""

    @property
    def leaves_unused(self) -> bool:
        """True if a batch may use only some of the parameters (DistributedDataParallel asks)."""

    def batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """Yield the batches of an epoch from number ``start`` on, the same ones at each call."""

    def loss(self, batch: Batch, fraction: float) -> BatchLoss:
        """Return the loss of a batch, when this fraction of the training is done."""

    def validate(self) -> Generator[Report, None, Metrics]:
        """Measure the network on the validation data, in evaluation mode."""

    def model(self, network: nn.Module, summary: Mapping[str, Any]) -> Model_co:
        """Return the model with this network, which has the weights to keep.

        Args:
            network: of the same kind as that of the task.
            summary: how training went, for the metadata.
        """

    def record(self) -> dict[str, Any]:
        """Return ``model``, ``config`` and ``about``: settings and texts, for a checkpoint."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the task beside weights, optimizer and loop."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
