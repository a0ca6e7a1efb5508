"""The transformer of scikit-learn: documents as weighted means of the vectors of their words.

N is the number of documents, V of words, D of dimensions.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from wordkit.embeddings import Embeddings, load_embeddings
from wordkit.errors import ConfigError
from wordkit.text.lookup import Document, WordIds, WordLookup
from wordkit.text.tokenizers import TokenizeFunction, tokenizer_of

__all__ = ["WEIGHTINGS", "DocumentVectors"]

WEIGHTINGS = ("mean", "sif", "tfidf")
"""The weightings of :class:`DocumentVectors`."""

_Floats = npt.NDArray[np.float32]

_SIF_A = 1e-3  # of the weight a / (a + p(w)); the paper finds 1e-4 to 1e-3 equally good
_MIN_LENGTH = 1e-5  # relative, of what is left of a vector without the common component
_BLOCK_ROWS = 1 << 14


class DocumentVectors(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Transforms documents into weighted means of the vectors of their words.

    A document without a known word gets a zero vector. With subwords, a word outside the
    vocabulary has the vector composed of its n-grams, and counts as one that was never seen.

    Args:
        vectors: the vectors of the words, or a file of them.
        weighting: ``mean``: each word counts the same. ``sif``: smooth inverse frequency, after
            Arora, Liang and Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings"
            (2017): a word counts a / (a + p(w)) with a = 0.001, and the projection on the first
            singular vector of the fitted documents is removed. p(w) is from the counts of the
            vectors; where they have none, from the fitted documents. ``tfidf``: a word counts its
            inverse document frequency in the fitted documents, ln((1 + N) / (1 + df)) + 1, as in
            scikit-learn's ``TfidfTransformer``.
        tokenizer: the name of a tokenizer, or a function from a text to its tokens. None: the
            tokenizer that the vectors were trained with; ``basic`` where they do not tell it.

    Attributes:
        vectors_: the vectors of the words.
        tokenizer_: the name or function of the tokenizer.
        weights_: the weight of each word, shape (V,).
        component_: the direction that ``sif`` removes, shape (D,); None with other weightings.
    """

    def __init__(
        self,
        vectors: Embeddings | str | os.PathLike[str],
        weighting: str = "mean",
        tokenizer: str | TokenizeFunction | None = None,
    ) -> None:
        self.vectors = vectors
        self.weighting = weighting
        self.tokenizer = tokenizer

    def fit(self, X: Iterable[Document], y: object = None) -> DocumentVectors:
        """Take the frequencies of words and the common component from documents.

        Args:
            X: N documents: strings, or lists of tokens, which are taken as they are.
            y: has no effect.

        Raises:
            ConfigError: a parameter is out of its range, or there are no documents.
            TextError: a document is not valid Unicode.
            StorageError, FormatError: the file of the vectors cannot be read.
        """
        return self.fit_words(_words_of(self.begin_fit(), X))

    def fit_transform(self, X: Iterable[Document], y: object = None) -> _Floats:
        """Fit to documents and return their vectors, shape (N, D); they are read once.

        Arguments and errors are those of :meth:`fit`.
        """
        documents = _words_of(self.begin_fit(), X)
        return self.fit_words(documents).transform_words(documents)

    def transform(self, X: Iterable[Document]) -> _Floats:
        """Return the vectors of documents, shape (N, D), float32.

        Args:
            X: N documents: strings, or lists of tokens, which are taken as they are.

        Raises:
            NotFittedError: :meth:`fit` has not been called.
            ConfigError: X is no iterable of documents.
            TextError: a document is not valid Unicode.
        """
        check_is_fitted(self)
        return self.transform_words(_words_of(self._lookup(), X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    @property
    def _n_features_out(self) -> int:
        return int(self.vectors_.dim)

    # --- by parts --------------------------------------------------------------------------------

    def begin_fit(self) -> WordLookup:
        """Load the vectors and return the lookup of their words, for :meth:`fit_words`.

        Raises:
            ConfigError: a parameter is out of its range.
            StorageError, FormatError: the file of the vectors cannot be read.
        """
        if self.weighting not in WEIGHTINGS:
            raise ConfigError(
                f"weighting must be one of {', '.join(WEIGHTINGS)}, not {self.weighting!r}"
            )
        if isinstance(self.vectors, str | os.PathLike):
            self.vectors_ = load_embeddings(self.vectors)
        elif isinstance(self.vectors, Embeddings):
            self.vectors_ = self.vectors
        else:
            raise ConfigError(f"vectors must be Embeddings or a path, not {self.vectors!r:.50}")
        _ = "" in self.vectors_  # raises if a corrupted file holds a word twice
        made = _text_settings(self.vectors_)
        self.tokenizer_ = self.tokenizer or made.get("tokenizer", "basic")
        self._numbers = made.get("numbers", "keep")
        self._phrases = made["phrases"] if made.get("phrases") in (2, 3) else 1
        self._text = {"normalize": "none" if made else "nfc", **made, "tokenizer": self.tokenizer_}
        return self._lookup()

    def _lookup(self) -> WordLookup:
        tokenizer = tokenizer_of(self._text)
        vectors = self.vectors_

        def compose(word: str) -> _Floats | None:
            return vectors.vector(word) if vectors.composes(word) else None

        return WordLookup(
            vectors.vocabulary, tokenizer, self._numbers, self._phrases,
            None if vectors.subwords is None else compose,
        )  # fmt: skip

    def fit_words(self, documents: WordIds) -> DocumentVectors:
        """Fit to documents whose words have been looked up.

        Raises:
            ConfigError: there are no documents.
        """
        if len(documents) == 0:
            raise ConfigError("there must be at least one document to fit to, and there is none")
        self.weights_ = self._word_weights(documents)
        self._other_weight = np.log(1 + len(documents)) + 1 if self.weighting == "tfidf" else 1.0
        self.component_ = None
        if self.weighting == "sif":
            self.component_ = _first_component(self._means(documents), self.vectors_.dim)
        return self

    def _word_weights(self, documents: WordIds) -> _Floats:
        V, N = len(self.vectors_), len(documents)
        if self.weighting == "mean":
            weights = np.ones(V)
        elif self.weighting == "tfidf":
            every = np.ones(V + len(documents.others), np.float32)
            counts = _matrix(documents, every).copy()  # as this sorts in place
            counts.sum_duplicates()
            df = np.bincount(counts.indices, minlength=V)[:V]
            weights = np.log((1 + N) / (1 + df)) + 1
        else:
            vocabulary = self.vectors_.vocabulary
            known = vocabulary.has_counts and vocabulary.counts.any()
            counts = vocabulary.counts if known else np.bincount(documents.ids, minlength=V)[:V]
            weights = _SIF_A / (_SIF_A + counts / max(counts.sum(), 1))
        return np.asarray(weights, dtype=np.float32)

    def _means(self, documents: WordIds) -> Iterator[_Floats]:
        """Yield the weighted means of the vectors of each document, many documents at a time."""
        V, others = len(self.vectors_), np.array(documents.others, np.float32)
        of_words = np.append(self.weights_, np.full(len(others), self._other_weight, np.float32))
        for start in range(0, len(documents), _BLOCK_ROWS):
            weights = _matrix(documents[start : start + _BLOCK_ROWS], of_words)
            # the paper on SIF divides by the number of words
            norms = np.diff(weights.indptr) if self.weighting == "sif" else weights.sum(axis=1)
            norms = np.where(norms == 0, 1, norms).astype(np.float32)
            with np.errstate(all="ignore"):
                means = (weights[:, :V] if len(others) else weights) @ self.vectors_.vectors
                if len(others):
                    means += weights[:, V:] @ others
                means /= norms[:, np.newaxis]
            if not np.isfinite(means).all():
                raise self.vectors_.corrupted("a vector is not finite, or too long to be added")
            yield means

    def transform_words(self, documents: WordIds) -> _Floats:
        """Return the vectors of N documents whose words have been looked up, shape (N, D)."""
        vectors = np.empty((len(documents), self.vectors_.dim), dtype=np.float32)
        start = 0
        for block in self.transform_blocks(documents):
            vectors[start : start + len(block)] = block
            start += len(block)
        return vectors

    def transform_blocks(self, documents: WordIds) -> Iterator[_Floats]:
        """Yield the rows of :meth:`transform_words`, many at a time."""
        for block in self._means(documents):
            if self.component_ is not None:
                lengths = np.linalg.norm(block, axis=1)
                with threadpool_limits(1):
                    projections = block @ self.component_
                block -= np.outer(projections, self.component_)
                block[np.linalg.norm(block, axis=1) <= _MIN_LENGTH * lengths] = 0
            yield block


def _words_of(look_up: WordLookup, X: Iterable[Document]) -> WordIds:
    if isinstance(X, str):
        raise ConfigError(f"X must be an iterable of documents, not a string: [{X!r:.50}]")
    if getattr(X, "ndim", 1) != 1:
        raise ConfigError("X must have one dimension: one document in each row")
    return look_up(X)


def _text_settings(vectors: Embeddings) -> Mapping[str, Any]:
    """Return the settings of the text that vectors were trained with; empty if they are unknown."""
    found: Any = vectors.metadata
    path = ("language_model", "text") if "language_model" in found else ("corpus", "settings")
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _matrix(documents: WordIds, weights: npt.NDArray[Any]) -> csr_array:
    """Return the weights of documents' words, (N, V); a word that comes twice has two entries."""
    shape = (len(documents), len(weights))
    return csr_array((weights[documents.ids], documents.ids, documents.offsets), shape=shape)


def _first_component(blocks: Iterable[_Floats], D: int) -> _Floats:
    """Return the first right singular vector of a matrix given in blocks of rows, shape (D,)."""
    gram = np.zeros((D, D))
    with threadpool_limits(1):  # the last bits would depend on the number of threads
        for block in blocks:
            gram += block.T @ block
        _, directions = np.linalg.eigh(gram)
    return np.asarray(directions[:, -1], dtype=np.float32)
