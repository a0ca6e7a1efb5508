"""Blocks: how text travels from a reader to the scanner.

A reader (files, standard input, a named corpus) hands out its text as blocks of bytes, so that
memory does not grow with the text. Lines are the units that windows do not cross.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Block", "TextSource"]


@dataclass(frozen=True)
class Block:
    """A piece of UTF-8 text that ends at a line end, or at white space inside a very long line."""

    data: bytes
    """The text. Not yet checked to be valid UTF-8: the scanner does that as it reads."""

    source: str
    """Where it comes from, for messages: a path, or "standard input"."""

    line: int = 1
    """The number, from 1, of the line that the first byte lies in."""

    offset: int = 0
    """The place of the first byte in its (unpacked) source."""

    progress: int = 0
    """Bytes read from the disk so far over all sources, this block included."""

    @property
    def open_ended(self) -> bool:
        """Whether the last line goes on in the next block of the same source."""
        return not self.data.endswith(b"\n")


class TextSource(Protocol):
    """Text that can be read block by block, from the start at each call of :meth:`blocks`."""

    @property
    def name(self) -> str:
        """What is read, for messages and records."""

    @property
    def size(self) -> int | None:
        """Bytes on the disk, as :attr:`Block.progress` counts them; None where unknown."""

    @property
    def replace_errors(self) -> bool:
        """Whether bytes that are not UTF-8 become U+FFFD instead of ending in an error."""

    def blocks(self) -> Iterator[Block]:
        """The text from its start. The last block of each file ends its last line."""
