"""The corpus: word ids of one text, kept in a folder of memory-mapped ``.npy`` files.

N is the number of tokens, S of sentences (lines), V of words. The folder holds

    corpus.json          what the corpus is, how it was made, and the names of the files below
    ids-G.npy            (N,) int32: the word ids
    offsets-G.npy        (S + 1,) int64: sentence s is ids[offsets[s]:offsets[s + 1]]
    words-G.npy          UTF-8 bytes, one word a line, most frequent first
    counts-G.npy         (V,) int64: how often each word occurs

G names one generation of the data. A new generation is written beside the old one and takes over
when ``corpus.json`` is replaced, in one step, so that a kill leaves the old corpus or the new.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from wordkit.errors import CorpusError, StorageError, VocabularyError
from wordkit.storage import atomic_write
from wordkit.text.vocabulary import Vocabulary

__all__ = ["Corpus"]

MANIFEST = "corpus.json"
_FORMAT_VERSION = 1
_PARTS = ("ids", "offsets", "words", "counts")
# What NumPy raises for a damaged file: its header is a Python literal.
_BAD_ARRAY = (
    ValueError, EOFError, SyntaxError, TokenError, OverflowError, RecursionError, MemoryError
)  # fmt: skip


class Corpus:
    """Token ids of one text with its sentence boundaries and its vocabulary; immutable.

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
        self.ids = _read_only(ids)
        self.offsets = _read_only(offsets)
        self.vocabulary = vocabulary
        self.settings = dict(settings or {})
        self._fingerprint = fingerprint
        self.keep_alive: object = None
        """What must live as long as the corpus: its folder, where that is a temporary one."""

    @classmethod
    def from_sentences(
        cls,
        sentences: Iterable[Iterable[str]],
        *,
        vocabulary: Vocabulary | None = None,
        **cut: Any,
    ) -> Corpus:
        """A corpus in memory from tokenised sentences.

        Args:
            sentences: an iterable of iterables of words, read once.
            vocabulary: the words to use; words outside it become ``<unk>`` where it has that,
                else they are dropped. None: build one from the sentences.
            cut: ``min_count``, ``max_size`` and ``unk``, as for
                :meth:`wordkit.text.Vocabulary.from_counts`.
        """
        lines = [list(sentence) for sentence in sentences]
        if vocabulary is None:
            vocabulary = Vocabulary.from_sentences(lines, **cut)
        rows = [vocabulary.encode(line) for line in lines]
        ids = np.concatenate([*rows, np.zeros(0, dtype=np.int32)])
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
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

    def __iter__(self) -> Iterator[npt.NDArray[np.int32]]:
        """The sentences, each an array of ids."""
        for start, end in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True):
            yield self.ids[start:end]

    def __repr__(self) -> str:
        return (
            f"Corpus({self.tokens} tokens, {self.sentences} sentences, "
            f"{len(self.vocabulary)} words)"
        )

    def check(self) -> None:
        """Read everything once: the content is the one that the fingerprint names.

        Raises:
            CorpusError: it is not.
        """
        if self._fingerprint is not None and self._digest() != self._fingerprint:
            raise CorpusError(
                f"the corpus of {self.settings.get('source', 'this text')} is damaged: its content "
                "does not have its fingerprint; prepare the text again"
            )

    def _digest(self) -> str:
        digest = hashlib.sha256()
        words = self.vocabulary.to_arrays()
        for array in (self.ids, self.offsets, words["words"], words["counts"]):
            for start in range(0, len(array), 1 << 20):
                digest.update(np.ascontiguousarray(array[start : start + (1 << 20)]).data)
        return digest.hexdigest()[:32]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the corpus as a folder.

        Raises:
            StorageError: the folder cannot be written, or holds something else.
        """
        with CorpusWriter(folder) as writer:
            writer.write("ids", [self.ids], np.int32, self.tokens)
            writer.write("offsets", [self.offsets], np.int64, self.sentences + 1)
            writer.finish(self.vocabulary, self.settings)

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Corpus:
        """The corpus of a folder, memory-mapped.

        Raises:
            StorageError: the folder cannot be read.
            CorpusError: it is no corpus, or its files do not fit together.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        try:
            sizes = {part: int(manifest["sizes"][part]) for part in _PARTS}
            files = {part: str(manifest["files"][part]) for part in _PARTS}
            settings, fingerprint = dict(manifest["settings"]), str(manifest["fingerprint"])
        except (KeyError, TypeError, ValueError) as error:
            raise CorpusError(
                f"{folder / MANIFEST} is damaged: no usable entry {error}; prepare the text again"
            ) from error
        dtypes = {"ids": np.int32, "offsets": np.int64, "words": np.uint8, "counts": np.int64}
        arrays = {
            part: _load_array(folder / os.path.basename(files[part]), dtypes[part], sizes[part])
            for part in _PARTS
        }
        offsets = arrays["offsets"]
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != sizes["ids"]:
            raise CorpusError(f"{folder} is damaged: its sentence boundaries do not fit its ids")
        if np.any(offsets[1:] < offsets[:-1]):
            raise CorpusError(f"{folder} is damaged: its sentence boundaries do not rise")
        vocabulary = Vocabulary.from_arrays(arrays["words"], arrays["counts"], str(folder))
        return cls(arrays["ids"], offsets, vocabulary, settings, fingerprint)


