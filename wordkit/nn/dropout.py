"""Dropout, with random numbers that a training can keep and restore.

T steps, B sequences of a batch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from torch import Tensor, nn

__all__ = ["Dropout", "dropout_generator"]

_GENERATOR: ContextVar[torch.Generator | None] = ContextVar("dropout_generator", default=None)


@contextlib.contextmanager
def dropout_generator(generator: torch.Generator | None) -> Iterator[None]:
    """Draw the masks of dropout from a generator while the block runs; None: from torch's own."""
    token = _GENERATOR.set(generator)
    try:
        yield
    finally:
        _GENERATOR.reset(token)


def _mask(keep: float, shape: torch.Size, device: torch.device) -> Tensor:
    """Return a mask that is true with a probability.

    On the CPU a draw gives four values of 16 bits, five times as fast as ``bernoulli_``; so the
    probability is a multiple of 2⁻¹⁶, the nearest one above 0 and below 1.
    """
    generator = _GENERATOR.get()
    if device.type != "cpu":
        values = torch.empty(shape, dtype=torch.bool, device=device)
        return values.bernoulli_(keep, generator=generator)
    kept, count = min(max(round(keep * 2**16), 1), 2**16 - 1), shape.numel()
    bits = torch.empty(-(-count // 4), dtype=torch.int64)
    bits.random_(-(2**63), None, generator=generator)
    return bits.view(torch.int16)[:count].view(shape) < kept - 2**15


class Dropout(nn.Module):
    """Set a fraction of the values to 0 in training, and scale up the rest.

    Args:
        p: the fraction, from 0 to below 1 (Srivastava et al. 2014).
        locked: whether the mask is the same at all steps, the first dimension ("variational":
            Gal and Ghahramani 2016).
    """

    def __init__(self, p: float, *, locked: bool = False) -> None:
        super().__init__()
        self.p, self.locked = p, locked

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (T, …), times the mask, drawn anew."""
        if not self.training or not self.p:
            return x
        keep, shape = 1 - self.p, x.shape[1:] if self.locked else x.shape
        return x * _mask(keep, shape, x.device).to(x.dtype).div_(keep)

    def extra_repr(self) -> str:
        """Return the settings, for the representation of a network."""
        return f"p={self.p}, locked={self.locked}"
