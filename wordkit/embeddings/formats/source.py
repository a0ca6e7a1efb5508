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

__all__ = ["BYTE_ORDER_MARK", "HEAD", "Source"]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some programs put before text in UTF-8; no part of the text."""

HEAD = 1 << 16
"""Bytes that a format is recognised by."""

_LONGEST_LINE = 1 << 26  # bytes; five million dimensions


class Source:
    """A file that is read once from its start, and whose first bytes can be looked at before.

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
    """How many bytes of the content have been read."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.offset = 0
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
        """The next ``size`` bytes, or what there is, without reading on."""
        if len(self._ahead) < size:
            self._ahead += self._fetch(size - len(self._ahead))
        return self._ahead[:size]

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes; fewer only at the end of the file."""
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        if len(data) < size:
            data += self._fetch(size - len(data))
        self.offset += len(data)
        return data

    def unread(self, data: bytes) -> None:
        """Put back what was read last."""
        self._ahead = data + self._ahead
        self.offset -= len(data)

    def read_line(self) -> bytes:
        """The next line with its line break.

        Raises:
            FormatError: it is longer than any row of vectors.
        """
        size = HEAD
        while True:
            ahead = self.peek(size)
            end = ahead.find(b"\n") + 1
            if end or len(ahead) < size:
                return self.read(end or len(ahead))
            if size >= _LONGEST_LINE:
                raise FormatError(
                    f"{self.path} is no vector file: its line at byte {self.offset} is longer "
                    f"than {_LONGEST_LINE} bytes"
                )
            size *= 4

    def blocks(self, size: int) -> Iterator[bytes]:
        """The rest in blocks of whole lines; a file's last line may lack its line break.

        Args:
            size: bytes of a block, more or less; the first ones are smaller.

        Raises:
            FormatError: a line is longer than any row of vectors.
        """
        step = min(size, 4 * HEAD)
        carried = b""
        while data := self.read(step):
            end = data.rfind(b"\n") + 1
            if end:
                yield carried + data[:end] if carried else data[:end]
                carried = data[end:]
            else:
                carried += data
            if len(carried) > _LONGEST_LINE:
                raise FormatError(
                    f"{self.path} is no vector file: its line before byte {self.offset} is longer "
                    f"than {_LONGEST_LINE} bytes"
                )
            step = min(size, 2 * step)
        if carried:
            yield carried

    def _fetch(self, size: int) -> bytes:
        with decompression_errors(self.path, self.compression, FormatError, StorageError):
            return self._stream.read(size)
