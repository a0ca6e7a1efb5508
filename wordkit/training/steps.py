"""A network in training: how far it has come, and the steps that its weights take."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from wordkit.errors import DivergenceError, counted
from wordkit.training.config import USUAL_RATES, LearningConfig
from wordkit.training.optimizers import Updater, WeightAverage
from wordkit.training.pace import Pace
from wordkit.training.processes import Processes
from wordkit.training.schedules import learning_rate
from wordkit.training.state import Tally, TrainingState

__all__ = ["NetworkInTraining"]


class NetworkInTraining(ABC):
    """A network, what moves its weights, and how far it has come.

    Args:
        model: on its device, with its starting weights.
        config: the settings, in which nothing is ``auto`` any more.
        updater: of the model's weights.
        processes: that train together.
        seconds: that the training has taken already.
    """

    unit: str
    """What is gone through: tokens, pairs."""

    def __init__(
        self,
        model: nn.Module,
        config: LearningConfig,
        updater: Updater,
        *,
        processes: Processes | None = None,
        seconds: float = 0.0,
    ) -> None:
        self.network, self.learning, self.updater = model, config, updater
        self.processes = processes or Processes()
        self.state = TrainingState()
        self.pace = Pace(config, seconds)
        self.average: WeightAverage | None = None
        self.generator = torch.Generator(self.device).manual_seed(config.seed + self.processes.rank)
        """Of the random numbers for dropout, of this process alone."""
        self.since_validation = Tally()
        self.figures: dict[str, float] = {}
        """What else a report shows, as of the last validation."""
        self.best_figures: dict[str, float] = {}
        """The same of the best one."""
        self._rate = config.lr

    @property
    @abstractmethod
    def epoch_length(self) -> int:
        """Steps, or batches, of an epoch: what ``state.position`` counts to."""

    @property
    @abstractmethod
    def epoch_size(self) -> int:
        """Units of an epoch: what ``state.seen`` grows by."""

    @abstractmethod
    def generators(self) -> dict[str, torch.Generator]:
        """What random numbers come from that a checkpoint keeps, by name."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    @property
    def epochs(self) -> float:
        """Epochs done, in parts."""
        return self.state.epoch + self.state.position / self.epoch_length

    def rate(self, share: float) -> float:
        """The learning rate at this share of the training."""
        return learning_rate(
            self.learning,
            share,
            self.pace.epochs_for_schedule(self.epochs, share),
            plateaus=self.state.plateaus,
        )

    def step(self, objective: Tensor, rate: float, loss: Tensor | None, tokens: int) -> None:
        """Move the weights by the gradients of what is minimised.

        Args:
            objective: its gradients are taken here.
            rate: the learning rate.
            loss: the exact sum of the losses of the tokens, in nats; None: it is not known.
            tokens: in all processes.

        Raises:
            DivergenceError: the objective or a gradient is no finite number.
        """
        self._rate = rate
        objective.backward()  # type: ignore[no-untyped-call]
        self.updater.share(self.processes)
        norm = self.updater.clip()
        if loss is not None:
            self._tally(loss, tokens)
        if not (math.isfinite(float(objective.detach())) and math.isfinite(norm)):
            raise self._diverged()
        self.updater.step(rate)
        if self.average is not None:
            self.average.update()

    def _tally(self, loss: Tensor, tokens: int) -> None:
        total = float(self.processes.total(loss.double() if loss.device.type != "mps" else loss))
        self.state.tally = self.state.tally.plus(total, tokens)
        self.since_validation = self.since_validation.plus(total, tokens)

    def _diverged(self) -> DivergenceError:
        clip = "" if self.learning.clip_norm else ", or clip gradients (clip_norm 1)"
        usual = USUAL_RATES[self.learning.optimizer]
        seen = counted(self.state.seen, self.unit.removesuffix("s"))
        return DivergenceError(
            f"the training diverged after {seen}, in epoch "
            f"{self.state.epoch + 1}, at learning rate {self._rate:.4g}: the loss is no finite "
            f"number; lower lr, to {min(self.learning.lr / 4, usual):.2g} say{clip}"
        )

    def check(self) -> None:
        """Find out whether the last step has led to weights that are no numbers.

        Raises:
            DivergenceError: it has.
        """
        for parameter in self.network.parameters():
            if not bool(torch.isfinite(parameter).all()):
                raise self._diverged()
