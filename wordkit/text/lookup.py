"""Documents as ids of the words of a vocabulary; others are left out, or have composed vectors.

N is the number of documents, V of words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError, TextError, missing_hint
from wordkit.text.blocks import Block
from wordkit.text.scanner import Scanner
from wordkit.text.tokenizers import Tokenizer, is_number
from wordkit.text.vocabulary import PHRASE_MARK, Vocabulary

__all__ = ["Document", "WordIds", "WordLookup", "block_of"]

Document: TypeAlias = "str | Sequence[str]"
"""A text, or the list of its tokens."""

_BLOCK_DOCUMENTS, _BLOCK_CHARACTERS = 1 << 14, 1 << 22
_MAX_UNKNOWN_WORDS = 1 << 20  # that a scanner keeps


@dataclass(frozen=True)
class WordIds:
    """The ids of the known words of documents, as the columns of a sparse matrix are kept."""

    ids: npt.NDArray[np.int32]
    """Word ids of all documents, concatenated."""

    offsets: npt.NDArray[np.int64]
    """Shape (N + 1,): those of document i are ``ids[offsets[i] : offsets[i + 1]]``."""

    others: Sequence[npt.NDArray[np.float32]] = ()
    """The vectors of words outside the vocabulary; their ids are V, V + 1 and so on."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def join(cls, parts: Sequence[WordIds]) -> WordIds:
        """Return the documents of several parts."""
        lengths = [np.diff(part.offsets) for part in parts]
        offsets = np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths]))
        ids = np.concatenate([np.zeros(0, np.int32), *(part.ids for part in parts)])
        return cls(ids, offsets, parts[-1].others if parts else ())

    def __getitem__(self, documents: slice) -> WordIds:
        first, last, _ = documents.indices(len(self))
        offsets = self.offsets[first : last + 1]
        return WordIds(self.ids[offsets[0] : offsets[-1]], offsets - offsets[0], self.others)


class WordLookup:
    """Finds the known words of documents.

    Args:
        vocabulary: the words that are known.
        tokenizer: makes tokens of strings; lists of tokens are taken as they are.
        numbers: ``keep``, or ``N``: numbers become that.
        phrases: neighbours of up to so many words that are a phrase of the vocabulary, such as
            ``new_york``, become that, the longest first, from left to right.
        compose: returns the vector of a word outside the vocabulary, None where it has none.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        numbers: str = "keep",
        phrases: int = 1,
        compose: Callable[[str], npt.NDArray[np.float32] | None] | None = None,
    ) -> None:
        self._vocabulary, self._tokenizer = vocabulary, tokenizer
        self._numbers, self._phrases, self._compose = numbers, phrases, compose
        self._found: dict[str, int | None] = {}  # the ids of words outside the vocabulary
        self._others: list[npt.NDArray[np.float32]] = []
        self._scanner: Scanner | None = None

    def __call__(self, documents: Iterable[Document]) -> WordIds:
        """Return the known words of documents.

        Args:
            documents: strings, or lists of tokens; read once.

        Raises:
            ConfigError: a document is neither a string nor a list of strings.
            TextError: a document is not valid Unicode.
        """
        return WordIds.join([self._ids(block) for block in _blocks(documents)])

    def _ids(self, block: Sequence[Document]) -> WordIds:
        texts = [document for document in block if isinstance(document, str)]
        plain = self._numbers == "keep" and self._phrases == 1 and self._compose is None
        if self._tokenizer.scanned and plain and len(texts) == len(block):
            return self._scanned(texts)
        return self._tokenized(block)

    def _scanned(self, texts: Sequence[str]) -> WordIds:
        V, equal = len(self._vocabulary), self._vocabulary.equal_spellings
        if self._scanner is None or self._scanner.table.size > V + _MAX_UNKNOWN_WORDS:
            self._scanner = Scanner(self._tokenizer)
            self._scanner.table.add(self._vocabulary.to_arrays()["words"].tobytes() + b"\n", 0)
            self._scanner.table.add("".join(f"{form}\n" for form in equal).encode(), 0)
        found = self._scanner.scan(block_of(texts, "document"), 0)
        is_known = found.ids < V + len(equal)
        known_before = np.concatenate([np.zeros(1, np.int64), np.cumsum(is_known)])
        ids = found.ids[is_known]
        if equal:
            ids = np.concatenate([np.arange(V), list(equal.values())]).astype(np.int32)[ids]
        return WordIds(ids, known_before[np.r_[0, found.line_ends]])

    def _tokenized(self, block: Sequence[Document]) -> WordIds:
        ids: list[int] = []
        offsets = [0]
        for document in block:
            tokens = self._tokenizer(document) if isinstance(document, str) else document
            if self._numbers == "N":
                tokens = ["N" if is_number(token) else token for token in tokens]
            joined = self._joined(tokens) if self._phrases > 1 else tokens
            ids.extend(i for i in map(self._find, joined) if i is not None)
            offsets.append(len(ids))
        return WordIds(np.array(ids, dtype=np.int32), np.array(offsets, np.int64), self._others)

    def _find(self, word: str) -> int | None:
        found = self._vocabulary.find(word)
        if found is not None or self._compose is None:
            return found
        if word not in self._found:
            vector = self._compose(word)
            self._found[word] = (
                None if vector is None else len(self._vocabulary) + len(self._others)
            )
            self._others += [] if vector is None else [vector]
        return self._found[word]

    def _joined(self, tokens: Sequence[str]) -> Iterator[str]:
        start = 0
        while start < len(tokens):
            for n in range(min(self._phrases, len(tokens) - start), 0, -1):
                word = PHRASE_MARK.join(tokens[start : start + n])
                if n == 1 or word in self._vocabulary:
                    break
            yield word
            start += n


def block_of(texts: Sequence[str], noun: str) -> Block:
    """Return texts as the lines of a block, with spaces for the line breaks in them.

    Args:
        texts: a line for each.
        noun: what one is, for messages.

    Raises:
        TextError: one is not valid Unicode.
    """
    lines = "\n".join(texts) + "\n"
    if lines.count("\n") > len(texts):
        lines = "\n".join(text.replace("\n", " ") for text in texts) + "\n"
    try:
        return Block(lines.encode(), f"the {noun}s")
    except UnicodeEncodeError as error:
        character = lines[error.start]
        raise TextError(f"a {noun} is not valid Unicode: it holds {character!r}") from error


def _blocks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield several documents at a time, so that little memory is taken for their tokens."""
    block: list[Document] = []
    characters = 0
    for number, document in enumerate(documents, 1):
        if isinstance(document, str):
            characters += len(document)
        elif not isinstance(document, list | tuple) or not all(
            isinstance(token, str) for token in document
        ):
            raise ConfigError(
                f"document {number} must be a string or a list of tokens, not {document!r:.50}"
                f"{missing_hint(document)}"
            )
        block.append(document)
        if len(block) == _BLOCK_DOCUMENTS or characters >= _BLOCK_CHARACTERS:
            yield block
            block, characters = [], 0
    if block:
        yield block
