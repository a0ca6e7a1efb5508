"""The parsing of rows of text, on all cores.

The file is read in pieces of whole lines, and threads parse pieces. Memory holds the vectors found
so far and a few pieces, whatever a header says. R is the number of rows of a piece, D of
dimensions.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.formats.format import DECODING, ReadOptions, first_rows, join
from wordkit.embeddings.formats.source import Source
from wordkit.embeddings.formats.text_rows import RowError, parse_row
from wordkit.errors import FormatError, WordkitWarning
from wordkit.runtime import ordered_map

__all__ = ["read_rows"]

_PIECE = 1 << 22  # bytes that one thread takes at a time
# Loading compiled code takes half a second; so much is read without it in less than a tenth.
_SMALL = 1 << 19  # bytes
_FEW = 1 << 15  # numbers


@dataclass(frozen=True)
class _Piece:
    """Whole lines of a file."""

    data: bytes
    offset: int
    """Offset of the data in the file."""

    line: int
    """Number of the first line."""

    def line_at(self, pos: int) -> int:
        """Return the number of the line at a position in the data."""
        return self.line + self.data.count(b"\n", 0, pos)


@dataclass
class _Parsed:
    """The rows of a piece, up to its first error."""

    words: list[str]
    vectors: npt.NDArray[np.float32]
    error: FormatError | None
    ended: bool
    """True if the last line of the piece has a line break."""


@dataclass
class _Rows:
    """Consecutive rows whose words are not decoded yet, up to the first error."""

    words: list[bytes]
    starts: list[int]
    """Position of each row in the piece."""

    values: npt.NDArray[np.float32]
    error: FormatError | None = None

    def cut(self, count: int, error: FormatError) -> None:
        """Keep the first rows only, as the next one is wrong."""
        del self.words[count:]
        self.values, self.error = self.values[:count], error


def read_rows(
    source: Source, dim: int, options: ReadOptions, *, line: int, limit: int | None
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Read the words and vectors of the rows that follow.

    Args:
        source: positioned at the first row.
        dim: D, the number of values in a row.
        options: how to decode the words.
        line: the number of the first row's line, for messages.
        limit: maximum number of rows to return; what follows them is not read.

    Returns:
        The words as they come, and their vectors, shape (V, D), float32.

    Raises:
        FormatError: a row is no word with D numbers; the message names the line.

    Warns:
        WordkitWarning: the last line has no end, so that its last number may be cut.
    """
    parser = _Parser(source, dim, options)
    few = limit is not None and limit * dim <= _FEW
    pieces = _pieces(source, line)
    results: Generator[_Parsed, None, None]
    if few or len(source.peek(_SMALL)) < _SMALL:
        results = (parser.plain(piece) for piece in pieces)
    else:
        results = ordered_map(parser.compiled, pieces)
    words: list[str] = []
    parts: list[npt.NDArray[np.float32]] = []
    ended = True
    with contextlib.closing(results):
        for found in results:
            ended = found.ended
            words += found.words
            parts.append(found.vectors)
            if limit is not None and len(words) >= limit:
                break
            if found.error is not None and words:
                raise FormatError(f"{found.error}, or {first_rows(len(words))}")
            if found.error is not None:
                raise found.error
    if not ended and (limit is None or len(words) <= limit):
        warnings.warn(
            f"{source.path}: the last line has no end; the file may be cut short",
            WordkitWarning,
            stacklevel=2,
        )
    words = words if limit is None else words[:limit]
    return words, join(parts, len(words), dim)


def _pieces(source: Source, line: int) -> Iterator[_Piece]:
    offset = source.offset
    for data in source.blocks(_PIECE):
        yield _Piece(data, offset, line)
        offset += len(data)
        line += data.count(b"\n")


