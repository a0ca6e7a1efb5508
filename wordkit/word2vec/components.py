"""The rows of the input matrix that a word's vector is the mean of: its own and its n-grams'.

V is the number of words, U of buckets that some n-gram of them falls into, D of dimensions. The
input matrix has V + U rows: those of buckets that no word needs are not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.composition import Subwords
from wordkit.errors import counted
from wordkit.runtime import require_memory
from wordkit.text.subwords import NGrams
from wordkit.word2vec.config import Word2VecConfig

__all__ = ["Components", "components_of"]

Floats = npt.NDArray[np.float32]

_NGRAM_BYTES = 40  # for each n-gram of each word, while buckets are numbered


@dataclass(frozen=True, eq=False)
class Components:
    """The rows of each word: those of word w are ``rows[starts[w]:starts[w + 1]]``, w first."""

    ngrams: NGrams
    """Lengths of the n-grams, and their buckets."""

    buckets: npt.NDArray[np.int32]
    """The bucket of each row after the words', ascending, shape (U,)."""

    rows: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    """Shape (V + 1,)."""

    @property
    def input_rows(self) -> int:
        """V + U."""
        return len(self.starts) - 1 + len(self.buckets)

    def subwords(self, inputs: Floats) -> Subwords:
        """Return the vectors of the n-grams of an input matrix, shape (V + U, D); a view."""
        return Subwords(self.ngrams, inputs[len(self.starts) - 1 :], self.buckets)

    def fit(self, inputs: Floats, vectors: Floats, ids: npt.NDArray[np.int32]) -> None:
        """Change words' own rows, so that the words have given vectors.

        Args:
            inputs: the input matrix, changed.
            vectors: some vectors.
            ids: for each word the row of its vector; −1: it has none.
        """
        for word in np.flatnonzero(ids >= 0).tolist():
            rows = self.rows[self.starts[word] : self.starts[word + 1]]
            inputs[word] = len(rows) * vectors[ids[word]] - inputs[rows[1:]].sum(axis=0)


def components_of(words: Sequence[str], config: Word2VecConfig) -> Components | None:
    """Return the rows of words; None: without subwords each has its own alone.

    Raises:
        ResourceError: there is too little memory to number the buckets.
    """
    ngrams = config.ngrams
    if ngrams is None:
        return None
    found, offsets = ngrams.buckets_of(words)
    require_memory(
        f"{counted(len(found), 'n-gram')} of {counted(len(words), 'word')} need",
        _NGRAM_BYTES * len(found),
        "raise the minimum count, cap the vocabulary or take fewer lengths",
    )
    buckets, numbers = np.unique(found, return_inverse=True)
    V = len(words)
    starts = offsets + np.arange(V + 1)
    rows = np.empty(starts[-1], dtype=np.int32)
    is_own = np.zeros(len(rows), dtype=bool)
    is_own[starts[:-1]] = True
    rows[is_own], rows[~is_own] = np.arange(V), V + numbers
    return Components(ngrams, buckets, rows, starts)
