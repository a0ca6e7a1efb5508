"""Where a WordNet lies, and the files of one: a folder of them, or a zip archive of the folder."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from wordkit.errors import FormatError, StorageError
from wordkit.storage import why_unreadable
from wordkit.thesaurus.lexnames import lexnames

__all__ = ["HOW_TO_GET_WORDNET", "WordNetFiles", "find_wordnet"]

HOW_TO_GET_WORDNET = ("apt-get install wordnet-base", "python -m nltk.downloader wordnet")
"""The commands that install it: on Debian and its kin, and anywhere."""

_DEBIAN = Path("/usr/share/wordnet")
_VERSIONS = ("wordnet", "wordnet31", "wordnet2022", "wordnet2021")
"""What NLTK calls those it offers, in the order in which they are looked for."""

_LANDMARK = "data.noun"
_LARGEST = 1 << 28  # bytes in a file of an archive; those of WordNet 3.0 have up to 15 million


class WordNetFiles:
    """The files of a WordNet.

    Args:
        path: a folder that holds ``data.noun`` and its like, or a zip archive of such a folder.

    Raises:
        StorageError: there is nothing, or it cannot be read.
        FormatError: it is no WordNet, or a damaged archive.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            if not self.path.exists():
                raise StorageError(f"{path}: there is no such file or folder; {_remedy()}")
            self._packed = self.path.is_file()
            if not self._packed and not (self.path / _LANDMARK).exists():
                raise FormatError(self._no_wordnet())
            self._prefix = self._prefix_in_archive() if self._packed else ""
        except OSError as error:
            raise self._unreadable(self.path, error) from error

    def _no_wordnet(self) -> str:
        return f"{self.path} is no WordNet: a folder, or the zip of one, with {_LANDMARK} in it"

    def _prefix_in_archive(self) -> str:
        """The folder inside the archive, with its slash."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise FormatError(self._no_wordnet()) from error
        for name in names:
            folder, slash, file = name.rpartition("/")
            if file == _LANDMARK:
                return folder + slash
        raise FormatError(self._no_wordnet())

    def read(self, name: str) -> bytes:
        """The content of a file.

        ``lexnames``, where it is missing, is what WordNet's manual says it holds.

        Raises:
            StorageError: the file is missing, or cannot be read.
            FormatError: the archive is damaged.
        """
        try:
            return self._read_packed(name) if self._packed else (self.path / name).read_bytes()
        except (FileNotFoundError, KeyError) as error:
            if name == "lexnames":
                return lexnames()
            raise StorageError(
                f"{self.path} lacks the file {name} of a WordNet; {_remedy()}"
            ) from error
        except OSError as error:
            raise self._unreadable(self.path / name, error) from error

    def _read_packed(self, name: str) -> bytes:
        try:
            with zipfile.ZipFile(self.path) as archive:
                entry = archive.getinfo(self._prefix + name)
                if entry.file_size > _LARGEST:
                    raise FormatError(f"{self.path}: {name} is too large to be WordNet's")
                return archive.read(entry)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,  # it wants a password
            ValueError,
        ) as error:
            raise FormatError(f"{self.path} is damaged at {name}: {error}") from error

    def _unreadable(self, path: Path, error: OSError) -> StorageError:
        return StorageError(f"cannot read {path}: {why_unreadable(path, error)}")


def _remedy() -> str:
    debian, nltk = HOW_TO_GET_WORDNET
    return f"install it with {debian} (Debian, Ubuntu) or {nltk}"


def find_wordnet(data_folders: Iterable[str | os.PathLike[str]]) -> Path:
    """The WordNet that is installed: NLTK's, unpacked or packed, else that of Debian's package.

    Args:
        data_folders: where NLTK looks for data, in order.

    Raises:
        StorageError: there is none.
    """
    for path in _places(data_folders):
        if os.path.isfile(path) or os.path.exists(path / _LANDMARK):  # False if not allowed to look
            return path
    raise StorageError(f"no WordNet is installed; {_remedy()}, or name the folder of one")


def _places(data_folders: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    folders = [Path(folder) / "corpora" for folder in data_folders]
    for version in _VERSIONS:
        for folder in folders:
            yield folder / version
            yield folder / f"{version}.zip"
    yield _DEBIAN