class _Parser:
    """Parses pieces of one file."""

    def __init__(self, source: Source, dim: int, options: ReadOptions) -> None:
        self.path = source.path
        self.dim = dim
        self.encoding, self.errors = options.encoding, options.errors

    def plain(self, piece: _Piece) -> _Parsed:
        """Parse a piece row by row, without compiled code."""
        return self._parsed(piece, [self._plain_rows(piece, 0)])

    def compiled(self, piece: _Piece) -> _Parsed:
        """Parse a piece by the kernel; the rows that it leaves aside are parsed the plain way."""
        blocks: list[_Rows] = []
        pos = 0
        while pos < len(piece.data) and not (blocks and blocks[-1].error):
            rows, pos = self._compiled_rows(piece, pos)
            blocks.append(rows)
        return self._parsed(piece, blocks)

    def _plain_rows(self, piece: _Piece, pos: int) -> _Rows:
        rows = _Rows([], [], np.empty((0, 0), np.float32))
        values: list[npt.NDArray[np.float32]] = []
        for row in piece.data[pos:].split(b"\n"):
            try:
                parsed = parse_row(row, self.dim)
            except RowError as error:
                rows.error = self._fault(piece, pos, str(error))
                break
            if parsed is not None:
                rows.words.append(parsed[0])
                rows.starts.append(pos)
                values.append(parsed[1])
            pos += len(row) + 1
        if values:
            rows.values = np.stack(values)
        return rows

    def _compiled_rows(self, piece: _Piece, pos: int) -> tuple[_Rows, int]:
        """Return rows from a position in a piece on, and where they end."""
        from wordkit.embeddings.kernels import LEFT, parse_rows

        data, dim = piece.data, self.dim
        # A row has two bytes a value and one for its word: no D can ask for more room than that.
        room = min(data.count(b"\n", pos) + 1, (len(data) - pos) // (2 * dim + 1))
        if room == 0:
            return self._plain_rows(piece, pos), len(data)
        values = np.empty((room, dim), dtype=np.float32)
        blob = np.empty(len(data) - pos + room, dtype=np.uint8)
        marks = np.zeros(room, dtype=np.uint8)
        spans = np.empty((room, 2), dtype=np.int64)
        text = np.frombuffer(data, dtype=np.uint8)
        count, used, end = parse_rows(text, pos, len(data), values, blob, marks, spans)
        words = blob[:used].tobytes().split(b"\n")[:count]
        rows = _Rows(words, spans[:count, 0].tolist(), values[:count])
        left = np.flatnonzero(marks[:count] == LEFT).tolist()
        for row in left:
            start = rows.starts[row]
            try:
                parsed = parse_row(data[start : int(spans[row, 1])], dim)
            except RowError as error:
                rows.cut(row, self._fault(piece, start, str(error)))
                break
            if parsed is not None:
                words[row], values[row] = parsed
        if left:  # a blank row has left an empty word
            kept = [row for row, word in enumerate(rows.words) if word]
            rows.words = [rows.words[row] for row in kept]
            rows.starts = [rows.starts[row] for row in kept]
            rows.values = rows.values[kept]
        return rows, int(end)

    def _parsed(self, piece: _Piece, blocks: list[_Rows]) -> _Parsed:
        """Decode the words, up to the first that cannot be."""
        words: list[str] = []
        parts: list[npt.NDArray[np.float32]] = []
        error = None
        for rows in blocks:
            words += self._decoded(piece, rows)
            parts.append(rows.values)
            error = rows.error
            if error is not None:
                break
        vectors = join(parts, len(words), self.dim)
        return _Parsed(words, vectors, error, piece.data.endswith(b"\n"))

    def _decoded(self, piece: _Piece, rows: _Rows) -> list[str]:
        if self.encoding.lower() in ("utf-8", "utf8"):
            with contextlib.suppress(UnicodeDecodeError):  # then the word is looked for below
                text = b"\n".join(rows.words).decode("utf-8", self.errors)
                return text.split("\n") if rows.words else []
        words: list[str] = []
        for row, word in enumerate(rows.words):
            try:
                words.append(word.decode(self.encoding, self.errors))
            except UnicodeError as error:
                pos = rows.starts[row]
                byte = piece.offset + piece.data.index(word, pos) + getattr(error, "start", 0)
                fault = FormatError(
                    f"{self.path}, line {piece.line_at(pos)}: the word is not {self.encoding} at "
                    f"byte {byte} of the file; {DECODING}"
                )
                rows.cut(row, fault)
                break
        return words

    def _fault(self, piece: _Piece, pos: int, text: str) -> FormatError:
        line = piece.line_at(pos)
        return FormatError(f"{self.path}, line {line}: {text}; copy or make the file again")
