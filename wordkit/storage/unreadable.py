"""Why a file cannot be read, in the same words everywhere."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["why_no_file", "why_unreadable"]


def why_no_file(path: str | os.PathLike[str]) -> str:
    """Why a path that is no regular file cannot be read, in words that go on after its name."""
    if not os.fspath(path):
        return "its name is empty; name a file"
    path = Path(path)
    if path.is_dir():
        return "it is a folder; name a file in it"
    if path.exists():
        return "it is a pipe or a device, not a regular file; save it to one"
    return "there is no such file"


def why_unreadable(path: str | os.PathLike[str], error: Exception) -> str:
    """Why a file could not be read, in words that go on after its name."""
    if isinstance(error, FileNotFoundError | IsADirectoryError):
        return why_no_file(path)
    return getattr(error, "strerror", None) or str(error)
