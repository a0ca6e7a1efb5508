"""Vector files as streams of bytes, decompressed on the way."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from wordkit.errors import FormatError, StorageError
from wordkit.storage import check_readable
from wordkit.storage.compression import (
    HEAD_BYTES,
    decompressed,
    decompression_errors,
    detect_compression,
)
from wordkit.storage.newlines import universal_newlines

__all__ = ["BYTE_ORDER_MARK", "HEAD", "Source"]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Written before text in UTF-8 by some programs; no part of the text."""

HEAD = 1 << 16
"""Bytes that a format is recognized by."""

_MAX_LINE_BYTES = 1 << 26  # bytes; five million dimensions


class Source:
    """A file that is read once from its start, after a look at its first bytes.

    Args:
        path: a regular file, compressed or not; its first bytes decide.

    Raises:
        StorageError: it cannot be read.
    """

    path: Path
    """The file."""

    size: int | None
    """Bytes of the content; None where it is compressed, as it is not known then."""

    offset: int
    """Bytes of the content that have been read."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.offset = 0
        self._is_text = False
        check_readable(path)
        try:
            file = open(self.path, "rb", buffering=0)  # noqa: SIM115 - closed by close()
            with contextlib.ExitStack() as cleanup:
                cleanup.callback(file.close)
                self.compression = detect_compression(file.read(HEAD_BYTES))
                file.seek(0)
                self.size = None if self.compression else os.fstat(file.fileno()).st_size
                self._file, self._ahead = file, b""
                self._stream = decompressed(file, self.compression)
                self.head = self.peek(HEAD)
                cleanup.pop_all()
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error.strerror or error}") from error

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._file.close()

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes, or fewer at the end, without consuming them."""
        if len(self._ahead) < size:
            self._ahead += self._fetch(size - len(self._ahead))
        return self._ahead[:size]

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes; fewer only at the end of the file."""
        data = self._ahead
        if len(data) < size:
            data += self._fetch(size - len(data))
        data, self._ahead = data[:size], data[size:]
        self.offset += len(data)
        return data

    def read_as_text(self) -> None:
        """Read lone carriage returns as line ends from here on."""
        self._is_text = True
        self._ahead = self._in_lines(self._ahead)

    def unread(self, data: bytes) -> None:
        """Push back the bytes that were read last."""
        self._ahead = data + self._ahead
        self.offset -= len(data)

    def read_line(self) -> bytes:
        """Return the next line with its line break.

        Raises:
            FormatError: it is longer than any row of vectors.
        """
        size = HEAD
        while True:
            ahead = self.peek(size)
            end = ahead.find(b"\n") + 1
            if end or len(ahead) < size:
                return self.read(end or len(ahead))
            if size >= _MAX_LINE_BYTES:
                raise FormatError(
                    f"{self.path} is no vector file: its line at byte {self.offset} is longer "
                    f"than {_MAX_LINE_BYTES} bytes"
                )
            size *= 4

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield the rest in blocks of whole lines; a file's last line may lack its line break.

        Args:
            size: bytes of a block, more or less; the first ones are smaller.

        Raises:
            FormatError: a line is longer than any row of vectors.
        """
        step = min(size, 4 * HEAD)
        rest = b""
        while data := self.read(step):
            end = data.rfind(b"\n") + 1
            if end:
                yield rest + data[:end] if rest else data[:end]
                rest = data[end:]
            else:
                rest += data
            if len(rest) > _MAX_LINE_BYTES:
                raise FormatError(
                    f"{self.path} is no vector file: its line before byte {self.offset} is longer "
                    f"than {_MAX_LINE_BYTES} bytes"
                )
            step = min(size, 2 * step)
        if rest:
            yield rest

    def _fetch(self, size: int) -> bytes:
        with decompression_errors(self.path, self.compression, FormatError, StorageError):
            data = self._stream.read(size)
        return self._in_lines(data) if self._is_text else data

    def _in_lines(self, data: bytes) -> bytes:
        if data.endswith(b"\r"):  # a line feed may follow
            with decompression_errors(self.path, self.compression, FormatError, StorageError):
                data += self._stream.read(1)
        return universal_newlines(data)
