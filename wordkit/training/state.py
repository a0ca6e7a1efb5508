"""How far a training has come."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from wordkit.recurrent.layer import Carried

__all__ = ["Tally", "TrainingState", "Validation"]


@dataclass(frozen=True)
class Tally:
    """What was lost on how many tokens."""

    loss: float = 0.0
    """Sum of −log p, in nats, in double precision."""

    tokens: int = 0

    def plus(self, loss: float, tokens: int) -> Tally:
        """With some more."""
        return Tally(self.loss + loss, self.tokens + tokens)

    @property
    def mean(self) -> float:
        """Nats a token; NaN where there was none."""
        return self.loss / self.tokens if self.tokens else math.nan


@dataclass(frozen=True)
class Validation:
    """One look at the validation text."""

    epochs: float
    """Done before it, in parts."""

    loss: float
    """Nats a token."""

    train_loss: float
    """Nats a token of the training text since the validation before, as reported."""

    seconds: float
    """Since the training began."""


@dataclass
class TrainingState:
    """All that a training needs to go on, beside the weights and what the optimizer remembers."""

    epoch: int = 0
    """Epochs done."""

    position: int = 0
    """Steps, or batches, of the present epoch that are done."""

    carried: Carried = ()
    """What the layers carry from window to window; empty where they carry nothing."""

    tally: Tally = Tally()
    """Of the present epoch, exact."""

    seen: int = 0
    """Words, or pairs, trained on, over all epochs."""

    plateaus: int = 0
    """How often the learning rate was lowered because validation stalled."""

    stalls: int = 0
    """Validations since the best one, or since averaging began."""

    validations: list[Validation] = field(default_factory=list)

    best_loss: float = math.inf
    """Of the best validation, nats a token."""

    validations_seconds: list[float] = field(default_factory=list)
    """What each validation took."""

    best: dict[str, Tensor] = field(default_factory=dict)
    """The weights at the best validation, on the CPU."""

    seconds: float = 0.0
    """Spent on training, by this process and those it goes on from."""

    ended: bool = False
    """Whether there is nothing left to do with these settings."""
