"""Embeddings on their way to another process by the file that they are mapped from.

What ``Embeddings.__reduce__`` refers to; ``multiprocessing`` and joblib call it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

from wordkit.errors import StorageError

if TYPE_CHECKING:
    from wordkit.embeddings.embeddings import Embeddings

__all__ = ["FileIdentity", "file_identity", "from_file"]

FileIdentity: TypeAlias = tuple[str, int, int]
"""The absolute path of a file, its size in bytes, and the time of its last change in ns."""


def file_identity(path: str | os.PathLike[str]) -> FileIdentity | None:
    """Return the identity of a file; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return os.path.abspath(path), status.st_size, status.st_mtime_ns


def from_file(identity: FileIdentity, size: int, with_weights: bool) -> Embeddings:
    """Load the first ``size`` vectors of a file, with the weights of a training or without.

    Raises:
        StorageError: the file has changed.
    """
    from wordkit.embeddings.formats import load_embeddings

    path = identity[0]
    if file_identity(path) != identity:
        raise StorageError(f"{path} has changed since its vectors were loaded; load them again")
    vectors = load_embeddings(path, limit=size)
    return vectors if with_weights else vectors.without_weights()
