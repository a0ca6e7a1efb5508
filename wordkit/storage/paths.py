"""Checks that files can be read and written, and reasons why not, in the same words everywhere."""

from __future__ import annotations

import os
from pathlib import Path

from wordkit.errors import StorageError

__all__ = ["check_readable", "check_writable", "why_no_file", "why_unreadable", "why_unwritable"]


def check_readable(path: str | os.PathLike[str]) -> None:
    """Raise a StorageError if a path is no regular file."""
    if not Path(path).is_file():
        raise StorageError(f"cannot read {path}: {why_no_file(path)}")


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check early, before the work, that a file can be written here.

    Raises:
        StorageError: the folder is missing or not writable, or the target is no regular file.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise StorageError(f"cannot write {path}: it is a folder; name a file in it")
    if target.exists() and not target.is_file():
        raise StorageError(f"cannot write {path}: it is a device, not a file; name another file")
    if not target.parent.is_dir():
        raise StorageError(f"cannot write {path}: there is no folder {target.parent}; make it")
    try:
        import tempfile  # a query need not wait for it

        # access() says yes to the superuser, also in folders of the system that take no files
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: the folder {target.parent} is not writable: "
            f"{error.strerror or error}"
        ) from error


def why_no_file(path: str | os.PathLike[str]) -> str:
    """Return the reason why a path that is no regular file cannot be read, to follow its name."""
    if not os.fspath(path):
        return "its name is empty; name a file"
    path = Path(path)
    if path.is_dir():
        return "it is a folder; name a file in it"
    if path.exists():
        return "it is a pipe or a device, not a regular file; save it to one"
    return "there is no such file; check the name"


def why_unreadable(path: str | os.PathLike[str], error: Exception) -> str:
    """Return the reason why a file could not be read, to follow its name."""
    if isinstance(error, FileNotFoundError | IsADirectoryError):
        return why_no_file(path)
    return getattr(error, "strerror", None) or str(error)


def why_unwritable(path: str | os.PathLike[str], error: OSError) -> str:
    """Return the reason why a file or folder could not be made or written, to follow its name."""
    parent = Path(os.path.realpath(path)).parent
    if not parent.is_dir():
        return f"there is no folder {parent}; make it"
    return f"{error.strerror or error}; free some space or choose another folder"
