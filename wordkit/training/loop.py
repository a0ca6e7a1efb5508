"""The training loop: epochs of batches, validation, the best weights kept, checkpoints."""

from __future__ import annotations

import contextlib
import math
import time
from abc import abstractmethod
from collections.abc import Generator
from dataclasses import replace
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from wordkit.runtime import Report, Run
from wordkit.runtime.signals import uninterrupted
from wordkit.storage.checkpoints import CheckpointKeeper
from wordkit.training.optimizers import WeightAverage
from wordkit.training.state import Tally, Validation
from wordkit.training.steps import NetworkInTraining

__all__ = ["TrainingLoop", "bounded_exp"]

T = TypeVar("T")

_VALIDATION_SHARE = 0.05  # of a limited time that validations may take
_MOST_RESERVED = 0.1  # of a limited time, for a last validation whose duration is not yet known


class TrainingLoop(NetworkInTraining, Generic[T]):
    """A network on its way through its material, epoch by epoch, to a model T.

    What is particular to a kind of network is left to it: how a batch is taken, what validation
    measures, and what comes of it all.
    """

    # --- what a kind of network has to say -----------------------------------------------------

    @abstractmethod
    def take_batch(self, share: float) -> None:
        """Train on the next batch, and note in the state what was done.

        Args:
            share: of the training that is done.
        """

    @abstractmethod
    def validation_loss(self) -> Generator[Report, None, float] | None:
        """A validation that will return nats a token; None where there is nothing to validate on.

        With several processes, they all get the loss that the first one finds.
        """

    @property
    @abstractmethod
    def validation_cost(self) -> float:
        """What a validation takes, as a multiple of what training took for one unit."""

    def end_steps(self) -> None:
        """Let go of what only further steps would need, after the last one."""

    @abstractmethod
    def finished(self) -> T:
        """The model with the weights of the network as they are."""

    # --- the loop --------------------------------------------------------------------------

    @property
    def share(self) -> float:
        """The share of the training that is done, from 0 to 1, as process 0 sees it."""
        share = self.pace.share(self.epochs, self._validation_seconds)
        if self.learning.max_minutes is None:
            return share
        return self.processes.agree(share, self.device)

    def run(self, keeper: CheckpointKeeper) -> Generator[Report, None, T]:
        """Train to the end.

        Args:
            keeper: writes a checkpoint whenever one is due, and at the end.
        """
        self.state.ended, share = False, self.share
        while share < 1:
            # at the start of an epoch, not at the end of one: the checkpoint of a training that is
            # stopped between the two goes on to the same numbers
            if self._is_validation_due():
                yield from self._validate()
            if self._is_stuck():
                break
            with uninterrupted():  # a checkpoint never lies within a batch
                self.take_batch(share)
                self.state.seconds = self.pace.seconds
                report = self._report(share)
                if self.state.position >= self.epoch_length:
                    self._end_epoch()
            yield report
            if self.processes.agree(keeper.is_due(), self.device):
                self.keep(keeper)
            share = self.share
        self.check()
        if not self._is_validated():
            yield from self._validate()
        self.state.ended = True
        self.keep(keeper)
        return self.best()

    def keep(self, keeper: CheckpointKeeper) -> None:
        """Write a checkpoint."""
        keeper.save()

    def best(self) -> T:
        """The model with the best validation, or as it is where there was none."""
        if self.state.best:
            parameters = dict(self.network.named_parameters())
            with torch.no_grad():
                for name, value in self.state.best.items():
                    parameters[name].copy_(value)
        self.network.eval()
        return self.finished()

    def _end_epoch(self) -> None:
        self.state.epoch, self.state.position, self.state.carried = self.state.epoch + 1, 0, ()
        self.state.tally = Tally()

    def _is_stuck(self) -> bool:
        return self.learning.patience is not None and self.state.stalls >= self.learning.patience

    def _report(self, share: float) -> Report:
        """What has been done; the total is what it comes to at this pace."""
        state = self.state
        at_end = state.seen / max(share, 1e-9)
        if self.learning.epochs is not None and self.learning.max_minutes is None:
            at_end = self.learning.epochs * self.epoch_size
        total = max(int(at_end), state.seen)
        return Report("training", state.seen, total, self.unit, self._figures())

    def _figures(self) -> dict[str, float]:
        """What a report shows beside what is done."""
        state, epochs = self.state, self.epochs
        figures = {
            "epoch": float(min(state.epoch + 1, math.ceil(epochs) or 1)),
            "epochs": epochs,
            "loss": state.tally.mean,
            "lr": self._rate,
        }
        if state.validations:
            figures["valid_perplexity"] = bounded_exp(state.validations[-1].loss)
        return {**figures, **self.figures}

    # --- validation ------------------------------------------------------------------------

    @property
    def _validation_seconds(self) -> float:
        """What the last validation took, or what the first may, by the speed of training."""
        if self.state.validations_seconds:
            return self.state.validations_seconds[-1]
        if not self.state.seen:
            return 0.0
        a_unit = self.pace.seconds / self.state.seen  # too much at first: all is slow then
        expected = self.validation_cost * a_unit
        return min(expected, _MOST_RESERVED * 60 * (self.learning.max_minutes or math.inf))

    def _is_validated(self) -> bool:
        """Whether validation has seen the present weights."""
        validations = self.state.validations
        return bool(validations) and validations[-1].epochs == self.epochs

    def _is_validation_due(self) -> bool:
        """Whether an epoch has ended, and there is a text for a validation, and time."""
        is_at_start = self.state.epoch > 0 and self.state.position == 0
        if not is_at_start or not self.validation_cost or self._is_validated():
            return False
        if self.learning.max_minutes is None:
            return True
        spent = sum(self.state.validations_seconds) + self._validation_seconds
        spent = self.processes.agree(spent, self.device)
        return spent <= _VALIDATION_SHARE * 60 * self.learning.max_minutes

    def _validate(self) -> Generator[Report, None, None]:
        """Measure the model on what it is validated on, and draw the conclusions.

        The last report tells the figures: the training may be over, and tell them no more.
        """
        began = time.monotonic()
        with contextlib.nullcontext() if self.average is None else self.average.applied():
            validation = self.validation_loss()
            if validation is None:
                return
            measuring, report = Run(validation), Report("validating", 0)
            for report in measuring:
                yield report
            with uninterrupted():
                self._note(measuring.result())
                self.state.validations_seconds.append(time.monotonic() - began)
        figures = {**self._figures(), "seen": float(self.state.seen)}
        yield replace(report, figures=figures)

    def _note(self, loss: float) -> None:
        state, config = self.state, self.learning
        before = [validation.loss for validation in state.validations]
        state.validations.append(
            Validation(self.epochs, loss, self.since_validation.mean, self.pace.seconds)
        )
        self.since_validation = Tally()
        if loss < state.best_loss:
            state.best_loss, state.best, state.stalls = loss, self._weights(), 0
            self.best_figures = dict(self.figures)
            return
        state.stalls += 1
        if config.schedule == "plateau":
            state.plateaus += 1
        earlier = before[: -config.averaging_patience]
        if config.optimizer == "asgd" and self.average is None and earlier and loss > min(earlier):
            self.average, state.stalls = WeightAverage(self.network), 0

    def _weights(self) -> dict[str, Tensor]:
        """The present weights, copied."""
        return {n: p.detach().cpu().clone() for n, p in self.network.named_parameters()}

    def summary(self) -> dict[str, Any]:
        """How it went; equal runs give equal summaries, so without times."""
        state = self.state
        return {
            "device": self.device.type,
            "precision": self.learning.precision,
            self.unit: state.seen,
            "epochs": round(self.epochs, 3),
            "valid_perplexity": bounded_exp(state.best_loss) if state.best else None,
            "validations": [
                {"epochs": round(v.epochs, 3), "perplexity": bounded_exp(v.loss)}
                for v in state.validations
            ],
        }


def bounded_exp(loss: float) -> float:
    """exp of a loss, and a number of float64 in any case."""
    return math.exp(min(loss, 700.0))  # beyond that float64 ends
