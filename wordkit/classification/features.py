"""Texts as rows of a matrix: those of their words, and of hashed word and character n-grams.

N is the number of texts, V of words, G of buckets that are kept. Rows from 0 to V − 1 are those of
words, rows from V on those of buckets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from wordkit.classification import kernels
from wordkit.classification.config import ClassifierConfig
from wordkit.classification.examples import LabelledText, without_empty
from wordkit.errors import ConfigError, VocabularyError, missing_hint
from wordkit.runtime import require_memory
from wordkit.text.kernels import START
from wordkit.text.lookup import Document, WordIds, block_of
from wordkit.text.normalization import normalized
from wordkit.text.scanner import Scanner
from wordkit.text.subwords import NGrams
from wordkit.text.tokenizers import Tokenizer, tokenizer_of
from wordkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings

__all__ = ["Features", "LabelledWords", "TokenTable", "check_buckets", "tokenized"]

Finder: TypeAlias = Callable[[WordIds], WordIds]

_ENDS = ("<s>", "</s>")
"""The words that stand for the beginning and the end of a text; the latter as in fastText."""


class TokenTable:
    """The distinct words of all texts that it has read, with their hashes.

    Args:
        tokenizer: makes tokens of strings; lists of tokens are taken as they are.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._scanner = Scanner(tokenizer)
        self._scanner.table.add("".join(f"{end}\n" for end in _ENDS).encode(), 0)
        self.words: list[str] = []
        self.hashes = np.zeros(0, np.int32)

    def __len__(self) -> int:
        return self._scanner.table.size

    def read(self, texts: Sequence[Document]) -> WordIds:
        """Return the words of texts, by their numbers in this table.

        Raises:
            ConfigError: a text is neither a string nor a list of strings.
            TextError: it is not valid Unicode.
        """
        if all(isinstance(text, str) for text in texts):
            found = self._scanner.scan(block_of(texts, "text"), 0)  # type: ignore[arg-type]
            parts, ends = [found.ids], found.line_ends.tolist()
        else:
            parts, ends = self._read_lists(texts)
        self._update()
        return WordIds(np.concatenate(parts), np.array([0, *ends], np.int64))

    def _read_lists(
        self, texts: Sequence[Document]
    ) -> tuple[list[npt.NDArray[np.int32]], list[int]]:
        parts, ends, tokens = [np.zeros(0, np.int32)], [], 0
        for number, text in enumerate(texts, 1):
            if isinstance(text, str):
                parts.append(self._scanner.scan(block_of([text], "text"), 0).ids)
            elif isinstance(text, list | tuple) and all(isinstance(word, str) for word in text):
                lines = "".join(f"{' '.join(word.split(chr(10)))}\n" for word in text if word)
                parts.append(self._scanner.table.add(lines.encode(errors="replace"), 0))
            else:
                raise ConfigError(
                    f"text {number} must be a string or a list of tokens, not {text!r:.50}"
                    f"{missing_hint(text)}"
                )
            tokens += len(parts[-1])
            ends.append(tokens)
        return parts, ends

    def _update(self) -> None:
        """Take over the words that are new."""
        table, known = self._scanner.table, len(self.words)
        if table.size > known:
            self.words += table.lines(np.arange(known, table.size)).decode().split("\n")[:-1]
            _, rows, blob = table.arrays
            starts = rows[known : table.size + 1, START]
            hashes = np.empty(table.size - known, np.int32)
            kernels.word_hashes(blob, starts[:-1], starts[1:], hashes)
            self.hashes = np.concatenate([self.hashes, hashes])

    def vocabulary(self, texts: WordIds, min_count: int, others: Sequence[str] = ()) -> Vocabulary:
        """Return the words of texts that are frequent enough, with the one that ends a text.

        Args:
            texts: read by this table.
            min_count: rarer words are left out.
            others: words to have beside them, in the normal form of the texts.

        Raises:
            VocabularyError: no word is left.
        """
        counts = np.bincount(texts.ids, minlength=len(self))
        counts[1] = max(len(texts), min_count)
        frequent = np.flatnonzero(counts >= min_count)
        if len(frequent) < 2:
            raise VocabularyError(
                f"no word occurs {min_count} times or more in the training texts; lower min_count "
                "or give more texts"
            )
        known = {self.words[i]: int(counts[i]) for i in frequent}
        forms = (normalized(word, self._scanner.tokenizer.normalize) for word in others)
        return Vocabulary.from_counts({**known, **{w: 0 for w in forms if w not in known}})


@dataclass(frozen=True)
class LabelledWords:
    """Labelled texts whose words have been found."""

    table: TokenTable
    words: WordIds
    labels: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, places: npt.NDArray[np.int64]) -> LabelledWords:
        """Return the texts at some places."""
        begins, sizes = self.words.offsets[places], np.diff(self.words.offsets)[places]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        ids = self.words.ids[np.arange(offsets[-1]) + np.repeat(begins - offsets[:-1], sizes)]
        labels = tuple(self.labels[i] for i in places.tolist())
        return LabelledWords(self.table, WordIds(ids, offsets), labels)


