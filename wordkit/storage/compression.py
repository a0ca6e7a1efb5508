"""Compressed files (gzip, bzip2, xz), and what a file is by its first bytes."""

from __future__ import annotations

import contextlib
import io
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from wordkit.errors import WordkitError

if TYPE_CHECKING:
    from bz2 import BZ2Decompressor
    from lzma import LZMADecompressor

__all__ = [
    "COMPRESSIONS",
    "HEAD_BYTES",
    "Compression",
    "compressed_writer",
    "decompressed",
    "decompression_errors",
    "detect_compression",
    "file_format",
    "is_magic_prefix",
    "split_suffix",
]

HEAD_BYTES = 10
"""Number of first bytes by which a format is detected."""

_BUFFER_BYTES = 1 << 18
_GZIP_LEVEL = 4  # digits shrink to half at any level, in a third of the time of the usual 9


@dataclass(frozen=True)
class Compression:
    """A compressed file format."""

    name: str
    """Its name."""

    suffix: str
    """End of the names of its files."""

    magic: bytes
    """First bytes of its files."""


COMPRESSIONS = (
    Compression("gzip", ".gz", b"\x1f\x8b\x08"),
    Compression("bzip2", ".bz2", b"BZh"),
    Compression("xz", ".xz", b"\xfd7zXZ\x00"),
)
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")  # after "BZh9": digits of π; of √π in an empty file

_FORMATS: tuple[tuple[bytes, str], ...] = (
    *((b"\x80" + bytes([protocol]), "a pickle") for protocol in range(2, 6)),
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"%PDF-", "a PDF document"),
    (b"\x89HDF", "an HDF5 file"),
    *((b"\x93NUMPY" + bytes([version]), "a NumPy array") for version in range(1, 4)),
)


def detect_compression(head: bytes) -> Compression | None:
    """Return the compression of a file by its first bytes, or None.

    Args:
        head: the first :data:`HEAD_BYTES`, or all of a shorter file.
    """
    for compression in COMPRESSIONS:
        if head.startswith(compression.magic):
            # text may begin with "BZh" too
            if compression.name == "bzip2" and head[4:10] not in _BZIP2_BLOCKS:
                return None
            return compression
    return None


def file_format(head: bytes) -> str | None:
    """Name the format of a file by its first bytes, to follow "is"; None if it is unknown.

    Compressed files and those that wordkit never reads have a name ("compressed with gzip", "a
    pickle"); text and safetensors files have none.

    Args:
        head: the first :data:`HEAD_BYTES`, or all of a shorter file.
    """
    if head[8:9] == b"{":  # safetensors, whose first 8 bytes are a number
        return None
    compression = detect_compression(head)
    if compression is not None:
        return f"compressed with {compression.name}"
    return next((name for magic, name in _FORMATS if head.startswith(magic)), None)


def is_magic_prefix(head: bytes) -> bool:
    """Return True if further bytes are needed to detect the format."""
    known = [compression.magic for compression in COMPRESSIONS] + [magic for magic, _ in _FORMATS]
    return any(magic.startswith(head) or head.startswith(magic) for magic in known)


def split_suffix(path: str | os.PathLike[str]) -> tuple[Path, Compression | None]:
    """Return the path without the suffix of a compression, and that compression."""
    path = Path(path)
    for compression in COMPRESSIONS:
        if path.suffix.lower() == compression.suffix:
            return path.with_suffix(""), compression
    return path, None


def decompressed(file: io.RawIOBase, compression: Compression | None) -> BinaryIO:
    """Return a buffered stream of a file's content.

    Concatenated streams and zeros that pad them are read as the programs do; anything else after
    a stream is an error.

    Args:
        file: at its start; closed with the stream.
        compression: its compression; None: it is read as it is.
    """
    buffered = io.BufferedReader(file, _BUFFER_BYTES)
    if compression is None:
        return buffered
    if compression.name == "gzip":
        import gzip

        return cast("BinaryIO", gzip.GzipFile(fileobj=buffered, mode="rb"))
    if compression.name == "bzip2":
        import bz2

        return io.BufferedReader(_Streams(buffered, bz2.BZ2Decompressor), _BUFFER_BYTES)
    import lzma

    new_stream = lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ)  # noqa: E731
    return io.BufferedReader(_Streams(buffered, new_stream), _BUFFER_BYTES)


