"""The kinds of wordkit's files, which their headers name."""

from __future__ import annotations

import os
import re
from pathlib import Path

from wordkit.errors import FormatError

__all__ = [
    "CLASSIFIER", "DIALOGUE_CHECKPOINT", "DIALOGUE_MODEL", "EMBEDDINGS", "GLOVE_CHECKPOINT",
    "LANGUAGE_MODEL", "LANGUAGE_MODEL_CHECKPOINT", "SEQ2SEQ_CHECKPOINT", "SEQ2SEQ_MODEL",
    "VOCABULARY", "WORD2VEC_CHECKPOINT", "check_kind", "kind_of",
]  # fmt: skip

LANGUAGE_MODEL, LANGUAGE_MODEL_CHECKPOINT = "language model", "language model checkpoint"
SEQ2SEQ_MODEL, SEQ2SEQ_CHECKPOINT = "sequence model", "sequence model checkpoint"
DIALOGUE_MODEL, DIALOGUE_CHECKPOINT = "dialogue model", "dialogue model checkpoint"
EMBEDDINGS, WORD2VEC_CHECKPOINT = "embeddings", "word2vec checkpoint"
VOCABULARY, CLASSIFIER, GLOVE_CHECKPOINT = "vocabulary", "classifier", "GloVe checkpoint"

_USES = {
    EMBEDDINGS: "wordkit similar, analogy and evaluate take vectors",
    LANGUAGE_MODEL: "wordkit perplexity, score, generate and predict take language models, and "
    "wordkit convert makes vectors of one",
    WORD2VEC_CHECKPOINT: "train_word2vec and wordkit train-w2v resume it",
    GLOVE_CHECKPOINT: "train_glove and wordkit train-glove resume it",
    LANGUAGE_MODEL_CHECKPOINT: "train_language_model and wordkit train-lm resume it",
    SEQ2SEQ_MODEL: "wordkit transform, evaluate-seq2seq, attention and interpolate take sequence "
    "models",
    SEQ2SEQ_CHECKPOINT: "train_seq2seq and wordkit train-seq2seq resume it",
    DIALOGUE_MODEL: "wordkit chat and evaluate-dialogue take dialogue models",
    DIALOGUE_CHECKPOINT: "train_dialogue and wordkit train-dialogue resume it",
    VOCABULARY: "wordkit.load reads it in Python",
    CLASSIFIER: "wordkit classify and evaluate-classifier take classifiers",
}
"""The commands that take a file of a kind, for the message of another command."""

_HEAD_BYTES = 1 << 12  # at the start of a file, by which its kind is detected
_KIND = re.compile(rb'\\"kind\\": \\"([^"\\]+)')  # in the header


def kind_of(path: str | os.PathLike[str]) -> str | None:
    """Return the kind of a file of wordkit's by its first bytes; None for any other file."""
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:  # reading it will say why
        return None
    found = _KIND.search(head) if head[8:9] == b"{" else None
    return None if found is None else found[1].decode()


def check_kind(path: Path, found: object, expected: str) -> None:
    """Check the kind of a file.

    Raises:
        FormatError: it is another; the error says what takes that.
    """
    if found != expected:
        remedy = _USES.get(str(found))
        holds = f"{path} holds {_with_article(found)}, not {_with_article(expected)}"
        raise FormatError(holds + (f"; {remedy}" if remedy else ""))


def _with_article(kind: object) -> str:
    return f"a {kind}" if isinstance(kind, str) and not kind.endswith("s") else str(kind)