def tokenized(
    texts: Iterable[LabelledText], text: Mapping[str, Any], table: TokenTable | None = None
) -> LabelledWords:
    """Find the words of labelled texts; empty ones are left out, of which a warning tells.

    Args:
        texts: read once.
        text: the settings of the text: ``tokenizer``, ``normalize``, ``case``.
        table: reads them; None: a new one.

    Raises:
        TextError: there is no text, or each is empty, or one is not valid Unicode.
        ConfigError: one is neither a string nor a list of tokens, or there is no such tokenizer.
    """
    kept = without_empty(texts)
    table = table or TokenTable(tokenizer_of(text))
    return LabelledWords(
        table, table.read([each.text for each in kept]), tuple(each.labels for each in kept)
    )


@dataclass(frozen=True)
class Features:
    """The words and the buckets of n-grams that a model knows.

    Args:
        vocabulary: V words.
        buckets: shape (G,): those that are kept, in their order.
        config: the settings of n-grams.
    """

    vocabulary: Vocabulary
    buckets: npt.NDArray[np.int32]
    config: ClassifierConfig

    @property
    def rows(self) -> int:
        """V + G."""
        return len(self.vocabulary) + len(self.buckets)

    @classmethod
    def of_texts(
        cls,
        table: TokenTable,
        texts: WordIds,
        config: ClassifierConfig,
        others: Sequence[str] = (),
    ) -> tuple[Features, WordIds]:
        """Find the words and n-grams of training texts, and the rows of these.

        Args:
            table: has read the texts.
            texts: their words.
            config: the settings of n-grams.
            others: words to know beside those of the texts, as they have vectors.

        Raises:
            VocabularyError: no word is left.
            ResourceError: the buckets do not fit into memory.
        """
        check_buckets(config)
        vocabulary = table.vocabulary(texts, config.min_count, others)
        V, none = len(vocabulary), np.zeros(0, np.int32)
        found = cls(vocabulary, none, config)._finder(table, none, np.int64)(texts)
        used, counts = np.unique(found.ids[found.ids >= V], return_counts=True)
        used = used[counts >= config.min_ngram_count]
        features = cls(vocabulary, (used - V).astype(np.int32), config)
        return features, features.finder(table)(texts)

    def vectors_of(
        self, embeddings: Embeddings
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return the rows of the words that have vectors, and these, of a mean length of 1.

        With subwords, words outside the vocabulary have those composed of their n-grams.

        Raises:
            VocabularyError: none has.
            FormatError: the vectors come from a corrupted file, or are not finite.
        """
        embeddings.check()
        words = self.vocabulary.words
        found = [embeddings.vocabulary.find(word) for word in words]
        places = [row for row, i in enumerate(found) if i is not None]
        vectors = embeddings.vectors[[i for i in found if i is not None]]
        if embeddings.subwords is not None:
            others = [r for r, i in enumerate(found) if i is None and embeddings.composes(words[r])]
            vectors = np.vstack([vectors, embeddings[[words[row] for row in others]]])
            places += others
        rows = np.array(places, np.int64)
        if not self.vocabulary.counts[rows].any():
            raise VocabularyError(
                f"none of the words of the texts is among the {len(embeddings):,} that "
                "have vectors; tokenize them as their text was, or start without them"
            )
        length = float(np.linalg.norm(vectors, axis=1).mean())
        return rows, np.asarray(vectors / max(length, 1e-9), np.float32)

    def finder(self, table: TokenTable) -> Finder:
        """Return a function from texts that a table has read so far to their rows."""
        return self._finder(table, self._lookup, np.int32)

    @cached_property
    def _lookup(self) -> npt.NDArray[np.int32]:
        """The place of each bucket among those that are kept, −1 for others."""
        lookup = np.full(self.config.buckets, -1, np.int32)
        lookup[self.buckets] = np.arange(len(self.buckets), dtype=np.int32)
        return lookup

    def _finder(self, table: TokenTable, lookup: npt.NDArray[np.int32], kind: Any) -> Finder:
        words = kernels.Words(
            self.vocabulary.ids(table.words), table.hashes, *_subwords(self.config.ngrams, table)
        )
        of_words = 1 + np.diff(words.offsets)  # rows of each word, but for n-grams of words
        ngrams, ends = self.config.word_ngrams, np.arange(len(_ENDS))

        def find(texts: WordIds) -> WordIds:
            N, n = len(texts), len(texts.ids)
            most = int(of_words[texts.ids].sum() + N * of_words[1]) + (n + 2 * N) * (ngrams - 1)
            offsets, rows = np.empty(N + 1, np.int64), np.empty(most, kind)
            kernels.text_rows(
                texts.ids, texts.offsets, words, ngrams, lookup, self.config.buckets, ends,
                len(self.vocabulary), rows, offsets,
            )  # fmt: skip
            return WordIds(rows[: offsets[-1]], offsets)

        return find


def _subwords(
    ngrams: NGrams | None, table: TokenTable
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    if ngrams is None:
        return np.zeros(0, np.int32), np.zeros(len(table.words) + 1, np.int64)
    return ngrams.buckets_of(table.words)


def check_buckets(config: ClassifierConfig) -> None:
    """Raise ResourceError if a table of the buckets does not fit into memory."""
    require_memory(
        f"{config.buckets:,} buckets need", 4 * config.buckets + (16 << 20), "lower buckets"
    )