class _Streams(io.RawIOBase):
    """The content of a file of one or more bzip2 or xz streams.

    :class:`bz2.BZ2File` and :class:`lzma.LZMAFile` take a file to end where something follows a
    stream that is no stream itself, and so drop the rest of a corrupted file without an error.

    Args:
        file: the compressed file.
        new_stream: makes the decompressor of one stream.
    """

    def __init__(
        self, file: BinaryIO, new_stream: Callable[[], BZ2Decompressor | LZMADecompressor]
    ) -> None:
        self._file = file
        self._new_stream = new_stream
        self._stream = new_stream()
        self._unused = b""  # read, but not yet given to the stream

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Decompress up to ``len(buffer)`` bytes; return their number, 0 at the end."""
        while True:
            if self._stream.eof and not self._next_stream():
                return 0
            data = b""
            if self._stream.needs_input:
                data, self._unused = self._unused or self._file.read(_BUFFER_BYTES), b""
                if not data:
                    raise EOFError("the file ends within a stream")
            piece = self._stream.decompress(data, len(buffer))
            if piece:
                buffer[: len(piece)] = piece
                return len(piece)

    def _next_stream(self) -> bool:
        """Begin the next stream; return whether there is one."""
        rest = self._stream.unused_data.lstrip(b"\0")
        while not rest:
            more = self._file.read(_BUFFER_BYTES)
            if not more:
                return False
            rest = more.lstrip(b"\0")
        self._stream, self._unused = self._new_stream(), rest
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


@contextlib.contextmanager
def decompression_errors(
    name: object,
    compression: Compression | None,
    corrupted: type[WordkitError],
    unreadable: type[WordkitError],
) -> Iterator[None]:
    """Turn the exceptions of reading a :func:`decompressed` stream into errors of wordkit.

    Args:
        name: the file, for messages.
        compression: its compression.
        corrupted: the error for truncated and corrupted data.
        unreadable: the error for a failing disk.
    """
    what = f"its {compression.name} data" if compression else ""
    try:
        yield
    except EOFError as error:
        raise corrupted(
            f"{name} is truncated: {what} end too early; copy or download it again"
        ) from error
    except _failures() as error:
        # gzip and bz2 report corrupted data as an OSError without a number
        if compression is None or getattr(error, "errno", None) is not None:
            reason = getattr(error, "strerror", None) or error
            raise unreadable(f"cannot read {name}: {reason}") from error
        raise corrupted(
            f"{name} is corrupted: {what} cannot be decompressed ({error}); "
            "copy or download it again"
        ) from error


def _failures() -> tuple[type[Exception], ...]:
    import lzma  # once something has failed

    return OSError, zlib.error, lzma.LZMAError


@contextlib.contextmanager
def compressed_writer(path: Path, compression: Compression | None) -> Iterator[IO[bytes]]:
    """Yield a binary file whose content is compressed on its way to ``path``.

    Neither name nor time go into the file: equal content gives equal bytes.
    """
    with contextlib.ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(open(path, "wb"))
        if compression is None:
            yield file
            return
        if compression.name == "gzip":
            import gzip

            compressing = gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0)
            stream = cast("IO[bytes]", stack.enter_context(compressing))
        elif compression.name == "bzip2":
            import bz2

            stream = cast("IO[bytes]", stack.enter_context(bz2.BZ2File(file, "wb")))
        else:
            import lzma

            stream = cast("IO[bytes]", stack.enter_context(lzma.LZMAFile(file, "wb")))
        # large pieces come from the fast writers, small ones from the others
        yield stack.enter_context(io.BufferedWriter(stream, _BUFFER_BYTES))
