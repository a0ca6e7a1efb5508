"""Words with their vectors, and the questions one can ask of them.

V is the number of words, D of dimensions.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from wordkit import aliases
from wordkit.config import check_names
from wordkit.embeddings.composition import Subwords
from wordkit.embeddings.matrix import ROWS, all_finite, frozen, matrices_of, matrix_of, norms_of
from wordkit.embeddings.search import (
    Neighbour,
    Query,
    Ranking,
    Term,
    cosmul,
    direction,
    nearest,
    terms_of,
)
from wordkit.embeddings.transfer import file_identity, from_file
from wordkit.errors import (
    ConfigError,
    EmbeddingsError,
    FormatError,
    UnknownWordError,
    VocabularyError,
    counted,
)
from wordkit.text.vocabulary import Vocabulary

__all__ = ["Embeddings"]

_MAX_NORM = 1e38  # so that no sum over a vector leaves the range of float32
_NORM_TOLERANCE = 1e-4  # relative


class Embeddings:
    """Words with their vectors; immutable.

    A zero vector has no direction: it is never an answer, and a question that names its word is
    an EmbeddingsError.

    Args:
        vocabulary: the words, or a :class:`~wordkit.text.Vocabulary` of them with counts.
        vectors: shape (V, D), converted to float32; copied, unless it is read-only float32, such
            as a memory-mapped file.
        norms: shape (V,): the lengths of the vectors. If given, as by the native file, vectors and
            weights are not read before they are needed; else they are checked here.
        metadata: how the vectors were made, in values that JSON can hold.
        weights: further float32 matrices that a resumed training needs; copied as the vectors are.
        source: the file they are mapped from.
        subwords: vectors of character n-grams, of which those of further words are composed.

    Raises:
        EmbeddingsError: words and vectors do not fit together, a vector or weight is not finite,
            or weights are no matrices of float32.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | Iterable[str],
        vectors: npt.ArrayLike,
        *,
        norms: npt.NDArray[np.float32] | None = None,
        metadata: Mapping[str, Any] | None = None,
        weights: Mapping[str, npt.NDArray[np.float32]] | None = None,
        source: str | os.PathLike[str] | None = None,
        subwords: Subwords | None = None,
    ) -> None:
        if not isinstance(vocabulary, Vocabulary):
            vocabulary = Vocabulary(vocabulary)
        self._vocabulary = vocabulary
        self._vectors = matrix_of(vectors, len(vocabulary))
        self._metadata = MappingProxyType(dict(metadata or {}))
        self._weights = matrices_of(weights or {})
        self._source = source
        self._subwords = subwords
        if subwords is not None and subwords.matrix.shape[1:] != (self.dim,):
            raise EmbeddingsError(
                f"vectors of {self.dim} dimensions need as many of n-grams, not "
                f"{subwords.matrix.shape[1:]}"
            )
        self._identity = None if source is None else file_identity(source)
        if norms is None:
            norms = self._checked_norms()
        elif norms.shape != (len(vocabulary),):
            raise EmbeddingsError(f"{len(vocabulary)} words need as many norms, not {norms.shape}")
        self._norms = frozen(norms)

    def _checked_norms(self) -> npt.NDArray[np.float32]:
        norms = norms_of(self._vectors)
        fine = norms <= _MAX_NORM  # NaN is not
        if not fine.all():
            word = self.words[int(np.argmin(fine))]
            raise EmbeddingsError(
                f"the vector of {word!r} holds NaN or infinity, or is longer than {_MAX_NORM:g}"
            )
        for name, matrix in self._weights.items():
            if not all_finite(matrix):
                raise EmbeddingsError(f"the weights {name!r} hold NaN or infinity")
        return norms

    def __copy__(self) -> Embeddings:
        return self  # as it never changes

    def __deepcopy__(self, memo: dict[int, Any]) -> Embeddings:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Tell other processes how to make the same: from the unchanged file, else by value."""
        if self._identity is not None and self._identity == file_identity(self._identity[0]):
            return from_file, (self._identity, len(self), bool(self._weights))
        make = partial(
            Embeddings, norms=self._norms, metadata=dict(self._metadata),
            weights=dict(self._weights), subwords=self._subwords,
        )  # fmt: skip
        return make, (self._vocabulary, self._vectors)

    def __getattr__(self, name: str) -> Any:
        """Say what a name of gensim's is here."""
        fault = f"Embeddings has no attribute {name!r}{aliases.hint(aliases.EMBEDDINGS, name)}"
        raise AttributeError(fault, name=name, obj=self)

    # --- contents ----------------------------------------------------------------------------

    @property
    def source(self) -> str | os.PathLike[str] | None:
        """The file that the vectors are mapped from; None for others."""
        return self._source

    @property
    def vocabulary(self) -> Vocabulary:
        """The words with their ids, and their counts where known."""
        return self._vocabulary

    @property
    def words(self) -> tuple[str, ...]:
        """The words; a word's index is the row of its vector."""
        return self._vocabulary.words

    @property
    def vectors(self) -> npt.NDArray[np.float32]:
        """All vectors, shape (V, D), read-only."""
        return self._vectors

    @property
    def norms(self) -> npt.NDArray[np.float32]:
        """The lengths of the vectors, shape (V,), read-only."""
        return self._norms

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Settings, corpus and versions that the vectors were made with."""
        return self._metadata

    @property
    def weights(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Read-only matrices that a resumed training needs beside the vectors, often none."""
        return self._weights

    @property
    def subwords(self) -> Subwords | None:
        """The vectors of character n-grams that others are composed of; None: there are none."""
        return self._subwords

    @property
    def dim(self) -> int:
        """D, the number of dimensions."""
        return int(self._vectors.shape[1])

    def __len__(self) -> int:
        return len(self._vocabulary)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the words, in their order."""
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        """Return whether a word is in the vocabulary; see :meth:`composes` for others."""
        return word in self._checked_vocabulary()

    def _checked_vocabulary(self) -> Vocabulary:
        """Return the vocabulary, after a check of a file's words for duplicates."""
        try:
            _ = "" in self._vocabulary
        except VocabularyError as error:
            raise self.corrupted(str(error)) from error
        return self._vocabulary

    def __getitem__(self, words: str | Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the vector of a word, shape (D,), or those of several, shape (N, D)."""
        if isinstance(words, str):
            return self.vector(words)
        if not isinstance(words, Iterable):
            raise UnknownWordError(str(words))
        return np.array([self.vector(word) for word in words], np.float32).reshape(-1, self.dim)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> npt.NDArray[np.object_]:
        """Return an array of one object, so that a grid search can compare several."""
        array = np.empty((), dtype=object)
        array[()] = self
        return array

    def __repr__(self) -> str:
        made = self._metadata.get("made_by")
        by = f", made by {made}" if isinstance(made, str) else ""
        return f"Embeddings({len(self):,} words, {self.dim} dimensions{by})"

    @classmethod
    def load(cls, path: str | os.PathLike[str], **options: Any) -> Embeddings:
        """Load the vectors of a file: see :func:`wordkit.embeddings.load_embeddings`."""
        from wordkit.embeddings.formats import load_embeddings

        return load_embeddings(path, **options)

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the vectors to a file: see :func:`wordkit.embeddings.save_embeddings`."""
        from wordkit.embeddings.formats import save_embeddings

        save_embeddings(self, path, **options)

    def without_weights(self) -> Embeddings:
        """Return the same without weights; nothing is copied."""
        return Embeddings(
            self._vocabulary,
            self._vectors,
            norms=self._norms,
            metadata=self._metadata,
            source=self._source,
            subwords=self._subwords,
        )

    # --- single vectors ----------------------------------------------------------------------

    def vector(self, word: str) -> npt.NDArray[np.float32]:
        """Return the vector of a word, shape (D,).

        With subwords, that of a word outside the vocabulary is the mean of the vectors of its
        character n-grams, as in fastText; see :meth:`composes`.

        Raises:
            UnknownWordError: the word is unknown, and has no n-gram that is known; the error names
                near spellings.
            EmbeddingsError: it is no string.
            FormatError: a corrupted file has a word more than once, or an n-gram's vector is not
                finite.
        """
        if not isinstance(word, str):
            raise EmbeddingsError(f"a word is a string, not {word!r}")
        composed = self._composed(word)
        if composed is not None:
            return composed
        vector: npt.NDArray[np.float32] = self._vectors[self._checked_vocabulary().id(word)]
        return vector

    def composes(self, word: str) -> bool:
        """Return whether a word is outside the vocabulary and its vector composed of n-grams."""
        return self._composed(word) is not None

    def _composed(self, word: str) -> npt.NDArray[np.float32] | None:
        if self._subwords is None or word in self:
            return None
        vector = self._subwords.vector(word)
        if vector is not None and not np.isfinite(vector).all():
            raise self.corrupted("the vector of an n-gram is not finite")
        return vector

    def ids_of(self, words: Iterable[str]) -> list[int]:
        """Return the ids of words; of a canonically equal spelling, where there is only that.

        Raises:
            UnknownWordError: some are unknown; the error names near spellings for each.
            FormatError: a corrupted file has a word more than once.
        """
        return self._checked_vocabulary().ids_of(words)

    def check_words(self, words: Iterable[str]) -> list[int]:
        """Return the ids of those words that are in the vocabulary.

        Raises:
            UnknownWordError: others have no vector; the error names near spellings for each.
            FormatError: a corrupted file has a word more than once.
        """
        words = [words] if isinstance(words, str) else words
        return self.ids_of([word for word in words if not self.composes(word)])

    def unit_vectors(
        self, ids: slice | npt.NDArray[np.integer[Any]] | None = None
    ) -> npt.NDArray[np.float32]:
        """Return a copy of vectors with length 1; zero vectors stay zero.

        Args:
            ids: which rows; None: all of them.

        Raises:
            FormatError: a vector of a corrupted file is not finite.
        """
        rows = self._vectors if ids is None else self._vectors[ids]
        norms = self._norms if ids is None else self._norms[ids]
        lengths = np.where(norms == 0, 1, norms).astype(np.float32)
        with np.errstate(all="ignore"):
            units = np.asarray(rows / lengths[:, np.newaxis], dtype=np.float32)
        if not np.isfinite(units).all():
            raise self.corrupted("a vector or the length of it is not a finite number")
        return units

    def mean_vector(self, words: str | Iterable[str]) -> npt.NDArray[np.float32]:
        """Return the mean vector of a text, shape (D,); words without a vector are left out.

        Args:
            words: the words, or a text, which is split at white space. Preprocess it as the
                vectors' own text was.

        Raises:
            EmbeddingsError: none of the words is known.
        """
        tokens = words.split() if isinstance(words, str) else list(words)
        found = [token for token in tokens if token in self or self.composes(token)]
        if not found:
            raise EmbeddingsError(
                f"none of {counted(len(tokens), 'word')} has a vector; check the spelling"
            )
        return np.asarray(self[found].mean(axis=0, dtype=np.float64), dtype=np.float32)

    # --- questions ---------------------------------------------------------------------------

    def similarity(self, a: Term, b: Term) -> float:
        """Return the cosine of two words (or vectors), from -1 to 1.

        Raises:
            UnknownWordError: a word is unknown.
            EmbeddingsError: a vector is zero, so that it has no direction.
        """
        cosine = float(direction(self, a) @ direction(self, b))
        return min(max(cosine, -1.0), 1.0)

    def most_similar(
        self,
        positive: Query,
        negative: Query = (),
        n: int = 10,
        restrict: int | None = None,
        **unknown: NoReturn,
    ) -> Ranking[Neighbour]:
        """Return the words nearest to a query by cosine, nearest first.

        The query is the mean of the unit vectors of its terms, negative ones subtracted. Its own
        words are left out of the answer.

        Args:
            positive: a word, a vector, or several of them.
            negative: the same, to be subtracted.
            n: number of words to return.
            restrict: number of words to search; None: all.
            unknown: no others; the error names what gensim's keywords are called here.

        Raises:
            UnknownWordError: a word is unknown.
            EmbeddingsError: a vector is zero, or the terms cancel out.
            ConfigError: there is no such keyword.
        """
        check_names(unknown, ("positive", "negative", "n", "restrict"))
        return nearest(self, [(terms_of(positive), terms_of(negative))], n, restrict)[0]

    def most_similar_batch(
        self, queries: Iterable[Query], n: int = 10, restrict: int | None = None
    ) -> list[Ranking[Neighbour]]:
        """Answer many queries as :meth:`most_similar` does, by matrix products over several.

        Args:
            queries: each a word, a vector, or several of them whose mean is taken.
            n: number of words to return for each.
            restrict: number of words to search; None: all.
        """
        queries = [queries] if isinstance(queries, str) else queries  # one word
        return nearest(self, [(terms_of(query), []) for query in queries], n, restrict)

    def analogy(
        self,
        a: Term,
        b: Term,
        c: Term,
        *,
        n: int = 10,
        method: str = "add",
        restrict: int | None = None,
    ) -> Ranking[Neighbour]:
        """Return the words that answer a - b + c, best first: king - man + woman gives queen.

        Args:
            a: the word to start from.
            b: the word to take away.
            c: the word to add.
            n: number of words to return.
            method: "add", 3CosAdd (Mikolov, Yih and Zweig 2013), or "mul", 3CosMul (Levy and
                Goldberg 2014, equation 4, with cosines moved to the range from 0 to 1).
            restrict: number of words to search; None: all.

        Raises:
            UnknownWordError: a word is unknown.
            EmbeddingsError: a vector is zero, or the terms cancel out.
        """
        if method == "add":
            return self.most_similar([a, c], b, n, restrict)
        if method == "mul":
            return cosmul(self, (a, b, c), n, restrict)
        raise ConfigError(f"method must be 'add' or 'mul', not {method!r}")

    def doesnt_match(self, words: Sequence[str]) -> str:
        """Return the odd one out: the word farthest from the mean direction of all.

        Raises:
            UnknownWordError: a word is unknown.
            EmbeddingsError: there are fewer than three words, or a vector is zero.
        """
        if isinstance(words, str) or len(words) < 3:
            raise EmbeddingsError(
                f"a list of at least three words is needed to find the odd one, not {words!r:.50}"
            )
        self.check_words(word for word in words if isinstance(word, str))
        units = np.stack([direction(self, word) for word in words])
        return words[int(np.argmin(units @ units.mean(axis=0)))]

    def check(self) -> None:
        """Check everything: no word comes twice, all numbers are finite, all norms right.

        Raises:
            FormatError: it is not so.
        """
        self._checked_vocabulary()
        for start in range(0, len(self), ROWS):
            norms = norms_of(self._vectors[start : start + ROWS])
            close = np.isclose(
                self._norms[start : start + ROWS], norms, rtol=_NORM_TOLERANCE, atol=0
            )
            if not close.all():  # NaN is not close to anything
                word = self.words[start + int(np.argmin(close))]
                raise self.corrupted(
                    f"the vector of {word!r} is not finite, or its length is wrong"
                )
        for name, matrix in self._weights.items():
            if not all_finite(matrix):
                raise self.corrupted(f"its weights {name!r} are not all finite")
        if self._subwords is not None and not self._subwords.are_finite:
            raise self.corrupted("the vectors of its n-grams are not all finite")

    def corrupted(self, fault: str) -> FormatError:
        """Return the error to raise for a fault that shows in vectors not checked before."""
        name = "these vectors are" if self._source is None else f"{self._source} is"
        return FormatError(f"{name} corrupted: {fault}; copy or make them again")
