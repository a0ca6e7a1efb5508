"""The state of a training: all that it changes.

V is the number of words of the model, C of words of the corpus.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec.components import Components
from wordkit.word2vec.weights import Weights

__all__ = ["LossSum", "TrainingState"]


@dataclass(frozen=True)
class LossSum:
    """The summed loss of a part of a training."""

    loss: float = 0.0
    """Sum over the predictions of −log p, in nats, before each step."""

    predictions: int = 0
    """Pairs of centre and context word for skip-gram, centres for CBOW."""

    def __add__(self, other: LossSum) -> LossSum:
        return LossSum(self.loss + other.loss, self.predictions + other.predictions)

    @property
    def mean_loss(self) -> float:
        """Nats per prediction; 0 where there was none."""
        return self.loss / self.predictions if self.predictions else 0.0


@dataclass
class TrainingState:
    """All that a training changes; good for one training."""

    vocabulary: Vocabulary
    """The words of the model with their counts, most frequent first."""

    weights: Weights
    """The weights; ``fetch`` of :class:`wordkit.word2vec.engine.Engine` copies a device's here."""

    kept: int = 0
    """Words whose vectors are from before the training."""

    joined: int = 0
    """Words that began with random vectors."""

    epoch: int = 0
    """Epochs done."""

    position: int = 0
    """Tokens of the present epoch that have been assigned: the start of the next chunk."""

    loss_sum: LossSum = field(default_factory=LossSum)
    """Loss of the present epoch."""

    seconds: float = 0.0
    """Time spent on training, before and after a resume."""

    file: str | os.PathLike[str] | None = None
    """The checkpoint that is resumed."""

    components: Components | None = None
    """The input rows of each word; None: without subwords each has its own."""

    note: str | None = None
    """The weights that could not be taken over, and why."""

    def check_unused(self) -> None:
        """Raise ConfigError if it was trained from before."""
        if not self.weights.padded_input.flags.writeable:
            raise ConfigError("this state was trained from before; make another one")

    def rows_of(self, corpus: Corpus) -> npt.NDArray[np.int32]:
        """Return the row of each word of a corpus, shape (C,); −1 for words that are left out."""
        return self.vocabulary.ids(corpus.vocabulary)

    def occurrences_in(self, corpus: Corpus, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Count each word of the model in a corpus whose words have these rows, shape (V,)."""
        counts = np.zeros(len(self.vocabulary), dtype=np.int64)
        counts[rows[rows >= 0]] = corpus.vocabulary.counts[rows >= 0]
        return counts
