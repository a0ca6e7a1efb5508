"""word2vec's files: a line with words and dimensions, then rows of text or of raw float32.

Written by word2vec (Mikolov et al. 2013), gensim and, as ``.vec``, fastText. In binary files,
word2vec.c puts a line break after each vector, gensim does not; both are read. V is the number of
words, D of dimensions.
"""

from __future__ import annotations

import codecs
import dataclasses
import re
from typing import IO

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
    writer,
)
from wordkit.embeddings.formats.source import Source
from wordkit.embeddings.formats.text_reader import read_rows
from wordkit.embeddings.formats.text_rows import (
    check_words,
    count_values,
    first_line,
    is_number,
    write_rows,
)
from wordkit.errors import FormatError

__all__ = ["FASTTEXT", "HEADER", "WORD2VEC", "WORD2VEC_BINARY", "other_text"]

HEADER = re.compile(
    rb"(?:\xef\xbb\xbf)?[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,18})[ \t]*(?:\r*\n|\r|\Z)"
)
"""Two numbers alone on a line, perhaps after a byte order mark."""

_CHUNK_BYTES = 1 << 22
_MAX_WORD_BYTES = 1 << 16  # bytes
_USUAL_WORD = 200  # bytes; what is longer and no text is hardly a word
_MAX_BLANKS = 16  # in a word
_NO_WORD, _CONTROL = re.compile(rb"[\0\n]"), re.compile(rb"[\0-\x1f]")
_MORE_WORDS = re.compile(rb"[^\0- ]* ")  # text up to a space, as in "new york "


def other_text(head: bytes) -> str | None:
    """Return how text that would hold vectors differs from what is read, to follow its name."""
    if (encoding := _utf_16(head)) is not None:
        return f"is UTF-16 text; convert it to UTF-8 (iconv -f {encoding} -t utf-8)"
    header = HEADER.match(head)
    line = first_line(head[header.end() :] if header else head)
    if header and count_values(line) == int(header[2]):  # of one dimension, as in "etc., 0.5"
        return None
    for name, separator in (("tabs", b"\t"), ("commas", b","), ("semicolons", b";")):
        fields = [field.strip() for field in line.split(separator)]
        if len(fields) > 1 + (header is None) and all(map(is_number, fields[1:])):
            return f"has {name} between its columns; vector files have spaces: replace the {name}"
    return None


