"""Vector files: wordkit's own and those of word2vec, GloVe, fastText and the projector."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.detect import detect, refuse_foreign, suffix_of
from wordkit.embeddings.formats.glove import GLOVE
from wordkit.embeddings.formats.layout import Format, ReadOptions, first_rows
from wordkit.embeddings.formats.native import NATIVE, native_in
from wordkit.embeddings.formats.projector import PROJECTOR, metadata_path, write_metadata
from wordkit.embeddings.formats.source import Source
from wordkit.embeddings.formats.word2vec_binary import WORD2VEC_BINARY
from wordkit.embeddings.formats.word2vec_text import FASTTEXT, WORD2VEC
from wordkit.errors import ConfigError, EmbeddingsError, FormatError, ResourceError
from wordkit.storage import atomic_write
from wordkit.storage.compression import split_suffix
from wordkit.storage.quantization import check_precision

__all__ = [
    "FORMATS",
    "Format",
    "detect_format",
    "format_by_suffix",
    "load_embeddings",
    "save_embeddings",
]

FORMATS: Mapping[str, Format] = {
    layout.name: layout
    for layout in (NATIVE, WORD2VEC, WORD2VEC_BINARY, GLOVE, FASTTEXT, PROJECTOR)
}
"""All formats by name."""


def load_embeddings(
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002 - the field's term
    limit: int | None = None,
    *,
    encoding: str = "utf-8",
    errors: str = "strict",
) -> Embeddings:
    """The vectors of a file; those of wordkit's own are memory-mapped.

    Args:
        path: the file; may be compressed (.gz, .bz2, .xz).
        format: a name of :data:`FORMATS`; None: told by the file's content.
        limit: read the first so many vectors, and nothing behind them; None: all.
        encoding: of the words, where the format does not fix it.
        errors: "strict", or "replace" to put U+FFFD in the place of bytes that are not of the
            encoding.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is damaged, truncated, or no vector file.
        ConfigError: an argument is out of its range.
        ResourceError: the vectors do not fit into memory.

    Warns:
        WordkitWarning: words come more than once, and the first vector of each is kept; or the
            last line of a text file has no end.
    """
    options = ReadOptions(limit, encoding, errors)
    chosen = None if format is None else _named(format)
    with Source(path) as source:
        refuse_foreign(source)
        if chosen is None:
            chosen = FORMATS[detect(source, suffix_of(source.path))]
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
    """Write vectors to a file, which is whole or not there at all.

    Args:
        embeddings: what to write.
        path: the file; the suffix of a compression (.gz, .bz2, .xz) compresses it.
        format: a name of :data:`FORMATS`; None: told by the suffix.
        precision: a name of ``wordkit.storage.PRECISIONS``: fp16 halves a native file, int8
            quarters it; what training needs to go on is then left out.

    Raises:
        ConfigError: no format has this name, or this suffix, or it has one precision only.
        EmbeddingsError: the format cannot hold these words or vectors.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    stem, compression = split_suffix(path)
    chosen = format_by_suffix(path) if format is None else _named(format)
    check_precision(precision)
    if precision != "fp32":
        if chosen is not NATIVE:
            raise ConfigError(
                f"precision {precision} is for native files (.safetensors), and {path} is to be a "
                f"{chosen.name} file; choose fp32"
            )
        chosen = native_in(precision)
    chosen.check(embeddings)
    with contextlib.ExitStack() as files:  # both are whole before either takes its place
        if chosen is PROJECTOR:
            temporary = files.enter_context(atomic_write(metadata_path(stem, compression)))
            write_metadata(embeddings, temporary, compression)
        temporary = files.enter_context(atomic_write(path))
        chosen.write(embeddings, temporary, compression)
        if chosen.read is not None:
            _check_recognised(temporary, path, chosen)


def detect_format(path: str | os.PathLike[str]) -> Format:
    """The format of a file, told by its content.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is no vector file.
    """
    with Source(path) as source:
        refuse_foreign(source)
        return FORMATS[detect(source, suffix_of(source.path))]


def format_by_suffix(path: str | os.PathLike[str]) -> Format:
    """The format in which :func:`save_embeddings` writes a file of this name.

    Nothing is opened, so that a job can ask before it begins.

    Raises:
        ConfigError: no format has this suffix.
    """
    path = Path(path)
    suffix = suffix_of(path)
    for layout in FORMATS.values():
        if suffix in layout.suffixes:
            return layout
    known = ", ".join(known for layout in FORMATS.values() for known in layout.suffixes)
    raise ConfigError(
        f"no format has the suffix of {path.name!r}; name the format, or end the name in one of "
        f"{known} (and .gz, .bz2 or .xz to pack it)"
    )


def _named(name: str) -> Format:
    if name not in FORMATS:
        raise ConfigError(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name]


def _check_recognised(temporary: Path, path: Path, chosen: Format) -> None:
    """Check that a file just written will be taken for what it is.

    Odd words or numbers can make the start of one format look like another.
    """
    with Source(temporary) as source:
        try:
            refuse_foreign(source)
            found = detect(source, suffix_of(path))
        except FormatError as error:
            found = str(error)
    if found != chosen.name and {found, chosen.name} != {"word2vec", "fasttext"}:
        raise EmbeddingsError(
            f"a {chosen.name} file of these vectors would be taken for another kind ({found}); "
            "save a .safetensors file"
        )
