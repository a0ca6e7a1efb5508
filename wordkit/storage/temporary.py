"""Temporary folders, which do not outlive their process for long."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import tempfile
import time
import weakref
import zlib
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["MARK", "TemporaryFolder"]

MARK = r"[0-9a-f]{8}-[0-9]+-\w{8}"
"""A part of the name of each folder, as a regular expression: machine, process, random letters."""

_STALE_SECONDS = 30 * 24 * 3600  # for the folders of other machines, whose locks may be unseen


class TemporaryFolder(tempfile.TemporaryDirectory[str]):
    """A temporary folder that the next one of its kind removes if this process is killed.

    The process holds a lock on the folder. The system ends it with the process, and shows it to all
    processes of the machine, whatever container they are in; process numbers, and names of
    machines, say nothing there.

    Args:
        parent: the folder to make it in.
        prefix: of its name, and of the names of the others of its kind.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, parent: str | os.PathLike[str], prefix: str) -> None:
        _remove_abandoned(Path(parent), prefix)
        while True:
            full_prefix = f"{prefix}{_machine():08x}-{os.getpid()}-"
            super().__init__(".tmp", full_prefix, parent, ignore_cleanup_errors=True)
            self._unlock = _lock(self)
            if os.path.exists(self.name):  # else it was removed before it was locked
                break
            self.cleanup()
        self.mark = Path(self.name).name.removeprefix(prefix).removesuffix(".tmp")

    def cleanup(self) -> None:
        """Remove the folder."""
        super().cleanup()
        self._unlock()


def _lock(folder: TemporaryFolder) -> weakref.finalize[[int], TemporaryFolder]:
    """Lock a folder, and return what unlocks it."""
    descriptor = -1
    with contextlib.suppress(OSError):  # a file system without locks, or the folder has gone
        descriptor = os.open(folder.name, os.O_RDONLY)
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    return weakref.finalize(folder, _close, descriptor)


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def _remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the folders of processes that have ended."""
    without_mark = "" if prefix.startswith(".") else r"|\w{8}"  # by wordkit 0.1
    pattern = re.compile(rf"{re.escape(prefix)}(?:{MARK}\.tmp{without_mark})")
    user = getattr(os, "getuid", int)()
    with contextlib.suppress(OSError):  # a folder that cannot be listed
        for entry in os.scandir(parent):
            if not pattern.fullmatch(entry.name):
                continue
            with contextlib.suppress(OSError):  # it is locked, or gone
                status = entry.stat(follow_symlinks=False)
                is_old = time.time() - status.st_mtime > _STALE_SECONDS
                is_here = entry.name.startswith(f"{prefix}{_machine():08x}-")
                if status.st_uid == user and (is_old or (is_here and fcntl is not None)):
                    _remove_unlocked(entry.path)


def _remove_unlocked(folder: str) -> None:
    if fcntl is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


@functools.cache
def _machine() -> int:
    """Return a number that the processes of this machine share, until it is started anew."""
    try:
        name = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:  # not Linux
        import platform

        name = platform.node().encode()
    return zlib.crc32(name)
