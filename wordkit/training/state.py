"""The state of the training loop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

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

    def end_epoch(self) -> None:
        """Count an epoch as done."""
        self.epoch, self.batches, self.epoch_units = self.epoch + 1, 0, 0
        self.loss, self.tokens = 0.0, 0

    def progress(self, epochs: float, lr: float) -> dict[str, float]:
        """Return the figures of a report, where so many epochs are done."""
        figures = {
            "epoch": float(min(self.epoch + 1, math.ceil(epochs) or 1)),
            "epochs": epochs,
            "loss": self.loss / self.tokens if self.tokens else math.nan,
            "lr": lr,
        }
        if self.validations:
            figures["valid_perplexity"] = _bounded_exp(self.validations[-1]["loss"])
        return {**figures, **self.figures}

    def summary(self, epochs: float) -> dict[str, Any]:
        """Return the epochs and the perplexities of all validations."""
        is_validated = math.isfinite(self.best_loss)
        return {
            "epochs": round(epochs, 3),
            "valid_perplexity": _bounded_exp(self.best_loss) if is_validated else None,
            "validations": [
                {"epochs": round(each["epochs"], 3), "perplexity": _bounded_exp(each["loss"])}
                for each in self.validations
            ],
        }


def _bounded_exp(loss: float) -> float:
    """Return exp of a loss, a number of float64 in any case."""
    return math.exp(min(loss, 700.0))  # beyond that float64 ends
