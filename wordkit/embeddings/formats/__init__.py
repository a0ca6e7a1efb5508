"""Vector files: wordkit's own and those of word2vec, GloVe, fastText and the projector.

A format is a module with a :class:`Format`, and an entry of :data:`FORMATS`.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.fasttext import FASTTEXT_BINARY
from wordkit.embeddings.formats.format import Format, ReadOptions, first_rows
from wordkit.embeddings.formats.glove import GLOVE
from wordkit.embeddings.formats.native import NATIVE, native_in
from wordkit.embeddings.formats.projector import PROJECTOR
from wordkit.embeddings.formats.source import Source
from wordkit.embeddings.formats.word2vec import FASTTEXT, WORD2VEC, WORD2VEC_BINARY, other_text
from wordkit.errors import (
    ConfigError,
    EmbeddingsError,
    FormatError,
    ResourceError,
    WordkitWarning,
)
from wordkit.storage import atomic_write, check_outputs
from wordkit.storage.compression import HEAD_BYTES, file_format, split_suffix
from wordkit.storage.quantization import check_precision

__all__ = [
    "FORMATS",
    "Format",
    "check_dim",
    "detect_format",
    "files_of",
    "format_by_suffix",
    "load_embeddings",
    "save_embeddings",
]

FORMATS: Mapping[str, Format] = {
    known.name: known
    for known in (
        NATIVE, WORD2VEC, WORD2VEC_BINARY, GLOVE, FASTTEXT, FASTTEXT_BINARY, PROJECTOR
    )
}  # fmt: skip
"""All formats by name."""

_EXPORT = "export it with gensim's save_word2vec_format and load that"
_REMEDIES = {"a NumPy array": "save it with its words as word2vec text"}
"""Remedies for files of foreign formats, where they are not to export them."""


def load_embeddings(
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002 - the field's term
    limit: int | None = None,
    *,
    encoding: str = "utf-8",
    errors: Literal["strict", "replace"] = "strict",
) -> Embeddings:
    """Load the vectors of a file; those of wordkit's own are memory-mapped.

    Args:
        path: the file; may be compressed (.gz, .bz2, .xz).
        format: a name of :data:`FORMATS`; None: recognized by the file's content.
        limit, encoding, errors: see :class:`ReadOptions`.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, truncated, or no vector file.
        ConfigError: an argument is out of its range.
        ResourceError: the vectors do not fit into memory.

    Warns:
        WordkitWarning: words come more than once, and the first vector of each is kept; or the
            last line of a text file has no end.
    """
    options = ReadOptions(limit, encoding, errors)
    named = None if format is None else _named(format)
    with Source(path) as source:
        chosen = _recognized(source, path, named)
        if chosen.read is None:
            raise FormatError(f"{path}: {chosen.name} files are only written, never read")
        try:
            return chosen.read(source, options)
        except MemoryError as error:
            raise ResourceError(f"{path} does not fit into memory; {first_rows('N')}") from error


def save_embeddings(
    embeddings: Embeddings,
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002 - the field's term
    *,
    precision: str = "fp32",
) -> None:
    """Write vectors to a file, atomically.

    Args:
        embeddings: what to write.
        path: the file; the suffix of a compression (.gz, .bz2, .xz) compresses it.
        format: a name of :data:`FORMATS`; None: chosen by the suffix.
        precision: a name of ``wordkit.storage.PRECISIONS``: fp16 halves a native file, int8
            quarters it; weights that a resumed training needs are then left out.

    Raises:
        ConfigError: no format has this name, or this suffix, or it has one precision only, or is
            only read.
        EmbeddingsError: the format cannot hold these words or vectors.
        StorageError: the file cannot be written.

    Warns:
        WordkitWarning: the format has no place for the vectors of n-grams.
    """
    path = Path(path)
    compression = split_suffix(path)[1]
    chosen = _chosen(path, format)
    check_precision(precision)
    if precision != "fp32":
        if chosen is not NATIVE:
            raise ConfigError(
                f"precision {precision} is for native files (.safetensors), and {path} is to be a "
                f"{chosen.name} file; choose fp32"
            )
        chosen = native_in(precision)
    if chosen.write is None:
        raise ConfigError(f"{chosen.name} files are only read, never written; choose fasttext")
    check_dim(embeddings.dim, path, format)
    chosen.check(embeddings)
    if embeddings.subwords is not None and chosen.name != NATIVE.name:
        message = f"{path} holds the words alone; .safetensors keeps the vectors of n-grams too"
        warnings.warn(message, WordkitWarning, stacklevel=2)
    _, *second = files_of(path, format)
    check_outputs(second, [embeddings.source])  # while the vectors themselves may be replaced
    with contextlib.ExitStack() as files:  # both are whole before either takes its place
        if chosen.write_words is not None:
            temporary = files.enter_context(atomic_write(*second))
            chosen.write_words(embeddings, temporary, compression)
        temporary = files.enter_context(atomic_write(path))
        chosen.write(embeddings, temporary, compression)
        if chosen.read is not None:
            _check_recognized(temporary, path, chosen)


def files_of(
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002 - the field's term
) -> list[Path]:
    """Return the files that :func:`save_embeddings` writes: ``path`` first, then any beside it.

    Raises:
        ConfigError: no format has this name, or this suffix.
    """
    path = Path(path)
    if _chosen(path, format).write_words is None:
        return [path]
    stem, compression = split_suffix(path)
    suffix = "" if compression is None else compression.suffix
    return [path, stem.with_name(f"{stem.stem}.metadata{stem.suffix}{suffix}")]


def check_dim(
    dim: int,
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002 - the field's term
) -> None:
    """Check, before the work, that a file that :func:`save_embeddings` writes can hold vectors.

    Args:
        dim: D of the vectors.
        path, format: as for :func:`save_embeddings`.

    Raises:
        EmbeddingsError: its format has more dimensions.
        ConfigError: no format has this name, or this suffix.
    """
    chosen = _chosen(path, format)
    if dim < chosen.min_dim:
        raise EmbeddingsError(
            f"a {chosen.name} file has vectors of {chosen.min_dim} dimensions at least, not {dim}; "
            "save word2vec text (.txt)"
        )


def detect_format(path: str | os.PathLike[str]) -> Format:
    """Return the format of a file, recognized by its content.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is no vector file.
    """
    with Source(path) as source:
        return _recognized(source, path)


def format_by_suffix(path: str | os.PathLike[str]) -> Format:
    """Return the format in which :func:`save_embeddings` writes a file of this name.

    Raises:
        ConfigError: no format has this suffix.
    """
    suffix = _suffix_of(path)
    for known in FORMATS.values():
        if suffix in known.suffixes:
            return known
    suffixes = ", ".join(suffix for known in FORMATS.values() for suffix in known.suffixes)
    raise ConfigError(
        f"no format has the suffix of {Path(path).name!r}; name the format, or end the name in one "
        f"of {suffixes} (and .gz, .bz2 or .xz to compress it)"
    )


def _chosen(path: str | os.PathLike[str], name: str | None) -> Format:
    return format_by_suffix(path) if name is None else _named(name)


def _named(name: str) -> Format:
    if name not in FORMATS:
        raise ConfigError(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name]


def _suffix_of(path: str | os.PathLike[str]) -> str:
    return split_suffix(path)[0].suffix.lower()


def _recognized(
    source: Source, path: str | os.PathLike[str], named: Format | None = None
) -> Format:
    if not source.head:
        raise FormatError(f"{source.path} is empty; make it again")
    name = file_format(source.head[:HEAD_BYTES])
    if name is not None:
        remedy = _REMEDIES.get(name, _EXPORT)
        raise FormatError(f"{source.path} is {name}; wordkit never reads these: {remedy}")
    if named is not PROJECTOR and (fault := other_text(source.head)) is not None:
        raise FormatError(f"{source.path} {fault}")
    if named is not None:
        return named
    for known in FORMATS.values():
        if known.recognize(source.head, _suffix_of(path)):
            return known
    raise FormatError(
        f"{source.path} is no vector file that wordkit knows: its first line is neither the number "
        f"of words and dimensions nor a word with its values, but {source.head[:30]!r}; see the "
        "formats that wordkit convert lists"
    )


def _check_recognized(temporary: Path, path: Path, chosen: Format) -> None:
    """Check that a file just written will be taken for what it is.

    Odd words or numbers can make the start of one format look like another.
    """
    with Source(temporary) as source:
        try:
            found = _recognized(source, path).name
        except FormatError as error:
            found = str(error)
    if found != chosen.name and {found, chosen.name} != {"word2vec", "fasttext"}:
        raise EmbeddingsError(
            f"a {chosen.name} file of these vectors would be taken for another kind ({found}); "
            "save a .safetensors file"
        )
