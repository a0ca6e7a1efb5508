"""Which file a query asks: the one named, else the one of the environment, else the one here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordkit.errors import StorageError
from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings

__all__ = ["DEFAULT_VECTORS", "find_vectors", "load_vectors"]

DEFAULT_VECTORS = "vectors.safetensors"
"""Where training writes and queries look when nothing else is said."""

_VARIABLE = "WORDKIT_VECTORS"


def load_vectors(model: str | None, **options: Any) -> Embeddings:
    """The vectors to ask.

    Args:
        model: the file named on the command line, or None.
        options: those of :func:`wordkit.embeddings.load_embeddings`.

    Raises:
        StorageError: no file is named and there is no default.
    """
    from wordkit.embeddings import load_embeddings

    return load_embeddings(find_vectors(model), **options)


def find_vectors(model: str | None) -> str:
    """The file to ask; where none is named, standard error says which.

    Raises:
        StorageError: no file is named and there is no default.
    """
    if model is not None:
        return model
    named = os.environ.get(_VARIABLE)
    if named:
        say(f"vectors: {named} (${_VARIABLE})")
        return named
    if Path(DEFAULT_VECTORS).exists():
        say(f"vectors: {DEFAULT_VECTORS} in this folder")
        return DEFAULT_VECTORS
    raise StorageError(
        f"no vectors to ask: there is no {DEFAULT_VECTORS} in this folder; train some with "
        f"wordkit train-w2v TEXT, or name a file with --model or ${_VARIABLE}"
    )
