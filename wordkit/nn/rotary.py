"""Rotary position embeddings: queries and keys rotated by angles that grow with their positions.

After Su et al. (2021). B sequences, T steps, A heads, D size of a head.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["rotate", "rotated_heads", "rotations"]

_BASE = 10_000.0  # wavelengths, in steps, are from 2π to nearly this times 2π


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate value i of each head with value i + D/2, by the angle of the step.

    Args:
        x: shape (…, T, D).
        cos, sin: of :func:`rotations`.
    """
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)


def rotated_heads(qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries and keys, rotated, and values, (B, A, T, D) each, of all in one.

    Args:
        qkv: shape (B, T, 3, A, D).
        cos, sin: of :func:`rotations`.
    """
    return _RotatedHeads.apply(qkv, cos, sin)  # type: ignore[no-any-return, no-untyped-call]


class _RotatedHeads(torch.autograd.Function):
    """Its gradient is one tensor, where those of views would be filled up with zeros and added."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, ...]:
        ctx.cos, ctx.sin = cos, sin
        parts = torch.stack(qkv.transpose(1, 3).unbind(2))  # (3, B, A, T, D)
        parts[:2] = rotate(parts[:2], cos, sin)
        return parts[0], parts[1], parts[2]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        parts = torch.stack(gradients)
        parts[:2] = rotate(parts[:2], ctx.cos, -ctx.sin)
        return parts.permute(1, 3, 0, 2, 4), None, None


def rotations(
    steps: int, size: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return cos and sin of the angles of so many steps, (T, D) each; sin for i < D/2 negative."""
    table = _rotation_table(1 << (steps - 1).bit_length(), size, dtype, device)
    return table[0][:steps], table[1][:steps]


@functools.lru_cache(maxsize=16)
def _rotation_table(
    steps: int, size: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    frequencies = _BASE ** (torch.arange(0, size, 2, dtype=torch.float64) / -size)
    angles = torch.outer(torch.arange(steps, dtype=torch.float64), frequencies)
    cos, sin = angles.cos().repeat(1, 2), torch.cat([-angles.sin(), angles.sin()], 1)
    return cos.to(device, dtype), sin.to(device, dtype)
