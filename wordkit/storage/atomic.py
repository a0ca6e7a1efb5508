"""Atomic writes, through which every file of wordkit goes."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

from wordkit.errors import StorageError
from wordkit.storage.paths import check_writable, why_unwritable

__all__ = ["MARK", "atomic_write", "is_abandoned", "new_mark"]


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when the block ends well.

    The content is on the disk before the old file is replaced, so a kill at any moment leaves the
    old file or the new one, whole. When the block raises, the temporary file is removed.

    Raises:
        StorageError: the folder is missing, the target is read-only or no regular file, or writing
            failed.
    """
    check_writable(path)
    target = Path(os.path.realpath(path))
    # a folder, because writers such as safetensors put temporary files of their own beside theirs
    folder = target.with_name(f".{target.name[:80]}.{new_mark()}.tmp")
    try:
        _remove_abandoned(target)
        with contextlib.ExitStack() as cleanup:
            folder.mkdir()
            cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
            temporary = folder / target.name
            yield temporary
            with contextlib.suppress(FileNotFoundError):
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            _fsync(temporary)
            os.replace(temporary, target)
        _fsync(target.parent)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {why_unwritable(path, error)}") from error


def _remove_abandoned(target: Path) -> None:
    """Remove what writers of the same file left behind when they were killed."""
    pattern = re.compile(re.escape(f".{target.name[:80]}.") + rf"({MARK})\.tmp")
    for entry in target.parent.iterdir():
        match = pattern.fullmatch(entry.name)
        if match and is_abandoned(match[1]):
            shutil.rmtree(entry, ignore_errors=True)


MARK = "[0-9a-f]{8}-[0-9]+-[0-9a-f]{8}"
"""The form of :func:`new_mark`, as a regular expression."""


def new_mark() -> str:
    """Return a part for the name of a temporary file: machine, process and a random number."""
    return f"{_machine():08x}-{os.getpid()}-{secrets.token_hex(4)}"


def is_abandoned(mark: str) -> bool:
    """Return True if the process that made this mark ran on this machine and has ended."""
    machine, pid, _ = mark.split("-")
    if int(machine, 16) != _machine():  # another one that shares the folder: we cannot know
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _machine() -> int:
    import platform

    return zlib.crc32(platform.node().encode())


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
