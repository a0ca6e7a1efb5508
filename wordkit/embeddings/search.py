"""The nearest rows of a matrix: scores by cosine, and the best of them.

V is the number of words, D of dimensions, Q of queries. Nothing here copies the matrix, which may
be a file under a memory map: the scores of a block of rows are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from wordkit.errors import FormatError

__all__ = ["Ranking", "Score", "best", "cosines", "rank"]

Floats: TypeAlias = npt.NDArray[np.float32]
Ids: TypeAlias = npt.NDArray[np.intp]
Score: TypeAlias = Callable[[int, int, slice], Floats]
"""Gives the scores of the rows from one number to another for some of the queries, (Q, R)."""

_SCORES = 1 << 24  # scores held at a time: 64 MB
_QUERIES = 256  # rows of one product, enough to keep the cores busy


@dataclass(frozen=True)
class Ranking:
    """The best rows for one query, best first."""

    ids: Ids
    scores: Floats


def best(scores: Floats, n: int) -> Ids:
    """The places of the ``n`` highest scores, highest first, ties by place; -inf is no score."""
    n = min(n, len(scores))
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    least = np.partition(scores, len(scores) - n)[len(scores) - n]
    places = np.flatnonzero(scores >= least)
    order = np.argsort(-scores[places], kind="stable")[:n]
    places = places[order]
    return places[scores[places] > -np.inf]


def cosines(vectors: Floats, norms: Floats, queries: Floats) -> Floats:
    """The cosine of each query with each row, shape (Q, R); -inf for rows that are zero.

    Args:
        vectors: shape (R, D).
        norms: shape (R,): their lengths.
        queries: shape (Q, D), of unit length.

    Raises:
        FormatError: a score is no finite number, as the vectors are damaged.
    """
    with np.errstate(all="ignore"):
        scores: Floats = queries @ vectors.T
        scores /= norms
    zero = norms == 0
    if not (np.isfinite(scores) | zero).all():
        raise FormatError("a vector or the length of it is not a finite number")
    np.clip(scores, -1, 1, out=scores)
    scores[:, zero] = -np.inf
    return scores


def rank(
    score: Score,
    *,
    rows: int,
    left_out: Sequence[Sequence[int]],
    n: int,
) -> list[Ranking]:
    """The best ``n`` rows for each query, in bounded memory.

    Args:
        score: what it returns is written to.
        rows: how many rows there are.
        left_out: for each query the rows that may not answer it.
        n: how many rows to return; fewer where there are not as many.
    """
    rankings: list[Ranking] = []
    for first in range(0, len(left_out), _QUERIES):
        queries = slice(first, min(first + _QUERIES, len(left_out)))
        step = max(_SCORES // (queries.stop - first), 1)
        parts = [
            _rank_block(score(start, min(start + step, rows), queries), start, left_out[queries], n)
            for start in range(0, rows, step)
        ]
        rankings += [_merge(found, n) for found in zip(*parts, strict=True)]
    return rankings


def _rank_block(
    scores: Floats, start: int, left_out: Sequence[Sequence[int]], n: int
) -> list[Ranking]:
    """The best rows of a block for each query; ``start`` is the number of its first row."""
    rankings = []
    for row, skipped in zip(scores, left_out, strict=True):
        for place in skipped:
            if start <= place < start + len(row):
                row[place - start] = -np.inf
        places = best(row, n)
        rankings.append(Ranking(places + start, row[places]))
    return rankings


def _merge(parts: Sequence[Ranking], n: int) -> Ranking:
    if len(parts) == 1:
        return parts[0]
    ids = np.concatenate([part.ids for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    order = np.lexsort((ids, -scores))[:n]
    return Ranking(ids[order], scores[order])
