"""The nearest words to a query, by cosine.

V is the number of words, D of dimensions, Q of queries, R of rows scored together. The matrix may
be a memory-mapped file and is never copied: the scores of a block of rows are one matrix product.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from wordkit.config import check_number
from wordkit.errors import EmbeddingsError

if TYPE_CHECKING:
    from wordkit.embeddings.embeddings import Embeddings

__all__ = [
    "Neighbour",
    "Query",
    "Ranking",
    "Term",
    "best",
    "cosmul",
    "direction",
    "nearest",
    "terms_of",
]

T = TypeVar("T")

Term: TypeAlias = "str | npt.NDArray[Any]"
"""A word, or a vector of D numbers."""

Query: TypeAlias = "Term | Sequence[Term]"
"""One term or several."""

_Floats: TypeAlias = npt.NDArray[np.float32]
_Ids: TypeAlias = npt.NDArray[np.intp]
_Score: TypeAlias = Callable[[slice, slice], _Floats]
"""Returns the scores of some rows for some of the queries, (Q, R); they may be written to."""

_EPSILON = 1e-6  # keeps 3CosMul from a division by zero; gensim's value, the paper has 1e-3
_CANCELLED = 1e-12  # the length, for each term, below which a sum has no direction left
_SCORES = 1 << 24  # scores held at a time: 64 MiB
_QUERIES = 256  # of one product, enough to keep the cores busy


class Neighbour(NamedTuple):
    """A word that answers a query, and its score."""

    word: str
    score: float


class Ranking(list[T]):
    """Answers, named tuples, best first; a notebook shows them as a table."""

    def _repr_html_(self) -> str:
        fields = getattr(self[0], "_fields", ()) if self else ()
        rows = [[f"<th>{name}</th>" for name in fields]]
        rows += [[f"<td>{_shown(value)}</td>" for value in answer] for answer in map(_values, self)]
        return "<table><tr>" + "</tr><tr>".join(map("".join, rows)) + "</tr></table>"


def _values(answer: object) -> tuple[object, ...]:
    return answer if isinstance(answer, tuple) else (answer,)


def _shown(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else html.escape(str(value))


def terms_of(query: Query) -> list[Term]:
    """Return the terms of a query, whether it is one or several.

    Raises:
        EmbeddingsError: it is neither.
    """
    if isinstance(query, str) or (isinstance(query, np.ndarray) and query.ndim == 1):
        return [query]
    if not isinstance(query, Iterable):
        raise EmbeddingsError(f"a query is a word, a vector, or several of them, not {query!r}")
    return list(query)


def direction(embeddings: Embeddings, term: Term) -> npt.NDArray[np.float64]:
    """Return the vector of a term at length 1, shape (D,).

    Raises:
        UnknownWordError: the word is unknown.
        EmbeddingsError: the vector is zero, so that it has no direction, or of another length.
        FormatError: the vector is one of a corrupted file.
    """
    if isinstance(term, str):
        vector, name = embeddings.vector(term), f"the vector of {term!r}"
    else:
        vector, name = np.asarray(term), "a vector of the query"
        if vector.shape != (embeddings.dim,):
            raise EmbeddingsError(f"a vector needs {embeddings.dim} numbers, not {vector.shape}")
        if vector.dtype.kind not in "biuf":
            kind = "complex numbers" if vector.dtype.kind == "c" else str(vector.dtype)
            raise EmbeddingsError(f"a vector of a query holds real numbers, not {kind}")
    exact = vector.astype(np.float64)
    length = float(np.linalg.norm(exact))
    if not np.isfinite(length):
        fault = f"{name} is not finite"
        raise embeddings.corrupted(fault) if isinstance(term, str) else EmbeddingsError(fault)
    if length == 0:
        raise EmbeddingsError(f"{name} is zero: it has no direction, so nothing is near it")
    return np.asarray(exact / length)


def nearest(
    embeddings: Embeddings,
    queries: Sequence[tuple[list[Term], list[Term]]],
    n: int,
    restrict: int | None,
) -> list[Ranking[Neighbour]]:
    """Return the ``n`` words nearest to each query, the query's own left out.

    A query is its positive and its negative terms; ``restrict`` is the number of words searched.
    """
    terms = [positive + negative for positive, negative in queries]
    _ids(embeddings, (term for some in terms for term in some))
    excluded = [_ids(embeddings, some) for some in terms]
    directions = np.empty((len(queries), embeddings.dim), dtype=np.float32)
    for row, (positive, negative) in enumerate(queries):
        if not positive and not negative:
            raise EmbeddingsError("a query needs at least one word or vector")
        signed = [direction(embeddings, term) for term in positive]
        signed += [-direction(embeddings, term) for term in negative]
        total = np.sum(signed, axis=0)
        length = float(np.linalg.norm(total))
        if length <= _CANCELLED * len(signed):
            raise EmbeddingsError("the terms of the query cancel out: no direction is left")
        directions[row] = total / length

    def score(rows: slice, some: slice) -> _Floats:
        return _cosines(embeddings, rows, directions[some])

    return _ranked(embeddings, score, excluded, n, restrict)


def cosmul(
    embeddings: Embeddings, terms: tuple[Term, Term, Term], n: int, restrict: int | None
) -> Ranking[Neighbour]:
    """Return the words that answer a - b + c by 3CosMul (Levy and Goldberg 2014, equation 4)."""
    excluded = [_ids(embeddings, terms)]
    units = np.stack([direction(embeddings, term) for term in terms]).astype(np.float32)

    def score(rows: slice, _: slice) -> _Floats:
        cosines = _cosines(embeddings, rows, units)
        close = np.maximum(1 + cosines, 0) / 2  # from 0 to 1: footnote 7 of the paper
        scores = close[:1] * close[2:] / (close[1:2] + _EPSILON)
        scores[:, cosines[0] == -np.inf] = -np.inf
        return np.asarray(scores, dtype=np.float32)

    return _ranked(embeddings, score, excluded, n, restrict)[0]


def _ids(embeddings: Embeddings, terms: Iterable[Term]) -> list[int]:
    """Return the ids of the vocabulary's words among terms; all unknown ones are named at once."""
    return embeddings.check_words(term for term in terms if isinstance(term, str))


