"""Numba's ``njit``, with a place for its compiled kernels wherever wordkit is installed.

Numba keeps what it compiled beside the source, else in the user's cache folder. Where neither can
be written (a system-wide installation, run by a user without a home) it refuses to compile at all;
a folder for temporary files then serves.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

import numba.core.config
from numba import njit

__all__ = ["njit"]

_config: Any = numba.core.config


def _provide_cache() -> None:
    """Name a folder for compiled kernels, where Numba would find none by itself."""
    if _config.CACHE_DIR or _can_write(Path(__file__).parent / "__pycache__"):
        return
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    if _can_write(Path(cache) / "numba"):
        return
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"wordkit-kernels-{user}"
    if not _is_private(folder, user):
        folder = Path(tempfile.mkdtemp(prefix="wordkit-kernels-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _config.CACHE_DIR = str(folder)


def _can_write(folder: Path) -> bool:
    """Whether a folder, which may have to be made first, can be written."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _is_private(folder: Path, user: int) -> bool:
    """Make a folder that nobody else can write: what lies in it will be run."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == user and not status.st_mode & 0o022


_provide_cache()
