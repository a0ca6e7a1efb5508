"""Text with a header: ``words dimensions``, then one word a line with its values.

Written by word2vec (Mikolov et al. 2013), gensim and fastText (``.vec``).
"""

from __future__ import annotations

from pathlib import Path

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.collected import collect
from wordkit.embeddings.formats.headers import read_header
from wordkit.embeddings.formats.layout import Format, ReadOptions, first_rows
from wordkit.embeddings.formats.source import Source
from wordkit.embeddings.formats.text_reader import read_rows
from wordkit.embeddings.formats.text_writer import check_words, write_rows
from wordkit.errors import FormatError
from wordkit.storage.compression import Compression, compressed_writer

__all__ = ["FASTTEXT", "WORD2VEC"]


def _read(source: Source, options: ReadOptions) -> Embeddings:
    header = read_header(source, row_bytes=2, value_bytes=2, limit=options.limit)
    whole = options.limit is None or options.limit > header.words
    # one row more than announced, to see whether there is one
    limit = header.words + 1 if whole else options.limit
    words, vectors = read_rows(source, header.dim, options, line=2, limit=limit)
    if whole and len(words) != header.words:
        raise FormatError(
            f"{source.path}: its header announces {header.words} words, but "
            f"{'more' if len(words) > header.words else len(words)} follow; copy or make the file "
            f"again, or {first_rows(min(header.words, max(len(words), 1)))}"
        )
    return collect(source, words, vectors)


def _write(embeddings: Embeddings, path: Path, compression: Compression | None) -> None:
    with compressed_writer(path, compression) as file:
        file.write(b"%d %d\n" % (len(embeddings), embeddings.dim))
        write_rows(file, embeddings)


def _check(embeddings: Embeddings) -> None:
    check_words(embeddings, "a text file")


WORD2VEC = Format(
    name="word2vec",
    description="word2vec text: a line with words and dimensions, then a word and its values",
    suffixes=(".txt", ".w2v"),
    read=_read,
    write=_write,
    check=_check,
)
FASTTEXT = Format(
    name="fasttext",
    description="fastText's .vec, which is word2vec text by another name",
    suffixes=(".vec",),
    read=_read,
    write=_write,
    check=_check,
)
