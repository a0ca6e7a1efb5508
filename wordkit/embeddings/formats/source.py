"""Vector files as streams of bytes, unpacked on the way where they are packed."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from wordkit.errors import FormatError, StorageError
from wordkit.storage import check_readable

__all__ = ["PACKINGS", "Packing", "Source", "packed_writer", "split_packing"]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some programs put before text in UTF-8; no part of the text."""

HEAD = 1 << 16
"""Bytes that a format is recognised by."""

_LONGEST_LINE = 1 << 26  # bytes; five million dimensions


@dataclass(frozen=True)
class Packing:
    """A way to pack any file: what it begins with, what it is called, and how to open it."""

    name: str
    suffix: str
    magic: bytes
    open: Callable[..., Any]


def _gzip(file: Any, mode: Any) -> Any:
    import gzip

    if mode == "rb":
        return gzip.GzipFile(fileobj=file, mode="rb")
    # Digits shrink to half at any level, and level 4 takes a third of the time of the usual 9.
    # Neither name nor time go in: the same vectors make the same file.
    return gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=4, mtime=0)


def _bzip2(file: Any, mode: Any) -> Any:
    import bz2

    return bz2.BZ2File(file, mode)


def _xz(file: Any, mode: Any) -> Any:
    import lzma

    return lzma.LZMAFile(file, mode)


PACKINGS = (
    Packing("gzip", ".gz", b"\x1f\x8b\x08", _gzip),
    Packing("bzip2", ".bz2", b"BZh", _bzip2),
    Packing("xz", ".xz", b"\xfd7zXZ\x00", _xz),
)


def split_packing(path: str | os.PathLike[str]) -> tuple[Path, Packing | None]:
    """The path without the suffix of a packing, and that packing."""
    path = Path(path)
    for packing in PACKINGS:
        if path.suffix.lower() == packing.suffix:
            return path.with_suffix(""), packing
    return path, None


class Source:
    """A file that is read once from its start, and whose first bytes can be looked at before.

    Args:
        path: a regular file, packed or not; what it begins with decides.

    Raises:
        StorageError: it cannot be read.
    """

    path: Path
    """The file."""

    size: int | None
    """Bytes of the content; None where it is packed, as it is not known then."""

    offset: int
    """How many bytes of the content have been read."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.offset = 0
        self.packing: Packing | None = None
        check_readable(path)
        try:
            self._file = open(self.path, "rb")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
        self._stream: Any = self._file
        self._ahead = b""
        self.size = os.fstat(self._file.fileno()).st_size
        with contextlib.ExitStack() as failing:
            failing.callback(self.close)
            self._open_packing()
            self.head = self.peek(HEAD)
            failing.pop_all()

    def _open_packing(self) -> None:
        start = self.peek(16)
        for packing in PACKINGS:
            # "BZh" could begin a word, "BZh1" to "BZh9" and the digits of pi hardly
            longer = packing.name != "bzip2" or start[4:10] == b"1AY&SY"
            if start.startswith(packing.magic) and longer:
                self._file.seek(0)
                self._stream, self._ahead = packing.open(self._file, "rb"), b""
                self.packing, self.size = packing, None

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
        try:
            return bytes(self._stream.read(size))
        except EOFError as error:
            raise FormatError(
                f"{self.path} is truncated: its {self._packing_name} data ends too early; "
                "copy or make it again"
            ) from error
        except self._failures() as error:
            if self.packing is None or getattr(error, "errno", None) is not None:
                raise StorageError(f"cannot read {self.path}: {error}") from error
            raise FormatError(
                f"{self.path} is damaged: its {self._packing_name} data does not unpack "
                f"({error}); copy or make it again"
            ) from error

    @property
    def _packing_name(self) -> str:
        return self.packing.name if self.packing else ""

    def _failures(self) -> tuple[type[Exception], ...]:
        """What the reading of this file may raise, beside EOFError."""
        if self._packing_name == "gzip":
            import zlib

            return OSError, zlib.error
        if self._packing_name == "xz":
            import lzma

            return OSError, lzma.LZMAError
        return (OSError,)


@contextlib.contextmanager
def packed_writer(path: Path, packing: Packing | None) -> Iterator[IO[bytes]]:
    """Yield a binary file to write to; what is written arrives packed as asked for."""
    with open(path, "wb") as file:
        if packing is None:
            yield file
            return
        # rows come in large pieces from the fast writers, in small ones from the others
        with packing.open(file, "wb") as stream, io.BufferedWriter(stream, 1 << 16) as buffered:
            yield buffered
