"""Which files the paths that a user named stand for: files, folders, globs, standard input."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from wordkit.errors import ConfigError, TextError

__all__ = ["STANDARD_INPUT", "find_files", "is_glob", "is_stream"]

STANDARD_INPUT = "-"
"""The path that means standard input, as everywhere on the command line."""


def find_files(paths: Sequence[str | Path]) -> list[str]:
    """The files to read for these paths, in their order.

    A folder stands for all files in it and below it, sorted by name, without hidden ones; a
    glob, where no such path exists, for its matches, sorted; ``-`` for standard input.

    Raises:
        ConfigError: no path is given, or standard input twice.
        TextError: a path does not exist, is a device, or holds no file.
    """
    if not paths:
        raise ConfigError("paths must name at least one text, or - for standard input")
    files = [file for path in paths for file in _expand(os.fspath(path))]
    if files.count(STANDARD_INPUT) > 1:
        raise ConfigError("paths must name standard input (-) only once: it can be read once")
    return files


def is_glob(path: str | Path) -> bool:
    """Whether the path is a pattern: it has wildcards, and no file has this very name."""
    return glob.has_magic(os.fspath(path)) and not os.path.lexists(path)


def is_stream(file: str) -> bool:
    """Whether the file is standard input or a pipe, which can be read only once."""
    return file == STANDARD_INPUT or stat.S_ISFIFO(os.stat(file).st_mode)


def _expand(path: str) -> list[str]:
    if path == STANDARD_INPUT:
        return [path]
    if is_glob(path):
        matches = sorted(glob.glob(path, recursive=True))
        if not matches:
            raise TextError(f"cannot read {path}: no file matches this pattern; check it")
        return [file for match in matches for file in _expand(match)]
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise TextError(f"cannot read {path!r}: {_reason(error)}") from error
    if stat.S_ISDIR(mode):
        return _files_below(path)
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise TextError(f"cannot read {path}: it is a device, not a text; name a file")
    return [path]


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file or folder; check the name"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _files_below(folder: str) -> list[str]:
    """All files of a folder tree, sorted, without hidden ones; links to folders are followed."""
    found: list[str] = []
    seen: set[tuple[int, int]] = set()  # folders by device and number: links may form a circle
    try:
        for place, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
            status = os.stat(place)
            if (status.st_dev, status.st_ino) in seen:
                folders.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            files = [os.path.join(place, name) for name in names if not name.startswith(".")]
            found += [file for file in files if stat.S_ISREG(os.stat(file).st_mode)]
    except OSError as error:
        raise TextError(f"cannot read {error.filename or folder}: {_reason(error)}") from error
    if not found:
        raise TextError(
            f"cannot read {folder}: the folder holds no file (hidden ones do not count)"
        )
    return sorted(found, key=lambda file: file.split(os.sep))


def _raise(error: OSError) -> None:
    raise error
