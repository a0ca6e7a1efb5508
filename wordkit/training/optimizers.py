"""From gradients to steps: torch's optimizers, and steps on the rows of word matrices alone.

With a sampled softmax a window touches few of the V rows of the word matrices. Adam and AdamW then
go over these rows only ("lazily"), and over everything else as usual.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from wordkit.runtime.signals import uninterrupted
from wordkit.training.config import LearningConfig
from wordkit.training.processes import Processes
from wordkit.training.row_updates import RowAdamW, RowGradients

__all__ = ["Updater", "WeightAverage", "steps_by_rows"]

_BY_ROWS = ("adam", "adamw")  # the rules that are known for single rows
_STEP = "step"


def steps_by_rows(config: LearningConfig) -> bool:
    """Whether the word matrices can be stepped row by row with these settings."""
    return (
        config.optimizer in _BY_ROWS
        and config.clip_value is None
        and not (config.weight_decay and config.optimizer == "adam")
    )


class Updater:
    """Takes a model's gradients, clips them, and moves the weights.

    Args:
        model: whose ``.grad`` is used, and which is changed.
        config: optimizer, clipping, decay.
        by_rows: whether the word matrices get their gradients by rows; until
            :meth:`go_dense` is called.
    """

    def __init__(self, model: nn.Module, config: LearningConfig, *, by_rows: bool) -> None:
        self._config = config
        self._named = {
            name: parameter
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        }
        self.rows: dict[str, RowGradients] = {}
        self._row_steps: dict[str, RowAdamW] = {}
        if by_rows:
            for name in _word_matrices(self._named):
                gradients = RowGradients(self._named[name])
                self.rows[name] = gradients
                self._row_steps[name] = RowAdamW(
                    self._named[name],
                    gradients,
                    betas=(_BETA1, config.beta2),
                    eps=_EPS,
                    weight_decay=config.weight_decay,
                )
        self._optimizer = _optimizer(self._dense(), config)

    @property
    def by_rows(self) -> bool:
        """Whether word matrices get their gradients by rows."""
        return bool(self.rows)

    def _dense(self) -> list[nn.Parameter]:
        return [p for name, p in self._named.items() if name not in self.rows]

    def clear(self) -> None:
        """Forget the gradients."""
        self._optimizer.zero_grad(set_to_none=True)
        for gradients in self.rows.values():
            gradients.clear()

    def share(self, processes: Processes) -> None:
        """Take the mean of the rows' gradients over all processes, where there are several."""
        if processes.count == 1:
            return
        for gradients in self.rows.values():
            touched = processes.total(gradients.mask().to(torch.int32))
            whole = processes.total(gradients.values.clone())
            ids = touched.nonzero()[:, 0]
            gradients.clear()
            gradients.add(ids, whole[ids] / processes.count)

    def clip(self) -> float:
        """Cut the gradients as the settings say; return their norm before that.

        It is taken for 0 where the settings do not ask for it.
        """
        dense = [p.grad for p in self._dense() if p.grad is not None]
        if self._config.clip_value is not None:
            nn.utils.clip_grad_value_(self._dense(), self._config.clip_value)
        if self._config.clip_norm is None:
            return 0.0
        squares = sum(float(norm) ** 2 for norm in torch._foreach_norm(dense)) if dense else 0.0
        squares += sum(float(gradients.squared_norm()) for gradients in self.rows.values())
        norm = math.sqrt(squares)
        if norm > self._config.clip_norm:
            factor = self._config.clip_norm / norm
            if dense:
                torch._foreach_mul_(dense, factor)
            for gradients in self.rows.values():
                gradients.scale_(factor)
        return norm

    def step(self, lr: float) -> None:
        """Move the weights."""
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._optimizer.step()
        for row_step in self._row_steps.values():
            row_step.step(lr)

    def go_dense(self) -> None:
        """Take the gradients of the word matrices whole from now on; what was learnt stays."""
        if not self.rows:
            return
        before = self._optimizer.state
        states = {name: step.to_dense_state() for name, step in self._row_steps.items()}
        for gradients in self.rows.values():
            gradients.clear()
        self.rows, self._row_steps = {}, {}
        self._optimizer = _optimizer(self._dense(), self._config)
        for name, parameter in self._named.items():
            if name in states:
                self._remember(parameter, states[name])
            elif parameter in before:
                self._optimizer.state[parameter] = before[parameter]

    def state(self) -> dict[str, Tensor]:
        """All that it remembers, as tensors by name."""
        known: dict[str, Tensor] = {}
        for name, parameter in self._named.items():
            for key, value in self._optimizer.state.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    known[f"{name}/{key}"] = value
        for name, step in self._row_steps.items():
            known.update({f"{name}/{key}": value for key, value in step.state_dict().items()})
        return known

    def restore(self, known: Mapping[str, Tensor]) -> None:
        """Remember what :meth:`state` gave."""
        by_name: dict[str, dict[str, Tensor]] = {}
        for path, value in known.items():
            name, _, key = path.rpartition("/")
            by_name.setdefault(name, {})[key] = value
        for name, values in by_name.items():
            if name in self._row_steps:
                self._row_steps[name].load_state_dict(values)
            else:
                self._remember(self._named[name], values)

    def _remember(self, parameter: nn.Parameter, values: Mapping[str, Tensor]) -> None:
        """Let torch's optimizer go on from copies of what it, or one like it, knew of a weight."""
        is_fused = bool(self._optimizer.defaults.get("fused"))
        self._optimizer.state[parameter] = {
            # fused optimizers count their steps on the device, others on the CPU
            key: value.clone()
            if key == _STEP and not is_fused
            else value.to(parameter.device, copy=True)
            for key, value in values.items()
        }


