"""The cache folder, for what can be made or downloaded again."""

from __future__ import annotations

import os
from pathlib import Path

from wordkit.errors import StorageError

__all__ = ["cache_folder", "make_cache_folder"]


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/wordkit``, or ``~/.cache/wordkit``; it need not exist.

    A relative ``$XDG_CACHE_HOME`` does not count, as the XDG specification says.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if os.path.isabs(named) else Path(os.path.expanduser("~")) / ".cache"
    return base / "wordkit"


def make_cache_folder() -> Path:
    """Return the cache folder, which is created if needed.

    Raises:
        StorageError: it cannot be made.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the cache folder {folder}: {error.strerror or error}; set "
            "XDG_CACHE_HOME to a folder that can be written"
        ) from error
    return folder
