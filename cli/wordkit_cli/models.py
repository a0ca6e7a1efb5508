"""The file of a query: the one named, else that of the environment, in this folder, or bundled."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from wordkit import bundled
from wordkit.errors import StorageError
from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.lm import LanguageModel
    from wordkit.seq2seq import Seq2SeqModel
    from wordkit.seq2seq.dialogue import DialogueModel

__all__ = [
    "CLASSIFIER", "COUNTED", "DEFAULTS", "DIALOGUE", "GLOVE", "LANGUAGE_MODEL", "SEQ2SEQ",
    "SUBWORDS", "VECTORS",
    "Found", "default_file", "find", "load_dialogue", "load_model", "load_seq2seq_model",
    "load_vectors", "model_and",
    "say_composed",
]  # fmt: skip


@dataclass(frozen=True)
class Default:
    """The default file of a query: where it is looked for, in this order."""

    name: str
    variable: str  # of the environment
    file: str  # in the working folder; the default output of training
    bundled: Path | None
    training: str  # the command that makes such a file


VECTORS = Default(
    "vectors", "WORDKIT_VECTORS", "vectors.safetensors", bundled.VECTORS, "wordkit train-w2v TEXT"
)
COUNTED = Default(
    "counted vectors", "WORDKIT_COUNTS", "counts.safetensors", bundled.COUNTS,
    "wordkit train-counts TEXT -o counts.safetensors",
)  # fmt: skip
GLOVE = Default(
    "GloVe vectors", "WORDKIT_GLOVE", "glove.safetensors", None,
    "wordkit train-glove TEXT -o glove.safetensors",
)  # fmt: skip
SUBWORDS = Default(
    "subword vectors", "WORDKIT_SUBWORDS", "subwords.safetensors", None,
    "wordkit train-w2v TEXT --subwords 3-6 -o subwords.safetensors",
)  # fmt: skip
LANGUAGE_MODEL = Default(
    "language model", "WORDKIT_LM", "lm.safetensors", bundled.LANGUAGE_MODEL,
    "wordkit train-lm TEXT",
)  # fmt: skip
SEQ2SEQ = Default(
    "sequence model", "WORDKIT_SEQ2SEQ", "seq2seq.safetensors", None, "wordkit train-seq2seq PAIRS"
)
CLASSIFIER = Default(
    "classifier", "WORDKIT_CLASSIFIER", "classifier.safetensors", None,
    "wordkit train-classifier TEXTS",
)  # fmt: skip
DIALOGUE = Default(
    "dialogue model", "WORDKIT_DIALOGUE", "dialogue.safetensors", None,
    "wordkit train-dialogue DIALOGUES",
)  # fmt: skip
DEFAULTS = (VECTORS, COUNTED, GLOVE, SUBWORDS, LANGUAGE_MODEL, SEQ2SEQ, DIALOGUE, CLASSIFIER)


class Found(NamedTuple):
    """The default file that was found."""

    path: str
    origin: str  # "$VARIABLE", "this folder" or "bundled"


def default_file(default: Default) -> Found | None:
    """Return the default file of a query; None where there is none."""
    if named := os.environ.get(default.variable):
        return Found(named, f"${default.variable}")
    if os.path.lexists(default.file):
        return Found(default.file, "this folder")
    return None if default.bundled is None else Found(str(default.bundled), "bundled")


def find(default: Default, named: str | None) -> str:
    """Return the file to ask; a default is named on standard error.

    Raises:
        StorageError: no file is named and there is no default.
    """
    if named is not None:
        return named
    found = default_file(default)
    if found is None:
        raise StorageError(
            f"no {default.name} to ask: there is no {default.file} in this folder; train one with "
            f"{default.training}, or name a file or ${default.variable}"
        )
    described = {
        "bundled": "bundled with wordkit, from English Wikipedia; for your own: "
        f"{default.training}",
        "this folder": f"{found.path} in this folder",
    }
    say(f"{default.name}: {described.get(found.origin, f'{found.path} ({found.origin})')}")
    return found.path


def model_and(
    what: str,
    arguments: Sequence[str],
    *,
    option: object = None,
    found: str = "files",
    remedy: str = "",
) -> tuple[str | None, str]:
    """Return the model, if an argument names one, and the argument after it.

    Raises:
        click.UsageError: there are more arguments, or ``option``, the value of --model, names the
            model too.
    """
    if len(arguments) > 2:
        raise click.UsageError(f"give a MODEL and one {what}, not {len(arguments)} {found}{remedy}")
    if len(arguments) == 2 and option:
        raise click.UsageError("name the model once: as MODEL or with --model")
    return arguments[0] if len(arguments) == 2 else None, arguments[-1]


def load_vectors(path: str | None, **options: Any) -> Embeddings:
    """Load the vectors of a file, or of the default; options as for ``load_embeddings``."""
    from wordkit.embeddings import load_embeddings

    return load_embeddings(find(VECTORS, path), **options)


def say_composed(vectors: Embeddings, words: Iterable[str]) -> None:
    """Say on standard error which words are not in the vocabulary, but composed of n-grams."""
    composed = [word for word in dict.fromkeys(words) if vectors.composes(word)]
    if composed:
        say(f"composed of character n-grams, as it is no word of these vectors: "
            f"{', '.join(composed)}")  # fmt: skip


def load_model(path: str | None, device: str) -> LanguageModel:
    """Load the language model of a file, or of the default."""
    from wordkit.lm import load_language_model

    return load_language_model(find(LANGUAGE_MODEL, path), device)


def load_seq2seq_model(path: str | None, device: str) -> Seq2SeqModel:
    """Load the sequence model of a file, or of the default."""
    from wordkit.seq2seq import load_seq2seq

    return load_seq2seq(find(SEQ2SEQ, path), device)


def load_dialogue(path: str | None, device: str) -> DialogueModel:
    """Load the dialogue model of a file, or of the default."""
    from wordkit.seq2seq.dialogue import load_dialogue_model

    return load_dialogue_model(find(DIALOGUE, path), device)
