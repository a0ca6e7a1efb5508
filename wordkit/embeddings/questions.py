"""The arithmetic behind the questions that Embeddings answer.

V is the number of words, D of dimensions, Q of queries, R of rows looked at together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from wordkit.embeddings import search
from wordkit.errors import ConfigError, EmbeddingsError, FormatError

if TYPE_CHECKING:
    from wordkit.embeddings.embeddings import Embeddings

__all__ = [
    "Neighbour",
    "Query",
    "Term",
    "check_whole",
    "cosmul",
    "direction",
    "nearest",
    "terms_of",
]

Term: TypeAlias = "str | npt.NDArray[Any]"
"""A word, or a vector of D numbers."""

Query: TypeAlias = "Term | Sequence[Term]"
"""One term or several."""

_EPSILON = 1e-6  # keeps 3CosMul from a division by zero; gensim's value, the paper has 1e-3
_NOTHING = 1e-12  # the length, for each term, below which a sum has no direction left


def check_whole(name: str, value: object) -> None:
    """Check that a setting is a whole number from 1 up.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(value, int | np.integer) or value < 1:
        raise ConfigError(f"{name} must be a whole number from 1 up, not {value!r}")


class Neighbour(NamedTuple):
    """A word that answers a query, and how near it is."""

    word: str
    score: float


def terms_of(query: Query) -> list[Term]:
    """The terms of a query, whether it is one or several.

    Raises:
        EmbeddingsError: it is neither.
    """
    if isinstance(query, str) or (isinstance(query, np.ndarray) and query.ndim == 1):
        return [query]
    if not isinstance(query, Iterable):
        raise EmbeddingsError(f"a query is a word, a vector, or several of them, not {query!r}")
    return list(query)


def direction(embeddings: Embeddings, term: Term) -> npt.NDArray[np.float64]:
    """The vector of a term at length 1, shape (D,).

    Raises:
        UnknownWordError: the word is not there.
        EmbeddingsError: the vector is zero, so that it has no direction, or of another length.
        FormatError: the vector is one of a damaged file.
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
        raise embeddings.damaged(fault) if isinstance(term, str) else EmbeddingsError(fault)
    if length == 0:
        raise EmbeddingsError(f"{name} is zero: it has no direction, so nothing is near it")
    return np.asarray(exact / length)


def nearest(
    embeddings: Embeddings,
    queries: Sequence[tuple[list[Term], list[Term]]],
    n: int,
    restrict: int | None,
) -> list[list[Neighbour]]:
    """The words nearest to each query, the query's own left out.

    Args:
        embeddings: the vectors.
        queries: for each its positive and its negative terms.
        n: how many words to return for each.
        restrict: search the first so many words only; None: all.
    """
    directions = np.empty((len(queries), embeddings.dim), dtype=np.float32)
    for row, (positive, negative) in enumerate(queries):
        if not positive and not negative:
            raise EmbeddingsError("a query needs at least one word or vector")
        signed = [direction(embeddings, term) for term in positive]
        signed += [-direction(embeddings, term) for term in negative]
        total = np.sum(signed, axis=0)
        length = float(np.linalg.norm(total))
        if length <= _NOTHING * len(signed):
            raise EmbeddingsError("the terms of the query cancel out: no direction is left")
        directions[row] = total / length

    def score(start: int, end: int, some: slice) -> npt.NDArray[np.float32]:
        return _cosines(embeddings, start, end, directions[some])

    left_out = [_ids(embeddings, positive + negative) for positive, negative in queries]
    return _ranked(embeddings, score, left_out, n, restrict)


def cosmul(
    embeddings: Embeddings, terms: tuple[Term, Term, Term], n: int, restrict: int | None
) -> list[Neighbour]:
    """The words that answer a - b + c by 3CosMul (Levy and Goldberg 2014, equation 4)."""
    units = np.stack([direction(embeddings, term) for term in terms]).astype(np.float32)

    def score(start: int, end: int, _: slice) -> npt.NDArray[np.float32]:
        cosines = _cosines(embeddings, start, end, units)
        close = np.maximum(1 + cosines, 0) / 2  # from 0 to 1: footnote 7 of the paper
        scores = close[:1] * close[2:] / (close[1:2] + _EPSILON)
        scores[:, cosines[0] == -np.inf] = -np.inf
        return np.asarray(scores, dtype=np.float32)

    return _ranked(embeddings, score, [_ids(embeddings, terms)], n, restrict)[0]


def _ids(embeddings: Embeddings, terms: Iterable[Term]) -> list[int]:
    return [embeddings.vocabulary.id(term) for term in terms if isinstance(term, str)]


def _cosines(
    embeddings: Embeddings, start: int, end: int, queries: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    try:
        return search.cosines(embeddings.vectors[start:end], embeddings.norms[start:end], queries)
    except FormatError as error:
        raise embeddings.damaged(str(error)) from error


def _ranked(
    embeddings: Embeddings,
    score: search.Score,
    left_out: Sequence[Sequence[int]],
    n: int,
    restrict: int | None,
) -> list[list[Neighbour]]:
    check_whole("n", n)
    if restrict is not None:
        check_whole("restrict", restrict)
    rows = len(embeddings) if restrict is None else min(restrict, len(embeddings))
    words = embeddings.words
    answers = []
    for found in search.rank(score, rows=rows, left_out=left_out, n=n):
        pairs = zip(found.ids.tolist(), found.scores.tolist(), strict=True)
        answers.append([Neighbour(words[i], value) for i, value in pairs])
    return answers
