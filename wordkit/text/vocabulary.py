"""The vocabulary: word ↔ id, with counts.

V is the number of words. A vocabulary that wordkit builds lists the most frequent word first,
ties by first appearance, so that a cut by count or size is a cut of the ids: ``id < V'``.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.config import check_number
from wordkit.errors import ConfigError, FormatError, UnknownWordError, VocabularyError, counted
from wordkit.storage.container import TensorFile, read_tensors, write_tensors
from wordkit.storage.kinds import VOCABULARY
from wordkit.text.normalization import normalized
from wordkit.text.spelling import near_spellings, unknown_word

__all__ = ["EOS", "PHRASE_MARK", "UNK", "Vocabulary"]

UNK = "<unk>"
"""The word for all words outside the vocabulary, as in Mikolov's Penn Treebank."""

EOS = "<eos>"
"""The word that ends a line, where a corpus is prepared for a language model."""

PHRASE_MARK = "_"
"""Joins the words of a phrase, as in word2phrase and gensim."""


class Vocabulary:
    """Words with their ids (their indices in the list) and counts; immutable.

    Args:
        words: one or several distinct, non-empty strings without line breaks; the index is the id.
        counts: how often each was seen; None where that is not known (vectors from elsewhere).

    Raises:
        VocabularyError: a word is empty, doubled, or cannot be written as one line of UTF-8.
    """

    def __init__(self, words: Iterable[str], counts: npt.ArrayLike | None = None) -> None:
        self._words = (words,) if isinstance(words, str) else tuple(words)
        joined = "\n".join(self._words)
        if joined.count("\n") != max(len(self._words) - 1, 0):
            word = next(word for word in self._words if "\n" in word)
            raise VocabularyError(f"a word holds a line break: {word!r}; remove it")
        try:
            self._blob = joined.encode()
        except UnicodeEncodeError as error:
            word = next(w for w in self._words if w.encode(errors="replace").decode() != w)
            raise VocabularyError(f"a word is not valid Unicode: {word!r}; remove it") from error
        if "" in self._ids:
            raise VocabularyError(f"word {self._ids['']} is empty; remove it")
        self._set_counts(counts)

    @cached_property
    def _ids(self) -> dict[str, int]:
        """The id of each word; made when it is first asked for."""
        ids = dict(zip(self._words, range(len(self._words)), strict=True))
        if len(ids) != len(self._words):
            word = Counter(self._words).most_common(1)[0][0]
            raise VocabularyError(f"{word!r} is in the vocabulary more than once; keep one")
        return ids

    def _set_counts(self, counts: npt.ArrayLike | None) -> None:
        self._counts: npt.NDArray[np.int64] | None = None
        if counts is None:
            return
        given = np.asarray(counts)
        self._counts = given.astype(np.int64)
        self._counts.flags.writeable = False
        if self._counts.shape != (len(self._words),):
            raise VocabularyError(
                f"{len(self._words)} words need as many counts, not {self._counts.size}"
            )
        if np.any(self._counts != given) or np.any(self._counts < 0):
            raise VocabularyError("counts must be whole numbers from 0 up")

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, int],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        unk: bool = False,
    ) -> Vocabulary:
        """Make a vocabulary of the words in ``counts``, most frequent first, ties in given order.

        Args:
            counts: occurrences by word, in order of first appearance.
            min_count: words seen less often are left out.
            max_size: maximum number of words, ``<unk>`` among them.
            unk: count the occurrences of all words left out as ``<unk>``.

        Raises:
            VocabularyError: no word is left.
        """
        order = sorted(counts, key=lambda word: -counts[word])  # sorted() keeps ties in order
        full = cls(order, [counts[word] for word in order])
        if min_count == 1 and max_size is None and not unk:
            return full
        return full.cut(min_count=min_count, max_size=max_size, unk=unk)

    @classmethod
    def from_sentences(cls, sentences: Iterable[Iterable[str]], **cut: Any) -> Vocabulary:
        """Make a vocabulary of all tokens; the keywords are those of :meth:`from_counts`."""
        counts: Counter[str] = Counter()
        for sentence in sentences:
            if isinstance(sentence, str):
                raise VocabularyError(
                    f"a sentence must be a list of words, not the string {sentence!r:.50}"
                )
            counts.update(sentence)
        return cls.from_counts(counts, **cut)

    def cut(
        self, *, min_count: int = 1, max_size: int | None = None, unk: bool = False
    ) -> Vocabulary:
        """Return the most frequent words of this vocabulary.

        Args:
            min_count: words seen less often are left out.
            max_size: maximum number of words, ``<unk>`` among them.
            unk: count the occurrences of all words left out as ``<unk>``, which is then always
                a word, at the rank of its count (the last, with none left out).

        Raises:
            ConfigError: a limit is below 1.
            VocabularyError: no word is left.
        """
        size = self.size_at(min_count=min_count, max_size=max_size)
        if not unk and len(self) > 1 and self._words[: self.size_at(min_count=min_count)] == (EOS,):
            raise self._none_left(min_count)
        # <unk> where it is asked for, and <eos> where the text has it, stay; the rarest words
        # make room for them
        special = [UNK] * unk + [EOS] * (EOS in self._words)
        if not unk and all(word in self._words[:size] for word in special):
            whole = size == len(self)
            return self if whole else Vocabulary(self._words[:size], self.counts[:size])
        kept = [word for word in self._words[:size] if word not in special]
        if max_size is not None:
            if max_size < len(special) + 1:
                raise ConfigError(
                    f"max_size must leave room for {' and '.join(special)} and a word: "
                    f"at least {len(special) + 1}, not {max_size}"
                )
            kept = kept[: max_size - len(special)]
        keep = set(kept).union(special)
        counts = {w: int(n) for w, n in zip(self._words, self.counts, strict=True) if w in keep}
        if unk:
            counts[UNK] = counts.get(UNK, 0) + int(self.counts.sum()) - sum(counts.values())
        return Vocabulary.from_counts(counts)

    def _none_left(self, min_count: int) -> VocabularyError:
        counts = [n for word, n in zip(self._words, self.counts, strict=True) if word != EOS]
        return VocabularyError(
            f"no word is left: none of {len(counts)} is seen {min_count} times (the most frequent: "
            f"{max(counts, default=0)}); lower the minimum count or give more text"
        )

    def size_at(self, *, min_count: int = 1, max_size: int | None = None) -> int:
        """Return the number of words that a cut leaves, which are those of the ids below it.

        Raises:
            ConfigError: a limit is below 1.
            VocabularyError: no word is left, or the words are not in the order of their counts.
        """
        if np.any(self.counts[1:] > self.counts[:-1]):
            raise VocabularyError(
                "a cut needs words in the order of their counts, most frequent first; "
                "make the vocabulary with from_counts"
            )
        check_number("min_count", min_count)
        if max_size is not None:
            check_number("max_size", max_size)
        # counts fall from left to right
        size = int(np.searchsorted(-self.counts, -min_count, side="right"))
        if size == 0:
            raise self._none_left(min_count)
        return size if max_size is None else min(size, max_size)

    @property
    def words(self) -> tuple[str, ...]:
        """The words; a word's index is its id."""
        return self._words

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Occurrences of each word, shape (V,), read-only.

        Raises:
            VocabularyError: the counts are not known.
        """
        if self._counts is None:
            raise VocabularyError("this vocabulary has no counts: its vectors came without them")
        return self._counts

    @property
    def has_counts(self) -> bool:
        """True if the counts are known."""
        return self._counts is not None

    @property
    def unk_id(self) -> int | None:
        """The id of ``<unk>``, or None."""
        return self._ids.get(UNK)

    @property
    def eos_id(self) -> int | None:
        """The id of ``<eos>``, or None."""
        return self._ids.get(EOS)

    def __len__(self) -> int:
        return len(self._words)

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __contains__(self, word: object) -> bool:
        return self.find(word) is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        same_counts = (self._counts is None) == (other._counts is None) and (
            self._counts is None or np.array_equal(self._counts, other.counts)
        )
        return self._words == other._words and same_counts

    def __hash__(self) -> int:
        return hash(self._words)

    def __reduce__(self) -> tuple[Any, ...]:
        arrays = self.to_arrays()
        return self.from_arrays, (arrays["words"], arrays.get("counts"), "a copy of a vocabulary")

    def __repr__(self) -> str:
        tokens = "no counts" if self._counts is None else counted(int(self._counts.sum()), "token")
        return f"Vocabulary({counted(len(self), 'word')}, {tokens})"

    def get(self, word: str) -> int | None:
        """Return the id of a word in this very spelling, or None."""
        return self._ids.get(word)

    def find(self, word: object) -> int | None:
        """Return the id of a word, or of a canonically equal spelling of it; None: unknown.

        The word is looked up as it is, then in the normal form NFC, then as any equal spelling.
        Several words with spaces between them are looked up as a phrase too: ``new_york``.
        """
        if not isinstance(word, str):
            return None
        found = self._ids.get(word)
        if found is None:
            form = normalized(word, "nfc")
            found = self._ids.get(form, self.equal_spellings.get(form))
        if found is None and " " in word.strip():
            found = self.find(PHRASE_MARK.join(word.split()))
        return found

    @cached_property
    def equal_spellings(self) -> Mapping[str, int]:
        """The ids of the words that are not in the normal form NFC, by that form."""
        text = self._blob.decode()
        if text.isascii() or unicodedata.is_normalized("NFC", text):
            return {}
        forms = [(normalized(word, "nfc"), i) for word, i in self._ids.items()]
        return {form: i for form, i in reversed(forms) if form not in self._ids}

    def id(self, word: str) -> int:
        """Return the id of a word, found as :meth:`find` does.

        Raises:
            UnknownWordError: it is unknown; the error names words of similar spelling.
        """
        return self.ids_of([word])[0]

    def ids_of(self, words: Iterable[str]) -> list[int]:
        """Return the ids of words, found as :meth:`find` does.

        Raises:
            UnknownWordError: some are unknown; the error names words of similar spelling for each.
        """
        words = [words] if isinstance(words, str) else list(words)
        ids = [i for i in map(self.find, words) if i is not None]
        if len(ids) < len(words):
            unknown = (word for word in dict.fromkeys(words) if self.find(word) is None)
            raise UnknownWordError.join([unknown_word(word, self.near(word)) for word in unknown])
        return ids

    def word(self, id: int) -> str:  # noqa: A002 - the counterpart of id()
        """Return the word of an id.

        Raises:
            VocabularyError: there is no such id.
        """
        if not 0 <= id < len(self):
            raise VocabularyError(f"there is no word {id}: the ids run from 0 to {len(self) - 1}")
        return self._words[id]

    def ids(self, words: Iterable[str]) -> npt.NDArray[np.int32]:
        """Return the id of each word in this very spelling, -1 for unknown ones."""
        words = [words] if isinstance(words, str) else words
        return np.fromiter(map(self._ids.get, words, repeat(-1)), dtype=np.int32)

    def encode(self, tokens: str | Sequence[str]) -> npt.NDArray[np.int32]:
        """Return the ids of tokens; unknown ones become ``<unk>`` if it is a word, else nothing."""
        tokens = [tokens] if isinstance(tokens, str) else tokens
        unk = self.unk_id
        found = map(self.find, tokens)
        ids = [unk if i is None else i for i in found]
        return np.array([i for i in ids if i is not None], dtype=np.int32)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the words of ids."""
        return [self.word(int(i)) for i in ids]

    def near(self, word: str, n: int = 3) -> list[str]:
        """Return up to ``n`` words with a spelling similar to ``word``, best first."""
        return near_spellings(word, self._ids, n)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write words and counts to a safetensors file, which :func:`wordkit.load` reads.

        Raises:
            StorageError: the file cannot be written.
        """
        write_tensors(path, self.to_arrays(), kind=VOCABULARY)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Load the vocabulary that :meth:`save` wrote.

        Raises:
            StorageError: the file cannot be read.
            FormatError: it is corrupted, or of another kind.
        """
        file = read_tensors(path, kind=VOCABULARY)
        counts = file.tensor("counts", np.int64, 1) if "counts" in file.tensors else None
        vocabulary = cls.from_arrays(file.tensor("words", np.uint8, 1), counts, str(file.path))
        try:
            vocabulary.get("")  # finds a word that comes twice
        except VocabularyError as error:
            raise FormatError(f"{path} is corrupted: {error}") from error
        return vocabulary

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays ``words`` (UTF-8, one word a line) and, if known, ``counts``."""
        arrays: dict[str, npt.NDArray[Any]] = {"words": np.frombuffer(self._blob, dtype=np.uint8)}
        if self._counts is not None:
            arrays["counts"] = self._counts
        return arrays

    @classmethod
    def from_arrays(
        cls, words: npt.NDArray[np.uint8], counts: npt.NDArray[np.int64] | None, source: str
    ) -> Vocabulary:
        """Restore the vocabulary that :meth:`to_arrays` gave.

        Args:
            words: UTF-8 bytes, one word a line.
            counts: shape (V,), or None.
            source: the file they came from, for the message of an error.

        Raises:
            FormatError: the bytes are no vocabulary. (A word that comes twice is found when a
                word is first looked up, for which a table is made.)
        """
        vocabulary = cls.__new__(cls)
        vocabulary._blob = words.tobytes()
        try:
            text = vocabulary._blob.decode()
        except UnicodeDecodeError as error:
            raise FormatError(
                f"{source} is corrupted: its words are not UTF-8 at byte {error.start}"
            ) from error
        vocabulary._words = tuple(text.split("\n")) if text else ()
        if "\n\n" in text or text.startswith("\n") or text.endswith("\n"):
            raise FormatError(f"{source} is corrupted: one of its words is empty")
        try:
            vocabulary._set_counts(counts)
        except VocabularyError as error:
            raise FormatError(f"{source} is corrupted: {error}") from error
        return vocabulary

    @classmethod
    def from_file(cls, file: TensorFile, prefix: str = "") -> Vocabulary:
        """Read a vocabulary with counts from a file.

        Args:
            file: one with the arrays of :meth:`to_arrays`.
            prefix: of their names in the file.

        Raises:
            FormatError: an array is missing or corrupted.
        """
        words = file.tensor(f"{prefix}words", np.uint8, 1)
        counts = file.tensor(f"{prefix}counts", np.int64, 1)
        return cls.from_arrays(words, counts, str(file.path))
