"""Universal newlines in streams of bytes: a lone carriage return ends a line too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

__all__ = ["universal_newlines", "with_universal_newlines"]


def universal_newlines(data: bytes) -> bytes:
    r"""Return text of the same length with ``\n`` for each ``\r`` that no ``\n`` follows."""
    if b"\r" not in data:
        return data
    text = np.frombuffer(data, np.uint8)
    returns = np.flatnonzero(text == ord("\r"))
    lone = returns[text.take(returns + 1, mode="clip") != ord("\n")]
    if not len(lone):
        return data
    text = text.copy()
    text[lone] = ord("\n")
    return text.tobytes()


def with_universal_newlines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a text that comes in pieces with :func:`universal_newlines`."""
    held = b""  # a carriage return whose line feed may come with the next piece
    for piece in pieces:
        text = held + piece if held else piece
        held = b"\r" if text.endswith(b"\r") else b""
        if text := text[:-1] if held else text:
            yield universal_newlines(text)
    if held:
        yield b"\n"
