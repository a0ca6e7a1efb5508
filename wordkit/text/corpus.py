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
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from wordkit.errors import CorpusError, StorageError, VocabularyError
from wordkit.storage import MARK, atomic_write, is_abandoned, new_mark
from wordkit.text.vocabulary import Vocabulary

__all__ = ["Corpus"]

MANIFEST = "corpus.json"
_FORMAT_VERSION = 1
_PARTS: dict[str, npt.DTypeLike] = {
    "ids": np.int32,
    "offsets": np.int64,
    "words": np.uint8,
    "counts": np.int64,
}
_PIECE = 1 << 20  # values that are looked at together, so that memory does not grow
_HEADER = 128  # bytes before the values of an array file
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
        words = self.vocabulary.to_arrays()
        arrays = (self.ids, self.offsets, words["words"], words["counts"])
        return _fingerprint([_digest_of(array) for array in arrays])

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the corpus as a folder.

        Raises:
            StorageError: the folder cannot be written, or holds something else.
        """
        with CorpusWriter(folder) as writer:
            for part, array in (("ids", self.ids), ("offsets", self.offsets)):
                with writer.part(part) as file:
                    for piece in _pieces(array):
                        file.append(piece)
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
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise CorpusError(
                f"{folder / MANIFEST} is damaged: no usable entry {error}; prepare the text again"
            ) from error
        arrays = {
            part: _load_array(folder / os.path.basename(files[part]), _PARTS[part], sizes[part])
            for part in _PARTS
        }
        offsets = arrays["offsets"]
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != sizes["ids"]:
            raise CorpusError(f"{folder} is damaged: its sentence boundaries do not fit its ids")
        if any(np.any(np.diff(piece) < 0) for piece in _pieces(offsets, overlap=1)):
            raise CorpusError(f"{folder} is damaged: its sentence boundaries do not rise")
        vocabulary = Vocabulary.from_arrays(arrays["words"], arrays["counts"], str(folder))
        return cls(arrays["ids"], offsets, vocabulary, settings, fingerprint)


def is_corpus(path: str | os.PathLike[str]) -> bool:
    """Whether the path is a folder that holds a prepared corpus."""
    return os.path.isfile(os.path.join(path, MANIFEST))  # False also where we may not look


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


def _pieces(array: npt.NDArray[Any], *, overlap: int = 0) -> Iterator[npt.NDArray[Any]]:
    """An array, which may be larger than memory, piece by piece."""
    for start in range(0, len(array), _PIECE):
        yield np.ascontiguousarray(array[start : start + _PIECE + overlap])


def _digest_of(array: npt.NDArray[Any]) -> bytes:
    digest = hashlib.sha256()
    for piece in _pieces(array):
        digest.update(piece.data)
    return digest.digest()


def _fingerprint(digests: Iterable[bytes]) -> str:
    """The fingerprint of a corpus whose parts have these digests."""
    return hashlib.sha256(b"".join(digests)).hexdigest()[:32]


class CorpusWriter:
    """Writes one generation of a corpus folder; nothing of it stays when the block raises.

    Memory maps are for reading: a full disk under a written map would kill the process.

    Args:
        folder: the folder to make, or a corpus to replace.
        remedy: what to do when the disk is full, for the message.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        remedy: str = "free some space or choose another place with -o",
    ) -> None:
        self.folder = Path(folder)
        self.remedy = remedy
        self.mark = new_mark()
        self._digests: dict[str, bytes] = {}
        self._sizes: dict[str, int] = {}
        self._is_new = not self.folder.exists()
        self._replaced: set[str] = set()
        self._finished = False

    def __enter__(self) -> CorpusWriter:
        if self.folder.exists() and not self.folder.is_dir():
            raise StorageError(f"cannot write {self.folder}: it is a file; name a folder")
        if self.folder.is_symlink() and not self.folder.exists():
            raise StorageError(f"cannot write {self.folder}: it is a link to nothing; remove it")
        try:
            self.folder.mkdir(exist_ok=True)
            names = {entry.name for entry in self.folder.iterdir()}
        except OSError as error:
            raise StorageError(f"cannot make {self.folder}: {error.strerror}") from error
        ours = {name for name in names if _OURS.fullmatch(name)}
        if MANIFEST not in names and ours != names:
            raise StorageError(
                f"cannot write {self.folder}: it is a folder with other content; name a new one"
            )
        return self

    def __exit__(self, *exception: object) -> None:
        new = {self.path(part).name for part in _PARTS} if self._finished else set()
        if not self.folder.is_dir():  # somebody has removed it: the error under way says more
            return
        for entry in self.folder.iterdir():
            match = _OURS.fullmatch(entry.name)
            if match is None or match["mark"] is None or entry.name in new:
                continue
            mine = match["mark"] == self.mark
            # a writer that is at work in the same folder keeps what it has written
            if mine or entry.name in self._replaced or is_abandoned(match["mark"]):
                entry.unlink(missing_ok=True)
        if not self._finished and self._is_new:
            with contextlib.suppress(OSError):  # somebody else may have put a file there
                self.folder.rmdir()

    def path(self, part: str) -> Path:
        """The file of a part in this generation."""
        return self.folder / f"{part}-{self.mark}.npy"

    @contextlib.contextmanager
    def part(self, part: str) -> Iterator[ArrayFile]:
        """A part to append to: "ids", "offsets", "words" or "counts"."""
        with ArrayFile(self.path(part), _PARTS[part], self) as file:
            yield file
        self._sizes[part], self._digests[part] = file.size, file.digest.digest()

    def failed(self, error: OSError) -> StorageError:
        """The error for a write that failed."""
        return StorageError(f"cannot write {self.folder}: {error.strerror or error}; {self.remedy}")

    def finish(self, vocabulary: Vocabulary, settings: Mapping[str, Any]) -> str:
        """Write the vocabulary and make this generation the corpus.

        Returns:
            The fingerprint of the corpus.
        """
        arrays = vocabulary.to_arrays()
        if "counts" not in arrays:
            raise VocabularyError("the vocabulary of a corpus needs counts")
        for part in ("words", "counts"):
            with self.part(part) as file:
                file.append(arrays[part])
        fingerprint = _fingerprint(self._digests[part] for part in _PARTS)
        manifest = {
            "format": "wordkit corpus",
            "format_version": _FORMAT_VERSION,
            "files": {part: self.path(part).name for part in _PARTS},
            "sizes": self._sizes,
            "fingerprint": fingerprint,
            "settings": dict(settings),
        }
        self._replaced = _files_of(self.folder)
        with atomic_write(self.folder / MANIFEST) as temporary:
            temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        self._finished = True
        return fingerprint


