"""The files of a WordNet: a folder or a zip archive of it, and the installed one."""

from __future__ import annotations

import os
import sys
import zipfile
import zlib
from pathlib import Path

from wordkit.errors import FormatError, StorageError
from wordkit.storage import why_unreadable

__all__ = [
    "HOW_TO_GET_WORDNET",
    "WordNetFiles",
    "installed_wordnet",
    "is_wordnet",
    "no_wordnet",
    "shortened",
]

HOW_TO_GET_WORDNET = ("apt-get install wordnet-base", "python -m nltk.downloader wordnet")
"""The commands that install it: on Debian and its derivatives, and anywhere."""

_DEBIAN = Path("/usr/share/wordnet")
_VERSIONS = ("wordnet", "wordnet31", "wordnet2022", "wordnet2021")
"""NLTK's names of the versions that it offers, in the order of search."""

_LANDMARK = "data.noun"
_MAX_BYTES = 1 << 28  # of a file in an archive; those of WordNet 3.0 have up to 15 million
_MAX_REASON = 100  # characters

_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,  # it is encrypted
    ValueError,
)


class WordNetFiles:
    """The files of a WordNet.

    Args:
        path: a folder that holds ``data.noun`` and its like, or a zip archive of such a folder.

    Raises:
        StorageError: the path does not exist, or cannot be read.
        FormatError: it is no WordNet, or a corrupted archive.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not os.fspath(path):
            raise StorageError("the path of the WordNet is empty; name its folder or its zip")
        try:
            if not self.path.exists():
                raise StorageError(f"{path}: there is no such file or folder; {_remedy()}")
            self._prefix = _prefix_in(self.path) if self.path.is_file() else None
            if self._prefix is None and not (self.path / _LANDMARK).exists():
                raise FormatError(
                    f"{path} is no WordNet: a folder, or the zip of one, with {_LANDMARK} in it"
                )
        except OSError as error:
            raise StorageError(f"cannot read {path}: {why_unreadable(path, error)}") from error

    def read(self, name: str) -> bytes:
        """Read the content of a file.

        Raises:
            StorageError: the file is missing, or cannot be read.
            FormatError: the archive is corrupted.
        """
        try:
            if self._prefix is None:
                return (self.path / name).read_bytes()
            return self._read_packed(self._prefix + name)
        except (FileNotFoundError, KeyError) as error:
            raise StorageError(
                f"{self.path} lacks the file {name} of a WordNet; {_remedy()}"
            ) from error
        except OSError as error:
            path = self.path / name
            raise StorageError(f"cannot read {path}: {why_unreadable(path, error)}") from error
        except _ARCHIVE_ERRORS as error:
            raise FormatError(f"{self.path} is corrupted at {name}: {shortened(error)}") from error

    def _read_packed(self, name: str) -> bytes:
        with zipfile.ZipFile(self.path) as archive:
            entry = archive.getinfo(name)
            if entry.file_size > _MAX_BYTES:
                raise ValueError("it is too large to be WordNet's")
            return archive.read(entry)


def is_wordnet(path: str | os.PathLike[str]) -> bool:
    """Return True if a path is a folder, or the zip archive of one, with the nouns of a WordNet."""
    if os.path.isfile(path) and os.access(path, os.R_OK):
        return _prefix_in(path) is not None
    return os.path.exists(os.path.join(path, _LANDMARK))


def _prefix_in(path: str | os.PathLike[str]) -> str | None:
    """Return the folder inside an archive, with its slash, or None if it holds no WordNet."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except _ARCHIVE_ERRORS:
        return None
    found = (name for name in names if name.rpartition("/")[2] == _LANDMARK)
    return next((name.removesuffix(_LANDMARK) for name in found), None)


def shortened(error: Exception) -> str:
    """Return the start of a message of another library, which may quote half a corrupted file."""
    return str(error)[:_MAX_REASON]


def _remedy() -> str:
    debian, nltk = HOW_TO_GET_WORDNET
    return f"install it with {debian} (Debian, Ubuntu) or {nltk}"


def installed_wordnet() -> Path | None:
    """Return the folder or zip of the WordNet that is installed, or None if there is none.

    NLTK's own (in its data folders, unpacked or as ``nltk.download`` leaves it) goes before that of
    Debian's package ``wordnet-base``. Whether it is intact shows when it is loaded.
    """
    folders = [Path(folder) / "corpora" for folder in _nltk_data_folders()]
    names = [(folder, version) for version in _VERSIONS for folder in folders]
    places = [path for f, name in names for path in (f / name, f / f"{name}.zip")]
    for path in (*places, _DEBIAN):
        if os.path.isfile(path) or os.path.exists(path / _LANDMARK):  # False if not allowed to look
            return path
    return None


def _nltk_data_folders() -> list[str]:
    """Return the folders of NLTK's data: its documented ones, unless it is imported."""
    if "nltk.data" in sys.modules:
        return [os.fspath(folder) for folder in sys.modules["nltk.data"].path]
    folders = [folder for folder in os.environ.get("NLTK_DATA", "").split(os.pathsep) if folder]
    roots = ["~", *(os.path.join(sys.prefix, name) for name in ("", "share", "lib"))]
    if os.name == "nt":
        roots += [os.environ.get("APPDATA", "C:\\"), "C:\\", "D:\\", "E:\\"]
    else:
        roots += ["/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib"]
    folders += [os.path.join(root, "nltk_data") for root in roots]
    expanded = map(os.path.expanduser, folders)
    return [folder for folder in expanded if not folder.startswith("~")]  # of an unknown home


def no_wordnet() -> StorageError:
    """Return the error to raise where none is installed and none is named."""
    return StorageError(f"no WordNet is installed; {_remedy()}, or name the folder of one")
