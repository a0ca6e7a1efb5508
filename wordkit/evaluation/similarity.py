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


def evaluate_similarity(
    embeddings: Embeddings,
    pairs: WordPairs,
    *,
    restrict_vocab: int | None = None,
    case_insensitive: bool = True,
) -> SimilarityScore:
    """Correlate the cosines of word pairs with the scores that people gave them.

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
    forms = matcher.forms(word for pair in pairs.pairs for word in pair[:2])
    used = [p for p in pairs.pairs if matcher.form(p.a) in forms and matcher.form(p.b) in forms]
    rows = [[forms[matcher.form(word)][0] for word in pair[:2]] for pair in used]
    units = embeddings.unit_vectors(np.array(rows, dtype=np.intp).reshape(-1))
    units = units.reshape(-1, 2, embeddings.dim)
    cosines = np.einsum("pd,pd->p", units[:, 0], units[:, 1], dtype=np.float64)
    correlation = spearman(cosines, np.array([pair.score for pair in used], dtype=np.float64))
    return SimilarityScore(pairs.name, correlation, len(used), len(pairs.pairs) - len(used))


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
