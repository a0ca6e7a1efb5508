"""Standard streams that may fail: a full disk, a closed terminal, a pipe that nobody reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TextIO, cast

__all__ = ["messages", "on_failure"]


class _Stream:
    """A text stream whose errors go to a function; what it does not raise is forgotten."""

    def __init__(self, stream: TextIO, failed: Callable[[Exception], object]) -> None:
        self._stream, self._failed = stream, failed

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except (OSError, ValueError) as error:
            self._failed(error)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._failed(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def on_failure(stream: TextIO, failed: Callable[[Exception], object]) -> TextIO:
    """Return a text stream whose errors go to a function, which may raise them."""
    return cast(TextIO, _Stream(stream, failed))


def messages() -> TextIO:
    """Return standard error for messages, which are lost where it cannot be written."""
    stream = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives on
    return on_failure(stream, lambda error: None)
