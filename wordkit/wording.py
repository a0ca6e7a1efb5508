"""Numbers in messages."""

from __future__ import annotations

from numbers import Integral

__all__ = ["counted"]


def counted(number: float, noun: str) -> str:
    """A number with its noun: 1 word, 2,000 words, 2.5 epochs."""
    shown = f"{number:,}" if isinstance(number, Integral) else f"{number:g}"
    return f"{shown} {noun}{'' if number == 1 else 's'}"
