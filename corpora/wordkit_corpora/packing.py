"""Packed files, recognised by their first bytes: gzip, bzip2, xz; and what cannot be read."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from bz2 import BZ2Decompressor
    from lzma import LZMADecompressor

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

_KNOWN = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", *_REFUSED)  # how files begin that are told
_MARK = 4  # bytes of the longest byte order mark
_MARKS = (b"\xef", b"\xfe", b"\xff", b"\0")  # how they begin


class CountedBytes(io.RawIOBase):
    """The bytes of a file or pipe as they lie there, counted as they are read.

    Args:
        file: opened for reading; closed together with this object unless it is ``borrowed``.
    """

    def __init__(self, file: BinaryIO, *, borrowed: bool = False) -> None:
        self._file = file
        self._borrowed = borrowed
        # of a pipe, what is there: to wait for a whole buffer is to keep whoever writes it waiting
        name = "readinto1" if hasattr(file, "readinto1") else "readinto"
        self._read_some: Callable[[bytearray | memoryview], int | None] = getattr(file, name)
        head = b""
        while len(head) < _HEAD and _may_be_told(head) and (more := self._some(_HEAD - len(head))):
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
            size = self._read_some(buffer) or 0
        self.count += size
        return size

    def _some(self, most: int) -> bytes:
        buffer = bytearray(most)
        return bytes(buffer[: self._read_some(buffer) or 0])

    def close(self) -> None:
        """Close the file under it, unless that is borrowed."""
        if not self._borrowed:
            self._file.close()
        super().close()


def unpacked_pieces(
    raw: CountedBytes, name: str, size: int, *, as_it_comes: bool = False
) -> Iterator[bytes]:
    """The text of a file, unpacked, in pieces of ``size`` bytes (the last one may be shorter).

    Args:
        raw: the file.
        name: for messages.
        size: of a piece.
        as_it_comes: hand out what is there, however little, and do not wait for more; only the
            first piece has all of a byte order mark.

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
        if as_it_comes:
            yield from _pieces_as_they_come(file, size)
            return
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


def _pieces_as_they_come(file: BinaryIO, size: int) -> Iterator[bytes]:
    read: Callable[[int], bytes] = file.read1  # type: ignore[attr-defined]
    first = read(size)
    while len(first) < _MARK and first[:1] in _MARKS and (more := read(size)):
        first += more
    piece = first
    while piece:
        yield piece
        piece = read(size)


def _may_be_told(head: bytes) -> bool:
    """Whether more of a file's beginning may say of what format it is."""
    return any(known.startswith(head) or head.startswith(known) for known in _KNOWN)


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

        return _unpacked(buffered, bz2.BZ2Decompressor)
    if packing == "xz":
        import lzma

        return _unpacked(buffered, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ))
    return buffered


def _unpacked(
    packed: BinaryIO, new_stream: Callable[[], BZ2Decompressor | LZMADecompressor]
) -> BinaryIO:
    return io.BufferedReader(_Streams(packed, new_stream), _BUFFER)


class _Streams(io.RawIOBase):
    """What a file of one or more bzip2 or xz streams unpacks to.

    Unlike :class:`bz2.BZ2File` and :class:`lzma.LZMAFile` it does not take the file to end where
    something follows a stream that is no stream itself: that would drop the text in a damaged one
    without a word. Only zeros may follow, which pad files to whole blocks.

    Args:
        packed: the file.
        new_stream: makes what unpacks one stream.
    """

    def __init__(
        self, packed: BinaryIO, new_stream: Callable[[], BZ2Decompressor | LZMADecompressor]
    ) -> None:
        self._packed = packed
        self._new_stream = new_stream
        self._stream = new_stream()
        self._ahead = b""  # read, but not yet given to the stream

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Unpack up to ``len(buffer)`` bytes; their number, 0 at the end."""
        while True:
            if self._stream.eof and not self._next_stream():
                return 0
            data = b""
            if self._stream.needs_input:
                data = self._ahead or self._packed.read(_BUFFER)
                self._ahead = b""
                if not data:
                    raise EOFError("the file ends within a stream")
            piece = self._stream.decompress(data, len(buffer))
            if piece:
                buffer[: len(piece)] = piece
                return len(piece)

    def _next_stream(self) -> bool:
        """Go on to what follows the stream that has ended; whether there is anything."""
        rest = self._stream.unused_data.lstrip(b"\0")
        while not rest:
            more = self._packed.read(_BUFFER)
            if not more:
                return False
            rest = more.lstrip(b"\0")
        self._stream, self._ahead = self._new_stream(), rest
        return True


def _damaged(name: str, packing: str) -> str:
    return f"{name} is damaged: its {packing} data cannot be unpacked; copy or download it again"
