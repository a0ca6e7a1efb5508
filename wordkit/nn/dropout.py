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
        mask = torch.empty(shape, dtype=x.dtype, device=x.device)
        return x * mask.bernoulli_(keep, generator=_GENERATOR.get()).div_(keep)

    def extra_repr(self) -> str:
        """Return the settings, for the representation of a network."""
        return f"p={self.p}, locked={self.locked}"
