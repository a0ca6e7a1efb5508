"""Text without a header: one word a line with its values, as GloVe writes it.

The first row gives the dimension, so its word must not end in a number of its own.
"""

from __future__ import annotations

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.format import Format, ReadOptions, collect, writer
from wordkit.embeddings.formats.source import BYTE_ORDER_MARK, Source
from wordkit.embeddings.formats.text_reader import read_rows
from wordkit.embeddings.formats.text_rows import check_words, count_values, first_line, write_rows
from wordkit.embeddings.formats.word2vec import HEADER
from wordkit.errors import EmbeddingsError, FormatError

__all__ = ["GLOVE"]

_MIN_DIM = 2  # a word with one number after it is a list of counts


def _recognize(head: bytes, _: str) -> bool:
    return HEADER.match(head) is None and count_values(first_line(head)) >= _MIN_DIM


def _read(source: Source, options: ReadOptions) -> Embeddings:
    line = 1
    if source.peek(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK:
        source.read(len(BYTE_ORDER_MARK))
    source.read_as_text()
    while source.peek(1) == b"\n" or source.peek(2) == b"\r\n":
        source.read_line()
        line += 1
    first = source.read_line()
    dim = count_values(first)
    if dim < _MIN_DIM:
        raise FormatError(
            f"{source.path}, line {line}: expected a word and {_MIN_DIM} or more numbers, found "
            f"{first[:30]!r}; name its format if it is another "
            "(format=, wordkit convert --from)"
        )
    source.unread(first)
    words, vectors = read_rows(source, dim, options, line=line, limit=options.limit)
    return collect(source, words, vectors)


def _check(embeddings: Embeddings) -> None:
    name = "a file without a header"
    first = embeddings.words[0]
    fault = None
    if count_values(first.encode() + b" 0.5") > 1:
        fault = "which ends in a number: nothing would tell the dimension"
    elif first.startswith("\ufeff"):
        fault = "whose byte order mark would be taken for that of the file"
    if fault is not None:
        raise EmbeddingsError(
            f"{name} cannot begin with the word {first!r}, {fault}; save word2vec text (.txt)"
        )
    check_words(embeddings, name)


GLOVE = Format(
    name="glove",
    description="GloVe text: a word and its values, no header",
    suffixes=(".glove",),
    recognize=_recognize,
    read=_read,
    write=writer(write_rows),
    check=_check,
    min_dim=_MIN_DIM,
)
