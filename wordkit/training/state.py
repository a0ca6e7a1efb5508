"""The state of the training loop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["LoopState"]


@dataclass
class LoopState:
    """The state of the loop: with weights, optimizer and task all that a resumed one needs."""

    epoch: int = 0
    """Epochs completed."""

    batches: int = 0
    """Batches of the present epoch that are done."""

    epoch_units: int = 0
    """Units of the present epoch that are done."""

    seen: int = 0
    """Units trained on, over all epochs."""

    loss: float = 0.0
    """Sum of the exact losses of the present epoch, in nats."""

    tokens: int = 0
    """The tokens that the sum is over."""

    plateaus: int = 0
    """Validations without improvement, for the schedule ``plateau``."""

    bad_validations: int = 0
    """Validations since the best one, or since averaging began, for early stopping."""

    validations: list[dict[str, float]] = field(default_factory=list)
    """The ``epochs`` before each validation, its ``loss`` and the ``seconds`` that it took."""

    best_loss: float = math.inf
    """Loss of the best validation, nats per token."""

    figures: dict[str, float] = field(default_factory=dict)
    """Further figures of the last validation."""

    best_figures: dict[str, float] = field(default_factory=dict)
    """Further figures of the best validation."""

    seconds: float = 0.0
    """Spent on training, by this process and those that it resumes."""

    averaged: int = 0
    """Weights in the running mean; 0 where none is kept."""

    ended: bool = False
    """True if the training is complete with these settings."""
