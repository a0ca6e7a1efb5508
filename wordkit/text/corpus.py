"""The corpus: word ids of one text, kept in a folder of memory-mapped ``.npy`` files.

N is the number of tokens, S of sentences (lines), V of words. For the files see
:mod:`wordkit.text.corpus_folder`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import warnings
import weakref
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from wordkit.errors import CorpusError, TextError, counted, missing_hint
from wordkit.storage.remote import in_folder, is_remote, read_file
from wordkit.text.corpus_folder import (
    MANIFEST,
    PARTS,
    CorpusWriter,
    array_header,
    fingerprint_of,
    read_manifest,
)
from wordkit.text.remote_ids import RemoteIds
from wordkit.text.vocabulary import Vocabulary

__all__ = ["UNTOLD", "Corpus", "is_corpus", "origin", "written_corpus"]

UNTOLD = {
    "tokenizer": "whitespace", "numbers": "keep", "normalize": "none", "case": None, "bpe": None,
}  # fmt: skip
"""Settings of tokenizing that corpora and models without such entries were made with."""

_PIECE = 1 << 20  # values read at a time, so that memory does not grow
# What NumPy raises for a corrupted file: its header is a Python literal.
_BAD_ARRAY = (
    ValueError, EOFError, SyntaxError, TokenError, OverflowError, RecursionError, MemoryError
)  # fmt: skip


class Corpus:
    """Token ids of one text with sentence boundaries and vocabulary; immutable.

    Args:
        ids: shape (N,), int32; each below the size of the vocabulary.
        offsets: shape (S + 1,), int64, rising from 0 to N.
        vocabulary: the words of the ids, with counts.
        settings: how the corpus was made: tokenizer, numbers, sources, …
        fingerprint: names the content; computed where it is not given.
    """

    def __init__(
        self,
        ids: npt.NDArray[np.int32],
        offsets: npt.NDArray[np.int64],
        vocabulary: Vocabulary,
        settings: Mapping[str, Any] | None = None,
        fingerprint: str | None = None,
    ) -> None:
        self.ids = _read_only(ids) if isinstance(ids, np.ndarray) else ids
        self.offsets = _read_only(offsets)
        self.vocabulary = vocabulary
        self.settings = dict(settings or {})
        self._fingerprint = fingerprint
        self.folder: str | Path | None = None
        """The folder that it was opened from, or its URL."""
        self.keep_alive: object = None
        """An owner of resources that live as long as the corpus, such as a temporary folder."""

    @classmethod
    def from_sentences(
        cls, sentences: Iterable[Iterable[str]], *, vocabulary: Vocabulary | None = None, **cut: Any
    ) -> Corpus:
        """Make a corpus in memory from tokenised sentences.

        Args:
            sentences: an iterable of iterables of words, read once.
            vocabulary: the words to use; words outside it become ``<unk>`` where it has that,
                else they are dropped. None: build one from the sentences.
            cut: ``min_count``, ``max_size`` and ``unk``, as for
                :meth:`wordkit.text.Vocabulary.from_counts`.

        Raises:
            TextError: a sentence is a string, or a token is none.
            VocabularyError: no word is left.
        """
        numbers: dict[str, int] = {}  # of the words, as they come
        tokens, ends = array("i"), array("q", [0])
        for number, sentence in enumerate(sentences, 1):
            if isinstance(sentence, str):
                raise TextError(
                    f"sentence {number} is a string, {sentence!r:.50}; give a list of its tokens"
                )
            try:
                tokens.extend([numbers.setdefault(word, len(numbers)) for word in sentence])
            except TypeError as error:  # cannot be a key, or be iterated over
                raise TextError(
                    f"sentence {number} must be a list of tokens, not {sentence!r:.50}"
                    f"{missing_hint(sentence)}"
                ) from error
            ends.append(len(tokens))
        for word in numbers:
            if not isinstance(word, str):
                hint = missing_hint(word)
                raise TextError(f"a token must be a string, not {word!r:.50}{hint}")
        ids, offsets = np.frombuffer(tokens, np.int32), np.frombuffer(ends, np.int64)
        if vocabulary is None:
            counts = np.bincount(ids, minlength=len(numbers)).tolist()
            vocabulary = Vocabulary.from_counts(dict(zip(numbers, counts, strict=True)), **cut)
        missing = -1 if vocabulary.unk_id is None else vocabulary.unk_id
        found = (vocabulary.get(word) for word in numbers)
        ids = np.array([missing if i is None else i for i in found], dtype=np.int32)[ids]
        if missing < 0:
            stays = ids >= 0
            ids, offsets = ids[stays], np.concatenate([[0], np.cumsum(stays)])[offsets]
        return cls(ids, offsets, vocabulary)

    @property
    def tokens(self) -> int:
        """N, the number of tokens."""
        return len(self.ids)

    @property
    def sentences(self) -> int:
        """S, the number of sentences."""
        return len(self.offsets) - 1

    @property
    def fingerprint(self) -> str:
        """A hexadecimal digest of words, boundaries and ids: the same text, the same digest."""
        if self._fingerprint is None:
            self._fingerprint = self._digest()
        return self._fingerprint

    @property
    def record(self) -> dict[str, Any]:
        """The identity of the corpus, in values that JSON can hold if its settings are."""
        names = ("fingerprint", "tokens", "sentences", "settings")
        return {name: getattr(self, name) for name in names}

    def ids_with(self, start: int, stop: int) -> npt.NDArray[np.int32]:
        """Return the ids, shape (N,), of which those from start to stop are certainly read.

        Of a corpus in a store, the others are not, and are 0.
        """
        part: Any = slice(start, stop)
        return self.ids.having(part) if isinstance(self.ids, RemoteIds) else np.asarray(self.ids)

    def __iter__(self) -> Iterator[npt.NDArray[np.int32]]:
        """Yield the sentences, each an array of ids."""
        for start, end in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True):
            yield self.ids[start:end]

    def __repr__(self) -> str:
        sizes = (self.tokens, "token"), (self.sentences, "sentence"), (len(self.vocabulary), "word")
        return f"Corpus({', '.join([*(counted(*size) for size in sizes), *origin(self.settings)])})"

    def check(self) -> None:
        """Check that the content has the fingerprint; everything is read once.

        Raises:
            CorpusError: it is not.
        """
        if self._fingerprint is not None and self._digest() != self._fingerprint:
            raise CorpusError(
                f"{self.folder or 'the corpus'} is corrupted: its content does not have its "
                "fingerprint; prepare the text again"
            )

    def _digest(self) -> str:
        words = self.vocabulary.to_arrays()
        arrays = (self.ids, self.offsets, words["words"], words["counts"])
        return fingerprint_of([_digest_of(array) for array in arrays])

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the corpus as a folder, also by its URL.

        Raises:
            StorageError: the folder cannot be written, or holds something else.
        """
        with CorpusWriter(folder) as writer:
            for part, array in (("ids", self.ids), ("offsets", self.offsets)):
                with writer.part(part) as file:
                    for piece in _pieces(array):
                        file.append(piece)
            writer.finish(self.vocabulary, self.settings)
        if writer.temporary is not None:  # of a URL
            writer.temporary.cleanup()

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Corpus:
        """Open the corpus of a folder, memory-mapped.

        Args:
            folder: its path, or its URL (``s3://``, ``https://``): its ids are read then as they
                are used, and kept in a temporary file.

        Raises:
            StorageError: the folder cannot be read.
            CorpusError: it is no corpus, or its files do not fit together.
        """
        folder = os.fspath(folder) if is_remote(folder) else Path(folder)
        manifest = read_manifest(folder)
        try:
            sizes = {part: int(manifest["sizes"][part]) for part in PARTS}
            files = {part: str(manifest["files"][part]) for part in PARTS}
            settings, fingerprint = dict(manifest["settings"]), str(manifest["fingerprint"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise CorpusError(
                f"{in_folder(folder, MANIFEST)} is corrupted: no usable entry {error}; prepare the "
                "text again"
            ) from error
        paths = {part: in_folder(folder, os.path.basename(files[part])) for part in PARTS}
        arrays = {
            part: _load_array(paths[part], PARTS[part], sizes[part])
            for part in PARTS
            if part != "ids" or not is_remote(folder)
        }
        offsets = arrays["offsets"]
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != sizes["ids"]:
            raise CorpusError(f"{folder} is corrupted: its sentence boundaries do not fit its ids")
        if any(np.any(np.diff(piece) < 0) for piece in _pieces(offsets, overlap=1)):
            raise CorpusError(f"{folder} is corrupted: its sentence boundaries do not rise")
        vocabulary = Vocabulary.from_arrays(arrays["words"], arrays["counts"], str(folder))
        ids: Any = arrays.get("ids")
        if ids is None:
            header = array_header(np.dtype(PARTS["ids"]), sizes["ids"])
            ids = RemoteIds(paths["ids"], header, sizes["ids"], len(vocabulary))
        corpus = cls(ids, offsets, vocabulary, settings, fingerprint)
        corpus.folder = folder
        return corpus


def written_corpus(writer: CorpusWriter) -> Corpus:
    """Open what a writer has written; a temporary folder goes when the corpus does."""
    corpus = Corpus.open(writer.folder)
    if writer.temporary is not None:  # whose own finalizer would warn
        weakref.finalize(corpus, writer.temporary.cleanup)
    return corpus


def origin(settings: object) -> list[str]:
    """Return what the settings of a corpus tell of its origin: the tokenizer and the source."""
    known = settings if isinstance(settings, Mapping) else {}
    names = {"tokenizer": "tokenizer", "from": "source"}
    return [f"{word} {known[name]!s:.60}" for word, name in names.items() if name in known]


def is_corpus(path: str | os.PathLike[str]) -> bool:
    """Return True if the path or URL is that of a folder that holds a prepared corpus."""
    if is_remote(path):
        with contextlib.suppress(OSError):  # a page instead of an error is no corpus
            return read_file(in_folder(path, MANIFEST)).lstrip().startswith(b"{")
        return False
    return os.path.isfile(os.path.join(path, MANIFEST))  # False also where we may not look


def _load_array(path: str, dtype: npt.DTypeLike, size: int) -> npt.NDArray[Any]:
    try:
        file: Any = io.BytesIO(read_file(path)) if is_remote(path) else path
        mode: Any = "r" if size and file is path else None  # an empty array cannot be mapped
        with warnings.catch_warnings():  # of deprecated types, of which none is right, and headers
            warnings.simplefilter("ignore")
            array = np.load(file, mmap_mode=mode, allow_pickle=False)
    except OSError as error:
        raise CorpusError(
            f"{path} cannot be read: {error.strerror or error}; if it is lost, prepare the text "
            "again"
        ) from error
    except _BAD_ARRAY as error:
        raise CorpusError(f"{path} is truncated or corrupted; prepare the text again") from error
    if array.dtype != np.dtype(dtype) or array.shape != (size,):
        raise CorpusError(
            f"{path} should hold {size} values of {np.dtype(dtype)}, but holds "
            f"{array.shape} of {array.dtype}; prepare the text again"
        )
    return cast("npt.NDArray[Any]", array)


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


def _pieces(array: npt.NDArray[Any], *, overlap: int = 0) -> Iterator[npt.NDArray[Any]]:
    """Yield an array, which may be larger than memory, piece by piece."""
    for start in range(0, len(array), _PIECE):
        yield np.ascontiguousarray(array[start : start + _PIECE + overlap])


def _digest_of(array: npt.NDArray[Any]) -> bytes:
    digest = hashlib.sha256()
    for piece in _pieces(array):
        digest.update(piece.data)
    return digest.digest()
