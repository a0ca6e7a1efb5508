"""Optimizers: those of torch, AdamW for sparse rows, clipping, averaging.

With a sampled softmax a batch touches few of the V rows of the word matrices. Their gradients are
sparse tensors, and AdamW updates these rows alone ("lazy" Adam).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from wordkit.runtime.signals import uninterrupted
from wordkit.training.config import LearningConfig

__all__ = [
    "RowAdamW", "WeightAverage", "clip_gradients", "make_optimizer", "sparse_rows",
]  # fmt: skip

_BETA1, _EPS = 0.9, 1e-8


def sparse_rows(gradient: Tensor) -> Tensor:
    """Return a dense gradient, (V, …), as a sparse tensor of its rows that are not 0."""
    rows = gradient.flatten(1).any(1) if gradient.ndim > 1 else gradient != 0
    ids = rows.nonzero()[:, 0]
    sparse = torch.sparse_coo_tensor(
        ids.unsqueeze(0), gradient[ids], gradient.shape, check_invariants=False
    )
    return sparse._coalesced_(True)


class RowAdamW(torch.optim.AdamW):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), lazy for sparse gradients.

    Of a parameter with a sparse gradient only the rows in it are changed, and their moments: where
    all rows are in every step, it is ``torch.optim.AdamW``; with no weight decay it is
    ``torch.optim.SparseAdam``, but for eps, which that adds before it corrects the moment.
    Gradients of a parameter may be sparse for a while, and dense from then on.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update the parameters."""
        sparse = [
            (parameter, group, parameter.grad)
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None and parameter.grad.is_sparse
        ]
        for parameter, _, _ in sparse:
            parameter.grad = None
        super().step()
        for parameter, group, gradient in sparse:
            self._step_rows(parameter, group, gradient.coalesce())
            parameter.grad = gradient

    def _step_rows(self, parameter: Tensor, group: dict[str, Any], gradient: Tensor) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        (beta1, beta2), steps = group["betas"], float(state["step"])
        rows, values = gradient.indices()[0], gradient.values()
        mean = state["exp_avg"].index_select(0, rows).lerp_(values, 1 - beta1)
        square = state["exp_avg_sq"].index_select(0, rows)
        square.mul_(beta2).addcmul_(values, values, value=1 - beta2)
        state["exp_avg"].index_copy_(0, rows, mean)
        state["exp_avg_sq"].index_copy_(0, rows, square)
        lr, correction = group["lr"], (1 - beta2**steps) ** 0.5
        if group["weight_decay"]:
            parameter[rows] *= 1 - lr * group["weight_decay"]
        update = mean.div_(square.sqrt_().div_(correction).add_(group["eps"]))
        parameter.index_add_(0, rows, update, alpha=-lr / (1 - beta1**steps))


def make_optimizer(network: nn.Module, config: LearningConfig) -> torch.optim.Optimizer:
    """Return the optimizer of the settings for the parameters that are trained."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    lr, decay, betas = config.lr, config.weight_decay, (_BETA1, config.beta2)
    optimizer = config.optimizer
    match optimizer:
        case "adam" if decay:
            return torch.optim.Adam(parameters, lr, betas, eps=_EPS, weight_decay=decay, fused=True)
        case "adam" | "adamw":
            return RowAdamW(parameters, lr, betas, eps=_EPS, weight_decay=decay, fused=True)
        case "adagrad":
            on_cpu = all(parameter.device.type == "cpu" for parameter in parameters)
            return torch.optim.Adagrad(parameters, lr, weight_decay=decay, fused=on_cpu or None)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, lr, weight_decay=decay, foreach=True)
        case "momentum" | "nesterov":
            return torch.optim.SGD(
                parameters, lr, momentum=config.momentum, weight_decay=decay, fused=True,
                nesterov=optimizer == "nesterov" and config.momentum > 0,
            )  # fmt: skip
        case "sgd" | "asgd":
            return torch.optim.SGD(parameters, lr, weight_decay=decay, fused=True)


def clip_gradients(parameters: Iterable[nn.Parameter], config: LearningConfig) -> float:
    """Clip the gradients by value and by norm as the settings say; return their norm before."""
    gradients = []
    for parameter in parameters:
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()
            gradients.append(parameter.grad._values())
        elif parameter.grad is not None:
            gradients.append(parameter.grad)
    if not gradients:
        return 0.0
    if config.clip_value is not None:
        torch._foreach_clamp_min_(gradients, -config.clip_value)
        torch._foreach_clamp_max_(gradients, config.clip_value)
    norm = float(torch.stack(torch._foreach_norm(gradients)).cpu().double().norm())
    if config.clip_norm is not None and norm > config.clip_norm:
        torch._foreach_mul_(gradients, config.clip_norm / norm)
    return norm


class WeightAverage:
    """The mean of a network's weights since it was begun (Polyak and Juditsky 1992).

    Args:
        network: whose weights are averaged.
        decay: of an exponential moving average, at most: the first weights are given up sooner, by
            (1 + n) / (10 + n) after n steps; None: all weights count alike.
    """

    def __init__(self, network: nn.Module, decay: float | None = None) -> None:
        self._decay = decay
        self._parameters = dict(network.named_parameters())
        self.mean = {name: p.detach().clone() for name, p in self._parameters.items()}
        self.count = 1
        self._is_applied = False

    @torch.no_grad()
    def update(self) -> None:
        """Update the mean by the present weights."""
        self.count += 1
        part = 1 / self.count
        if self._decay is not None:
            part = 1 - min(self._decay, self.count / (9 + self.count))
        torch._foreach_lerp_(list(self.mean.values()), list(self._parameters.values()), part)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Exchange the weights for their mean while the block runs."""
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
        self._is_applied = not self._is_applied
        for name, parameter in self._parameters.items():
            present = parameter.detach().clone()
            parameter.copy_(self.mean[name])
            self.mean[name].copy_(present)
