"""Texts cut at line ends into parts, for processes that each read one."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wordkit.errors import ConfigError, TextError
from wordkit.storage.compression import HEAD_BYTES, file_format
from wordkit.storage.newlines import with_universal_newlines
from wordkit.storage.remote import RemoteReader, is_remote, remote_details

if TYPE_CHECKING:
    from wordkit_corpora.plaintext import PlainText

__all__ = ["LineRange", "lines_before", "open_raw", "state_of", "text_parts"]

_PIECE_BYTES = 1 << 18


def open_raw(file: str, start: int = 0) -> io.RawIOBase:
    """Open a file of this machine or a remote one at a position, without a buffer.

    Raises:
        OSError: it cannot be opened, or not there.
    """
    if is_remote(file):
        return RemoteReader(file, start)
    raw = open(file, "rb", buffering=0)  # noqa: SIM115 - whoever asked for it closes it
    if start:  # a pipe cannot
        raw.seek(start)
    return raw


class LineRange(io.RawIOBase):
    """The lines of a file that begin in a range of its bytes; the last one to its end.

    Args:
        file: its name.
        start: first byte of the range.
        stop: the byte after its last.

    Raises:
        OSError: it cannot be read, or not from there on.
    """

    def __init__(self, file: str, start: int, stop: int) -> None:
        self._file, self._stop = open_raw(file, max(start - 1, 0)), stop
        self._position, self._unread = start, b""  # the next byte, and what is read from it on
        self._is_over = False
        if start > 0:  # a line that begins before is that of the range before
            self._position = start - 1
            self._skip_line()
        self.start = self._position
        """The first byte of the first line."""
        self._is_over = self._is_over or self._position >= stop

    def _skip_line(self) -> None:
        while self._position < self._stop and (piece := self._file.read(_PIECE_BYTES)):
            end = piece.find(b"\n") + 1
            self._position += end or len(piece)
            if end:
                self._unread = piece[end:]
                return
        self._is_over = True

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read up to ``len(buffer)`` bytes; return their number, 0 at the end."""
        if self._is_over:
            return 0
        piece = self._unread[: len(buffer)] or self._file.read(len(buffer)) or b""
        self._unread = self._unread[len(piece) :]
        end = piece.find(b"\n", max(self._stop - 1 - self._position, 0)) + 1
        if end:
            piece, self._is_over = piece[:end], True
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


@dataclass(frozen=True)
class _Kind:
    """The size of a file, None where it is not known, whether it can be divided, and its state."""

    size: int | None
    is_divisible: bool
    state: str


def text_parts(text: PlainText, part_bytes: int) -> list[PlainText]:
    """Return a text as texts that follow each other; each can be sent to another process.

    A large file of UTF-8 is cut at line ends, small ones come together. A compressed file, one in
    another encoding, and one that can only be read from its start is a part of its own.

    Args:
        text: of files alone.
        part_bytes: the size of a part, about, at least 1.

    Raises:
        ConfigError: a standard input or a pipe is among the files.
        TextError: one cannot be read.
    """
    if text.has_stream:
        raise ConfigError(
            f"{text.name} is a stream, which one process reads to its end; save the text to a file"
        )
    parts: list[PlainText] = []
    together: list[tuple[str, str]] = []
    gathered = 0

    def add_gathered() -> None:
        nonlocal gathered
        if together:
            files, states = zip(*together, strict=True)
            part = replace(text, files=files, states=states)
            part.size = gathered  # which need not be asked again
            parts.append(part)
        together.clear()
        gathered = 0

    for file in map(_absolute, text.files):  # workers have folders of their own
        try:
            kind = _kind_of(file, text.encoding, part_bytes)
        except OSError as error:
            raise TextError(f"cannot read {file}: {error.strerror or error}") from error
        if kind.size is None or kind.size > part_bytes:
            add_gathered()
            only = replace(text, files=(file,), states=(kind.state,))
            if kind.size is not None and kind.is_divisible:
                bounds = [*range(0, kind.size, part_bytes), kind.size]
                parts += [replace(only, byte_range=each) for each in itertools.pairwise(bounds)]
            else:
                only.size = kind.size
                parts.append(only)
            continue
        if gathered + kind.size > part_bytes:
            add_gathered()
        together.append((file, kind.state))
        gathered += kind.size
    add_gathered()
    return parts


def _absolute(file: str) -> str:
    return file if is_remote(file) else os.path.abspath(file)


def _kind_of(file: str, encoding: str, part_bytes: int) -> _Kind:
    if is_remote(file):
        details = remote_details(file)
        size, is_archived, state = details.size, details.is_archived, details.version
    else:
        size, is_archived, state = os.stat(file).st_size, False, state_of(file)
    if size is None or size <= part_bytes or is_archived or encoding != "utf-8":
        return _Kind(size, is_divisible=False, state=state)
    with open_raw(file) as raw:
        is_plain = file_format(raw.read(HEAD_BYTES) or b"") is None
    return _Kind(size, is_plain and _can_begin_at(file, size - 1), state)


def _can_begin_at(file: str, start: int) -> bool:
    try:
        with open_raw(file, start) as raw:
            return bool(raw.read(1))
    except OSError:
        return False


def state_of(file: str) -> str:
    """Return the size and time of a file, another where it has changed, the same on all machines.

    Args:
        file: its name; a remote one is asked for again.

    Raises:
        TextError: it cannot be found.
    """
    try:
        if is_remote(file):
            return remote_details(file, is_fresh=True).version
        status = os.stat(file)
    except OSError as error:
        raise TextError(f"cannot read {file}: {error.strerror or error}") from error
    return f"{status.st_size} {status.st_mtime_ns // 10**9}"  # some mounts have whole seconds


def lines_before(file: str, start: int) -> int:
    """Return the number of lines of a file that begin before a byte.

    Raises:
        OSError: it cannot be read.
    """
    with LineRange(file, 0, start) as lines:

        def pieces() -> Iterator[bytes]:
            while piece := lines.read(_PIECE_BYTES):
                yield piece

        return sum(piece.count(b"\n") for piece in with_universal_newlines(pieces()))