def is_corpus(path: str | os.PathLike[str]) -> bool:
    """Whether the path is a folder that holds a prepared corpus."""
    return (Path(path) / MANIFEST).is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The checked content of ``corpus.json``."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except OSError as error:
        raise CorpusError(
            f"{folder} is no prepared corpus: cannot read {path}; make one with wordkit prepare"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{path} is damaged: it is not JSON; prepare the text again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != "wordkit corpus":
        raise CorpusError(f"{path} does not describe a wordkit corpus; prepare the text again")
    if manifest.get("format_version") != _FORMAT_VERSION:
        raise CorpusError(
            f"{folder} is of corpus format {manifest.get('format_version')}, and this wordkit "
            f"reads {_FORMAT_VERSION}; prepare the text again"
        )
    return manifest


def _load_array(path: Path, dtype: npt.DTypeLike, size: int) -> npt.NDArray[Any]:
    try:
        mode: Any = "r" if size else None  # an empty array cannot be mapped
        array = np.load(path, mmap_mode=mode, allow_pickle=False)
    except OSError as error:
        raise CorpusError(f"{path} cannot be read; prepare the text again") from error
    except _BAD_ARRAY as error:
        raise CorpusError(f"{path} is truncated or damaged; prepare the text again") from error
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


class CorpusWriter:
    """Writes one generation of a corpus folder; nothing of it stays when the block raises.

    Memory maps are for reading: a full disk under a written map would kill the process.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.generation = secrets.token_hex(4)
        self._digest = hashlib.sha256()
        self._sizes: dict[str, int] = {}
        self._is_new = not self.folder.exists()
        self._finished = False

    def __enter__(self) -> CorpusWriter:
        if self.folder.is_dir() and any(self.folder.iterdir()) and not is_corpus(self.folder):
            raise StorageError(
                f"cannot write {self.folder}: it is a folder with other content; name a new one"
            )
        if self.folder.exists() and not self.folder.is_dir():
            raise StorageError(f"cannot write {self.folder}: it is a file; name a folder")
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make {self.folder}: {error.strerror}") from error
        return self

    def __exit__(self, *exception: object) -> None:
        keep = set() if not self._finished else {self.path(part).name for part in _PARTS}
        for entry in self.folder.iterdir():
            mine = self.generation in entry.name
            stale = self._finished and entry.name.startswith(tuple(f"{p}-" for p in _PARTS))
            if (mine or stale) and entry.name not in keep:
                entry.unlink(missing_ok=True)
        if not self._finished and self._is_new:
            with contextlib.suppress(OSError):  # somebody else may have put a file there
                self.folder.rmdir()

    def path(self, part: str) -> Path:
        """The file of a part in this generation."""
        return self.folder / f"{part}-{self.generation}.npy"

    def write(
        self,
        part: str,
        pieces: Iterable[npt.NDArray[Any]],
        dtype: npt.DTypeLike,
        size: int,
    ) -> None:
        """Write a part piece by piece.

        Args:
            part: "ids", "offsets", "words" or "counts".
            pieces: one-dimensional arrays, in order.
            dtype: their number type.
            size: the number of values of all pieces together.

        Raises:
            StorageError: the disk is full or not writable.
        """
        header = {
            "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
            "fortran_order": False,
            "shape": (size,),
        }
        written = 0
        try:
            with open(self.path(part), "wb") as file:
                np.lib.format.write_array_header_1_0(file, header)
                for piece in pieces:
                    data = np.ascontiguousarray(piece, dtype=dtype)
                    self._digest.update(data.data)
                    file.write(data.data)
                    written += len(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(
                f"cannot write {self.folder}: {error.strerror or error}; free some space or "
                "choose another place with -o"
            ) from error
        if written != size:
            raise CorpusError(f"{part}: {written} values came where {size} were announced")
        self._sizes[part] = size

    def finish(self, vocabulary: Vocabulary, settings: Mapping[str, Any]) -> str:
        """Write the vocabulary and make this generation the corpus.

        Returns:
            The fingerprint of the corpus.
        """
        arrays = vocabulary.to_arrays()
        if "counts" not in arrays:
            raise VocabularyError("the vocabulary of a corpus needs counts")
        for part in ("words", "counts"):
            self.write(part, [arrays[part]], arrays[part].dtype, len(arrays[part]))
        fingerprint = self._digest.hexdigest()[:32]
        manifest = {
            "format": "wordkit corpus",
            "format_version": _FORMAT_VERSION,
            "files": {part: self.path(part).name for part in _PARTS},
            "sizes": self._sizes,
            "fingerprint": fingerprint,
            "settings": dict(settings),
        }
        with atomic_write(self.folder / MANIFEST) as temporary:
            temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        self._finished = True
        return fingerprint
