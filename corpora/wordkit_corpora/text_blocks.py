"""The decoding of files to blocks of UTF-8 text."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterable, Iterator

from wordkit.errors import ConfigError, TextError
from wordkit.storage.newlines import with_universal_newlines
from wordkit.text.blocks import Block

__all__ = ["MAX_RUN_BYTES", "canonical_encoding", "cut_blocks", "to_utf8"]

MAX_RUN_BYTES = 64 << 20
"""Bytes without any white space after which a source does not count as text."""

_WIDE_BOMS = {  # the longer ones first: that of UTF-16 begins that of UTF-32
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def canonical_encoding(encoding: str) -> str:
    """Return Python's own name of an encoding ("utf-8" for "UTF8"; "utf-8" also with a BOM).

    Raises:
        ConfigError: Python knows no such text encoding.
    """
    try:
        name = codecs.lookup(encoding).name
        io.TextIOWrapper(io.BytesIO(), encoding=name)  # refuses codecs that are not for text
    except (LookupError, ValueError) as error:
        raise ConfigError(
            f"encoding must be one that Python knows (utf-8, latin-1, cp1252, utf-16, …), "
            f"not {encoding!r}"
        ) from error
    return "utf-8" if name == "utf-8-sig" else name


def to_utf8(pieces: Iterable[bytes], name: str, encoding: str, errors: str) -> Iterator[bytes]:
    """Yield the same text in UTF-8, piece by piece.

    Args:
        pieces: the text as it is in its file.
        name: the file, for messages.
        encoding: what the pieces are encoded in.
        errors: "strict", or "replace" to put U+FFFD for what cannot be decoded.

    Raises:
        TextError: the bytes are not of this encoding; it names line and byte.
    """
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(encoding)(errors), translate=True
    )  # for the numbers of lines
    offset, line = 0, 1
    source = iter(pieces)
    is_last = False
    while not is_last:
        piece = next(source, b"")
        is_last = not piece
        state = decoder.getstate()
        try:
            text = decoder.decode(piece, is_last)
            encoded = text.encode("utf-8", errors)
        except UnicodeDecodeError as error:
            # the decoder had kept the first bytes of error.object from earlier pieces
            bad = len(piece) - len(error.object) + error.start
            decoder.setstate(state)
            try:
                line += decoder.decode(piece[: max(bad, 0)]).count("\n")
            except UnicodeError as no_mark:  # which is looked for after the first error
                raise TextError(_undecodable(name, encoding, offset, no_mark)) from no_mark
            found = error.object[error.start : error.start + 1].hex()
            raise TextError(
                f"{name}: line {line}, byte {offset + bad}: not {encoding} (0x{found}: "
                f"{error.reason}); name the right encoding, or read it with errors replace"
            ) from error
        except UnicodeError as error:
            raise TextError(_undecodable(name, encoding, offset, error)) from error
        offset += len(piece)
        line += text.count("\n")
        if encoded:
            yield encoded


def _undecodable(name: str, encoding: str, byte: int, error: UnicodeError) -> str:
    """The message for an error without a position."""
    if encoding in ("utf-16", "utf-32"):  # Python's decoders want a byte order mark
        return (
            f"{name}: no byte order mark, which {encoding} needs; give encoding {encoding}-le "
            f"or {encoding}-be"
        )
    return f"{name}: near byte {byte}: not {encoding} ({error}); name the right encoding"


def cut_blocks(
    pieces: Iterable[bytes],
    source: str,
    block_size: int,
    progress: Callable[[], int],
    line: int = 1,
    offset: int = 0,
) -> Iterator[Block]:
    """Cut one text into blocks, in memory that does not grow with its lines.

    A block ends at the last line end of the piece read, or, inside a line longer than
    ``block_size``, after white space. The first piece loses its byte order mark, a lone carriage
    return becomes a line end, and the last line gets one if it has none.

    Args:
        pieces: the text in UTF-8; the first piece has all of its byte order mark, if it has one.
        source: where it comes from, for messages.
        block_size: bytes above which a line is cut.
        progress: gives :attr:`Block.progress` when a block is ready.
        line, offset: number of the first line, and position of the first byte, where the text is
            a part of its file; only at 0 has it a byte order mark.

    Raises:
        TextError: the text holds a NUL byte or no white space for too long, or is UTF-16.
    """
    held: list[bytes] = []  # read, and without a white space to cut at
    held_size = run = 0  # run: bytes since the last white space; line, offset: of the first held
    is_line_open = False  # whether the blocks so far end within a line

    def block(end: bytes) -> Block:
        nonlocal held_size, run, line, offset, is_line_open
        made = Block(b"".join([*held, end]), source, line, offset, progress())
        held.clear()
        held_size = run = 0
        line += made.data.count(b"\n")
        offset += len(made.data)
        is_line_open = made.open_ended
        return made

    for number, piece in enumerate(with_universal_newlines(pieces)):
        text = piece
        if number == offset == 0:
            text = _without_bom(piece, source)
            offset = len(piece) - len(text)
        if (nul := text.find(0)) >= 0:
            raise TextError(
                f"{source}: line {line + text.count(10, 0, nul)}, byte "
                f"{offset + held_size + nul}: a NUL byte, which no text holds; it looks binary, "
                "or is UTF-16: name a text file, give encoding utf-16-le, or remove such bytes "
                r"(tr -d '\000')"
            )
        end = text.rfind(b"\n") + 1
        if end == 0 and held_size + len(text) >= block_size:
            end = _last_blank(text) + 1
        if end:
            yield block(text[:end])
        rest = text[end:]
        blank = _last_blank(rest)
        run = len(rest) - 1 - blank if blank >= 0 else run + len(rest)
        if run > MAX_RUN_BYTES:
            raise TextError(
                f"{source}: line {line}, byte {offset}: {MAX_RUN_BYTES >> 20} MiB without any "
                "white space do not look like text; put spaces between the words first"
            )
        if rest:
            held.append(rest)
            held_size += len(rest)
    if held or is_line_open:
        yield block(b"\n")


def _without_bom(text: bytes, source: str) -> bytes:
    for mark, encoding in _WIDE_BOMS.items():
        if text.startswith(mark):
            raise TextError(f"{source} is not UTF-8; read it with encoding {encoding}")
    return text.removeprefix(codecs.BOM_UTF8)


def _last_blank(text: bytes) -> int:
    """The index of the last white space, −1 for none; never inside a character of UTF-8."""
    return max(text.rfind(blank) for blank in (b" ", b"\t", b"\r", b"\v", b"\f"))
