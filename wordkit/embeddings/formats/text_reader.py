"""Rows of text to words and vectors, on all cores.

The file is read in pieces of whole lines, and threads turn pieces into rows. Memory holds the
vectors found so far and a few pieces, whatever a header says. R is the number of rows of a piece,
D of dimensions.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.formats.collected import join
from wordkit.embeddings.formats.layout import DECODING, ReadOptions, first_rows
from wordkit.embeddings.formats.rows import RowError, parse_row
from wordkit.embeddings.formats.source import Source
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
    """Where they begin in the file."""

    line: int
    """The number of the first of them."""

    def line_at(self, pos: int) -> int:
        """The number of the line at a place in the data."""
        return self.line + self.data.count(b"\n", 0, pos)


@dataclass
class _Rows:
    """What a piece held, up to its first error."""

    words: list[bytes]
    values: npt.NDArray[np.float32]
    starts: list[int]
    """Where each row begins in the piece."""

    error: FormatError | None = None

    def cut(self, count: int, error: FormatError) -> None:
        """Keep the first rows only, as the next one is wrong."""
        del self.words[count:]
        self.values, self.error = self.values[:count], error


def read_rows(
    source: Source, dim: int, options: ReadOptions, *, line: int, limit: int | None
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """All words and vectors of the rows that follow.

    Args:
        source: stands at the first row.
        dim: D, the number of values in a row.
        options: how to decode the words.
        line: the number of the first row's line, for messages.
        limit: the most rows to return; what follows them is not read.

    Returns:
        The words as they come, and their vectors, shape (V, D), float32.

    Raises:
        FormatError: a row is no word with D numbers; the message names the line.

    Warns:
        WordkitWarning: the last line has no end, so that its last number may be cut.
    """
    parser = _Parser(source, dim, options)
    few = limit is not None and limit * dim <= _FEW
    ended: deque[bool] = deque()
    pieces = _pieces(source, line, ended)
    results: Generator[_Parsed, None, None]
    if few or len(source.peek(_SMALL)) < _SMALL:
        results = (parser.plain(piece) for piece in pieces)
    else:
        results = ordered_map(parser.compiled, pieces)
    words: list[str] = []
    parts: list[npt.NDArray[np.float32]] = []
    unended = False
    with contextlib.closing(results):
        for found, values, error in results:
            unended = not ended.popleft()
            words += found
            parts.append(values)
            if limit is not None and len(words) >= limit:
                break
            if error is not None:
                raise FormatError(f"{error}, or {first_rows(len(words))}") if words else error
    if unended and (limit is None or len(words) <= limit):
        warnings.warn(
            f"{source.path}: the last line has no end; the file may be cut short",
            WordkitWarning,
            stacklevel=2,
        )
    words = words if limit is None else words[:limit]
    return words, join(parts, len(words), dim)


def _pieces(source: Source, line: int, ended: deque[bool]) -> Iterator[_Piece]:
    """The rest of a file; ``ended`` is told of each piece whether its last line has an end."""
    offset = source.offset
    for data in source.blocks(_PIECE):
        ended.append(data.endswith(b"\n"))
        yield _Piece(data, offset, line)
        offset += len(data)
        line += data.count(b"\n")


_Parsed = tuple[list[str], npt.NDArray[np.float32], "FormatError | None"]


class _Parser:
    """Turns pieces of one file into words, values and what was wrong behind them."""

    def __init__(self, source: Source, dim: int, options: ReadOptions) -> None:
        self.path = source.path
        self.dim = dim
        self.encoding, self.errors = options.encoding, options.errors

    def plain(self, piece: _Piece) -> _Parsed:
        """Read a piece row by row, without compiled code."""
        return self._decode(piece, self._plain_rows(piece, 0))

    def compiled(self, piece: _Piece) -> _Parsed:
        """Read a piece by the kernel; the rows that it leaves aside are read the plain way."""
        words: list[str] = []
        parts: list[npt.NDArray[np.float32]] = []
        pos, error = 0, None
        while pos < len(piece.data) and error is None:
            rows, pos = self._compiled_rows(piece, pos)
            some, values, error = self._decode(piece, rows)
            words += some
            parts.append(values)
        return words, join(parts, len(words), self.dim), error

    def _plain_rows(self, piece: _Piece, pos: int) -> _Rows:
        rows = _Rows([], np.empty((0, 0), dtype=np.float32), [])
        values: list[npt.NDArray[np.float32]] = []
        for row in piece.data[pos:].split(b"\n"):
            try:
                parsed = parse_row(row, self.dim)
            except RowError as error:
                rows.error = self._fault(piece, pos, str(error))
                break
            if parsed is not None:
                rows.words.append(parsed[0])
                values.append(parsed[1])
                rows.starts.append(pos)
            pos += len(row) + 1
        if values:
            rows.values = np.stack(values)
        return rows

    def _compiled_rows(self, piece: _Piece, pos: int) -> tuple[_Rows, int]:
        """Rows from a place in a piece on, and where they end."""
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
        rows = _Rows(words, values[:count], spans[:count, 0].tolist())
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

    def _decode(self, piece: _Piece, rows: _Rows) -> _Parsed:
        """The rows with their words decoded, up to the first that cannot be."""
        words: list[str] = []
        if self.encoding.lower() in ("utf-8", "utf8"):
            with contextlib.suppress(UnicodeDecodeError):  # then the word is looked for below
                words = b"\n".join(rows.words).decode("utf-8", self.errors).split("\n")
                return words if rows.words else [], rows.values, rows.error
        for row, word in enumerate(rows.words):
            try:
                words.append(word.decode(self.encoding, self.errors))
            except UnicodeError as error:
                rows.cut(row, self._undecodable(piece, rows.starts[row], word, error))
                break
        return words, rows.values, rows.error

    def _undecodable(
        self, piece: _Piece, pos: int, word: bytes, error: UnicodeError
    ) -> FormatError:
        byte = piece.offset + piece.data.index(word, pos) + getattr(error, "start", 0)
        return FormatError(
            f"{self.path}, line {piece.line_at(pos)}: the word is not {self.encoding} at byte "
            f"{byte} of the file; {DECODING}"
        )

    def _fault(self, piece: _Piece, pos: int, text: str) -> FormatError:
        line = piece.line_at(pos)
        return FormatError(f"{self.path}, line {line}: {text}; copy or make the file again")