def _utf_16(head: bytes) -> str | None:
    """Return the UTF-16 that text is in; without a byte order mark half of it is NUL bytes."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and head[8:9] != b"{":
        return "utf-16"
    nuls = {"utf-16be": head[::2].count(0), "utf-16le": head[1::2].count(0)}
    few, most = sorted(nuls, key=lambda name: nuls[name])
    return most if nuls[few] == 0 and nuls[most] > len(head) // 4 else None


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


def _write_text(embeddings: Embeddings, file: IO[bytes]) -> None:
    file.write(b"%d %d\n" % (len(embeddings), embeddings.dim))
    write_rows(embeddings, file)


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
    """Takes rows from a buffer that is filled from the file as needed.

    The line break that all rows end in or none, and numbers of usual size, tell which space ends a
    word that holds blanks itself. Where they do not, the file is refused, as it is where a word has
    characters that no text has: from a wrong space on, all rows would be out of step.
    """

    def __init__(self, source: Source, dim: int, options: ReadOptions) -> None:
        self._source = source
        self._dim, self._row_bytes = dim, 4 * dim
        self._options = options
        self._buffer = b""
        self._start = source.offset  # of the buffer in the file
        self._is_at_end = False
        self._has_breaks: bool | None = None  # after its rows; None before the first
        self._misfit = (
            f"the dimension {dim} in the header does not fit the file, or it is corrupted: "
            "copy or make it again"
        )

    def read_rows(self, limit: int, row: int) -> tuple[list[str], npt.NDArray[np.float32]]:
        """Return the words and vectors of the next chunk, from row number ``row`` on."""
        ahead = self._row_bytes + 2 * _MAX_WORD_BYTES
        self._fill(ahead)
        words: list[bytes] = []
        rows: list[bytes] = []
        fault: FormatError | None = None
        begins = [0 if row else len(self._buffer) - len(self._buffer.lstrip(b"\n"))]
        while len(words) < limit and (self._is_at_end or len(self._buffer) - begins[-1] >= ahead):
            pos = begins[-1]
            try:
                space, end = self._row(
                    pos, f"vector {row + len(words) + 1} at byte {self._start + pos}"
                )
            except FormatError as error:  # unless the rows before were wrong already
                fault = error
                break
            words.append(self._buffer[pos:space])
            rows.append(self._buffer[space + 1 : space + 1 + self._row_bytes])
            begins.append(end)
        texts = self._decoded(words, row, begins)
        values = np.frombuffer(b"".join(rows), dtype="<f4").reshape(-1, self._dim)
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            bad = int(np.argmin(finite))
            where = f"vector {row + bad + 1} ({texts[bad]!r})"
            raise self._error(where, "it holds NaN or infinity; copy or make the file again")
        if fault is not None:
            raise fault
        self._buffer, self._start = self._buffer[begins[-1] :], self._start + begins[-1]
        return texts, values.astype(np.float32, copy=False)

    def expect_end(self, count: int) -> None:
        """Raise if anything follows the last row."""
        if self._buffer.strip(b"\r\n ") or self._source.peek(4096).strip(b"\r\n "):
            raise FormatError(
                f"{self._source.path}: its header announces {count} words, but more follow; copy "
                f"or make the file again, or {first_rows(count)}"
            )

    def _error(self, where: str, fault: str) -> FormatError:
        return FormatError(f"{self._source.path}, {where}: {fault}")

    def _fill(self, size: int) -> None:
        """Read on until the buffer holds ``size`` bytes, or the rest of the file."""
        while len(self._buffer) < size and not self._is_at_end:
            wanted = max(_CHUNK_BYTES, len(self._buffer))
            more = self._source.read(wanted)
            self._is_at_end = len(more) < wanted
            self._buffer += more

    def _row(self, pos: int, where: str) -> tuple[int, int]:
        """Return where the word at ``pos`` ends, and the row with its line break."""
        space = self._space(pos, where)
        end = space + 1 + self._row_bytes
        has_break = self._buffer[end : end + 1] == b"\n"
        if self._has_breaks is None:
            self._has_breaks = has_break
        if self._has_breaks and not has_break and end < len(self._buffer):
            raise self._error(where, f"no line break ends it; {self._misfit}")
        return space, end + (has_break and self._has_breaks)

    def _space(self, pos: int, where: str) -> int:
        """Return the position of the space that ends the word at ``pos``."""
        space = self._buffer.find(b" ", pos, pos + _MAX_WORD_BYTES + 1)
        if space < 0 and len(self._buffer) - pos > _MAX_WORD_BYTES:
            raise self._error(where, f"no space ends its word; {self._misfit}")
        if space < 0 or space + 1 + self._row_bytes > len(self._buffer):
            raise FormatError(
                f"{self._source.path} is truncated: {where} is not whole; "
                "copy or make the file again"
            )
        if _MORE_WORDS.match(self._buffer, space + 1) is None:
            return space
        spaces = self._candidates(pos, space)
        broken: list[int] = []
        if self._has_breaks is not False:
            broken = self._followed_by(b"\n", spaces) or self._followed_by(b"", spaces)
            spaces = broken if self._has_breaks else broken or spaces
        if len(spaces) > 1:
            spaces = [space for space in spaces if self._is_usual(space)] or broken[:1]
        if len(spaces) != 1:
            raise self._error(
                where,
                f"its word may hold blanks, as in {self._buffer[pos : space + 20]!r}, and nothing "
                "tells where it ends; write _ for the blanks, or word2vec text",
            )
        return spaces[0]

    def _candidates(self, pos: int, space: int) -> list[int]:
        """Return the spaces that may end a word, of which this is the first, before a whole row."""
        found = [space]
        while more := _MORE_WORDS.match(self._buffer, found[-1] + 1):
            if more.end() + self._row_bytes > len(self._buffer) or len(found) > _MAX_BLANKS:
                break
            try:
                self._buffer[pos : more.end()].decode(self._options.encoding, self._options.errors)
            except UnicodeError:
                break
            found.append(more.end() - 1)
        return found

    def _followed_by(self, byte: bytes, spaces: list[int]) -> list[int]:
        ends = [(space, space + 1 + self._row_bytes) for space in spaces]
        return [space for space, end in ends if self._buffer[end : end + 1] == byte]

    def _is_usual(self, space: int) -> bool:
        """Return whether values of a size that vectors have follow, not bytes of other things."""
        sizes = np.abs(np.frombuffer(self._buffer, "<f4", self._dim, space + 1))
        return bool(((sizes == 0) | ((sizes > 1e-9) & (sizes < 1e3))).all())

    def _decoded(self, words: list[bytes], row: int, begins: list[int]) -> list[str]:
        """Return words as text; they begin at ``begins`` in the buffer."""
        joined, odd = b"\n".join(words), _NO_WORD if self._has_breaks else _CONTROL
        try:
            text = joined.decode(self._options.encoding, self._options.errors)
        except UnicodeError:
            text = ""
        if text and b"" not in words and odd.search(joined.replace(b"\n", b"")) is None:
            found = text.split("\n")
            if len(found) == len(words):
                return found
        return [
            self._word(word, f"vector {number} at byte {self._start + begin}", odd)
            for number, (word, begin) in enumerate(zip(words, begins, strict=False), row + 1)
        ]

    def _word(self, word: bytes, where: str, odd: re.Pattern[bytes]) -> str:
        # where the dimension is wrong, numbers and line breaks are taken for the next word
        if not word:
            raise self._error(where, f"it has no word; {self._misfit}")
        if odd.search(word):
            raise self._error(where, f"{word[:30]!r} is no word; {self._misfit}")
        try:
            return word.decode(self._options.encoding, self._options.errors)
        except UnicodeError as error:
            fault = f"the word {word[:30]!r} is not {self._options.encoding}"
            remedy = self._misfit if len(word) > _USUAL_WORD or _CONTROL.search(word) else DECODING
            raise self._error(where, f"{fault}; {remedy}") from error


def _write_binary(embeddings: Embeddings, file: IO[bytes]) -> None:
    file.write(b"%d %d\n" % (len(embeddings), embeddings.dim))
    for word, vector in zip(embeddings.words, embeddings.vectors, strict=True):
        file.write(b"%b %b\n" % (word.encode(), vector.astype("<f4", copy=False).tobytes()))


def _binary_fault(word: bytes) -> str | None:
    if b" " in word or b"\0" in word:
        return "holds a space" if b" " in word else "holds a NUL character"
    return None if len(word) <= _MAX_WORD_BYTES else f"is longer than {_MAX_WORD_BYTES} bytes"


WORD2VEC = Format(
    name="word2vec",
    description="word2vec text: a line with words and dimensions, then a word and its values",
    suffixes=(".txt", ".w2v"),
    recognize=lambda head, suffix: suffix != ".vec" and _is_text(head, suffix),
    read=_read_text,
    write=writer(_write_text),
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
    write=writer(_write_binary),
    check=lambda embeddings: check_words(embeddings, "a binary word2vec file", _binary_fault),
)
