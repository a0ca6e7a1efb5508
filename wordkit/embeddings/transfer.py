"""Embeddings on their way to another process: by the file that they are mapped from, or by value.

What ``Embeddings.__reduce__`` refers to; ``multiprocessing`` and joblib call it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from wordkit.errors import StorageError
from wordkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from wordkit.embeddings.composition import Subwords
    from wordkit.embeddings.embeddings import Embeddings

__all__ = ["FileIdentity", "file_identity", "from_arrays", "from_file"]

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


def from_arrays(
    arrays: Mapping[str, npt.NDArray[Any]],
    metadata: Mapping[str, Any],
    weights: Mapping[str, npt.NDArray[np.float32]],
    subwords: Subwords | None = None,
) -> Embeddings:
    """Make embeddings of ``words``, ``counts`` where known, ``vectors`` and ``norms``."""
    from wordkit.embeddings.embeddings import Embeddings

    words = Vocabulary.from_arrays(arrays["words"], arrays.get("counts"), "the copy of vectors")
    return Embeddings(
        words,
        arrays["vectors"],
        norms=arrays["norms"],
        metadata=metadata,
        weights=weights,
        subwords=subwords,
    )
