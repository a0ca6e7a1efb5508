"""Writing a corpus folder: a new generation of its files, which takes over in one step."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import CorpusError, StorageError, VocabularyError
from wordkit.storage import MARK, atomic_write, is_abandoned, new_mark, why_unwritable
from wordkit.text.corpus_folder import (
    FORMAT_VERSION,
    MANIFEST,
    PARTS,
    fingerprint_of,
    read_manifest,
)
from wordkit.text.vocabulary import Vocabulary

__all__ = ["CorpusWriter"]

_HEADER = 128  # bytes before the values of an array file


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
            reason = why_unwritable(self.folder, error)
            raise StorageError(f"cannot make {self.folder}: {reason}") from error
        ours = {name for name in names if _OURS.fullmatch(name)}
        if MANIFEST not in names and ours != names:
            raise StorageError(
                f"cannot write {self.folder}: it is a folder with other content; name a new one"
            )
        return self

    def __exit__(self, *exception: object) -> None:
        if not self.folder.is_dir():  # somebody has removed it: the error under way says more
            return
        # the manifest alone says which files are in use: a signal may have come just after it was
        # replaced, or what was to replace it may have failed
        used = _files_of(self.folder)
        for entry in self.folder.iterdir():
            match = _OURS.fullmatch(entry.name)
            if match is None or match["mark"] is None or entry.name in used:
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
        with ArrayFile(self.path(part), PARTS[part], self) as file:
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
        fingerprint = fingerprint_of(self._digests[part] for part in PARTS)
        manifest = {
            "format": "wordkit corpus",
            "format_version": FORMAT_VERSION,
            "files": {part: self.path(part).name for part in PARTS},
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
    rf"(?:{'|'.join(PARTS)})-(?P<mark>{MARK})\.(?:npy|spool)"
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