_OURS = re.compile(
    rf"(?:{'|'.join(_PARTS)})-(?P<mark>{MARK})\.(?:npy|spool)"
    rf"|{re.escape(MANIFEST)}|\.{re.escape(MANIFEST)}\.{MARK}\.tmp"
)


def _files_of(folder: Path) -> set[str]:
    """The files of the corpus that is in a folder now; none where that is damaged."""
    try:
        return set(map(str, read_manifest(folder)["files"].values()))
    except (CorpusError, KeyError, AttributeError):
        return set()


class ArrayFile:
    """A one-dimensional ``.npy`` file that grows; its header is written last."""

    def __init__(self, path: Path, dtype: npt.DTypeLike, writer: CorpusWriter) -> None:
        self.dtype = np.dtype(dtype)
        self.size = 0
        self.digest = hashlib.sha256()
        self._path, self._writer = path, writer

    def __enter__(self) -> ArrayFile:
        try:
            self._file = open(self._path, "wb")
            self._file.write(bytes(_HEADER))
        except OSError as error:
            raise self._writer.failed(error) from error
        return self

    def append(self, values: npt.NDArray[Any]) -> None:
        """Write values behind those that are there.

        Raises:
            StorageError: the disk is full or not writable.
        """
        data = np.ascontiguousarray(values, dtype=self.dtype)
        self.digest.update(data.data)
        self.size += len(data)
        try:
            self._file.write(data.data)
        except OSError as error:
            raise self._writer.failed(error) from error

    def __exit__(self, *exception: object) -> None:
        try:
            with self._file:
                self._file.seek(0)
                self._file.write(_array_header(self.dtype, self.size))
                self._file.flush()
                os.fsync(self._file.fileno())
        except OSError as error:
            raise self._writer.failed(error) from error


def _array_header(dtype: np.dtype[Any], size: int) -> bytes:
    """The start of a ``.npy`` file of version 1.0, always of the same length."""
    descriptor = np.lib.format.dtype_to_descr(dtype)
    text = f"{{'descr': {descriptor!r}, 'fortran_order': False, 'shape': ({size},), }}"
    length = _HEADER - 10  # behind the magic string, the version and the length itself
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + f"{text:<{length - 1}}\n".encode()
