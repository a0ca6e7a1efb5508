"""What a format is: a name, its suffixes, and how it is read and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.source import Source
from wordkit.embeddings.questions import check_whole
from wordkit.errors import ConfigError
from wordkit.storage.compression import Compression

__all__ = ["DECODING", "Format", "ReadOptions", "first_rows"]

DECODING = (
    "name its encoding (encoding=, wordkit convert --encoding), or replace such bytes "
    "(errors='replace', wordkit convert --errors replace)"
)
"""What to do about words that cannot be decoded, in Python and on the command line."""


def first_rows(count: int | str) -> str:
    """How to read the first rows only, in Python and on the command line."""
    return f"read only the first {count} rows (limit={count}, wordkit convert --limit {count})"


@dataclass(frozen=True)
class ReadOptions:
    """How a vector file is read."""

    limit: int | None = None
    """Read the first so many vectors, at least 1; None: all of them."""

    encoding: str = "utf-8"
    """The encoding of the words; one in which spaces and line breaks are single ASCII bytes."""

    errors: str = "strict"
    """What to do about words that are not of this encoding: "strict" stops with an error,
    "replace" puts U+FFFD in their place."""

    def __post_init__(self) -> None:
        if self.limit is not None:
            check_whole("limit", self.limit)
        if self.errors not in ("strict", "replace"):
            raise ConfigError(f"errors must be 'strict' or 'replace', not {self.errors!r}")
        try:
            b"word".decode(self.encoding)
        except (LookupError, TypeError, UnicodeError) as error:
            raise ConfigError(f"{self.encoding!r} is no encoding of text; try utf-8") from error


@dataclass(frozen=True)
class Format:
    """One way to keep vectors in a file."""

    name: str
    """What it is called on the command line."""

    description: str
    """What it is, in one line."""

    suffixes: tuple[str, ...]
    """How the names of such files end, before the suffix of a compression. The first is usual."""

    read: Callable[[Source, ReadOptions], Embeddings] | None
    """Reads it; None where it is only written."""

    write: Callable[[Embeddings, Path, Compression | None], None]
    """Writes it, compressed if asked for, to a path where nothing has to be kept."""

    check: Callable[[Embeddings], None]
    """Raises an EmbeddingsError where the file could not give these vectors back."""
