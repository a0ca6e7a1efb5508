"""The errors of wordkit.

::

    WordkitError                 all that wordkit raises on purpose
    ├── ConfigError              a setting out of its range
    ├── TextError                text that cannot be read: missing, empty, binary, undecodable
    ├── VocabularyError          words that cannot form a vocabulary, or none left
    │   └── UnknownWordError     a word that the vocabulary does not hold (also a KeyError)
    ├── CorpusError              a folder that is not a corpus, or a corrupted one
    ├── FormatError              a vector or model file that is corrupted or of another kind
    │   └── VersionError         a file of another version of wordkit
    ├── EmbeddingsError          a question that the vectors cannot answer
    ├── DivergenceError          a training whose numbers grew beyond all bounds
    ├── StorageError             a file or folder that cannot be read or written
    └── ResourceError            too little memory, or no such device
        └── LostProcessError     another process of the same training has ended

Each message is one line that says what was expected, what was found and what to do. The command
line prints it and exits with status 1. A problem that is no reason to stop is a WordkitWarning.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from numbers import Integral

__all__ = [
    "ConfigError",
    "CorpusError",
    "DivergenceError",
    "EmbeddingsError",
    "FormatError",
    "LostProcessError",
    "ResourceError",
    "StorageError",
    "TextError",
    "UnknownWordError",
    "VersionError",
    "VocabularyError",
    "WordkitError",
    "WordkitWarning",
    "counted",
    "without_secrets",
]

_USER = re.compile(r"(?<=://)[^/?\s]*@")
_QUERY = re.compile(r"(?i)(https?://[^?\s]*)\?.*?(?=::|['\"\s]|$)")


class WordkitError(Exception):
    """Base of every error that wordkit raises on purpose."""

    def __str__(self) -> str:
        """Return the message: one line, whatever is quoted in it, and no secret of a URL."""
        return without_secrets(" ".join(super().__str__().splitlines()))


class WordkitWarning(UserWarning):
    """A problem of the input that was worked around; the message says how."""


class ConfigError(WordkitError, ValueError):
    """A setting is out of its range; the message names the field and the value."""


class TextError(WordkitError):
    """Text cannot be read; the message names the file, the line and the byte where known."""


class VocabularyError(WordkitError):
    """Words cannot form a vocabulary, or none is left after a cut."""


class UnknownWordError(VocabularyError, KeyError):
    """A word is not in the vocabulary.

    Args:
        word: the word that was asked for.
        suggestions: known words of a similar spelling, best first.
        place: where it was looked for.
        alike: those suggestions that look the same; they are shown with their code points.
    """

    def __init__(
        self,
        word: str,
        suggestions: Iterable[str] = (),
        place: str = "the vocabulary",
        alike: Collection[str] = (),
    ) -> None:
        self.word = word
        self.suggestions = tuple(suggestions)
        shown = [f"{near} ({_code_points(near)})" if near in alike else near
                 for near in self.suggestions]  # fmt: skip
        hint = f"; did you mean {', '.join(shown)}?"
        hint = hint if shown else ", and nothing is spelt nearly so; ask another word"
        asked = f"{word!r} ({_code_points(word)})" if alike else repr(word)
        self.message = f"{asked} is not in {place}{hint}"
        super().__init__(self.message)

    def __str__(self) -> str:  # KeyError would show the repr of the message
        return self.message

    @classmethod
    def join(cls, errors: Sequence[UnknownWordError]) -> UnknownWordError:
        """Return the first of several errors, with the messages of all."""
        errors[0].message = "; ".join(map(str, errors))
        return errors[0]


def _code_points(word: str) -> str:
    return " ".join(char if char.isascii() else f"U+{ord(char):04X}" for char in word)


class CorpusError(WordkitError):
    """A folder is not a prepared corpus, or its files do not fit together."""


class FormatError(WordkitError):
    """A vector or model file is corrupted, truncated or of another kind."""


class VersionError(FormatError):
    """A file is of a version of wordkit that this one cannot read."""


class EmbeddingsError(WordkitError):
    """The vectors cannot answer this question."""


class DivergenceError(WordkitError, ArithmeticError):
    """A training diverged; the message says when, and what to change."""


class StorageError(WordkitError):
    """A file or folder cannot be read or written."""


class ResourceError(WordkitError):
    """The machine has too little memory, or lacks the device that was asked for."""


class LostProcessError(ResourceError):
    """Another process that trains the same model has ended, or cannot be reached."""


def missing_hint(*values: object) -> str:
    """Return what to do about values of which one stands for a missing text, as pandas has them."""
    names = ("NoneType", "NAType", "NaTType")
    nan = [value for value in values if isinstance(value, float) and value != value]
    if nan or any(type(value).__name__ in names for value in values):
        return "; leave out what is missing, as by dropna()"
    return ""


def without_secrets(text: str) -> str:
    """Return a text whose URLs have no user, password or query, for messages and records.

    Where the protocol is not of HTTP, a question mark is a wildcard.
    """
    return _QUERY.sub(r"\1", _USER.sub("", text))


def counted(number: float, noun: str) -> str:
    """Return a number with its noun: 1 word, 2,000 words, 2.5 epochs."""
    shown = f"{number:,}" if isinstance(number, Integral) else f"{number:g}"
    return f"{shown} {noun}{'' if number == 1 else 's'}"
