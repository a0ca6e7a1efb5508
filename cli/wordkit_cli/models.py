"""Which file a query asks: the one named, else that of the environment, else the one here.

Where there is none of these, vectors and language models come with wordkit.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wordkit import bundled
from wordkit.errors import StorageError
from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.lm import LanguageModel
    from wordkit.seq2seq import Seq2SeqModel

__all__ = [
    "DEFAULTS",
    "DEFAULT_COUNTS",
    "DEFAULT_LANGUAGE_MODEL",
    "DEFAULT_SEQ2SEQ",
    "DEFAULT_VECTORS",
    "Default",
    "Found",
    "default_file",
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
"""As DEFAULT_VECTORS for language models."""

DEFAULT_SEQ2SEQ = "seq2seq.safetensors"
"""The same for sequence to sequence models."""


@dataclass(frozen=True)
class Default:
    """Where to look for what a query asks when no file is named, in this order."""

    variable: str
    """Of the environment."""

    file: str
    """In the working folder."""

    bundled: Path | None
    """What comes with wordkit."""

    training: str
    """The command that makes such a file."""


DEFAULTS = {
    "vectors": Default(
        "WORDKIT_VECTORS", DEFAULT_VECTORS, bundled.VECTORS, "wordkit train-w2v TEXT"
    ),
    "counted vectors": Default(
        "WORDKIT_COUNTS", DEFAULT_COUNTS, bundled.COUNTS,
        f"wordkit train-counts TEXT -o {DEFAULT_COUNTS}",
    ),
    "language model": Default(
        "WORDKIT_LM", DEFAULT_LANGUAGE_MODEL, bundled.LANGUAGE_MODEL, "wordkit train-lm TEXT"
    ),
    "sequence model": Default(
        "WORDKIT_SEQ2SEQ", DEFAULT_SEQ2SEQ, None, "wordkit train-seq2seq PAIRS"
    ),
}  # fmt: skip


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
    return _find("vectors") if model is None else model


def find_counted_vectors(model: str | None) -> str:
    """The same for vectors made by counting, beside which others are seen."""
    return _find("counted vectors") if model is None else model


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
    return _find("language model") if model is None else model


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
    return _find("sequence model") if model is None else model


class Found(NamedTuple):
    """A file that is asked where none is named."""

    path: str
    origin: str
    """``$VARIABLE``, ``this folder`` or ``bundled``."""


def default_file(what: str) -> Found | None:
    """The file that is asked where none is named; None: there is none.

    Args:
        what: a name of :data:`DEFAULTS`.
    """
    default = DEFAULTS[what]
    named = os.environ.get(default.variable)
    if named:
        return Found(named, f"${default.variable}")
    if os.path.lexists(default.file):
        return Found(default.file, "this folder")
    return None if default.bundled is None else Found(str(default.bundled), "bundled")


def _find(what: str) -> str:
    """The same; standard error says which it is.

    Raises:
        StorageError: there is none.
    """
    found, default = default_file(what), DEFAULTS[what]
    if found is None:
        raise StorageError(
            f"no {what} to ask: there is no {default.file} in this folder; train one with "
            f"{default.training}, or name a file or ${default.variable}"
        )
    if found.origin == "bundled":
        say(
            f"{what}: bundled with wordkit, from English Wikipedia; for your own: "
            f"{default.training}"
        )
    elif found.origin == "this folder":
        say(f"{what}: {found.path} in this folder")
    else:
        say(f"{what}: {found.path} ({found.origin})")
    return found.path