def _cosines(embeddings: Embeddings, rows: slice, queries: _Floats) -> _Floats:
    """Return the cosine of each query (Q, D), of unit length, with each row; -inf for zero rows."""
    norms = embeddings.norms[rows]
    with np.errstate(all="ignore"):
        scores: _Floats = queries @ embeddings.vectors[rows].T
        scores /= norms
    zero = norms == 0
    if not (np.isfinite(scores) | zero).all():
        raise embeddings.corrupted("a vector or the length of it is not a finite number")
    np.clip(scores, -1, 1, out=scores)
    scores[:, zero] = -np.inf
    return scores


def _ranked(
    embeddings: Embeddings,
    score: _Score,
    excluded: Sequence[Sequence[int]],
    n: int,
    restrict: int | None,
) -> list[Ranking[Neighbour]]:
    """Return the ``n`` words with the best scores for each query, in bounded memory.

    ``excluded`` are for each query the ids that may not answer it.
    """
    check_number("n", n)
    if restrict is not None:
        check_number("restrict", restrict)
    rows = len(embeddings) if restrict is None else min(restrict, len(embeddings))
    words = embeddings.words
    answers: list[Ranking[Neighbour]] = []
    for first in range(0, len(excluded), _QUERIES):
        queries = slice(first, min(first + _QUERIES, len(excluded)))
        step = max(_SCORES // (queries.stop - first), 1)
        blocks = [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
        parts = [_best_of_block(score(b, queries), b.start, excluded[queries], n) for b in blocks]
        for found in zip(*parts, strict=True):
            ids = np.concatenate([ids for ids, _ in found])
            scores = np.concatenate([scores for _, scores in found])
            order = np.lexsort((ids, -scores))[:n]
            pairs = zip(ids[order].tolist(), scores[order].tolist(), strict=True)
            answers.append(Ranking(Neighbour(words[i], value) for i, value in pairs))
    return answers


def _best_of_block(
    scores: _Floats, start: int, excluded: Sequence[Sequence[int]], n: int
) -> list[tuple[_Ids, _Floats]]:
    """Return ids and scores of the best rows of a block, which begins at ``start``, per query."""
    found = []
    for row, ids in zip(scores, excluded, strict=True):
        for i in ids:
            if start <= i < start + len(row):
                row[i - start] = -np.inf
        indices = best(row, n)
        found.append((indices + start, row[indices]))
    return found


def best(scores: _Floats, n: int) -> _Ids:
    """Return the positions of the ``n`` highest scores, ties by position; -inf is no score."""
    n = min(n, len(scores))
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    threshold = np.partition(scores, len(scores) - n)[len(scores) - n]
    indices = np.flatnonzero(scores >= threshold)
    order = np.argsort(-scores[indices], kind="stable")[:n]
    indices = indices[order]
    return indices[scores[indices] > -np.inf]
