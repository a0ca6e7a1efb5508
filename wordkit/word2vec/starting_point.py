"""What a training begins with, and what all ways to begin have in common.

V is the number of words of the model, C of words of the corpus, D of dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.state import TrainingState
from wordkit.word2vec.weights import blocks

__all__ = ["StartingPoint", "carry_rows", "check_vectors", "rows_in"]


@dataclass(frozen=True)
class StartingPoint:
    """What training on a corpus begins with; good for one training, which changes the state."""

    vocabulary: Vocabulary
    """The words of the model, with counts."""

    rows: npt.NDArray[np.int32]
    """Shape (C,): the row of each word of the corpus, −1 for words that are left out."""

    state: TrainingState
    """The weights, and how far they have come."""

    kept: int = 0
    """Words whose vectors were there before."""

    joined: int = 0
    """Words whose vectors are new; with those kept, all words."""

    note: str | None = None
    """What the user should know: which weights could not be carried over, and why."""

    def occurrences(self, corpus: Corpus) -> npt.NDArray[np.int64]:
        """How often each word of the model occurs in a corpus, shape (V,)."""
        counts = np.zeros(len(self.vocabulary), dtype=np.int64)
        trained = self.rows >= 0
        counts[self.rows[trained]] = corpus.vocabulary.counts[trained]
        return counts


def rows_in(vocabulary: Vocabulary, words: Iterable[str]) -> npt.NDArray[np.int32]:
    """The id of each of these words in a vocabulary, −1 for words that it does not hold."""
    ids = (vocabulary.get(word) for word in words)
    return np.array([-1 if i is None else i for i in ids], dtype=np.int32)


def carry_rows(
    source: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int32],
    target: npt.NDArray[np.float32],
) -> None:
    """Copy row ``ids[i]`` of the source to row i of the target, where ``ids[i]`` is not −1.

    Args:
        source: shape (·, D), which may be a file that is mapped.
        ids: shape (V,).
        target: shape (V, D).
    """
    for start, end in blocks(len(ids), target.shape[1]):
        part = ids[start:end]
        known = np.flatnonzero(part >= 0)
        target[start + known] = source[part[known]]


def check_vectors(embeddings: Embeddings, config: Word2VecConfig) -> None:
    """Check what can be checked of vectors before they are all read.

    Raises:
        ConfigError: they have another number of dimensions than the settings.
        FormatError: a damaged file has a word more than once.
    """
    if embeddings.dim != config.dim:
        raise ConfigError(
            f"dim is {config.dim}, and the vectors to start from have {embeddings.dim} "
            f"dimensions; set dim to {embeddings.dim} or give other vectors"
        )
    _ = "" in embeddings  # makes the table of words, in which doubled ones show
