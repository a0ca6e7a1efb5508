"""A task small enough to train hundreds of times: which of twelve words follows another."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from wordkit.nn.config import NetworkConfig
from wordkit.nn.dropout import Dropout
from wordkit.nn.network import inference
from wordkit.runtime import Report
from wordkit.runtime.processes import Processes
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.text import Vocabulary
from wordkit.training.checkpoint import TrainingCheckpoint, read_training
from wordkit.training.config import LearningConfig
from wordkit.training.run import TrainingRun
from wordkit.training.task import BatchLoss, Metrics
from wordkit.training.trainer import Trainer

WORDS, PAIRS, BATCH, KIND = 12, 40, 10, "toy checkpoint"
Model = tuple["Toy", dict[str, Any]]
Checkpoint = TrainingCheckpoint[NetworkConfig, LearningConfig]


def config_of(**settings: Any) -> LearningConfig:
    given = {"epochs": 3, "optimizer": "sgd", "lr": 0.5, "schedule": "constant", **settings}
    return LearningConfig(**{"precision": "fp32", **given})


class Toy(nn.Module):
    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.embedding = nn.Parameter(torch.randn(WORDS, 6, generator=generator))
        self.weight = nn.Parameter(torch.randn(WORDS, 6, generator=generator))
        self.dropout = Dropout(dropout)


class ToyTask:
    """Pairs (a word, the next one), half of which are noise; a state goes from batch to batch.

    Args:
        valid: losses that validations find, in turn; None: those of other pairs.
        sparse: whether gradients of the embeddings are sparse.
    """

    unit, size, validation_cost, checkpoint_kind = "pairs", PAIRS, 4.0, KIND
    leaves_unused, vocabularies = False, dict[str, Vocabulary]()

    def __init__(
        self, valid: list[float] | None = None, *, sparse: bool = False, dropout: float = 0.2
    ) -> None:
        self.network, self.sparse, self.config = Toy(dropout), sparse, config_of()
        self.valid, self.validated = valid, 0
        words = torch.arange(PAIRS) % WORDS
        noise = torch.randint(WORDS, (2, PAIRS), generator=torch.Generator().manual_seed(2))
        self.train, self.held_out = (torch.where(words < 6, (words + 1), n) for n in noise)
        self.words, self.hidden_state = words, torch.zeros(6)

    def batches(self, epoch: int, start: int) -> Iterator[Tensor]:
        order = torch.randperm(PAIRS, generator=torch.Generator().manual_seed(epoch))
        yield from order.split(BATCH)[start:]

    def _losses(self, rows: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        vectors = F.embedding(self.words[rows], self.network.embedding, sparse=self.sparse)
        hidden = self.network.dropout(vectors) + self.hidden_state
        logits = hidden @ self.network.weight.T
        return F.cross_entropy(logits, targets[rows], reduction="none"), hidden

    def loss(self, batch: Tensor, fraction: float) -> BatchLoss:
        losses, hidden = self._losses(batch, self.train)
        self.hidden_state = 0.1 * hidden.detach().mean(0)
        return BatchLoss(losses.mean(), losses.sum().detach(), tokens=BATCH, units=BATCH)

    def validate(self) -> Generator[Report, None, Metrics]:
        yield Report("validating", 0, 2)
        yield Report("validating", 1, 2)
        self.validated += 1
        if self.valid is not None:
            return Metrics(self.valid[self.validated - 1], {"number": float(self.validated)})
        with inference(self.network):
            losses, _ = self._losses(torch.arange(PAIRS), self.held_out)
        return Metrics(float(losses.mean()))

    def model(self, network: nn.Module, summary: Mapping[str, Any]) -> Model:
        return network, dict(summary)  # type: ignore[return-value]

    def record(self) -> dict[str, Any]:
        return {"model": asdict(NetworkConfig()), "config": asdict(self.config), "about": {}}

    def state_dict(self) -> dict[str, Any]:
        return {"hidden_state": (self.hidden_state, None)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.hidden_state = state["hidden_state"][0].clone()


def trained(
    config: LearningConfig | None = None,
    task: ToyTask | None = None,
    *,
    path: Path | None = None,
    every: float = 300.0,
    resume: Checkpoint | None = None,
) -> TrainingRun[Model]:
    """A training of the task, not yet begun, with checkpoints where there is a path."""
    config, task = config or config_of(), task or ToyTask()

    task.config = config

    def make_task(_: Processes) -> Generator[Report, None, ToyTask]:
        yield Report("preparing", 1, 1)
        return task

    plan = None if path is None else CheckpointPlan(path, every)
    return TrainingRun(make_task, "cpu", 1, checkpoints=plan, resume=resume)


def trainer_of(run: TrainingRun[Model]) -> Trainer[Model]:
    assert run._trainer is not None
    return run._trainer


def read(path: Path, kind: str = KIND) -> Checkpoint:
    return read_training(path, NetworkConfig, LearningConfig, kind=kind, prefixes=())
