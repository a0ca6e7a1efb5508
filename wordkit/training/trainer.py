"""The trainer: one loop over a task, with schedule, validation, best weights and checkpoints."""

from __future__ import annotations

import contextlib
import copy
import math
import os
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, replace
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from wordkit.errors import ConfigError, DivergenceError, counted
from wordkit.nn.dropout import dropout_generator
from wordkit.nn.network import device_of, widest_float
from wordkit.runtime import Report, Run
from wordkit.runtime.processes import Processes
from wordkit.runtime.signals import uninterrupted
from wordkit.storage.checkpoints import CheckpointKeeper, CheckpointPlan
from wordkit.training.budget import Budget
from wordkit.training.checkpoint import TrainingCheckpoint, as_format_error, save_training
from wordkit.training.config import USUAL_RATES
from wordkit.training.distributed import DistributedLoss
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

_MAX_LOSS = math.log(sys.float_info.max)  # nats, up to which a perplexity can be told


class Trainer(Generic[M]):
    """Trains the network of a task to a model M.

    Args:
        task: what is trained; its network is on its device, with its initial weights.
        processes: that train together; None: this one alone.
        checkpoints: where checkpoints go, and how often; None: there are none.
        seconds: that the training has taken already.
    """

    def __init__(
        self,
        task: Task[Any, M],
        processes: Processes | None = None,
        checkpoints: CheckpointPlan | None = None,
        *,
        seconds: float = 0.0,
    ) -> None:
        self.task, self.config, self.network = task, task.config, task.network
        self.processes = processes or Processes()
        self.device = device_of(task.network)
        self.optimizer = make_optimizer(task.network, self.config)
        self.state, self.best_weights = LoopState(), dict[str, Tensor]()
        self.average = self._new_average() if self.config.average else None
        seed = self.config.seed + self.processes.rank
        self.dropout = torch.Generator(self.device).manual_seed(seed)
        self._distributed = DistributedLoss(task) if self.processes.count > 1 else None
        plan = checkpoints if self.processes.rank == 0 else None
        self._keeper = CheckpointKeeper(plan, self._write, lambda: self.state.seen)
        self._gathered = dict[str, Any]()
        self.budget = Budget(task, self.state, self.processes, seconds)
        self._lr = self.config.lr

    # --- the loop --------------------------------------------------------------------------

    def run(self) -> Generator[Report, None, M]:
        """Train to the end, and return the model with the best validation."""
        state, task = self.state, self.task
        state.ended = False
        while (fraction := self.budget.fraction()) < 1 and not self._is_patience_over:
            # at the start of an epoch, not at the end of one: the checkpoint of a training that is
            # stopped between the two is resumed to the same numbers
            if self.budget.is_validation_due():
                yield from self._validate()
                continue
            for batch in task.batches(state.epoch, state.batches):
                with uninterrupted():  # no checkpoint within a batch
                    self._step(batch, fraction)
                    total, figures = self.budget.total(fraction), self._figures()
                    report = Report("training", state.seen, total, task.unit, figures)
                yield report
                if self.processes.broadcast(self._keeper.is_due(), self.device):
                    self.save_checkpoint()
                fraction = self.budget.fraction()
                if fraction >= 1:
                    if state.epoch_units >= task.size:
                        state.end_epoch()
                    break
            else:
                state.end_epoch()
        self._check_weights()
        if not self.budget.is_validated:
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
            loss = (self._distributed or self.task.loss)(batch, fraction)
        self._lr = loss.lr_scale * learning_rate(
            config, fraction, self.budget.epochs_of_schedule(fraction), plateaus=state.plateaus
        )
        loss.objective.backward()  # type: ignore[no-untyped-call]
        if self.processes.count > 1:
            for parameter in loss.sparse:
                if parameter.grad is not None:
                    parameter.grad = sparse_rows(parameter.grad)
        norm = clip_gradients(self.network.parameters(), config)
        self._count(loss)
        # False for NaN too
        if not (float(loss.objective.detach()) < _MAX_LOSS and math.isfinite(norm)):
            raise self._divergence()
        for group in self.optimizer.param_groups:
            group["lr"] = self._lr
        self.optimizer.step()
        if self.average is not None:
            self.average.update()
        state.batches, state.epoch_units = state.batches + 1, state.epoch_units + loss.units
        state.seen, state.seconds = state.seen + loss.units, self.budget.seconds

    def _count(self, batch_loss: BatchLoss) -> None:
        if batch_loss.loss is not None:
            loss = batch_loss.loss.detach().to(widest_float(self.device))
            self.state.loss += float(self.processes.all_reduce(loss))
            self.state.tokens += batch_loss.tokens

    # --- progress --------------------------------------------------------------------------

    def _figures(self) -> dict[str, float]:
        return self.state.progress(self.budget.epochs, self._lr)

    # --- validation ------------------------------------------------------------------------

    @property
    def _is_patience_over(self) -> bool:
        return self.state.bad_validations >= (self.config.patience or math.inf)

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
                loss = self.processes.broadcast(metrics.loss, self.device)
                if not loss < _MAX_LOSS:  # NaN too
                    raise self._divergence()
                self._note(replace(metrics, loss=loss), time.monotonic() - began)
        yield replace(report, figures={**self._figures(), "seen": float(self.state.seen)})

    def _note(self, metrics: Metrics, seconds: float) -> None:
        """Update best weights, patience and averaging after a validation."""
        state, config, loss = self.state, self.config, metrics.loss
        earlier = [each["loss"] for each in state.validations[: -config.averaging_patience or None]]
        state.validations.append({"epochs": self.budget.epochs, "loss": loss, "seconds": seconds})
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
            self.average, state.bad_validations = self._new_average(), 0

    def _new_average(self) -> WeightAverage:
        config = self.config
        return WeightAverage(self.network, config.average_decay if config.average else None)

    # --- results ---------------------------------------------------------------------------

    def close(self) -> None:
        """Release DistributedDataParallel, whose hooks need all processes."""
        if self._distributed is not None:
            self._distributed.close()

    def best(self) -> M:
        """Return the model with the best validation so far, or as it is where there was none.

        It has a network of its own, so training may continue.
        """
        network, kept = copy.deepcopy(self.network), self.best_weights
        if not kept and self.average is not None:
            kept = self.average.mean
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.grad = None
                if name in kept:
                    parameter.copy_(kept[name])
        summary = {  # the same for equal runs, so without times
            "device": self.device.type,
            "precision": self.config.precision,
            self.task.unit: self.state.seen,
            **self.state.summary(self.budget.epochs),
        }
        return self.task.model(network.eval(), summary)

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
            f"too large or not finite; lower lr, to {lower:.2g} say{clip}"
        )

    # --- checkpoints -----------------------------------------------------------------------

    def save_checkpoint(self) -> None:
        """Write a checkpoint, if one is wanted: process 0 does it, with the state of all."""
        if self.processes.count > 1:  # one alone cannot gather it, as when it is interrupted
            self._gathered = self.state_dict()
        self._keeper.save()

    def _write(self, path: str | os.PathLike[str]) -> None:
        self._check_weights()
        save_training(
            path,
            self.state_dict() if self.processes.count == 1 else self._gathered,
            kind=self.task.checkpoint_kind,
            about=self.task.record(),
            vocabularies=self.task.vocabularies,
        )

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

    def resume(self, checkpoint: TrainingCheckpoint[Any, Any]) -> None:
        """Resume where a checkpoint was made; the number of processes may have changed.

        Raises:
            ConfigError: the training was on another kind of device, whose random numbers differ.
            FormatError: the checkpoint is not of such a training.
        """
        device = checkpoint.trainer.get("device")
        if device != self.device.type:
            raise ConfigError(
                f"training began on device {device}, and cannot be resumed on {self.device.type}; "
                f"choose device {device}, or start again"
            )
        with as_format_error(checkpoint.file):
            self.load_state_dict(checkpoint.trainer)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        self.state = LoopState(**copy.deepcopy(dict(state["loop"])))
        self.budget = Budget(self.task, self.state, self.processes, self.state.seconds)
        _copy(state["network"], dict(self.network.named_parameters()))
        self.best_weights = dict(state["best_weights"])
        if state["average"]:
            self.average = self._new_average()
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
