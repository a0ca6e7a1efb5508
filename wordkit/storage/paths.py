"""Checks that files can be read and written, and reasons why not, in the same words everywhere."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from wordkit.errors import ConfigError, StorageError

__all__ = [
    "check_outputs", "check_readable", "check_writable", "is_same_file", "user_cache",
    "why_no_file", "why_unreadable", "why_unwritable",
]  # fmt: skip

AnyPath: TypeAlias = "str | os.PathLike[str]"


def user_cache() -> Path | None:
    """Return the user's cache folder, which need not exist; None without a home.

    It is ``$XDG_CACHE_HOME``, unless that is relative, as the XDG specification says, else
    ``~/.cache``.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    home = os.path.expanduser("~") if os.environ.get("HOME") != "" else ""
    folder = named if os.path.isabs(named) else os.path.join(home, ".cache")
    return Path(folder) if os.path.isabs(folder) else None


def check_outputs(outputs: Iterable[AnyPath | None], inputs: Iterable[AnyPath | None] = ()) -> None:
    """Check that no file to be written is read too, written twice, or read-only.

    Files are compared by device and inode, whatever names and links lead to them; those that do
    not exist yet, by folder and name.

    Args:
        outputs: files and folders, those among them that are None left out.
        inputs: files, ``-`` for standard input, and folders, each for the files in it; hidden
            ones and None do not count.

    Raises:
        ConfigError: an output is an input, or two are the same file.
        StorageError: an output is read-only.
    """
    written: dict[object, AnyPath] = {}
    for output in outputs:
        if output is not None:
            _check_not_read_only(output)
            if (identity := _identity(output)) in written:
                raise ConfigError(f"{output} would be written twice; name different files")
            written[identity] = output
    for path in inputs if written else ():
        for name, identity in _identities(path):
            if identity in written:
                output = written[identity]
                way = "" if os.fspath(output) == name else f" as {name}"
                raise ConfigError(f"{output} is read{way}; write to another file")


def is_same_file(path: AnyPath, other: AnyPath) -> bool:
    """Return whether two paths lead to one file or folder, existing or not."""
    return _identity(path) == _identity(other)


def _identity(path: AnyPath) -> object:
    """Return the identity of a file; if it does not exist, that of its folder, and its name."""
    folder, name = os.path.split(real := os.path.realpath(path))
    for known, rest in ((real, ""), (folder, name)):
        if os.path.exists(known):
            status = os.stat(known)
            return status.st_dev, status.st_ino, rest
    return real


def _identities(path: AnyPath | None) -> Iterator[tuple[str, object]]:
    """Yield the files of an input by their names, with their identities."""
    if path == "-":
        if sys.stdin is not None and stat.S_ISREG((status := os.fstat(0)).st_mode):
            yield "standard input", (status.st_dev, status.st_ino, "")
    elif path is not None and os.path.isdir(path):
        with contextlib.suppress(OSError):  # reading it will say why
            for entry in os.scandir(path):
                if not entry.name.startswith("."):
                    yield os.fspath(path), _identity(entry.path)
    elif path is not None and os.path.isfile(path):
        yield os.fspath(path), _identity(path)


def _check_not_read_only(path: AnyPath) -> None:
    """Raise a StorageError if a file or folder has no write permission, for the superuser too."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise StorageError(f"cannot write {path}: {why_unwritable(path, error)}") from error
    if not mode & 0o222:
        raise StorageError(
            f"cannot write {path}: it is read-only; name another, or permit it with chmod u+w"
        )


def check_readable(path: AnyPath) -> None:
    """Raise a StorageError if a path is no regular file."""
    try:
        if stat.S_ISREG(os.stat(path).st_mode):
            return
        reason = why_no_file(path)
    except (OSError, ValueError) as error:
        reason = why_unreadable(path, error)
    raise StorageError(f"cannot read {path}: {reason}")


def check_writable(path: AnyPath) -> None:
    """Check early, before the work, that a file can be written here.

    Raises:
        StorageError: the folder is missing or not writable, or the target is read-only or no
            regular file.
    """
    _check_not_read_only(path)
    target = Path(os.path.realpath(path))
    if os.path.isdir(target):
        raise StorageError(f"cannot write {path}: it is a folder; name a file in it")
    if os.path.exists(target) and not os.path.isfile(target):
        raise StorageError(f"cannot write {path}: it is a device, not a file; name another file")
    for folder in (Path(path).parent, target.parent):  # no/../name has none where there is no no
        if not os.path.isdir(folder):
            reason = f"there is no folder {folder}; make it"
            if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", os.fspath(path)):  # Path takes one / away
                reason = "a URL is no file of this machine; name one here, and copy it there"
            raise StorageError(f"cannot write {path}: {reason}")
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


def why_no_file(path: AnyPath) -> str:
    """Return the reason why a path that is no regular file cannot be read, to follow its name."""
    if not os.fspath(path):
        return "its name is empty; name a file"
    if os.path.isdir(path):
        return "it is a folder; name a file in it"
    if os.path.exists(path):
        return "it is a pipe or a device, not a regular file; save it to one"
    return "there is no such file; check the name"


def why_unreadable(path: AnyPath, error: Exception) -> str:
    """Return the reason why a file could not be read, to follow its name."""
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return why_no_file(path)
    return getattr(error, "strerror", None) or str(error)


def why_unwritable(path: AnyPath, error: OSError | ValueError) -> str:
    """Return the reason why a file or folder could not be made or written, to follow its name."""
    if isinstance(error, ValueError):
        return f"its name holds a NUL character ({error})"
    parent = os.path.dirname(os.path.realpath(path))
    if isinstance(error, FileNotFoundError | NotADirectoryError) and not os.path.isdir(parent):
        return f"there is no folder {parent}; make it"
    if error.errno == errno.ENAMETOOLONG:
        return "its name is too long; choose a shorter one"
    return f"{error.strerror or error}; free some space or choose another folder"
