"""Words and vectors as a file gave them, made into Embeddings.

V is the number of words, D of dimensions.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.source import Source
from wordkit.errors import EmbeddingsError, FormatError, VocabularyError, WordkitWarning
from wordkit.text.vocabulary import Vocabulary

__all__ = ["collect", "join"]


def collect(source: Source, words: list[str], vectors: npt.NDArray[np.float32]) -> Embeddings:
    """Embeddings of the words; of a word that comes twice the first vector is kept.

    Raises:
        FormatError: there are none, or they cannot be used.
    """
    if not words:
        raise FormatError(f"{source.path} holds no vectors; make it again")
    first = dict(zip(reversed(words), range(len(words) - 1, -1, -1), strict=True))
    if len(first) < len(words):
        doubled = len(words) - len(first)
        one = doubled == 1
        rows_are = "1 row is of a word" if one else f"{doubled} rows are of words"
        were = "was" if one else "were"
        warnings.warn(
            f"{source.path}: {rows_are} that came before, and {were} left out",
            WordkitWarning,
            stacklevel=2,
        )
        rows = sorted(first.values())
        words = [words[row] for row in rows]
        vectors = vectors[rows]
    vectors.flags.writeable = False  # so that Embeddings need not copy them
    try:
        return Embeddings(Vocabulary(words), vectors)
    except (EmbeddingsError, VocabularyError) as error:
        raise FormatError(f"{source.path} is damaged: {error}") from error


def join(parts: list[npt.NDArray[np.float32]], count: int, dim: int) -> npt.NDArray[np.float32]:
    """The first ``count`` rows of all parts, shape (count, D).

    Each part is taken off the list as it is copied, so that the vectors are not held twice.
    """
    vectors = np.empty((count, dim if count else 0), dtype=np.float32)
    parts.reverse()
    start = 0
    while start < count:
        part = parts.pop()[: count - start]
        if len(part):
            vectors[start : start + len(part)] = part
        start += len(part)
    return vectors
