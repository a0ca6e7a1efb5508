"""The softmax over all words, a few rows of it at a time.

N tokens, V words, H width of a hidden vector, C tokens in a chunk.

The logits of N tokens are N·V numbers, far more than all that they are made from. They are
computed for C tokens, turned into their share of the loss and of its gradients, and overwritten:
the gradients of a softmax are known as soon as its logits are, before anything asks for them. (So
does Liger-Kernel's fused linear cross entropy, Hsu et al. 2024.)

A bfloat16 has 8 bits of fraction. With products of bf16, losses are within about 1e-2 of those in
float32 for each token, and within 1e-3 for the sum of a window; gradients are within 1e-2 of
theirs, as the norm of the difference. Each chunk's gradient of the weights is rounded to bf16
once, and the chunks are summed in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor
from torch.autograd.function import once_differentiable

from wordkit.errors import ConfigError
from wordkit.recurrent.row_softmax import (
    RowSoftmax,
    check_precision,
    column_sums,
    parts,
    uses_kernels,
    wide,
)

__all__ = ["linear_cross_entropy", "log_probabilities", "token_log_probabilities"]


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    *,
    precision: str = "fp32",
    label_smoothing: float = 0.0,
    chunk: int | None = None,
) -> Tensor:
    """The sum of −log p(target) under softmax(hidden · weightᵀ + bias), in nats: a scalar.

    Gradients are computed along with it, for those of hidden, weight and bias that want one; so
    one can go back through it once only.

    Args:
        hidden: shape (N, H).
        weight: shape (V, H).
        bias: shape (V,), or None.
        targets: shape (N,), int64; −1 where there is nothing to predict.
        precision: of the matrix products, ``fp32`` (that of ``hidden``) or ``bf16``.
        label_smoothing: share of the target's probability that is given to all words alike, from
            0 to 1 (Szegedy et al. 2016).
        chunk: the largest C; None: see :func:`wordkit.recurrent.row_softmax.parts`.

    Raises:
        ConfigError: a setting is out of its range.
        IndexError: a target is not below V.
    """
    check_precision(precision)
    if not 0 <= label_smoothing <= 1:
        raise ConfigError(f"label_smoothing must be from 0 to 1, not {label_smoothing}")
    if chunk is not None and chunk < 1:
        raise ConfigError(f"chunk must be at least 1, not {chunk}")
    _check_targets(targets, weight)
    task = _Task(precision == "bf16", label_smoothing, chunk, torch.is_grad_enabled())
    loss: Tensor = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden, weight, bias, targets, task
    )
    return loss


@torch.no_grad()
def token_log_probabilities(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    precision: str = "fp32",
) -> Tensor:
    """log p of each target, shape (N,), natural; 0 where the target is −1. No gradients.

    Args:
        hidden: shape (N, H).
        weight: shape (V, H).
        bias: shape (V,), or None.
        targets: shape (N,), int64.
        precision: of the matrix products.

    Raises:
        ConfigError: ``precision`` is unknown.
        IndexError: a target is not below V.
    """
    check_precision(precision)
    _check_targets(targets, weight)
    in_bf16 = precision == "bf16"
    softmax = RowSoftmax(weight, bias, in_bf16=in_bf16)
    values = hidden.new_empty(len(hidden), dtype=wide(hidden.dtype))
    for part in parts(len(hidden), weight, in_bf16=in_bf16):
        _, _, normalizers, right = softmax.of(hidden[part], targets[part])
        torch.sub(right, normalizers, out=values[part])
    return values.masked_fill_(targets < 0, 0)


@torch.no_grad()
def log_probabilities(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """log p of every word, shape (N, V), natural. No gradients."""
    return torch.log_softmax(F.linear(hidden, weight, bias), 1)


def _check_targets(targets: Tensor, weight: Tensor) -> None:
    """Refuse targets that are no words, where that is not left to torch."""
    if uses_kernels(weight) and len(targets) and int(targets.max()) >= len(weight):
        raise IndexError(f"a target is {int(targets.max())}, but there are {len(weight)} words")


@dataclass(frozen=True)
class _Task:
    """How to compute the loss."""

    in_bf16: bool
    smoothing: float
    rows: int | None
    with_gradients: bool


class _LinearCrossEntropy(torch.autograd.Function):
    """The loss, with its gradients made on the way forward and kept for the way back."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, task: _Task
    ) -> Tensor:
        inputs = hidden, weight, bias
        gradients = [
            torch.empty_like(of) if of is not None and need and task.with_gradients else None
            for of, need in zip(inputs, ctx.needs_input_grad, strict=False)
        ]
        with torch.autocast(hidden.device.type, enabled=False):
            loss = _in_chunks(inputs, targets, task, gradients)
        ctx.gradients = gradients
        return loss.to(wide(hidden.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None:
            raise RuntimeError("linear_cross_entropy keeps its gradients for one way back only")
        for gradient in gradients:
            if gradient is not None:
                gradient.mul_(factor.to(gradient.dtype))
        return (*gradients, None, None)


def _in_chunks(
    inputs: tuple[Tensor, Tensor, Tensor | None],
    targets: Tensor,
    task: _Task,
    gradients: list[Tensor | None],
) -> Tensor:
    """The loss in float64; the gradients of hidden, weight and bias that are wanted are filled in.

    The gradient of the logits is the softmax less what is right, which is one word (or, smoothed,
    that and all words alike). Only the softmax goes through matrix products.
    """
    hidden, weight, bias = inputs
    to_hidden, to_weight, to_bias = gradients
    softmax = RowSoftmax(weight, bias, in_bf16=task.in_bf16)
    there = (targets >= 0).to(wide(hidden.dtype))
    loss = hidden.new_zeros((), dtype=torch.float64)
    if to_bias is not None:
        to_bias.zero_()
    for part in parts(len(hidden), weight, in_bf16=task.in_bf16, rows=task.rows):
        x = hidden[part]
        powers, factors, normalizers, right = softmax.of(x, targets[part])
        losses = (normalizers - right).mul_(there[part])
        loss += losses.sum(dtype=torch.float64)
        if task.smoothing:
            losses = right - _mean_logit(x, weight, bias)
            loss += task.smoothing * losses.mul_(there[part]).sum(dtype=torch.float64)
        if to_bias is not None:
            to_bias += column_sums(powers, factors)
        if to_hidden is not None:
            torch.mul(powers @ softmax.weight, factors[:, None], out=to_hidden[part])
        if to_weight is not None:
            scaled = (x * factors[:, None]).to(powers.dtype)
            _sum_products(to_weight, powers, scaled, is_first=part.start == 0)
    _subtract_right(inputs, targets, there, task.smoothing, gradients)
    return loss


def _sum_products(total: Tensor, left: Tensor, right: Tensor, *, is_first: bool) -> None:
    """total = leftᵀ · right for the first chunk; for the others that is added."""
    if left.dtype == total.dtype:
        total.addmm_(left.T, right, beta=0 if is_first else 1)
    elif is_first:
        total.copy_(left.T @ right)
    else:
        RowSoftmax.add(total, left.T @ right)


def _mean_logit(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The mean of each row's logits, shape (C,)."""
    means = x.to(weight.dtype) @ weight.mean(0)
    return means if bias is None else means + bias.mean()


def _subtract_right(
    inputs: tuple[Tensor, Tensor, Tensor | None],
    targets: Tensor,
    there: Tensor,
    smoothing: float,
    gradients: list[Tensor | None],
) -> None:
    """Take what is right from the gradients: 1 − ε for the target, and ε / V for all words."""
    hidden, weight, _ = inputs
    to_hidden, to_weight, to_bias = gradients
    ids, right, share = targets.clamp(min=0), there * (1 - smoothing), smoothing / len(weight)
    if to_hidden is not None:
        to_hidden -= F.embedding(ids, weight).mul_(right[:, None])
        if smoothing:
            to_hidden -= torch.outer(there, weight.mean(0) * smoothing)
    if to_weight is not None:
        to_weight.index_add_(0, ids, hidden.to(weight.dtype) * -right[:, None])
        if smoothing:
            to_weight -= (there @ hidden.to(there.dtype)) * share
    if to_bias is not None:
        to_bias.index_add_(0, ids, -right)
        to_bias -= there.sum() * share
