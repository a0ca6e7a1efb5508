"""word2vec's files: a line with words and dimensions, then rows of text or of raw float32.

Written by word2vec (Mikolov et al. 2013), gensim and, as ``.vec``, fastText. In binary files,
word2vec.c puts a line break after each vector, gensim does not; both are read. V is the number of
words, D of dimensions.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.format import (
    DECODING,
    Format,
    ReadOptions,
    collect,
    first_rows,
    join,
)
from wordkit.embeddings.formats.source import Source
from wordkit.embeddings.formats.text_reader import read_rows
from wordkit.embeddings.formats.text_rows import check_words, count_values, first_line, write_rows
from wordkit.errors import FormatError
from wordkit.storage.compression import Compression, compressed_writer

__all__ = ["FASTTEXT", "HEADER", "WORD2VEC", "WORD2VEC_BINARY"]

HEADER = re.compile(
    rb"(?:\xef\xbb\xbf)?[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,18})[ \t]*(?:\r*\n|\r|\Z)"
)
"""Two numbers alone on a line, perhaps after a byte order mark."""

_CHUNK_BYTES = 1 << 22
_MAX_WORD_BYTES = 1 << 16  # bytes
_USUAL_WORD = 200  # bytes; what is longer and no text is hardly a word


def _is_text(head: bytes, suffix: str) -> bool:
    return HEADER.match(head) is not None and not _is_binary(head, suffix)


def _is_binary(head: bytes, suffix: str) -> bool:
    """Return whether a file has a header and binary rows.

    Text has numbers up to the line break. What looks like text but is not of that form, and has
    no bytes that text has not, is binary if the suffix is .bin.
    """
    header = HEADER.match(head)
    if header is None:
        return False
    rows, dim = head[header.end() :], int(header[2])
    line = first_line(rows)
    values = count_values(line)
    if values and values >= min(dim, line.count(b" ")):
        return False
    row, end, _ = rows.lstrip(b"\r\n").partition(b"\n")  # numbers may hold carriage returns
    try:
        text = row.decode() if end else row[:-4].decode()  # may end in a character
    except UnicodeDecodeError:
        return True
    odd = any(ord(character) < 32 and character not in "\t\r\n" for character in text)
    return odd or suffix == ".bin"


def _read_header(
    source: Source, limit: int | None, *, row_bytes: int, value_bytes: int
) -> tuple[int, int]:
    """Read V and D, believed only as far as the file is long.

    ``row_bytes`` and ``value_bytes`` are the fewest that a row takes beside its values, and a
    value; ``limit`` is the number of rows that will be read.
    """
    found = HEADER.match(source.head)
    if found is None:
        raise FormatError(
            f"{source.path}, line 1: expected the number of words and of dimensions, found "
            f"{source.head[:30]!r}; a file without such a line can be read as glove"
        )
    source.read(found.end())
    words, dim = int(found[1]), int(found[2])
    if words < 1 or dim < 1:
        raise FormatError(
            f"{source.path}, line 1: {words} words of {dim} dimensions are announced; "
            "there must be at least one of each"
        )
    rows = words if limit is None else min(words, limit)
    min_bytes = rows * (row_bytes + dim * value_bytes) - 1  # the last line break may be missing
    if source.size is not None and source.size - source.offset < min_bytes:
        raise FormatError(
            f"{source.path} is truncated, or its header is wrong: {words} words of {dim} "
            f"dimensions take {min_bytes} bytes or more, and {source.size - source.offset} follow; "
            "copy or make the file again"
        )
    return words, dim


# --- text --------------------------------------------------------------------------------------


def _read_text(source: Source, options: ReadOptions) -> Embeddings:
    count, dim = _read_header(source, options.limit, row_bytes=2, value_bytes=2)
    source.read_as_text()
    whole = options.limit is None or options.limit > count
    # one row more than announced, to see whether there is one
    limit = count + 1 if whole else options.limit
    words, vectors = read_rows(source, dim, options, line=2, limit=limit)
    if whole and len(words) != count:
        raise FormatError(
            f"{source.path}: its header announces {count} words, but "
            f"{'more' if len(words) > count else len(words)} follow; copy or make the file "
            f"again, or {first_rows(min(count, max(len(words), 1)))}"
        )
    return collect(source, words, vectors)


def _write_text(embeddings: Embeddings, path: Path, compression: Compression | None) -> None:
    with compressed_writer(path, compression) as file:
        file.write(b"%d %d\n" % (len(embeddings), embeddings.dim))
        write_rows(file, embeddings)


# --- binary ------------------------------------------------------------------------------------


def _read_binary(source: Source, options: ReadOptions) -> Embeddings:
    announced, dim = _read_header(source, options.limit, row_bytes=2, value_bytes=4)
    count = announced if options.limit is None else min(announced, options.limit)
    reader = _BinaryReader(source, dim, options)
    words: list[str] = []
    parts: list[npt.NDArray[np.float32]] = []
    while len(words) < count:
        some, values = reader.read_rows(count - len(words), len(words))
        words += some
        parts.append(values)
    if count == announced:
        reader.expect_end(count)
    return collect(source, words, join(parts, count, dim))


class _BinaryReader:
    """Takes rows from a buffer that is filled from the file as needed."""

    def __init__(self, source: Source, dim: int, options: ReadOptions) -> None:
        self._source = source
        self._dim = dim
        self._options = options
        self._buffer = b""
        self._start = source.offset  # of the buffer in the file
        self._misfit = (
            f"the dimension {dim} in the header does not fit the file, or it is corrupted: "
            "copy or make it again"
        )

    def read_rows(self, limit: int, row: int) -> tuple[list[str], npt.NDArray[np.float32]]:
        """Return the words and vectors of the next chunk, from row number ``row`` on."""
        words: list[str] = []
        rows: list[bytes] = []
        pos = 0
        while len(words) < limit:
            while self._buffer[pos : pos + 1] == b"\n":
                pos += 1
            space = self._buffer.find(b" ", pos)
            end = space + 1 + 4 * self._dim
            if space < 0 or end > len(self._buffer):
                if words:
                    break
                self._fill(pos, row + 1)
                pos = 0
                continue
            words.append(self._word(self._buffer[pos:space], row + len(words) + 1, pos))
            rows.append(self._buffer[space + 1 : end])
            pos = end
        values = np.frombuffer(b"".join(rows), dtype="<f4").reshape(-1, self._dim)
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            bad = int(np.argmin(finite))
            raise FormatError(
                f"{self._source.path}, vector {row + bad + 1} ({words[bad]!r}): it holds NaN or "
                "infinity; copy or make the file again"
            )
        self._buffer, self._start = self._buffer[pos:], self._start + pos
        return words, values.astype(np.float32, copy=False)

    def expect_end(self, count: int) -> None:
        """Raise if anything follows the last row."""
        if self._buffer.strip(b"\r\n ") or self._source.peek(4096).strip(b"\r\n "):
            raise FormatError(
                f"{self._source.path}: its header announces {count} words, but more follow; copy "
                f"or make the file again, or {first_rows(count)}"
            )

    def _fill(self, pos: int, row: int) -> None:
        """Drop what is before ``pos`` and read on, as the row that begins there is not whole."""
        self._buffer, self._start = self._buffer[pos:], self._start + pos
        where = f"vector {row} at byte {self._start}"
        if b" " not in self._buffer[: _MAX_WORD_BYTES + 1] and len(self._buffer) > _MAX_WORD_BYTES:
            raise FormatError(
                f"{self._source.path}, {where}: no space ends its word; {self._misfit}"
            )
        more = self._source.read(max(_CHUNK_BYTES, len(self._buffer)))
        if not more:
            raise FormatError(
                f"{self._source.path} is truncated: {where} is not whole; "
                "copy or make the file again"
            )
        self._buffer += more

    def _word(self, word: bytes, row: int, pos: int) -> str:
        where = f"{self._source.path}, vector {row} at byte {self._start + pos}"
        # where the dimension is wrong, numbers and line breaks are taken for the next word
        if not word or b"\n" in word:
            fault = "its word holds a line break" if word else "it has no word"
            raise FormatError(f"{where}: {fault}; {self._misfit}")
        try:
            return word.decode(self._options.encoding, self._options.errors)
        except UnicodeError as error:
            fault = f"{where}: the word {word[:30]!r} is not {self._options.encoding}"
            remedy = DECODING if len(word) <= _USUAL_WORD else self._misfit
            raise FormatError(f"{fault}; {remedy}") from error


def _write_binary(embeddings: Embeddings, path: Path, compression: Compression | None) -> None:
    with compressed_writer(path, compression) as file:
        file.write(b"%d %d\n" % (len(embeddings), embeddings.dim))
        for word, vector in zip(embeddings.words, embeddings.vectors, strict=True):
            file.write(b"%b %b\n" % (word.encode(), vector.astype("<f4", copy=False).tobytes()))


def _binary_fault(word: bytes) -> str | None:
    if b" " in word:
        return "holds a space"
    return None if len(word) <= _MAX_WORD_BYTES else f"is longer than {_MAX_WORD_BYTES} bytes"


WORD2VEC = Format(
    name="word2vec",
    description="word2vec text: a line with words and dimensions, then a word and its values",
    suffixes=(".txt", ".w2v"),
    recognize=lambda head, suffix: suffix != ".vec" and _is_text(head, suffix),
    read=_read_text,
    write=_write_text,
    check=lambda embeddings: check_words(embeddings, "a text file"),
)
FASTTEXT = dataclasses.replace(
    WORD2VEC,
    name="fasttext",
    description="fastText's .vec, which is word2vec text by another name",
    suffixes=(".vec",),
    recognize=lambda head, suffix: suffix == ".vec" and _is_text(head, suffix),
)
WORD2VEC_BINARY = Format(
    name="word2vec-binary",
    description="word2vec binary: a line with words and dimensions, then words and raw float32",
    suffixes=(".bin",),
    recognize=_is_binary,
    read=_read_binary,
    write=_write_binary,
    check=lambda embeddings: check_words(embeddings, "a binary word2vec file", _binary_fault),
)
