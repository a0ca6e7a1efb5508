"""The sizes of a text, by which models of different units can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.text.characters import unsettled_characters
from wordkit.text.normalization import Normalization, normalized

__all__ = ["TextSizes", "measure_text"]


@dataclass(frozen=True)
class TextSizes:
    """Counts of a normalized text, with ``\\n`` at each line end."""

    characters: int = 0
    """Code points, line ends among them."""

    bytes: int = 0
    """Bytes of its UTF-8 encoding."""

    words: int = 0
    """Words, separated by white space."""

    lines: int = 0
    """Line ends."""

    def __add__(self, other: TextSizes) -> TextSizes:
        return TextSizes(
            self.characters + other.characters, self.bytes + other.bytes,
            self.words + other.words, self.lines + other.lines,
        )  # fmt: skip

    def settings(self) -> dict[str, int]:
        """Return them as a corpus keeps them."""
        return {f"text_{name}": value for name, value in vars(self).items()}

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> TextSizes | None:
        """Return the sizes that a corpus keeps; None where it does not."""
        found = [settings.get(f"text_{name}") for name in cls.__dataclass_fields__]
        if not all(type(value) is int and value >= 0 for value in found):
            return None
        return cls(*found)  # type: ignore[arg-type]


def measure_text(data: bytes, form: Normalization) -> TextSizes:
    """Return the sizes of a text.

    Args:
        data: valid UTF-8, which does not end within a word.
        form: the normal form that the text is given.
    """
    sizes, unsettled = _measured(data, form)
    for start in unsettled:
        before = data[start : data.find(b"\n", start) + 1 or None]
        after = normalized(before.decode(), form).encode()
        sizes += _measured(after, "none")[0] - _measured(before, "none")[0]
    return TextSizes(*sizes.tolist())


def _measured(data: bytes, form: Normalization) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Return the sizes as they are, and where the lines begin that normalization may change."""
    from wordkit.text import kernels  # loads Numba

    lines = data.count(b"\n")
    starts = np.empty(lines + 1, np.int64)
    counted = kernels.measure(np.frombuffer(data, np.uint8), _kinds(form), starts)
    characters, words, unsettled = counted
    returns = data.count(b"\r\n") if b"\r" in data else 0  # the first look is the faster one
    sizes = np.array([characters, len(data) - returns, words, lines])
    return sizes, starts[:unsettled].tolist()


@cache
def _kinds(form: Normalization) -> npt.NDArray[np.uint8]:
    """Return the kinds of code points for the kernel."""
    kinds = 2 * unsettled_characters(form).astype(np.uint8)
    kinds[[c for c in range(0x3001) if chr(c).isspace()]] |= 1  # the last is U+3000
    return kinds
