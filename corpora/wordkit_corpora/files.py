"""The files of paths: files, folders, globs, standard input."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from wordkit.errors import ConfigError, TextError
from wordkit.storage.remote import is_remote, remote_details, remote_files

__all__ = [
    "STANDARD_INPUT", "file_size", "find_files", "find_files_of_each", "is_glob", "is_stream",
]  # fmt: skip

STANDARD_INPUT = "-"
"""The path that means standard input, as everywhere on the command line."""

_Identity = tuple[int, int] | str
"""Device and number of a file, or the name of one that has gone."""


def find_files(paths: Sequence[str | Path]) -> list[str]:
    """Return the files to read for these paths, in their order.

    A folder means all files in it and below it, sorted by name, without hidden ones; a
    glob, where no such path exists, for its matches, sorted; ``-`` for standard input. A URL with
    a protocol that fsspec knows (``s3://``, ``https://``, ``zip://*.txt::books.zip``) is any of
    the first three.

    A file comes once, under the first of its names, however many folders and globs hold it; only
    one that is named twice by paths of its own comes twice.

    Raises:
        ConfigError: no path is given, or standard input twice.
        TextError: a path does not exist, is a device, or holds no file, or the driver of its
            protocol is not installed or fails.
    """
    return [file for files in find_files_of_each(paths) for file in files]


def find_files_of_each(paths: Sequence[str | Path]) -> list[list[str]]:
    """One list of files for each path; otherwise as :func:`find_files`."""
    if not paths:
        raise ConfigError("paths must name at least one text, or - for standard input")
    names = [os.fspath(path) for path in paths]
    if names.count(STANDARD_INPUT) > 1:
        raise ConfigError("paths must name standard input (-) only once: it can be read once")
    named: set[_Identity] = set()
    gathered: set[_Identity] = set()  # from folders and globs
    found: list[list[str]] = []
    for path in names:
        files = _expand(path)
        if files == [path]:  # it names a file itself
            named.add(_identity(path))
            found.append([] if _identity(path) in gathered else files)
            continue
        found.append([])
        for file in files:
            identity = _identity(file)
            if identity not in gathered and identity not in named:
                found[-1].append(file)
            gathered.add(identity)
    return found


def is_glob(path: str | Path) -> bool:
    """Return True if a path of this machine has wildcards, and no file has this very name."""
    if is_remote(path):
        return False
    return glob.has_magic(os.fspath(path)) and not os.path.lexists(path)


def is_stream(file: str) -> bool:
    """Return True if the file is standard input or a pipe, which can be read only once."""
    if file == STANDARD_INPUT:
        return True
    try:
        return stat.S_ISFIFO(os.stat(file).st_mode)
    except OSError:  # it has gone: reading will say so
        return False


def file_size(file: str) -> int | None:
    """Return the bytes of a file; None where they are not known.

    Raises:
        OSError: it has gone.
    """
    return remote_details(file).size if is_remote(file) else os.stat(file).st_size


def _identity(file: str) -> _Identity:
    if file == STANDARD_INPUT:
        return file
    try:
        status = os.stat(file)
    except OSError:  # it has gone: reading will say so
        return file
    return status.st_dev, status.st_ino


def _expand(path: str) -> list[str]:
    """The files of one path; a glob may give some of them several times."""
    if path == STANDARD_INPUT:
        return [path]
    if is_remote(path):
        try:
            files = remote_files(path)
        except OSError as error:
            raise TextError(f"cannot read {path}: {_reason(error)}") from error
        if not files:
            raise TextError(f"cannot read {path}: no file is there; check the name")
        return files
    if is_glob(path):
        try:
            matches = sorted(glob.glob(path, recursive=True))
        except ValueError as error:  # a NUL character in the pattern
            raise TextError(f"cannot read {path!r}: {error}") from error
        files = [file for match in matches for file in _files_at(match)]
        if not files:
            raise TextError(f"cannot read {path}: no file matches this pattern; check it")
        return files
    files = _files_at(path)
    if not files:
        raise TextError(f"cannot read {path}: the folder holds no file (hidden ones do not count)")
    return files


def _files_at(path: str) -> list[str]:
    """The file at a path, or those of the folder at it, maybe none."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise TextError(f"cannot read {path!r}: {_reason(error)}") from error
    if stat.S_ISDIR(mode):
        return _files_below(path)
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise TextError(f"cannot read {path}: it is a device, not a text; name a file")
    # a file that happens to be called - is named so that it does not mean standard input
    return [os.path.join(os.curdir, path) if path == STANDARD_INPUT else path]


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file or folder; check the name"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _files_below(folder: str) -> list[str]:
    """All files of a folder tree, sorted, without hidden ones; links to folders are followed."""
    found: list[str] = []
    seen: set[tuple[int, int]] = set()  # folders by device and number: links may form a circle
    try:
        for parent, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
            status = os.stat(parent)
            if (status.st_dev, status.st_ino) in seen:
                folders.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            files = [os.path.join(parent, name) for name in names if not name.startswith(".")]
            found += [file for file in files if stat.S_ISREG(os.stat(file).st_mode)]
    except OSError as error:
        raise TextError(f"cannot read {error.filename or folder}: {_reason(error)}") from error
    return sorted(found, key=lambda file: file.split(os.sep))


def _raise(error: OSError) -> None:
    raise error