_BETA1, _EPS = 0.9, 1e-8


def _word_matrices(names: Iterable[str]) -> list[str]:
    """The parameters with a row for each word."""
    return [name for name in names if name in ("embedding", "output", "bias")]


def _optimizer(parameters: list[nn.Parameter], config: LearningConfig) -> torch.optim.Optimizer:
    """torch's optimizer of this name; the learning rate is set before each step."""
    lr, decay = config.lr, config.weight_decay
    match config.optimizer:
        case "adam" | "adamw":
            kind: Any = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
            return kind(  # type: ignore[no-any-return]
                parameters, lr, (_BETA1, config.beta2), eps=_EPS, weight_decay=decay, fused=True
            )
        case "adagrad":
            on_cpu = all(parameter.device.type == "cpu" for parameter in parameters)
            return torch.optim.Adagrad(parameters, lr, weight_decay=decay, fused=on_cpu or None)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, lr, weight_decay=decay, foreach=True)
        case "momentum" | "nesterov":
            return torch.optim.SGD(
                parameters,
                lr,
                momentum=config.momentum,
                nesterov=config.optimizer == "nesterov" and config.momentum > 0,
                weight_decay=decay,
                fused=True,
            )
    return torch.optim.SGD(parameters, lr, weight_decay=decay, fused=True)


class WeightAverage:
    """The mean of a model's weights since it was begun (Polyak and Juditsky 1992)."""

    def __init__(self, model: nn.Module) -> None:
        self._parameters = dict(model.named_parameters())
        self.mean = {name: p.detach().clone() for name, p in self._parameters.items()}
        self.count = 1
        self._is_applied = False

    @torch.no_grad()
    def update(self) -> None:
        """Take the present weights into the mean."""
        self.count += 1
        torch._foreach_lerp_(
            list(self.mean.values()), list(self._parameters.values()), 1 / self.count
        )

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Let the model have the mean for its weights while the block runs."""
        try:
            with uninterrupted():
                self._swap()
            yield
        finally:
            with uninterrupted():
                if self._is_applied:
                    self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        """Exchange the mean with the present weights."""
        self._is_applied = not self._is_applied
        for name, parameter in self._parameters.items():
            present = parameter.detach().clone()
            parameter.copy_(self.mean[name])
            self.mean[name].copy_(present)
