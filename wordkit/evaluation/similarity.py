"""Word similarity: do cosines rank word pairs as people do?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wordkit.embeddings import Embeddings
from wordkit.evaluation.matching import WordMatcher

__all__ = ["SimilarityScore", "WordPair", "WordPairs", "evaluate_similarity", "spearman"]


class WordPair(NamedTuple):
    """Two words and how similar people find them."""

    a: str
    b: str
    score: float


@dataclass(frozen=True)
class WordPairs:
    """A set of word pairs, such as WordSim-353."""

    name: str
    pairs: tuple[WordPair, ...]


@dataclass(frozen=True)
class SimilarityScore:
    """Score of vectors on one set of pairs."""

    name: str
    """The set."""

    spearman: float | None
    """Spearman's rank correlation of cosines and human scores, from -1 to 1; None where it is not
    defined: fewer than two pairs used, or all cosines or all scores the same."""

    used: int
    """Pairs whose words both have a vector."""

    skipped: int
    """The other pairs."""

    composed: int = 0
    """Pairs used of which a word is outside the vocabulary, and its vector composed of n-grams."""


def evaluate_similarity(
    embeddings: Embeddings,
    pairs: WordPairs,
    *,
    restrict_vocab: int | None = None,
    case_insensitive: bool = True,
) -> SimilarityScore:
    """Correlate the cosines of word pairs with the scores that people gave them.

    Of vectors with subwords, words outside the vocabulary have those of their n-grams.

    Args:
        embeddings: the vectors.
        pairs: the pairs with their human scores.
        restrict_vocab: number of words to look among; pairs with others are skipped. None: all.
        case_insensitive: find words whatever their case.

    Raises:
        ConfigError: ``restrict_vocab`` is less than 1.
    """
    matcher = WordMatcher(
        embeddings, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
    )
    words = dict.fromkeys(word for pair in pairs.pairs for word in pair[:2])
    forms = matcher.forms(words)
    ids = {w: forms[matcher.form(w)][0] for w in words if matcher.form(w) in forms}
    known = embeddings.unit_vectors(np.array([*ids.values()], dtype=np.intp))
    units = dict(zip(ids, known, strict=True))
    for word in words:
        if word not in ids and embeddings.composes(word):
            vector = embeddings.vector(word).astype(np.float64)
            if length := np.linalg.norm(vector):
                units[word] = np.asarray(vector / length, dtype=np.float32)
    used = [pair for pair in pairs.pairs if pair.a in units and pair.b in units]
    composed = sum(pair.a not in ids or pair.b not in ids for pair in used)
    both = (np.array([units[word] for word in (p.a, p.b)]) for p in used)
    cosines = np.array([np.einsum("d,d->", a, b, dtype=np.float64) for a, b in both])
    correlation = spearman(cosines, np.array([pair.score for pair in used], dtype=np.float64))
    skipped = len(pairs.pairs) - len(used)
    return SimilarityScore(pairs.name, correlation, len(used), skipped, composed)


def spearman(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float | None:
    """Return Spearman's rank correlation, ties given their mean rank; None: not defined."""
    if len(a) < 2:
        return None
    ranks = np.stack([_ranks(a), _ranks(b)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.sqrt((ranks**2).sum(axis=1))
    if not lengths.all():
        return None
    return float(min(max(ranks[0] @ ranks[1] / lengths.prod(), -1.0), 1.0))


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the ranks of values, from 1; equal values have their mean rank."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: npt.NDArray[np.float64] = (last - (counts - 1) / 2)[group]
    return ranks
