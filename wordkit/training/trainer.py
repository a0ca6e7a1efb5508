"""The trainer: one loop over a task, with schedule, validation, best weights and checkpoints."""

from __future__ import annotations

import contextlib
import copy
import math
import os
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, replace
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from wordkit.errors import ConfigError, DivergenceError, counted
from wordkit.nn.dropout import dropout_generator
from wordkit.nn.network import device_of, widest_float
from wordkit.runtime import Report, Run
from wordkit.runtime.signals import uninterrupted
from wordkit.storage.checkpoints import CheckpointKeeper, CheckpointPlan
from wordkit.training.checkpoint import SavedTraining, as_format_error
from wordkit.training.config import USUAL_RATES, LearningConfig
from wordkit.training.distributed import DistributedLoss, Processes
from wordkit.training.optimizers import (
    WeightAverage,
    clip_gradients,
    make_optimizer,
    sparse_rows,
)
from wordkit.training.schedules import learning_rate
from wordkit.training.state import LoopState
from wordkit.training.task import BatchLoss, Metrics, Task

__all__ = ["Trainer"]

M = TypeVar("M")
Save = Callable[["str | os.PathLike[str]", Mapping[str, Any]], None]

_VALIDATION_FRACTION = 0.05  # of a limited time that validations may take
_MAX_RESERVED = 0.1  # of a limited time, for a last validation whose duration is not yet known


