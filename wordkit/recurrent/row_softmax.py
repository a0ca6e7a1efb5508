"""The softmax of a few rows at a time, as factors and powers of e: on any device.

C rows, V words, H width of a hidden vector.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from wordkit.errors import ConfigError

__all__ = ["RowSoftmax", "check_precision", "column_sums", "parts", "uses_kernels", "wide"]

_LOG2_E = 1 / math.log(2)
_ROOM = 1 << 23  # bytes of logits that any machine may hold
_ROOM_ON_DEVICE = 1 << 28


def check_precision(precision: str) -> None:
    """Raise a ConfigError unless this is ``fp32`` or ``bf16``."""
    if precision not in ("fp32", "bf16"):
        raise ConfigError(f"precision must be fp32 or bf16, not {precision!r}")


def wide(dtype: torch.dtype) -> torch.dtype:
    """Where sums of this type are kept: float64 for itself, float32 for all others."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def uses_kernels(weight: Tensor) -> bool:
    """Whether compiled kernels do what is done to each number, or torch."""
    return weight.device.type == "cpu" and weight.dtype == torch.float32


def parts(count: int, weight: Tensor, *, in_bf16: bool, rows: int | None = None) -> Iterator[slice]:
    """Split rows into chunks of about the same size; there is always one.

    By default the logits of a chunk take no more room than a gradient of the weights does, and
    so the gradient's sum over chunks takes little beside the products, whatever V and H.

    Args:
        count: of rows.
        weight: shape (V, H).
        in_bf16: whether the logits take two bytes each.
        rows: the most in a chunk; None: see above.
    """
    if rows is None:
        size = 2 if in_bf16 else weight.element_size()
        least = _ROOM if weight.device.type == "cpu" else _ROOM_ON_DEVICE
        room = max(weight.numel() * wide(weight.dtype).itemsize, least)
        rows = max(room // (len(weight) * size), 1)
    chunks = max(-(-count // rows), 1)
    return (slice(count * i // chunks, count * (i + 1) // chunks) for i in range(chunks))


class RowSoftmax:
    """softmax(x · weightᵀ + bias) for rows x, in the form factor · E.

    Args:
        weight: shape (V, H).
        bias: shape (V,), or None.
        in_bf16: whether products are taken in bfloat16.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, *, in_bf16: bool) -> None:
        self.weight = weight.bfloat16() if in_bf16 else weight
        """As it goes into products."""
        self._bias = bias
        self._uses_kernels = uses_kernels(weight)
        if self._uses_kernels:
            bias = weight.new_zeros(len(weight)) if bias is None else bias.detach().float()
            self._bias = (bias * _LOG2_E).contiguous()

    def of(self, x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The softmax of some rows.

        Args:
            x: shape (C, H).
            targets: shape (C,), int64; −1 where there is none.

        Returns:
            E, shape (C, V), in the precision of the products; the factor of each row, 0 where
            there is no target; its normalizer log Σ exp; and the logit of its target.
        """
        logits = x.to(self.weight.dtype) @ self.weight.T
        if self._uses_kernels and self._bias is not None:
            from wordkit.recurrent.kernels.softmax import powers

            return logits, *powers(logits, self._bias, targets.contiguous())
        logits = logits.to(wide(logits.dtype))
        if self._bias is not None:
            logits += self._bias
        normalizers = logits.logsumexp(1)
        right = logits.gather(1, targets.clamp(min=0)[:, None])[:, 0]
        exponentials = logits.sub_(normalizers[:, None]).exp_().to(self.weight.dtype)
        return exponentials, (targets >= 0).to(normalizers.dtype), normalizers, right

    @staticmethod
    def add(total: Tensor, product: Tensor) -> None:
        """Add a product in bfloat16 to a sum in float32, both of shape (V, H)."""
        if uses_kernels(total) and total.is_contiguous() and product.dtype == torch.bfloat16:
            from wordkit.recurrent.kernels.softmax import column_sums

            column_sums(product.view(1, -1), total.new_ones(1), total.view(-1))
        else:
            total += product


def column_sums(powers: Tensor, factors: Tensor) -> Tensor:
    """The sum over rows of factor · E, shape (V,), in the precision of the factors."""
    if not uses_kernels(factors):
        return (powers * factors[:, None]).sum(0)
    from wordkit.recurrent.kernels import softmax

    total = factors.new_zeros(powers.shape[1])
    softmax.column_sums(powers, factors.contiguous(), total)
    return total
