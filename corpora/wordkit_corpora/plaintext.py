"""Plain text from files, folders, globs, pipes and standard input, packed or not, as blocks."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Literal

from wordkit.errors import ConfigError, TextError
from wordkit.text.blocks import Block
from wordkit.text.vocabulary import UNK
from wordkit_corpora.cutting import cut_blocks
from wordkit_corpora.files import STANDARD_INPUT, find_files, is_stream
from wordkit_corpora.packing import CountedBytes, unpacked_pieces
from wordkit_corpora.reading_ahead import read_ahead
from wordkit_corpora.transcoding import canonical_encoding, to_utf8

__all__ = ["PlainText", "is_tokenised", "joined_names", "open_text"]

BLOCK_SIZE = 4 << 20
_SMALLEST_BLOCK = 16

_UNK_TOKEN = re.compile(rb"(?<!\S)" + re.escape(UNK.encode()) + rb"(?!\S)")

Errors = Literal["strict", "replace"]


def open_text(
    paths: Sequence[str | Path],
    *,
    encoding: str = "utf-8",
    errors: Errors = "strict",
    block_size: int = BLOCK_SIZE,
    name: str | None = None,
    as_it_comes: bool = False,
) -> PlainText:
    """Text to read block by block, from what people have.

    Args:
        paths: files (plain, or packed with gzip, bzip2 or xz, whatever their names), folders
            (all files below, sorted, without hidden ones), globs, or ``-`` for standard input.
        encoding: of all of them; a byte order mark at the start of a file is dropped.
        errors: "strict", or "replace" to read bytes that cannot be decoded as U+FFFD.
        block_size: bytes read at a time, at least 16; longer lines are cut at white space.
        name: what the text is called in messages and records; its paths where not given.
        as_it_comes: hand out the lines of a pipe as they are written, in smaller blocks, for
            whoever waits for an answer to each.

    Raises:
        ConfigError: a setting is out of its range, or no path is given.
        TextError: a path does not exist, is a device, or holds no file.
    """
    if errors not in ("strict", "replace"):
        raise ConfigError(f"errors must be strict or replace, not {errors!r}")
    if block_size < _SMALLEST_BLOCK:
        raise ConfigError(f"block_size must be at least {_SMALLEST_BLOCK}, not {block_size}")
    return PlainText(
        find_files(paths),
        encoding=canonical_encoding(encoding),
        errors=errors,
        block_size=block_size,
        name=name if name is not None else joined_names(paths),
        as_it_comes=as_it_comes,
    )


def joined_names(paths: Sequence[str | Path]) -> str:
    """What a text of these paths is called in messages and records."""
    names = ["standard input" if p == STANDARD_INPUT else os.fspath(p) for p in paths]
    return ", ".join(names) if len(names) < 4 else f"{names[0]} and {len(names) - 1} more"


def is_tokenised(text: PlainText) -> bool:
    """Whether a text has been cut into tokens before: its first block has the token ``<unk>``.

    Of standard input and of pipes, which can be read only once, that is not known: False. Neither
    is it of a text that cannot be read; whoever reads on will say why.
    """
    if text.size is None:
        return False
    try:
        with contextlib.closing(text._read()) as blocks:  # without a thread that reads ahead
            first = next(blocks, None)
    except TextError:
        return False
    return first is not None and _UNK_TOKEN.search(first.data) is not None


class PlainText:
    """The :class:`wordkit.text.TextSource` of :func:`open_text`, which checks its arguments."""

    def __init__(
        self,
        files: Sequence[str],
        *,
        encoding: str,
        errors: Errors,
        block_size: int,
        name: str,
        as_it_comes: bool,
    ) -> None:
        self.files = tuple(files)
        self.encoding = encoding
        self.errors = errors
        self.block_size = block_size
        self.name = name
        self.as_it_comes = as_it_comes
        self._has_stream = any(is_stream(file) for file in self.files)
        self._is_spent = False

    def __repr__(self) -> str:
        return f"PlainText({self.name!r})"

    @property
    def size(self) -> int | None:
        """Bytes on the disk; None with standard input or a pipe among the files."""
        if self._has_stream:
            return None
        with contextlib.suppress(OSError):  # a file has gone: reading will say so
            return sum(os.stat(file).st_size for file in self.files)
        return None

    @property
    def replace_errors(self) -> bool:
        """Whether bytes that are not UTF-8 become U+FFFD instead of ending in an error."""
        return self.errors == "replace"

    def blocks(self) -> Generator[Block, None, None]:
        """The text from its start; files are unpacked ahead in a thread of their own.

        Raises:
            TextError: a file cannot be read or is not text; standard input was read before.
        """
        if not self._has_stream:
            return read_ahead(self._read())
        if self._is_spent:
            raise TextError(
                f"{self.name} can be read only once; save the text to a file and name that"
            )
        self._is_spent = True
        return self._read()  # no thread: one that waits for a pipe could not be stopped

    def _read(self) -> Generator[Block, None, None]:
        before = 0
        for file in self.files:
            name = "standard input" if file == STANDARD_INPUT else file
            try:
                raw = _open(file)
            except OSError as error:
                raise TextError(f"cannot read {name}: {error.strerror or error}") from error
            with raw:
                yield from self._read_one(raw, name, before)
                before += raw.count

    def _read_one(self, raw: CountedBytes, name: str, before: int) -> Iterator[Block]:
        as_it_comes = self.as_it_comes and self._has_stream
        pieces = unpacked_pieces(raw, name, self.block_size, as_it_comes=as_it_comes)
        if self.encoding != "utf-8":
            pieces = to_utf8(pieces, name, self.encoding, self.errors)
        return cut_blocks(pieces, name, self.block_size, lambda: before + raw.count)


def _open(file: str) -> CountedBytes:
    if file == STANDARD_INPUT:
        if sys.stdin is None:
            raise TextError("cannot read standard input: it is closed; name a file")
        return CountedBytes(sys.stdin.buffer, borrowed=True)
    with contextlib.ExitStack() as cleanup:
        opened = cleanup.enter_context(open(file, "rb", buffering=0))
        raw = CountedBytes(opened)  # reads a little, which may fail
        cleanup.pop_all()
    return raw