class Trainer(Generic[M]):
    """Trains the network of a task to a model M.

    Args:
        task: what is trained; its network is on its device, with its initial weights.
        config: the settings, in which nothing is ``auto`` any more.
        processes: that train together.
        checkpoints: where checkpoints go, and how often; None: there are none.
        save: writes one to a path.
        seconds: that the training has taken already.
    """

    def __init__(
        self,
        task: Task[Any, M],
        config: LearningConfig,
        *,
        processes: Processes | None = None,
        checkpoints: CheckpointPlan | None = None,
        save: Save | None = None,
        seconds: float = 0.0,
    ) -> None:
        self.task, self.config, self.network = task, config, task.network
        self.processes = processes or Processes()
        self.device = device_of(task.network)
        self.optimizer = make_optimizer(task.network, config)
        self.state, self.best_weights = LoopState(), dict[str, Tensor]()
        self.average: WeightAverage | None = None
        self.dropout = torch.Generator(self.device).manual_seed(config.seed + self.processes.rank)
        self._loss = DistributedLoss(task, self.processes)
        self._keeper = CheckpointKeeper(
            checkpoints if self.processes.rank == 0 and save else None, self._write
        )
        self._save, self._gathered = save, dict[str, Any]()
        self._began = time.monotonic() - seconds
        self._lr = config.lr

    # --- the loop --------------------------------------------------------------------------

    def run(self) -> Generator[Report, None, M]:
        """Train to the end, and return the model with the best validation."""
        state, task = self.state, self.task
        state.ended = False
        while (fraction := self._fraction()) < 1 and not self._is_patience_over():
            # at the start of an epoch, not at the end of one: the checkpoint of a training that is
            # stopped between the two is resumed to the same numbers
            if self._is_validation_due():
                yield from self._validate()
                continue
            for batch in task.batches(state.epoch, state.batches):
                with uninterrupted():  # no checkpoint within a batch
                    self._step(batch, fraction)
                    report = self._report(fraction)
                yield report
                if self.processes.agree(self._keeper.is_due(), self.device):
                    self.save_checkpoint()
                fraction = self._fraction()
                if fraction >= 1:
                    if state.epoch_units >= task.size:
                        self._end_epoch()
                    break
            else:
                self._end_epoch()
        self._check_weights()
        if not self._is_validated():
            yield from self._validate()
        state.ended = True
        self.save_checkpoint()
        return self.best()

    def _step(self, batch: Any, fraction: float) -> None:
        """Train on a batch."""
        config, state = self.config, self.state
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        bf16 = config.precision == "bf16"
        with (
            dropout_generator(self.dropout),
            torch.autocast(self.device.type, torch.bfloat16, enabled=bf16),
        ):
            found = self._loss(batch, fraction)
        self._lr = found.lr_scale * learning_rate(
            config, fraction, self._epochs_of_schedule(fraction), plateaus=state.plateaus
        )
        found.objective.backward()  # type: ignore[no-untyped-call]
        if self.processes.count > 1:
            for parameter in found.sparse:
                if parameter.grad is not None:
                    parameter.grad = sparse_rows(parameter.grad)
        norm = clip_gradients(self.network.parameters(), config)
        self._count(found)
        if not (math.isfinite(float(found.objective.detach())) and math.isfinite(norm)):
            raise self._divergence()
        for group in self.optimizer.param_groups:
            group["lr"] = self._lr
        self.optimizer.step()
        if self.average is not None:
            self.average.update()
        state.batches, state.epoch_units = state.batches + 1, state.epoch_units + found.units
        state.seen, state.seconds = state.seen + found.units, self._seconds

    def _count(self, found: BatchLoss) -> None:
        if found.loss is not None:
            loss = found.loss.detach().to(widest_float(self.device))
            self.state.loss += float(self.processes.total(loss))
            self.state.tokens += found.tokens

    def _end_epoch(self) -> None:
        state = self.state
        state.epoch, state.batches, state.epoch_units = state.epoch + 1, 0, 0
        state.loss, state.tokens = 0.0, 0

    # --- progress --------------------------------------------------------------------------

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def epochs(self) -> float:
        """Epochs done, the present one as a fraction."""
        return self.state.epoch + self.state.epoch_units / self.task.size

    def _fraction(self) -> float:
        """The fraction of the training that is done, from 0 to 1, as process 0 sees it."""
        config, done = self.config, 0.0
        if config.epochs is not None:
            done = self.epochs / config.epochs
        if config.max_minutes is not None:
            available = max(60 * config.max_minutes - self._validation_seconds, 1e-3)
            done = self.processes.agree(max(done, self._seconds / available), self.device)
        return min(done, 1.0)

    def _epochs_of_schedule(self, fraction: float) -> float:
        """The epochs done, shortened to fit where the clock ends the training earlier."""
        if self.config.epochs is None:
            return self.epochs
        return max(self.epochs, fraction * self.config.epochs)  # rounding must not undo an epoch

    def _report(self, fraction: float) -> Report:
        config, state = self.config, self.state
        total = state.seen / max(fraction, 1e-9)
        if config.epochs is not None and config.max_minutes is None:
            total = config.epochs * self.task.size
        figures = self._figures()
        return Report("training", state.seen, max(int(total), state.seen), self.task.unit, figures)

    def _figures(self) -> dict[str, float]:
        state, epochs = self.state, self.epochs
        figures = {
            "epoch": float(min(state.epoch + 1, math.ceil(epochs) or 1)),
            "epochs": epochs,
            "loss": state.loss / state.tokens if state.tokens else math.nan,
            "lr": self._lr,
        }
        if state.validations:
            figures["valid_perplexity"] = _bounded_exp(state.validations[-1]["loss"])
        return {**figures, **state.figures}

    # --- validation ------------------------------------------------------------------------

    @property
    def _validation_seconds(self) -> float:
        """The duration of the last validation, or an estimate of the first one's."""
        state = self.state
        if state.validations:
            return state.validations[-1]["seconds"]
        if not state.seen:
            return 0.0
        expected = self.task.validation_cost * self._seconds / state.seen  # too high at first
        return min(expected, _MAX_RESERVED * 60 * (self.config.max_minutes or math.inf))

    def _is_validated(self) -> bool:
        """Return whether the present weights have been validated."""
        known = self.state.validations
        return not self.task.validation_cost or (bool(known) and known[-1]["epochs"] == self.epochs)

    def _is_validation_due(self) -> bool:
        """Return whether a validation is due: an epoch has ended, and there is time for it."""
        if not self.state.epoch or self.state.batches or self._is_validated():
            return False
        if self.config.max_minutes is None:
            return True
        spent = sum(each["seconds"] for each in self.state.validations) + self._validation_seconds
        spent = self.processes.agree(spent, self.device)
        return spent <= _VALIDATION_FRACTION * 60 * self.config.max_minutes

    def _is_patience_over(self) -> bool:
        patience = self.config.patience
        return patience is not None and self.state.bad_validations >= patience

    def _validate(self) -> Generator[Report, None, None]:
        """Validate in process 0; the last report has the figures of the validation."""
        began, metrics = time.monotonic(), Metrics(math.nan)
        report = Report("validating", 0)
        with contextlib.nullcontext() if self.average is None else self.average.applied():
            if self.processes.rank == 0:
                measuring = Run(self.task.validate())
                for report in measuring:
                    yield report
                metrics = measuring.result()
            with uninterrupted():
                loss = self.processes.agree(metrics.loss, self.device)
                self._note(replace(metrics, loss=loss), time.monotonic() - began)
        yield replace(report, figures={**self._figures(), "seen": float(self.state.seen)})

    def _note(self, metrics: Metrics, seconds: float) -> None:
        """Update best weights, patience and averaging after a validation."""
        state, config, loss = self.state, self.config, metrics.loss
        earlier = [each["loss"] for each in state.validations[: -config.averaging_patience or None]]
        state.validations.append({"epochs": self.epochs, "loss": loss, "seconds": seconds})
        state.figures = dict(metrics.figures)
        if loss < state.best_loss:
            state.best_loss, state.bad_validations = loss, 0
            state.best_figures = dict(metrics.figures)
            self.best_weights = {
                name: parameter.detach().cpu().clone()
                for name, parameter in self.network.named_parameters()
            }
            return
        state.bad_validations += 1
        state.plateaus += config.schedule == "plateau"
        if config.optimizer == "asgd" and not self.average and earlier and loss > min(earlier):
            self.average, state.bad_validations = WeightAverage(self.network), 0

    # --- results ---------------------------------------------------------------------------

    def close(self) -> None:
        """Release DistributedDataParallel, whose hooks need all processes."""
        self._loss.close()

    def best(self) -> M:
        """Return the model with the best validation so far, or as it is where there was none.

        It has a network of its own, so training may continue.
        """
        network = copy.deepcopy(self.network)
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.grad = None
                if name in self.best_weights:
                    parameter.copy_(self.best_weights[name])
        return self.task.model(network.eval(), self.summary())

    def summary(self) -> dict[str, Any]:
        """Return a summary of the training; equal runs give equal ones, so without times."""
        state = self.state
        return {
            "device": self.device.type,
            "precision": self.config.precision,
            self.task.unit: state.seen,
            "epochs": round(self.epochs, 3),
            "valid_perplexity": _bounded_exp(state.best_loss) if self.best_weights else None,
            "validations": [
                {"epochs": round(each["epochs"], 3), "perplexity": _bounded_exp(each["loss"])}
                for each in state.validations
            ],
        }

    def _check_weights(self) -> None:
        """Raise a DivergenceError if a weight is not finite after the last step."""
        for parameter in self.network.parameters():
            if not bool(torch.isfinite(parameter).all()):
                raise self._divergence()

    def _divergence(self) -> DivergenceError:
        config, unit = self.config, self.task.unit.removesuffix("s")
        clip = "" if config.clip_norm else ", or clip gradients (clip_norm 1)"
        lower = min(config.lr / 4, USUAL_RATES[config.optimizer])
        return DivergenceError(
            f"training diverged after {counted(self.state.seen, unit)}, in epoch "
            f"{self.state.epoch + 1}, at learning rate {self._lr:.4g}: the loss or a gradient is "
            f"not finite; lower lr, to {lower:.2g} say{clip}"
        )

    # --- checkpoints -----------------------------------------------------------------------

    def save_checkpoint(self) -> None:
        """Write a checkpoint, if one is wanted: process 0 does it, with the state of all."""
        if self.processes.count > 1:  # one alone cannot gather it, as when it is interrupted
            self._gathered = self.state_dict()
        self._keeper.save()

    def _write(self, path: str | os.PathLike[str]) -> None:
        self._check_weights()
        if self._save is not None:
            self._save(path, self.state_dict() if self.processes.count == 1 else self._gathered)

    def state_dict(self) -> dict[str, Any]:
        """Return all that a resumed training needs; all processes call it together."""
        self.state.averaged = 0 if self.average is None else self.average.count
        generator = self.dropout.get_state()
        return {
            "network": dict(self.network.named_parameters()),
            "best_weights": self.best_weights,
            "average": {} if self.average is None else self.average.mean,
            "optimizer": self.optimizer.state_dict(),
            "task": self.task.state_dict(),
            "dropout": self.processes.gather(generator.to(self.device).unsqueeze(0)).cpu(),
            "loop": asdict(self.state),
            "device": self.device.type,
        }

    def resume(self, saved: SavedTraining) -> None:
        """Resume where a checkpoint was made; the number of processes may have changed.

        Raises:
            ConfigError: the training was on another kind of device, whose random numbers differ.
            FormatError: the checkpoint is not of such a training.
        """
        device = saved.state.get("device")
        if device != self.device.type:
            raise ConfigError(
                f"training began on device {device}, and cannot be resumed on {self.device.type}; "
                f"choose device {device}, or start again"
            )
        with as_format_error(saved.file):
            self.load_state_dict(saved.state)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        self.state = LoopState(**copy.deepcopy(dict(state["loop"])))
        self._began = time.monotonic() - self.state.seconds
        _copy(state["network"], dict(self.network.named_parameters()))
        self.best_weights = dict(state["best_weights"])
        if state["average"]:
            self.average = WeightAverage(self.network)
            _copy(state["average"], self.average.mean)
            self.average.count = self.state.averaged
        saved = copy.deepcopy(dict(state["optimizer"]))
        saved["state"] = {int(number): values for number, values in saved["state"].items()}
        self.optimizer.load_state_dict(saved)
        self.task.load_state_dict(state["task"])
        if self.processes.rank < len(state["dropout"]):
            self.dropout.set_state(state["dropout"][self.processes.rank].clone())


def _copy(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in target.items():
            if tensor.shape != source[name].shape:
                raise ValueError(f"{name} has the shape {tuple(source[name].shape)}")
            tensor.copy_(source[name])


def _bounded_exp(loss: float) -> float:
    """Return exp of a loss, a number of float64 in any case."""
    return math.exp(min(loss, 700.0))  # beyond that float64 ends
