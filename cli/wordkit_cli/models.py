"""Which file a query asks: the one named, else the one of the environment, else the one here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordkit.errors import StorageError
from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.lm import LanguageModel
    from wordkit.seq2seq import Seq2SeqModel

__all__ = [
    "DEFAULT_COUNTED_VECTORS",
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

DEFAULT_COUNTED_VECTORS = "counts.safetensors"
"""Where queries that want counted vectors look for them when nothing else is said."""

DEFAULT_LANGUAGE_MODEL = "lm.safetensors"
"""The same for language models."""

DEFAULT_SEQ2SEQ = "seq2seq.safetensors"
"""The same for sequence to sequence models."""


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


def find_vectors(model: str | None, option: str = "--model") -> str:
    """The file to ask; where none is named, standard error says which.

    Args:
        model: the file named on the command line, or None.
        option: the option that names it, for messages.

    Raises:
        StorageError: no file is named and there is no default.
    """
    if model is not None:
        return model
    remedy = "train some with wordkit train-w2v"
    return _find("vectors", "WORDKIT_VECTORS", DEFAULT_VECTORS, remedy, option=option)


def find_counted_vectors(model: str | None) -> str:
    """The file of vectors by counting to ask; where none is named, standard error says which.

    Raises:
        StorageError: no file is named and there is no default.
    """
    if model is not None:
        return model
    remedy = f"make some with wordkit train-counts -o {DEFAULT_COUNTED_VECTORS}"
    name, default = "counted vectors", DEFAULT_COUNTED_VECTORS
    return _find(name, "WORDKIT_COUNTS", default, remedy, option="--counting")


def load_model(model: str | None, device: str) -> LanguageModel:
    """The language model to ask.

    Args:
        model: the file named on the command line, or None.
        device: a name that :func:`wordkit.runtime.choose_device` takes.

    Raises:
        StorageError: no file is named and there is no default.
        ResourceError: there is no such device.
    """
    from wordkit.lm import load_language_model

    return load_language_model(find_language_model(model), device)


def find_language_model(model: str | None) -> str:
    """The language model to ask; where none is named, standard error says which.

    Raises:
        StorageError: no file is named and there is no default.
    """
    if model is not None:
        return model
    return _find(
        "language model", "WORDKIT_LM", DEFAULT_LANGUAGE_MODEL, "train one with wordkit train-lm"
    )


def load_seq2seq_model(path: str, device: str) -> Seq2SeqModel:
    """The sequence to sequence model of a file.

    Raises:
        ResourceError: there is no such device.
    """
    from wordkit.seq2seq import load_seq2seq

    return load_seq2seq(path, device)


def find_seq2seq(model: str | None) -> str:
    """The sequence to sequence model to ask; where none is named, standard error says which.

    Raises:
        StorageError: no file is named and there is no default.
    """
    if model is not None:
        return model
    remedy = "train one with wordkit train-seq2seq"
    return _find("sequence model", "WORDKIT_SEQ2SEQ", DEFAULT_SEQ2SEQ, remedy, data="PAIRS")


def _find(
    what: str,
    variable: str,
    default: str,
    remedy: str,
    data: str = "TEXT",
    option: str = "--model",
) -> str:
    """The file that the environment names, else the one in this folder."""
    named = os.environ.get(variable)
    if named:
        say(f"{what}: {named} (${variable})")
        return named
    if Path(default).exists():
        say(f"{what}: {default} in this folder")
        return default
    raise StorageError(
        f"no {what} to ask: there is no {default} in this folder; {remedy} {data}, or name a "
        f"file{'' if data == 'PAIRS' else f' with {option}'} or ${variable}"
    )
