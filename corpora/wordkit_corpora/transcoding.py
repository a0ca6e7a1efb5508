"""Text in any encoding, handed on as UTF-8."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator

from wordkit.errors import ConfigError, TextError

__all__ = ["canonical_encoding", "to_utf8"]


def canonical_encoding(encoding: str) -> str:
    """Python's own name of an encoding ("utf-8" for "UTF8"; "utf-8" also with a BOM).

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
    """The same text in UTF-8, piece by piece.

    Args:
        pieces: the text as it is in its file.
        name: the file, for messages.
        encoding: what the pieces are encoded in.
        errors: "strict", or "replace" to put U+FFFD for what cannot be decoded.

    Raises:
        TextError: the bytes are not of this encoding; it names line and byte.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    fed, line = 0, 1
    ended = False
    source = iter(pieces)
    while not ended:
        piece = next(source, b"")
        ended = not piece
        state = decoder.getstate()
        try:
            text = decoder.decode(piece, ended)
            encoded = text.encode("utf-8", errors)
        except UnicodeDecodeError as error:
            # the decoder had kept the first bytes of error.object from earlier pieces
            bad = len(piece) - len(error.object) + error.start
            decoder.setstate(state)
            try:
                line += decoder.decode(piece[: max(bad, 0)]).count("\n")
            except UnicodeError as lacking:  # the mark, which is looked for after the first error
                raise TextError(_undecodable(name, encoding, fed, lacking)) from lacking
            found = error.object[error.start : error.start + 1].hex()
            raise TextError(
                f"{name}: line {line}, byte {fed + bad}: not {encoding} (0x{found}: "
                f"{error.reason}); name the right --encoding, or go on with --errors replace"
            ) from error
        except UnicodeError as error:
            raise TextError(_undecodable(name, encoding, fed, error)) from error
        fed += len(piece)
        line += text.count("\n")
        if encoded:
            yield encoded


def _undecodable(name: str, encoding: str, byte: int, error: UnicodeError) -> str:
    """The message for an error without a place."""
    if encoding in ("utf-16", "utf-32"):  # Python's decoders want a byte order mark
        return (
            f"{name}: no byte order mark, which {encoding} needs; give --encoding {encoding}-le "
            f"or {encoding}-be"
        )
    return f"{name}: near byte {byte}: not {encoding} ({error}); name the right --encoding"
