"""The folder of a corpus: its files, the manifest that names them, and how they are written.

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
import io
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from wordkit.errors import CorpusError, StorageError, VocabularyError
from wordkit.storage import TemporaryFolder, atomic_write, check_outputs, why_unwritable
from wordkit.storage.atomic import fsync, temporary_prefix
from wordkit.storage.parts import PartArray
from wordkit.storage.remote import copy_to, in_folder, is_remote, read_file
from wordkit.storage.temporary import MARK
from wordkit.text.vocabulary import Vocabulary

__all__ = [
    "MANIFEST", "PARTS", "CorpusWriter", "SpoolFile", "array_header", "fingerprint_of",
    "read_manifest",
]  # fmt: skip

S = TypeVar("S", bound="SpoolFile")

MANIFEST = "corpus.json"
FORMAT_VERSION = 1
PARTS: dict[str, npt.DTypeLike] = {
    "ids": np.int32,
    "offsets": np.int64,
    "words": np.uint8,
    "counts": np.int64,
}

_HEADER_BYTES = 128  # of an array file


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Return the checked content of ``corpus.json``."""
    path = in_folder(folder, MANIFEST)
    try:
        manifest = json.loads(read_file(path))
    except OSError as error:
        raise CorpusError(
            f"{folder} is no prepared corpus: cannot read {path}: {error.strerror or error}; make "
            "one with wordkit prepare"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{path} is corrupted: it is not JSON; prepare the text again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != "wordkit corpus":
        raise CorpusError(f"{path} does not describe a wordkit corpus; prepare the text again")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise CorpusError(
            f"{folder} is of corpus format {manifest.get('format_version')}, and this wordkit "
            f"reads {FORMAT_VERSION}; prepare the text again"
        )
    return manifest


def fingerprint_of(digests: Iterable[bytes]) -> str:
    """Return the fingerprint of a corpus whose parts have these digests."""
    return hashlib.sha256(b"".join(digests)).hexdigest()[:32]


class CorpusWriter:
    """Writes one generation of a corpus folder; nothing of it stays when the block raises.

    Memory maps are for reading: a full disk under a written map would kill the process.

    Args:
        folder: the folder to make, or a corpus to replace; None: one among the temporary files,
            which goes with the corpus (see :func:`wordkit.text.corpus.written_corpus`); a URL: such
            a one, which is copied there when it is finished.
    """

    def __init__(self, folder: str | os.PathLike[str] | None) -> None:
        self.remedy, self.temporary = "free some space or choose another folder", None
        self._url = str(folder) if is_remote(folder) else None
        self._copy_to_store([])  # fails before the work
        if folder is None or self._url is not None:
            self.temporary = TemporaryFolder(tempfile.gettempdir(), "wordkit-corpus-")
            folder = os.path.join(self.temporary.name, "corpus.ids")
            self.remedy = "free some space, or name another folder for temporary files with TMPDIR"
        self.folder = Path(folder)
        self._digests: dict[str, bytes] = {}
        self._sizes: dict[str, int] = {}
        self._is_new = not os.path.exists(self.folder)
        self._replaced: set[str] = set()
        self._finished = False

    def __enter__(self) -> CorpusWriter:
        check_outputs([self.folder, self.folder / MANIFEST])
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
        try:  # what shows other writers that this one is at work
            self._sign = TemporaryFolder(self.folder, _SIGN_PREFIX)
        except OSError as error:
            raise self.failed(error) from error
        self.mark = self._sign.mark
        return self

    def __exit__(self, *exception: object) -> None:
        self._sign.cleanup()
        if not self.folder.is_dir():  # somebody has removed it: the error under way says more
            return
        # the manifest alone says which files are in use: a signal may have come just after it was
        # replaced, or what was to replace it may have failed
        used = _files_of(self.folder)
        for entry in self.folder.iterdir():
            match = _OURS.fullmatch(entry.name)
            if match is None or match["mark"] is None or entry.name in used:
                continue
            # a writer that is at work in the same folder keeps what it has written
            sign = self.folder / f"{_SIGN_PREFIX}{match['mark']}.tmp"
            if entry.name in self._replaced or not sign.exists():
                entry.unlink(missing_ok=True)
        if not self._finished and self._is_new:
            with contextlib.suppress(OSError):  # somebody else may have put a file there
                self.folder.rmdir()

    def path(self, part: str) -> Path:
        """Return the file of a part in this generation."""
        return self.folder / f"{part}-{self.mark}.npy"

    @contextlib.contextmanager
    def part(self, part: str) -> Iterator[ArrayFile]:
        """A part to append to: "ids", "offsets", "words" or "counts"."""
        with ArrayFile(self.path(part), PARTS[part], self) as file:
            yield file
        self._sizes[part], self._digests[part] = file.size, file.digest.digest()

    def failed(self, error: OSError) -> StorageError:
        """Return the error for a write that failed."""
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
        self._copy_to_store([*map(self.path, PARTS), self.folder / MANIFEST])
        return fingerprint

    def _copy_to_store(self, files: list[Path]) -> None:
        if self._url is None:
            return
        try:
            copy_to(self._url, files, _OURS)
        except OSError as error:
            raise StorageError(f"cannot write {self._url}: {error.strerror}") from error


_SIGN_PREFIX = temporary_prefix(MANIFEST)
_OURS = re.compile(
    rf"(?:{'|'.join(PARTS)})-(?P<mark>{MARK})\.(?:npy|spool)"
    rf"|{re.escape(MANIFEST)}|{re.escape(_SIGN_PREFIX)}{MARK}\.tmp"
)


def _files_of(folder: Path) -> set[str]:
    """The files of the corpus that is in a folder now; none where it is corrupted."""
    try:
        return set(map(str, read_manifest(folder)["files"].values()))
    except (CorpusError, KeyError, AttributeError):
        return set()


class ArrayFile(PartArray):
    """A one-dimensional ``.npy`` file that grows; its header is written last."""

    def __init__(self, path: Path, dtype: npt.DTypeLike, writer: CorpusWriter) -> None:
        self._writer, self.digest = writer, hashlib.sha256()
        super().__init__(str(path), dtype)

    def __enter__(self) -> ArrayFile:
        with self._errors():
            self._file.write(bytes(_HEADER_BYTES))
        return self

    def append(self, values: npt.NDArray[Any]) -> None:
        """Append values."""
        values = np.ascontiguousarray(values, dtype=self.dtype)
        self.digest.update(values.data)
        super().append(values)

    def __exit__(self, *exception: object) -> None:
        with self._errors(), self._file:
            self._file.seek(0)
            self._file.write(array_header(self.dtype, self.size))
            self._file.flush()
            fsync(Path(self.path))

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._writer.failed(error) from error


def array_header(dtype: np.dtype[Any], size: int) -> bytes:
    """Return the start of a ``.npy`` file, of the same length for any size."""
    header = io.BytesIO()
    entries = {"descr": dtype.str, "fortran_order": False, "shape": (size,)}
    np.lib.format.write_array_header_1_0(header, entries)
    return header.getvalue()


class SpoolFile:
    """A temporary file in the folder of a corpus that is written, as long as the context lasts.

    Args:
        writer: of the corpus.
        name: of the array that is made of it.
    """

    def __init__(self, writer: CorpusWriter, name: str) -> None:
        self._writer, self._path = writer, writer.path(name).with_suffix(".spool")

    def __enter__(self: S) -> S:
        try:
            self._file = open(self._path, "w+b")
        except OSError as error:
            raise self._writer.failed(error) from error
        return self

    def __exit__(self, *exception: object) -> None:
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # bytes that nobody will read need not be written
            self._file.close()
