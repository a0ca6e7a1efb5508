"""Which file a query asks: the one named, else that of the environment, else the one here.

Where there is none of these, vectors and language models come with wordkit.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordkit import bundled
from wordkit.errors import StorageError
from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.lm import LanguageModel
    from wordkit.seq2seq import Seq2SeqModel

__all__ = [
    "DEFAULT_COUNTS",
    "DEFAULT_LANGUAGE_MODEL",
    "DEFAULT_SEQ2SEQ",
    "DEFAULT_VECTORS",
    "find_counted_vectors",
    "find_language_model",
    "find_seq2seq",
    "find_vectors",
    "load_model",
    "load_seq2seq_model",
    "load_vectors",
]

DEFAULT_VECTORS = "vectors.safetensors"
"""Where training writes vectors and queries look for them when nothing else is said."""

DEFAULT_COUNTS = "counts.safetensors"
"""Where counted vectors are looked for when they are compared with others."""

DEFAULT_LANGUAGE_MODEL = "lm.safetensors"
"""The same for language models."""

DEFAULT_SEQ2SEQ = "seq2seq.safetensors"
"""The same for sequence to sequence models."""


def load_vectors(model: str | None, **options: Any) -> Embeddings:
    """The vectors to ask.

    Args:
        model: the file named on the command line, or None.
        options: those of :func:`wordkit.embeddings.load_embeddings`.
    """
    from wordkit.embeddings import load_embeddings

    return load_embeddings(find_vectors(model), **options)


def find_vectors(model: str | None) -> str:
    """The file to ask; where none is named, standard error says which."""
    if model is not None:
        return model
    return _find("vectors", "WORDKIT_VECTORS", DEFAULT_VECTORS) or _bundled(
        "vectors", bundled.VECTORS, "wordkit train-w2v TEXT"
    )


def find_counted_vectors(model: str | None) -> str:
    """The same for vectors made by counting, beside which others are seen."""
    if model is not None:
        return model
    return _find("counted vectors", "WORDKIT_COUNTS", DEFAULT_COUNTS) or _bundled(
        "counted vectors", bundled.COUNTS, f"wordkit train-counts TEXT -o {DEFAULT_COUNTS}"
    )


def load_model(model: str | None, device: str) -> LanguageModel:
    """The language model to ask.

    Args:
        model: the file named on the command line, or None.
        device: a name that :func:`wordkit.runtime.choose_device` takes.

    Raises:
        ResourceError: there is no such device.
    """
    from wordkit.lm import load_language_model

    return load_language_model(find_language_model(model), device)


def find_language_model(model: str | None) -> str:
    """The language model to ask; where none is named, standard error says which."""
    if model is not None:
        return model
    return _find("language model", "WORDKIT_LM", DEFAULT_LANGUAGE_MODEL) or _bundled(
        "language model", bundled.LANGUAGE_MODEL, "wordkit train-lm TEXT"
    )


def load_seq2seq_model(path: str, device: str) -> Seq2SeqModel:
    """The sequence to sequence model of a file.

    Raises:
        ResourceError: there is no such device.
    """
    from wordkit.seq2seq import load_seq2seq

    return load_seq2seq(path, device)


def find_seq2seq(model: str | None) -> str:
    """The sequence model to ask; where none is named, standard error says which.

    Raises:
        StorageError: no file is named and there is no default.
    """
    if model is not None:
        return model
    found = _find("sequence model", "WORDKIT_SEQ2SEQ", DEFAULT_SEQ2SEQ)
    if found is None:
        raise StorageError(
            f"no sequence model to ask: there is no {DEFAULT_SEQ2SEQ} in this folder; train one "
            "with wordkit train-seq2seq PAIRS, or name a file or $WORDKIT_SEQ2SEQ"
        )
    return found


def _find(what: str, variable: str, default: str) -> str | None:
    """The file that the environment names, else the one in this folder, else None."""
    named = os.environ.get(variable)
    if named:
        say(f"{what}: {named} (${variable})")
        return named
    if Path(default).exists():
        say(f"{what}: {default} in this folder")
        return default
    return None


def _bundled(what: str, path: Path, training: str) -> str:
    """A file that comes with wordkit."""
    say(f"{what}: bundled with wordkit, from English Wikipedia; for your own: {training}")
    return str(path)
