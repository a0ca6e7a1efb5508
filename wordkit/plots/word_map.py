"""Words on a map: their choice, coordinates, and nearest words.

N is the number of words on the map.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, EmbeddingsError
from wordkit.plots.projection import project

__all__ = ["Neighbours", "WordMap", "map_words", "neighbours_of"]

Neighbours = Sequence[tuple[str, float]]
"""Words with their cosines, nearest first."""

_MAX_SEARCHED = 200_000  # the most frequent words, among which neighbours are searched


@dataclass(frozen=True)
class WordMap:
    """Words with their coordinates on a plane."""

    words: tuple[str, ...]
    """The words, most important first."""

    points: npt.NDArray[np.float64]
    """Shape (N, 2); only distances mean something."""

    method: str
    """The method of projection: pca or tsne."""

    counts: tuple[int, ...] | None = None
    """The count of each word, where it is known."""

    named: frozenset[str] = frozenset()
    """The words that the caller named, where others join them."""


def map_words(
    embeddings: Embeddings,
    words: str | Iterable[str] = (),
    *,
    top: int = 0,
    skip: int = 0,
    method: str | None = None,
    seed: int = 1,
) -> WordMap:
    """Map words by their directions: near each other where their cosines are high.

    Args:
        embeddings: the vectors.
        words: named; where others join them, they are highlighted.
        top: how many of the first words of the vocabulary join them; those whose vector is zero
            are passed over.
        skip: number of the first words of the vocabulary left out, such as the and of.
        method: as :func:`wordkit.plots.projection.project` takes it.
        seed: of the random numbers.

    Raises:
        UnknownWordError: a named word is unknown.
        EmbeddingsError: the vector of a named word is zero.
        ConfigError: fewer than two words are left, or a setting is out of its range.
    """
    named = dict.fromkeys([words] if isinstance(words, str) else words)
    chosen = tuple(_choose_words(embeddings, named, top, skip))
    vocabulary = embeddings.vocabulary
    ids = np.array(vocabulary.ids_of(chosen))
    points, found_by = project(embeddings.unit_vectors(ids), method, seed=seed)
    counts = tuple(vocabulary.counts[ids].tolist()) if vocabulary.has_counts else None
    highlighted = frozenset(named if len(named) < len(chosen) else ())
    return WordMap(chosen, points, found_by, counts, highlighted)


def _choose_words(
    embeddings: Embeddings, named: Iterable[str], top: int, skip: int
) -> dict[str, None]:
    """Return the words that are named, then the first ones of the vocabulary."""
    if top < 0 or skip < 0:
        raise ConfigError(f"top and skip must be at least 0, not {top} and {skip}")
    chosen = dict.fromkeys(named)
    embeddings.ids_of(chosen)
    for word in chosen:
        if not embeddings.vector(word).any():
            raise EmbeddingsError(f"the vector of {word!r} is zero: it has no point on a map")
    skip = min(skip, len(embeddings))
    first = np.flatnonzero(embeddings.norms[skip:])[:top] + skip
    chosen |= dict.fromkeys(embeddings.words[i] for i in first)
    if len(chosen) < 2:
        remedy = "raise top, or lower skip" if skip else "or raise top"
        raise ConfigError(
            f"a map needs two words at least, not {len(chosen)}, of the {len(embeddings):,} that "
            f"there are; name more of them, {remedy}"
        )
    return chosen


def neighbours_of(embeddings: Embeddings, words: Sequence[str], n: int) -> list[Neighbours]:
    """Return the nearest words of each, in all dimensions, among the first 200,000."""
    restrict = _MAX_SEARCHED if len(embeddings) > _MAX_SEARCHED else None
    return list(embeddings.most_similar_batch(words, n=n, restrict=restrict))
