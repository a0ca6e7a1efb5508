"""word2vec's binary file: a text header, then each word, a space, and its values as float32.

word2vec.c puts a line break behind each vector, gensim does not; both are read. V is the number of
words, D of dimensions.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.collected import collect, join
from wordkit.embeddings.formats.headers import read_header
from wordkit.embeddings.formats.layout import DECODING, Format, ReadOptions, first_rows
from wordkit.embeddings.formats.source import Source
from wordkit.embeddings.formats.text_writer import check_words
from wordkit.errors import FormatError
from wordkit.storage.compression import Compression, compressed_writer

__all__ = ["WORD2VEC_BINARY"]

_CHUNK = 1 << 22  # bytes read at a time
_LONGEST_WORD = 1 << 16  # bytes
_USUAL_WORD = 200  # bytes; what is longer and no text is hardly a word


def _read(source: Source, options: ReadOptions) -> Embeddings:
    header = read_header(source, row_bytes=2, value_bytes=4, limit=options.limit)
    count = header.words if options.limit is None else min(header.words, options.limit)
    reader = _Reader(source, header.dim, options)
    words: list[str] = []
    parts: list[npt.NDArray[np.float32]] = []
    while len(words) < count:
        some, values = reader.some_rows(count - len(words), len(words))
        words += some
        parts.append(values)
    if count == header.words:
        reader.expect_end(count)
    return collect(source, words, join(parts, count, header.dim))


class _Reader:
    """Takes rows from a buffer that is filled from the file as needed."""

    def __init__(self, source: Source, dim: int, options: ReadOptions) -> None:
        self.source = source
        self.dim = dim
        self.options = options
        self.buffer = b""
        self.start = source.offset  # where the buffer begins in the file

    def some_rows(self, most: int, before: int) -> tuple[list[str], npt.NDArray[np.float32]]:
        """The words and vectors of the next chunk of the file: at least one row.

        Args:
            most: how many rows to take at most.
            before: how many rows came before, for messages.
        """
        words: list[str] = []
        rows: list[bytes] = []
        size = 4 * self.dim
        pos = 0
        while len(words) < most:
            while self.buffer[pos : pos + 1] == b"\n":
                pos += 1
            space = self.buffer.find(b" ", pos)
            end = space + 1 + size
            if space < 0 or end > len(self.buffer):
                if words:
                    break
                self._fill(pos, before + 1)
                pos = 0
                continue
            words.append(self._word(self.buffer[pos:space], before + len(words) + 1, pos))
            rows.append(self.buffer[space + 1 : end])
            pos = end
        values = np.frombuffer(b"".join(rows), dtype="<f4").reshape(-1, self.dim)
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            row = int(np.argmin(finite))
            raise FormatError(
                f"{self.source.path}, vector {before + row + 1} ({words[row]!r}): it holds NaN or "
                "infinity; copy or make the file again"
            )
        self.buffer, self.start = self.buffer[pos:], self.start + pos
        return words, values.astype(np.float32, copy=False)

    def expect_end(self, count: int) -> None:
        """Check that nothing follows the last row."""
        rest = self.buffer.strip(b"\r\n ") or self.source.peek(4096).strip(b"\r\n ")
        if rest:
            raise FormatError(
                f"{self.source.path}: its header announces {count} words, but more follow; copy "
                f"or make the file again, or {first_rows(count)}"
            )

    def _fill(self, pos: int, row: int) -> None:
        """Drop what is before ``pos`` and read on, as the row that begins there is not whole."""
        self.buffer, self.start = self.buffer[pos:], self.start + pos
        if b" " not in self.buffer[: _LONGEST_WORD + 1] and len(self.buffer) > _LONGEST_WORD:
            raise FormatError(
                f"{self.source.path}, vector {row} at byte {self.start}: no space ends its word; "
                f"{self._misfit}"
            )
        more = self.source.read(max(_CHUNK, len(self.buffer)))
        if not more:
            raise FormatError(
                f"{self.source.path} is truncated: vector {row} at byte {self.start} is not whole; "
                "copy or make the file again"
            )
        self.buffer += more

    def _word(self, word: bytes, row: int, pos: int) -> str:
        place = f"{self.source.path}, vector {row} at byte {self.start + pos}"
        if not word:
            raise FormatError(f"{place}: it has no word; {self._misfit}")
        # where the dimension is wrong, numbers and line breaks are taken for the next word
        if b"\n" in word:
            raise FormatError(f"{place}: its word holds a line break; {self._misfit}")
        try:
            return word.decode(self.options.encoding, self.options.errors)
        except UnicodeError as error:
            fault = f"{place}: the word {word[:30]!r} is not {self.options.encoding}"
            remedy = DECODING if len(word) <= _USUAL_WORD else self._misfit
            raise FormatError(f"{fault}; {remedy}") from error

    @property
    def _misfit(self) -> str:
        """What is wrong where rows do not begin where they should."""
        return (
            f"the dimension {self.dim} in the header does not fit the file, or it is damaged: "
            "copy or make it again"
        )


def _write(embeddings: Embeddings, path: Path, compression: Compression | None) -> None:
    with compressed_writer(path, compression) as file:
        file.write(b"%d %d\n" % (len(embeddings), embeddings.dim))
        for word, vector in zip(embeddings.words, embeddings.vectors, strict=True):
            file.write(b"%b %b\n" % (word.encode(), vector.astype("<f4", copy=False).tobytes()))


def _check(embeddings: Embeddings) -> None:
    check_words(embeddings, "a binary word2vec file", _fault)


def _fault(word: bytes) -> str | None:
    if b" " in word:
        return "holds a space"
    return None if len(word) <= _LONGEST_WORD else f"is longer than {_LONGEST_WORD} bytes"


WORD2VEC_BINARY = Format(
    name="word2vec-binary",
    description="word2vec binary: a line with words and dimensions, then words and raw float32",
    suffixes=(".bin",),
    read=_read,
    write=_write,
    check=_check,
)
