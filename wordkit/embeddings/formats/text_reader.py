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
    """Whole lines of a file: where they begin, and the number of the first line."""

    data: bytes
    offset: int
    line: int


@dataclass(frozen=True)
class _Rows:
    """The rows of a piece, up to its first error."""

    words: list[str]
    vectors: npt.NDArray[np.float32]
    ended: bool
    """True if the last line of the piece has a line break."""

    error: FormatError | None = None


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
    results: Generator[_Rows, None, None]
    if few or len(source.peek(_SMALL)) < _SMALL:
        results = (parser.plain(piece) for piece in pieces)
    else:
        results = ordered_map(parser.compiled, pieces)
    words: list[str] = []
    parts: list[npt.NDArray[np.float32]] = []
    ended = True
    with contextlib.closing(results):
        for rows in results:
            ended = rows.ended
            words += rows.words
            parts.append(rows.vectors)
            if limit is not None and len(words) >= limit:
                break
            if rows.error is not None and words:
                raise FormatError(f"{rows.error}, or {first_rows(len(words))}")
            if rows.error is not None:
                raise rows.error
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
        self._path, self._dim = source.path, dim
        self._encoding, self._errors = options.encoding, options.errors

    def plain(self, piece: _Piece) -> _Rows:
        """Parse a piece row by row, without compiled code."""
        words: list[str] = []
        vectors: list[npt.NDArray[np.float32]] = []
        error, begin, word = None, piece.offset, b""
        for number, row in enumerate(piece.data.split(b"\n"), piece.line):
            try:
                parsed = parse_row(row, self._dim)
                if parsed is not None:
                    word, values = parsed
                    words.append(word.decode(self._encoding, self._errors))
                    vectors.append(values)
            except RowError as fault:
                error = f"{fault}; copy or make the file again"
            except UnicodeError as fault:
                byte = begin + row.index(word) + getattr(fault, "start", 0)
                error = f"the word is not {self._encoding} at byte {byte} of the file; {DECODING}"
            if error is not None:
                error = f"{self._path}, line {number}: {error}"
                break
            begin += len(row) + 1
        matrix = np.stack(vectors) if vectors else np.empty((0, 0), np.float32)
        ended = piece.data.endswith(b"\n")
        return _Rows(words, matrix, ended, None if error is None else FormatError(error))

    def compiled(self, piece: _Piece) -> _Rows:
        """Parse a piece by the kernel; rows that it leaves aside are parsed the plain way.

        So is the whole piece where a row is wrong.
        """
        try:
            rows = self._compiled(piece)
        except (RowError, UnicodeError):
            rows = None
        return self.plain(piece) if rows is None else rows

    def _compiled(self, piece: _Piece) -> _Rows | None:
        from wordkit.embeddings.kernels import LEFT, parse_rows

        data, dim = piece.data, self._dim
        # A row has two bytes a value and one for its word: no D can ask for more room than that.
        room = min(data.count(b"\n") + 1, len(data) // (2 * dim + 1))
        values = np.empty((room, dim if room else 0), dtype=np.float32)
        blob = np.empty(len(data) + room, dtype=np.uint8)
        marks = np.zeros(room, dtype=np.uint8)
        spans = np.empty((room, 2), dtype=np.int64)
        text = np.frombuffer(data, dtype=np.uint8)
        count, used, end = parse_rows(text, 0, len(data), values, blob, marks, spans)
        if end < len(data):  # rows so short that there are more than there is room for
            return None
        words = blob[:used].tobytes().split(b"\n")[:count]
        left = np.flatnonzero(marks[:count] == LEFT).tolist()
        for row in left:
            parsed = parse_row(data[spans[row, 0] : spans[row, 1]], dim)
            if parsed is not None:
                words[row], values[row] = parsed
        kept = [row for row, word in enumerate(words) if word] if left else slice(count)
        words = words if isinstance(kept, slice) else [words[row] for row in kept]  # none is blank
        return _Rows(self._decoded(words), values[kept], data.endswith(b"\n"))

    def _decoded(self, words: list[bytes]) -> list[str]:
        if self._encoding.lower() not in ("utf-8", "utf8"):
            return [word.decode(self._encoding, self._errors) for word in words]
        return b"\n".join(words).decode("utf-8", self._errors).split("\n") if words else []
