"""Why a file cannot be read or written, in the same words everywhere."""

from __future__ import annotations

import os
from pathlib import Path

from wordkit.errors import StorageError

__all__ = ["check_readable", "why_no_file", "why_unreadable", "why_unwritable"]


def check_readable(path: str | os.PathLike[str]) -> None:
    """Check that a path is a regular file.

    Raises:
        StorageError: it is none.
    """
    if not Path(path).is_file():
        raise StorageError(f"cannot read {path}: {why_no_file(path)}")


def why_no_file(path: str | os.PathLike[str]) -> str:
    """Why a path that is no regular file cannot be read, in words that go on after its name."""
    if not os.fspath(path):
        return "its name is empty; name a file"
    path = Path(path)
    if path.is_dir():
        return "it is a folder; name a file in it"
    if path.exists():
        return "it is a pipe or a device, not a regular file; save it to one"
    return "there is no such file; check the name"


def why_unreadable(path: str | os.PathLike[str], error: Exception) -> str:
    """Why a file could not be read, in words that go on after its name."""
    if isinstance(error, FileNotFoundError | IsADirectoryError):
        return why_no_file(path)
    return getattr(error, "strerror", None) or str(error)


def why_unwritable(path: str | os.PathLike[str], error: OSError) -> str:
    """Why a file or folder could not be made or written, in words that go on after its name."""
    parent = Path(os.path.realpath(path)).parent
    if not parent.is_dir():
        return f"there is no folder {parent}; make it"
    return f"{error.strerror or error}; free some space or choose another place"
