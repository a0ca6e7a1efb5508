"""Plain text from files, folders, globs, pipes and standard input, compressed or not, as blocks."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import os
import re
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

from wordkit.errors import ConfigError, TextError, without_secrets
from wordkit.storage.compression import (
    HEAD_BYTES,
    decompressed,
    decompression_errors,
    detect_compression,
    file_format,
    is_magic_prefix,
)
from wordkit.storage.remote import RemoteReader, is_remote, read_file
from wordkit.text.blocks import Block, changed_text
from wordkit.text.vocabulary import UNK
from wordkit_corpora.files import STANDARD_INPUT, file_size, find_files, is_stream
from wordkit_corpora.text_blocks import canonical_encoding, cut_blocks, to_utf8
from wordkit_corpora.text_parts import LineRange, lines_before, open_raw, state_of, text_parts

__all__ = ["BLOCK_SIZE", "PlainText", "has_unk", "joined_names", "open_text", "read_ahead"]

BLOCK_SIZE = 4 << 20  # bytes
_MIN_BLOCK_SIZE = 16
_MAX_BOM_BYTES, _BOM_STARTS = 4, (b"\xef", b"\xfe", b"\xff", b"\0")

_UNK_TOKEN = re.compile(rb"(?<!\S)" + re.escape(UNK.encode()) + rb"(?!\S)")

_INPUTS: weakref.WeakSet[Any] = weakref.WeakSet()  # standard inputs that have been opened

Errors = Literal["strict", "replace"]


def open_text(
    paths: str | Path | Sequence[str | Path],
    *,
    encoding: str = "utf-8",
    errors: Errors = "strict",
    block_size: int = BLOCK_SIZE,
    name: str | None = None,
    as_it_comes: bool = False,
) -> PlainText:
    """Open text to read block by block.

    Args:
        paths: files (plain, or compressed with gzip, bzip2 or xz, whatever their names), folders
            (all files below, sorted, without hidden ones), globs, or ``-`` for standard input;
            also as URLs with a protocol of fsspec, such as ``s3://bucket/*.txt.gz``.
        encoding: of all of them; a byte order mark at the start of a file is dropped.
        errors: "strict", or "replace" to read bytes that cannot be decoded as U+FFFD.
        block_size: bytes read at a time, at least 16; longer lines are cut at white space.
        name: what the text is called in messages and records; its paths where not given.
        as_it_comes: hand out the lines of a pipe as they are written, in smaller blocks, for
            whoever waits for an answer to each; a file may grow while it is read.

    Raises:
        ConfigError: a setting is out of its range, or no path is given.
        TextError: a path does not exist, is a device, or holds no file.
    """
    paths = [paths] if isinstance(paths, str | Path) else paths
    if errors not in ("strict", "replace"):
        raise ConfigError(f"errors must be strict or replace, not {errors!r}")
    if block_size < _MIN_BLOCK_SIZE:
        raise ConfigError(f"block_size must be at least {_MIN_BLOCK_SIZE}, not {block_size}")
    return PlainText(
        tuple(find_files(paths)),
        encoding=canonical_encoding(encoding),
        errors=errors,
        block_size=block_size,
        name=name if name is not None else joined_names(paths),
        as_it_comes=as_it_comes,
    )


def joined_names(paths: Sequence[str | Path]) -> str:
    """Return the name of a text of these paths, for messages and records."""
    names = [
        "standard input" if p == STANDARD_INPUT else without_secrets(os.fspath(p)) for p in paths
    ]
    return ", ".join(names) if len(names) < 4 else f"{names[0]} and {len(names) - 1} more"


def has_unk(data: bytes) -> bool:
    """Return whether a piece of text has the token ``<unk>``."""
    return _UNK_TOKEN.search(data) is not None


@dataclass(eq=False, repr=False)
class PlainText:
    """The :class:`wordkit.text.TextSource` of :func:`open_text`, which checks its arguments."""

    files: tuple[str, ...]
    encoding: str
    errors: Errors
    block_size: int
    name: str
    as_it_comes: bool
    byte_range: tuple[int, int] | None = None
    """The bytes of the file in which the lines of a part begin; None: all of it."""
    first_line: int = 1
    """Number of the first line, for messages."""
    states: tuple[str, ...] = ()
    """Sizes and times of its files when the text was divided."""

    def __post_init__(self) -> None:
        self.has_stream = any(is_stream(file) for file in self.files)
        self._is_spent = False
        self._begun: tuple[list[Block], Generator[Block, None, None]] | None = None

    def __repr__(self) -> str:
        return f"PlainText({self.name!r})"

    @functools.cached_property
    def size(self) -> int | None:
        """Bytes on the disk; None with standard input or a pipe among the files."""
        if self.has_stream:
            return None
        if self.byte_range is not None:
            return self.byte_range[1] - self.byte_range[0]
        with contextlib.suppress(OSError, TypeError):  # one has gone, or is of unknown size
            return sum(map(file_size, self.files))  # type: ignore[arg-type]
        return None

    @property
    def replace_errors(self) -> bool:
        """True if bytes that are not UTF-8 become U+FFFD instead of an error."""
        return self.errors == "replace"

    def parts(self, part_bytes: int) -> list[PlainText]:
        """Return the text as texts that follow each other, divided at line ends.

        Args:
            part_bytes: the size of each, about. What cannot be divided may be larger.

        Raises:
            ConfigError: a standard input or a pipe is among the files.
            TextError: a file cannot be read.
        """
        return text_parts(self, part_bytes)

    @property
    def is_divided(self) -> bool:
        """True for a part whose file has other parts."""
        return self.byte_range is not None

    @property
    def version(self) -> str:
        """Fingerprint: of the files as they were, the range of bytes and the encoding."""
        return f"{self.files} {self.states} {self.byte_range} {self.encoding} {self.errors}"

    def changed_file(self) -> str | None:
        """Return the name of a file that has changed since the text was cut into parts."""
        for file, state in zip(self.files, self.states, strict=True):
            if state_of(file) != state:
                return file
        return None

    def numbered(self) -> PlainText:
        """Return the same text, whose messages name lines as they are numbered in the file."""
        if self.byte_range is None:
            return self
        (file,) = self.files
        with decompression_errors(file, None, TextError, TextError):
            return replace(self, first_line=1 + lines_before(file, self.byte_range[0]))

    def is_tokenized(self) -> bool:
        """Return whether a text is tokenized already: its first block has the token ``<unk>``.

        The first block of a stream is kept, and handed out again.

        Raises:
            TextError: the first block cannot be read, or is not text.
        """
        blocks = self._read()  # without a thread that reads ahead
        first = list(itertools.islice(blocks, 1))
        if self.has_stream:
            self._begun = first, blocks
        else:
            blocks.close()
        return any(has_unk(block.data) for block in first)

    def blocks(self) -> Generator[Block, None, None]:
        """Yield the text from its start; files are read ahead in a thread.

        Raises:
            TextError: a file cannot be read, is not text, or has changed while it was read;
                standard input was read before.
        """
        if not self.has_stream:
            return read_ahead(self._read())
        if self._is_spent:
            raise TextError(
                f"{self.name} can be read only once; save the text to a file and name that"
            )
        self._is_spent = True
        return self._read_on()  # no thread: one that waits for a pipe could not be stopped

    def _read_on(self) -> Generator[Block, None, None]:
        """Yield the text of a stream, of which the first block may have been read."""
        first, rest = self._begun or ([], self._read())
        self._begun = None
        with contextlib.closing(rest):
            yield from first
            yield from rest

    def _read(self) -> Generator[Block, None, None]:
        before = 0
        for file in self.files:
            name = joined_names([file])
            try:
                raw = _open(file, self.byte_range, is_small=len(self.states) > 1)
            except OSError as error:
                raise TextError(f"cannot read {name}: {error.strerror or error}") from error
            with raw:
                yield from self._read_one(raw, name, before)
                before += raw.count

    def _read_one(self, raw: _CountedFile, name: str, before: int) -> Iterator[Block]:
        pieces = self._pieces(raw, name)
        if self.encoding != "utf-8":
            pieces = to_utf8(pieces, name, self.encoding, self.errors)
        return cut_blocks(
            pieces, name, self.block_size, lambda: before + raw.count, self.first_line, raw.start
        )

    def _pieces(self, raw: _CountedFile, name: str) -> Iterator[bytes]:
        """The decompressed content; the first piece has all of a byte order mark."""
        head = b""
        if raw.start == 0:
            with decompression_errors(name, None, TextError, TextError):
                head = raw.read_head()
        compression, what = detect_compression(head), file_format(head)
        if compression is None and what is not None:
            raise TextError(f"{name} is {what}; convert it to plain text first")
        with decompression_errors(name, compression, TextError, TextError):
            file = decompressed(raw, compression)
            if not (self.as_it_comes and self.has_stream):
                state = None if self.states else raw.state()  # whoever reads a part looks at it
                while piece := file.read(self.block_size):
                    yield piece
                if state is not None and raw.state() != state and not self.as_it_comes:
                    is_here = not is_remote(name)
                    raise changed_text(name, f", or read it as it is by - < {name}" * is_here)
                return
            read: Callable[[int], bytes] = file.read1  # type: ignore[attr-defined]
            piece = read(self.block_size)
            while (
                piece[:1] in _BOM_STARTS
                and len(piece) < _MAX_BOM_BYTES
                and (more := read(self.block_size))
            ):
                piece += more
            while piece:
                yield piece
                piece = read(self.block_size)


def _open(file: str, byte_range: tuple[int, int] | None, *, is_small: bool = False) -> _CountedFile:
    if file == STANDARD_INPUT:
        if sys.stdin is None:
            raise TextError("cannot read standard input: it is closed; name a file")
        if sys.stdin.buffer in _INPUTS:
            raise TextError(
                "standard input (-) is named twice, and can be read only once; save one of the "
                "texts to a file and name that"
            )
        _INPUTS.add(sys.stdin.buffer)
        return _CountedFile(sys.stdin.buffer, borrowed=True)
    if is_small and is_remote(file):  # by one request, as its details are not asked for
        return _CountedFile(io.BytesIO(read_file(file)))
    if byte_range is None:
        return _CountedFile(open_raw(file))  # which closes it
    lines = LineRange(file, *byte_range)
    return _CountedFile(lines, start=lines.start)


class _CountedFile(io.RawIOBase):
    """A file or pipe whose first bytes can be looked at, and that counts what is read.

    Args:
        file: opened for reading; closed together with this object unless it is ``borrowed``.
        start: the position of its first byte.
    """

    def __init__(
        self, file: BinaryIO | io.RawIOBase, *, borrowed: bool = False, start: int = 0
    ) -> None:
        self._file, self.start = file, start
        self._borrowed = borrowed
        # of a pipe, what is available: a whole buffer may be long in coming
        name = "readinto1" if hasattr(file, "readinto1") else "readinto"
        self._read_some: Callable[[bytearray | memoryview], int | None] = getattr(file, name)
        self._unread = b""
        self.count = 0

    def read_head(self) -> bytes:
        """Return the first bytes, enough to detect the format; they are read again."""
        head = b""
        while len(head) < HEAD_BYTES and is_magic_prefix(head):
            buffer = bytearray(HEAD_BYTES - len(head))
            if not (size := self._read_some(buffer)):
                break
            head += buffer[:size]  # a pipe may hand out its bytes one by one
        self._unread = head
        return head

    def state(self) -> tuple[int, int] | str | None:
        """Return the size and the time of a file; a pipe and a part have none."""
        if isinstance(self._file, RemoteReader):
            return self._file.version()
        if not isinstance(self._file, io.FileIO) or not self._file.seekable():
            return None
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read up to ``len(buffer)`` bytes; return their number, 0 at the end."""
        if self._unread:
            size = min(len(buffer), len(self._unread))
            buffer[:size] = self._unread[:size]
            self._unread = self._unread[size:]
        else:
            size = self._read_some(buffer) or 0
        self.count += size
        return size

    def close(self) -> None:
        """Close the file under it, unless that is borrowed."""
        if not self._borrowed:
            self._file.close()
        super().close()


T = TypeVar("T")


def read_ahead(items: Generator[T, None, None], depth: int = 2) -> Generator[T, None, None]:
    """Yield the same items, of which up to ``depth`` are made ahead in one thread.

    An exception of the generator is raised where its item would have come. The thread has ended
    and the generator is closed when the iteration ends, is closed, or fails.

    Args:
        items: makes the items; none of them is None.
        depth: how many may wait, which bounds the memory they take.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="wordkit-read-ahead")
    running = threading.Lock()

    def make() -> T | None:
        with running:
            return next(items, None)

    try:
        coming = deque(pool.submit(make) for _ in range(depth))
        while (item := coming.popleft().result()) is not None:
            coming.append(pool.submit(make))
            yield item
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        with running:  # a thread whose start was interrupted is one that the pool does not know
            items.close()
