"""The state of a training: all that it changes, and its settings as a record.

V is the number of words of the model, C of words of the corpus.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.engine import Tally
from wordkit.word2vec.weights import Weights

__all__ = ["TrainingState", "config_record", "corpus_record", "learning_rate", "rows_in"]


@dataclass
class TrainingState:
    """All that a training changes; good for one training."""

    vocabulary: Vocabulary
    """The words of the model with their counts, most frequent first."""

    weights: Weights
    """The weights; :meth:`Engine.fetch` copies those of a device to here."""

    kept: int = 0
    """Words whose vectors are from before the training."""

    joined: int = 0
    """Words that began with random vectors."""

    epoch: int = 0
    """Epochs done."""

    position: int = 0
    """Tokens of the present epoch that have been assigned: the start of the next chunk."""

    tally: Tally = field(default_factory=Tally)
    """Loss of the present epoch."""

    seconds: float = 0.0
    """Time spent on training, before and after a resume."""

    note: str | None = None
    """The weights that could not be taken over, and why."""

    def rows_of(self, corpus: Corpus) -> npt.NDArray[np.int32]:
        """Return the row of each word of a corpus, shape (C,); −1 for words that are left out."""
        return rows_in(self.vocabulary, corpus.vocabulary.words)

    def occurrences_in(self, corpus: Corpus, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Count each word of the model in a corpus whose words have these rows, shape (V,)."""
        counts = np.zeros(len(self.vocabulary), dtype=np.int64)
        counts[rows[rows >= 0]] = corpus.vocabulary.counts[rows >= 0]
        return counts


def rows_in(vocabulary: Vocabulary, words: Iterable[str]) -> npt.NDArray[np.int32]:
    """Return the id of each word in a vocabulary, −1 for words that it does not hold."""
    ids = (vocabulary.get(word) for word in words)
    return np.array([-1 if i is None else i for i in ids], dtype=np.int32)


def config_record(config: Word2VecConfig) -> dict[str, Any]:
    """Return the settings as values that JSON can hold, dependent defaults included."""
    return {**asdict(config), "lr": config.start_lr, "vectors": config.kept}


def corpus_record(corpus: Corpus) -> dict[str, Any]:
    """Return the identity of a corpus, as values that JSON can hold."""
    return {
        "fingerprint": corpus.fingerprint,
        "tokens": corpus.tokens,
        "sentences": corpus.sentences,
        "settings": corpus.settings,
    }


def learning_rate(config: Word2VecConfig, done: float) -> float:
    """Return the learning rate after a fraction of all words: it falls linearly, to a minimum."""
    return max(config.start_lr * (1 - done), min(config.min_lr, config.start_lr))
