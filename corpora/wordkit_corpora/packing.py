"""Packed files, recognised by their first bytes: gzip, bzip2, xz; and what cannot be read."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from wordkit.errors import TextError

__all__ = ["CountedBytes", "unpacked_pieces"]

_HEAD = 10  # bytes that tell the formats below apart
_BUFFER = 1 << 18
_REFUSED = {
    b"PK\x03\x04": "a zip archive or an office document",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"%PDF-": "a PDF document",
}


class CountedBytes(io.RawIOBase):
    """The bytes of a file or pipe as they lie there, counted as they are read.

    Args:
        file: opened for reading; closed together with this object unless it is ``borrowed``.
    """

    def __init__(self, file: BinaryIO, *, borrowed: bool = False) -> None:
        self._file = file
        self._borrowed = borrowed
        head = b""
        while len(head) < _HEAD and (more := file.read(_HEAD - len(head))):
            head += more  # a pipe may hand out its bytes one by one
        self.head = self._unread = head
        self.count = 0

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read up to ``len(buffer)`` bytes; their number, 0 at the end."""
        if self._unread:
            size = min(len(buffer), len(self._unread))
            buffer[:size] = self._unread[:size]
            self._unread = self._unread[size:]
        else:
            size = self._file.readinto(buffer) or 0  # type: ignore[attr-defined]
        self.count += size
        return size

    def close(self) -> None:
        """Close the file under it, unless that is borrowed."""
        if not self._borrowed:
            self._file.close()
        super().close()


def unpacked_pieces(raw: CountedBytes, name: str, size: int) -> Iterator[bytes]:
    """The text of a file, unpacked, in pieces of ``size`` bytes (the last one may be shorter).

    Raises:
        TextError: the file is of a format that cannot be read, truncated or damaged.
    """
    import lzma

    packing = _packing(raw.head)
    for head, kind in _REFUSED.items():
        if raw.head.startswith(head):
            raise TextError(f"{name} is {kind}; unpack or convert it to plain text first")
    try:
        file = _opened(raw, packing)
        while piece := file.read(size):
            yield piece
    except EOFError as error:
        raise TextError(
            f"{name} is truncated: its {packing} data end too early; copy or download it again"
        ) from error
    except (zlib.error, lzma.LZMAError) as error:
        raise TextError(_damaged(name, packing)) from error
    except OSError as error:
        if packing and error.errno is None:  # gzip and bz2 report bad data so
            raise TextError(_damaged(name, packing)) from error
        raise TextError(f"cannot read {name}: {error.strerror or error}") from error


def _packing(head: bytes) -> str:
    """The name of the format that packed a file with this beginning, "" for none."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"BZh") and head[4:] in (
        b"1AY&SY",
        b"\x17rE8P\x90",
    ):  # digits of π; an empty file: of √π
        return "bzip2"
    return "xz" if head.startswith(b"\xfd7zXZ\0") else ""


def _opened(raw: CountedBytes, packing: str) -> BinaryIO:
    buffered = io.BufferedReader(raw, _BUFFER)
    if packing == "gzip":
        import gzip

        return cast("BinaryIO", gzip.GzipFile(fileobj=buffered, mode="rb"))
    if packing == "bzip2":
        import bz2

        return cast("BinaryIO", bz2.BZ2File(buffered))
    if packing == "xz":
        import lzma

        return cast("BinaryIO", lzma.LZMAFile(buffered))
    return buffered


def _damaged(name: str, packing: str) -> str:
    return f"{name} is damaged: its {packing} data cannot be unpacked; copy or download it again"
