"""The declaration of a vector format, the options of reading, and the collected result."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from wordkit.config import Settings, setting
from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.source import Source
from wordkit.errors import (
    ConfigError,
    EmbeddingsError,
    FormatError,
    VocabularyError,
    WordkitWarning,
)
from wordkit.storage.compression import Compression, compressed_writer
from wordkit.text.vocabulary import Vocabulary

__all__ = ["DECODING", "Format", "ReadOptions", "collect", "first_rows", "join", "writer"]

DECODING = (
    "name its encoding (encoding=, wordkit convert --encoding), or replace such bytes "
    "(errors='replace', wordkit convert --errors replace)"
)
"""The remedy for words that cannot be decoded, in Python and on the command line."""


def first_rows(count: int | str) -> str:
    """Return the remedy of reading the first rows only, in Python and on the command line."""
    return f"read only the first {count} rows (limit={count}, wordkit convert --limit {count})"


@dataclass(frozen=True)
class ReadOptions(Settings):
    """Options of reading a vector file."""

    limit: int | None = setting(None, "Number of vectors to read.", none="all", at_least=1)
    encoding: str = setting(
        "utf-8", "Encoding of the words, in which spaces and line breaks are single ASCII bytes."
    )
    errors: Literal["strict", "replace"] = setting(
        "strict", "For words that are not of the encoding: strict raises, replace puts U+FFFD."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            b"word".decode(self.encoding)
        except (LookupError, UnicodeError) as error:
            raise ConfigError(f"{self.encoding!r} is no encoding of text; try utf-8") from error


Writer = Callable[[Embeddings, Path, "Compression | None"], None]


@dataclass(frozen=True)
class Format:
    """A file format of vectors."""

    name: str
    """Its name on the command line."""

    description: str
    """One line about it."""

    suffixes: tuple[str, ...]
    """Suffixes of such files, before that of a compression; the first is usual."""

    recognize: Callable[[bytes, str], bool]
    """Returns whether a file is of this format, by its first bytes and its suffix."""

    read: Callable[[Source, ReadOptions], Embeddings] | None
    """Reads a file; None: the format is only written."""

    write: Writer | None
    """Writes a file, compressed if asked for, to a path where nothing has to be kept; None: the
    format is only read."""

    check: Callable[[Embeddings], None]
    """Raises an EmbeddingsError if a file could not give these vectors back."""

    write_words: Writer | None = None
    """Writes a second file ``NAME.metadata.SUFFIX`` with the words; None: there is only one."""

    min_dim: int = 1
    """Dimensions that its vectors have at least."""


def writer(write: Callable[[Embeddings, IO[bytes]], object]) -> Writer:
    """Return the writer of files whose content a function writes."""

    def write_file(embeddings: Embeddings, path: Path, compression: Compression | None) -> None:
        with compressed_writer(path, compression) as file:
            write(embeddings, file)

    return write_file


def collect(
    source: Source,
    words: list[str],
    vectors: npt.NDArray[np.float32],
    *,
    counts: npt.NDArray[np.int64] | None = None,
    **about: Any,
) -> Embeddings:
    """Return embeddings of the rows of a file; of a word that comes twice the first is kept.

    Args:
        source: the file.
        words, vectors: its rows.
        counts: of the words, where the file has them.
        about: further arguments of :class:`Embeddings`.

    Raises:
        FormatError: there are none, or they cannot be used.
    """
    if not words:
        raise FormatError(f"{source.path} holds no vectors; make it again")
    first = dict(zip(reversed(words), range(len(words) - 1, -1, -1), strict=True))
    doubled = len(words) - len(first)
    if doubled:
        rows_are = "1 row is of a word" if doubled == 1 else f"{doubled} rows are of words"
        warnings.warn(
            f"{source.path}: {rows_are} that came before, and {'was' if doubled == 1 else 'were'} "
            "left out",
            WordkitWarning,
            stacklevel=2,
        )
        rows = sorted(first.values())
        words = [words[row] for row in rows]
        vectors = vectors[rows]
        counts = None if counts is None else counts[rows]
    vectors.flags.writeable = False  # so that Embeddings need not copy them
    try:
        return Embeddings(Vocabulary(words, counts), vectors, **about)
    except (EmbeddingsError, VocabularyError) as error:
        raise FormatError(f"{source.path} is corrupted: {error}") from error


def join(parts: list[npt.NDArray[np.float32]], count: int, dim: int) -> npt.NDArray[np.float32]:
    """Return the first ``count`` rows of all parts, shape (count, D).

    Each part is taken off the list as it is copied, so that the vectors are not held twice.
    """
    vectors = np.empty((count, dim if count else 0), dtype=np.float32)
    parts.reverse()
    start = 0
    while start < count:
        part = parts.pop()[: count - start]
        if len(part):
            vectors[start : start + len(part)] = part
        start += len(part)
    return vectors
