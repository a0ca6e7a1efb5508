"""The softmax over all words, a few rows of it at a time.

N tokens, V words, H width of a hidden vector, C tokens in a chunk.

The logits of N tokens are N·V numbers, far more than all that they are made from. They are
computed for C tokens, turned into their share of the loss and of its gradients, and overwritten:
the gradients of a softmax are known as soon as its logits are, before anything asks for them. The
idea is that of Liger-Kernel's fused linear cross entropy (Hsu et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from wordkit.errors import ConfigError

__all__ = ["Precision", "linear_cross_entropy", "log_probabilities", "token_log_probabilities"]

Precision = Literal["fp32", "bf16"]

_LOGITS = 1 << 22  # held at a time


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
        chunk: C; None: what fits in a cache.

    Raises:
        ConfigError: a setting is out of its range.
    """
    check_precision(precision)
    if not 0 <= label_smoothing <= 1:
        raise ConfigError(f"label_smoothing must be from 0 to 1, not {label_smoothing}")
    if chunk is not None and chunk < 1:
        raise ConfigError(f"chunk must be at least 1, not {chunk}")
    rows = chunk or max(_LOGITS // len(weight), 1)
    task = _Task(precision == "bf16", label_smoothing, rows, torch.is_grad_enabled())
    loss: Tensor = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden, weight, bias, targets, task
    )
    return loss


def check_precision(precision: str) -> None:
    """Raise a ConfigError unless this is ``fp32`` or ``bf16``."""
    if precision not in ("fp32", "bf16"):
        raise ConfigError(f"precision must be fp32 or bf16, not {precision!r}")


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
    """
    check_precision(precision)
    values = hidden.new_zeros(len(hidden), dtype=_wide(hidden.dtype))
    rows = max(_LOGITS // len(weight), 1)
    for start in range(0, len(hidden), rows):
        part = slice(start, start + rows)
        logits = _logits(hidden[part], weight, bias, precision == "bf16")
        target = targets[part, None]
        wanted = logits.gather(1, target.clamp(min=0))[:, 0] - logits.logsumexp(1)
        values[part] = torch.where(target[:, 0] < 0, 0.0, wanted)
    return values


@torch.no_grad()
def log_probabilities(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """log p of every word, shape (N, V), natural. No gradients."""
    return torch.log_softmax(_logits(hidden, weight, bias, False), 1)


@dataclass(frozen=True)
class _Task:
    """How to compute the loss."""

    in_bf16: bool
    smoothing: float
    rows: int
    with_gradients: bool


class _LinearCrossEntropy(torch.autograd.Function):
    """The loss, with its gradients made on the way forward and kept for the way back."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, task: _Task
    ) -> Tensor:
        wanted = [task.with_gradients and need for need in ctx.needs_input_grad[:3]]
        with torch.autocast(hidden.device.type, enabled=False):
            loss, ctx.gradients = _in_chunks(hidden, weight, bias, targets, task, wanted)
        return loss.to(_wide(hidden.dtype))

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
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    task: _Task,
    wanted: list[bool],
) -> tuple[Tensor, list[Tensor | None]]:
    """The loss in float64, and the gradients of hidden, weight and bias that are wanted."""
    to_hidden, to_weight, to_bias = (
        torch.zeros_like(of) if wants and of is not None else None
        for of, wants in zip((hidden, weight, bias), wanted, strict=True)
    )
    loss = hidden.new_zeros((), dtype=torch.float64)
    factor = weight.bfloat16() if task.in_bf16 else weight
    for start in range(0, len(hidden), task.rows):
        part = slice(start, start + task.rows)
        x = hidden[part].bfloat16() if task.in_bf16 else hidden[part]
        logits = _logits(x, factor, bias, task.in_bf16)
        loss += _loss_to_gradient(logits, targets[part], task.smoothing, any(wanted))
        if not any(wanted):
            continue
        if to_bias is not None:
            to_bias += logits.sum(0)
        gradient = logits.to(factor.dtype)
        if to_hidden is not None:
            to_hidden[part] = gradient @ factor
        if to_weight is not None:
            to_weight += gradient.T @ x
    return loss, [to_hidden, to_weight, to_bias]


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor | None, in_bf16: bool) -> Tensor:
    """hidden · weightᵀ + bias in float32 (or float64), shape (N, V)."""
    if in_bf16:
        hidden, weight = hidden.bfloat16(), weight.bfloat16()
    product = hidden @ weight.T
    logits = product.to(_wide(product.dtype))
    return logits if bias is None else logits.add_(bias)


def _loss_to_gradient(
    logits: Tensor, targets: Tensor, smoothing: float, with_gradient: bool
) -> Tensor:
    """The loss of a chunk in float64; its logits, of shape (C, V), become their gradient.

    With smoothing ε the loss of a token is lse(z) − (1 − ε)·z[target] − ε·mean(z).
    """
    counts = (targets >= 0).to(logits.dtype)  # (C,)
    target = targets.clamp(min=0)[:, None]
    normalizer = logits.logsumexp(1)
    losses = normalizer - (1 - smoothing) * logits.gather(1, target)[:, 0]
    if smoothing:
        losses -= smoothing * logits.mean(1)
    loss = (losses * counts).sum(dtype=torch.float64)
    if with_gradient:
        logits.sub_(normalizer[:, None]).exp_()
        if smoothing:
            logits.sub_(smoothing / logits.shape[1])
        logits.scatter_add_(1, target, torch.full_like(target, smoothing - 1, dtype=logits.dtype))
        logits.mul_(counts[:, None])
    return loss


def _wide(dtype: torch.dtype) -> torch.dtype:
    """Where values of this type are kept: float64 for itself, float32 for all others."""
    return torch.float64 if dtype == torch.float64 else torch.float32
