"""Dropout, in the forms that recurrent networks take it: what survives is scaled up.

T steps, B tracks, W the width of what is dropped from.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["dropped", "locked", "word_mask"]


def dropped(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Set a share of the values to 0, each drawn by itself (Srivastava et al. 2014)."""
    return x * _mask(x.shape, share, x.device, generator)


def locked(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Set a share of the values to 0, the same ones at all steps (Gal and Ghahramani 2016).

    Args:
        x: shape (T, B, W); a mask of shape (B, W) is drawn.
        share: from 0 to below 1.
        generator: of the random numbers; None: torch's own.
    """
    return x * _mask(x.shape[1:], share, x.device, generator)


def word_mask(
    words: int, share: float, device: torch.device, generator: torch.Generator | None
) -> Tensor:
    """Factors for the vectors of the words, shape (V,): a share of them 0 (Merity et al. 2018)."""
    return _mask((words,), share, device, generator)


def _mask(
    shape: tuple[int, ...], share: float, device: torch.device, generator: torch.Generator | None
) -> Tensor:
    keep = 1 - share
    return torch.empty(shape, device=device).bernoulli_(keep, generator=generator).div_(keep)
