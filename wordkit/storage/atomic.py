"""Atomic writes, through which every file of wordkit goes."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from wordkit.errors import StorageError
from wordkit.storage.paths import check_writable, why_unwritable
from wordkit.storage.temporary import TemporaryFolder

__all__ = ["atomic_write", "fsync", "temporary_prefix"]

_NO_FSYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_MAX_PREFIX_BYTES = 80  # names have 255 bytes on most file systems, and 143 on some


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
    try:
        # a folder, because writers such as safetensors put temporary files beside theirs
        with TemporaryFolder(target.parent, temporary_prefix(target.name)) as folder:
            temporary = Path(folder) / target.name
            yield temporary
            with contextlib.suppress(FileNotFoundError):
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            fsync(temporary)
            os.replace(temporary, target)
        with contextlib.suppress(OSError):  # some folders can be written, but not read
            fsync(target.parent)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {why_unwritable(path, error)}") from error


def temporary_prefix(name: str) -> str:
    """Return the prefix of temporary folders of writers of a file of this name."""
    start = os.fsencode(name)[:_MAX_PREFIX_BYTES].decode(errors="ignore")
    return f".{start}."


def fsync(path: Path) -> None:
    """Bring a file or folder to the disk, where its file system can.

    Raises:
        OSError: the disk is full or broken.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FSYNC:
            raise
    finally:
        os.close(descriptor)
