"""Blocks of text, in which readers (files, standard input, named corpora) hand it out.

Memory does not grow with the text. Lines are the units that context windows do not cross.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from wordkit.errors import ConfigError, TextError

__all__ = [
    "Block",
    "Line",
    "TextPart",
    "TextSource",
    "changed_text",
    "line_groups_of",
    "lines_of",
    "not_utf8",
    "numbered_lines_of",
    "parts_of",
]


@dataclass(frozen=True)
class Block:
    """A piece of UTF-8 text that ends at a line end, or at white space inside a very long line."""

    data: bytes
    """The text. Not yet checked to be valid UTF-8: the scanner does that as it reads."""

    source: str
    """The file, for messages: a path, or "standard input"."""

    line: int = 1
    """Number of the line of the first byte, from 1."""

    offset: int = 0
    """The position of the first byte in its (decompressed) source."""

    progress: int = 0
    """Bytes read from the disk so far, over all sources and with this block."""

    @property
    def open_ended(self) -> bool:
        """True if the last line continues in the next block of the same source."""
        return not self.data.endswith(b"\n")


class TextSource(Protocol):
    """Text that can be read block by block, from the start at each call of :meth:`blocks`."""

    @property
    def name(self) -> str:
        """Name of the text, for messages and records."""

    @property
    def size(self) -> int | None:
        """Bytes on the disk, as :attr:`Block.progress` counts them; None where unknown."""

    @property
    def replace_errors(self) -> bool:
        """True if bytes that are not UTF-8 become U+FFFD instead of an error."""

    def blocks(self) -> Generator[Block, None, None]:
        """Return the text from its start. The last block of each file ends its last line."""


class TextPart(TextSource, Protocol):
    """A part of a text, whole lines, which can be sent to another process."""

    @property
    def is_divided(self) -> bool:
        """True for a part whose file has other parts."""

    @property
    def version(self) -> str:
        """Fingerprint: of the files as they were, the range of bytes and the encoding."""

    def changed_file(self) -> str | None:
        """Return the name of a file that has changed since the text was cut into parts."""

    def numbered(self) -> TextPart:
        """Return the same text, whose messages name lines as they are numbered in the file."""


def parts_of(source: TextSource, part_bytes: int) -> list[TextPart]:
    """Return a text of files as parts that follow each other.

    Args:
        source: the text.
        part_bytes: the size of a part, about. What cannot be divided may be larger.

    Raises:
        ConfigError: it is no text of files.
        TextError: a file cannot be read.
    """
    if not hasattr(source, "parts"):
        raise ConfigError(
            f"{source.name} is in the memory of one process; a cluster reads files: save it to one"
        )
    return list(source.parts(part_bytes))


def changed_text(name: str, remedy: str = "") -> TextError:
    """Return the error for a file that is not what it was when it was opened.

    Args:
        name: of the file.
        remedy: what else helps.
    """
    return TextError(
        f"{name} has changed while it was read; wait until it is whole, and start again{remedy}"
    )


def not_utf8(block: Block, position: int) -> TextError:
    """Return the error for bytes that are not UTF-8 at this position of a block."""
    line = block.line + block.data.count(b"\n", 0, position)
    return TextError(
        f"{block.source}: line {line}, byte {block.offset + position}: not UTF-8 "
        f"(0x{block.data[position]:02x}); name its encoding, such as encoding latin-1, or "
        "read it with errors replace"
    )


class Line(NamedTuple):
    """A line and its position."""

    text: str
    """The line without its line end."""

    source: str
    """The file, for messages: a path, or "standard input"."""

    number: int
    """Number of the line in its source, from 1."""


def lines_of(source: TextSource) -> Iterator[str]:
    """Yield all lines of a text, blank ones too, without line ends and byte order marks.

    Args:
        source: read once, as the lines are asked for.

    Raises (during iteration):
        TextError: the text cannot be read, or is not UTF-8.
    """
    with contextlib.closing(numbered_lines_of(source)) as lines:
        for line in lines:
            yield line.text


def numbered_lines_of(source: TextSource) -> Generator[Line, None, None]:
    """Yield all lines as :func:`lines_of`, each with its file and number."""
    with contextlib.closing(line_groups_of(source)) as groups:
        for group in groups:
            yield from group


def line_groups_of(source: TextSource) -> Generator[list[Line], None, None]:
    """Yield all lines as :func:`numbered_lines_of`, those that end in one block together."""
    begun: list[str] = []  # the start of a line, which may span several blocks
    with contextlib.closing(source.blocks()) as blocks:
        for block in blocks:
            try:
                text = block.data.decode(errors="replace" if source.replace_errors else "strict")
            except UnicodeDecodeError as error:
                raise not_utf8(block, error.start) from error
            *ended, last = text.replace("\ufeff", "").split("\n")
            if ended:
                ended[0] = "".join([*begun, ended[0]])
                begun = []
                numbered = enumerate(ended, block.line)
                yield [Line(line.removesuffix("\r"), block.source, n) for n, line in numbered]
            begun.append(last)
