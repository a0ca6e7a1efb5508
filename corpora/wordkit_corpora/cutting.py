"""A stream of bytes, cut into blocks at line ends, in memory that does not grow with its lines."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator

from wordkit.errors import TextError
from wordkit.text.blocks import Block

__all__ = ["LONGEST_RUN", "cut_blocks"]

LONGEST_RUN = 64 << 20
"""Bytes without any white space after which a source does not count as text."""

_WIDE_BOMS = {  # the longer ones first: that of UTF-16 begins that of UTF-32
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def cut_blocks(
    pieces: Iterable[bytes], source: str, block_size: int, progress: Callable[[], int]
) -> Iterator[Block]:
    """Cut one text into blocks.

    A block ends at the last line end of the piece read, or, inside a line longer than
    ``block_size``, behind white space. The first piece loses its byte order mark, and the last
    line gets a line end if it has none.

    Args:
        pieces: the text in UTF-8; the first piece has all of its byte order mark, if it has one.
        source: where it comes from, for messages.
        block_size: bytes above which a line is cut.
        progress: gives :attr:`Block.progress` when a block is ready.

    Raises:
        TextError: the text holds a NUL byte or no white space for too long, or is UTF-16.
    """
    cutter = _Cutter(source, progress)
    for number, piece in enumerate(pieces):
        text = cutter.without_mark(piece) if number == 0 else piece
        cutter.check(text)
        end = text.rfind(b"\n") + 1
        if end == 0 and cutter.held_size + len(text) >= block_size:
            end = _last_blank(text) + 1
        if end:
            yield cutter.block(text[:end])
        cutter.hold(text[end:])
    if cutter.held_size or not cutter.ended:
        yield cutter.block(b"\n")


def _last_blank(text: bytes) -> int:
    """The place of the last white space, -1 for none; never inside a character of UTF-8."""
    return max(text.rfind(blank) for blank in (b" ", b"\t", b"\r", b"\v", b"\f"))


class _Cutter:
    """Holds what is read but not yet handed out, and knows where in the source it stands."""

    def __init__(self, source: str, progress: Callable[[], int]) -> None:
        self._source = source
        self._progress = progress
        self._held: list[bytes] = []
        self.held_size = 0
        self._run = 0  # bytes since the last white space
        self._line = 1  # of the first byte held
        self._offset = 0
        self.ended = True  # whether the blocks so far end a line

    def without_mark(self, text: bytes) -> bytes:
        """The first piece without its byte order mark."""
        for mark, encoding in _WIDE_BOMS.items():
            if text.startswith(mark):
                raise TextError(f"{self._source} is not UTF-8; read it with --encoding {encoding}")
        if text.startswith(codecs.BOM_UTF8):
            self._offset = len(codecs.BOM_UTF8)
            return text[self._offset :]
        return text

    def check(self, text: bytes) -> None:
        """Refuse what text never holds."""
        place = text.find(0)
        if place < 0:
            return
        line = self._line + text.count(b"\n", 0, place)
        byte = self._offset + self.held_size + place
        raise TextError(
            f"{self._source}: line {line}, byte {byte}: a NUL byte, which no text holds; it looks "
            "binary, or is UTF-16: name a text file, or give --encoding utf-16-le"
        )

    def hold(self, text: bytes) -> None:
        """Keep bytes without a line end for the next block."""
        blank = _last_blank(text)
        self._run = len(text) - 1 - blank if blank >= 0 else self._run + len(text)
        if self._run > LONGEST_RUN:
            raise TextError(
                f"{self._source}: line {self._line}, byte {self._offset}: {LONGEST_RUN >> 20} MiB "
                "without any white space do not look like text; put spaces between the words first"
            )
        if text:
            self._held.append(text)
            self.held_size += len(text)

    def block(self, end: bytes) -> Block:
        """The block of all bytes held and these."""
        data = b"".join([*self._held, end])
        made = Block(data, self._source, self._line, self._offset, self._progress())
        self._held, self.held_size, self._run = [], 0, 0
        self._line += data.count(b"\n")
        self._offset += len(data)
        self.ended = data.endswith(b"\n")
        return made
