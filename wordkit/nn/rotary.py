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
        cos, sin: of the angles, shape (T, D/2).
    """
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def rotated_heads(qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries and keys, rotated, and values, (B, A, T, D) each, of all in one.

    Args:
        qkv: shape (B, T, 3, A, D).
        cos, sin: of the angles, shape (T, D/2).
    """
    return _RotatedHeads.apply(qkv, cos, sin)  # type: ignore[no-any-return, no-untyped-call]


class _RotatedHeads(torch.autograd.Function):
    """Its gradient is one tensor, where those of views would be filled up with zeros and added."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, ...]:
        ctx.cos, ctx.sin = cos, sin
        qkv = qkv.permute(2, 0, 3, 1, 4)  # (3, B, A, T, D)
        parts = torch.empty(qkv.shape, dtype=qkv.dtype, device=qkv.device)
        _rotate_into(parts[:2], qkv[:2], cos, sin)
        parts[2] = qkv[2]
        return parts[0], parts[1], parts[2]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        d_query, d_key, d_value = gradients
        B, A, T, D = d_query.shape
        joined = d_query.new_empty(B, T, 3, A, D)
        parts = joined.permute(2, 0, 3, 1, 4)
        _rotate_into(parts[0], d_query, ctx.cos, -ctx.sin)
        _rotate_into(parts[1], d_key, ctx.cos, -ctx.sin)
        parts[2] = d_value
        return joined, None, None


def _rotate_into(out: Tensor, x: Tensor, cos: Tensor, sin: Tensor) -> None:
    """Do :func:`rotate` without copies."""
    (a, b), (first, second) = x.chunk(2, -1), out.chunk(2, -1)
    torch.mul(a, cos, out=first).addcmul_(b, sin, value=-1)
    torch.mul(b, cos, out=second).addcmul_(a, sin)


def rotations(
    steps: int, size: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return cos and sin of the angles of so many steps, (T, D/2)."""
    table = _rotation_table(1 << (steps - 1).bit_length(), size, dtype, device)
    return table[0][:steps], table[1][:steps]


@functools.lru_cache(maxsize=16)
def _rotation_table(
    steps: int, size: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    frequencies = _BASE ** (torch.arange(0, size, 2, dtype=torch.float64) / -size)
    angles = torch.outer(torch.arange(steps, dtype=torch.float64), frequencies)
    return angles.cos().to(device, dtype), angles.sin().to(device, dtype)
