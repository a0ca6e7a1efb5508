"""The grammar of a text row: a word, then D numbers, told apart from the right.

A row is split at spaces (0x20) and nothing else, so that words may hold no-break spaces, line
separators and even spaces. What is left of the last D numbers is the word. One case is decided
here: in ``catch 22 0.5 0.25`` with D = 2 the word is ``catch 22``, but in ``catch 2.2 0.5 0.25``
there is one value too many. A number before the values belongs to the word only when it is
written in another manner than they are: whole, where the first value has a point or an exponent.

These functions are the plain form of the kernels in :mod:`wordkit.embeddings.kernels`, which read
and write nearly all rows; what the kernels leave aside comes here, and so do all error messages.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

__all__ = ["RowError", "count_values", "format_values", "is_number", "parse_row", "word_fault"]

_NUMBER = re.compile(
    rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|nan|inf|infinity)", re.IGNORECASE
)
_WHOLE = re.compile(rb"[+-]?[0-9]+")


class RowError(ValueError):
    """What is wrong with a row, in words that go on after "line 7"."""


def is_number(token: bytes) -> bool:
    """Whether a token is a decimal number (or nan, or inf)."""
    return _NUMBER.fullmatch(token) is not None


def parse_row(row: bytes, dim: int) -> tuple[bytes, npt.NDArray[np.float32]] | None:
    """The word and the values of a row, or None where the row is blank.

    Args:
        row: one line; spaces and a carriage return at its end do not count.
        dim: D, the number of values.

    Raises:
        RowError: it is no word with D finite numbers behind it.
    """
    tokens = row.rstrip(b" \r\n").split(b" ")
    if tokens == [b""]:
        return None
    values: list[bytes] = []
    while tokens and len(values) < dim:
        token = tokens.pop()
        if token:  # there may be several spaces between two values
            values.append(token)
    word = b" ".join(tokens).strip(b" ")
    for token in reversed(values):
        if not is_number(token):
            raise RowError(_wrong_count(row, dim) or f"{_shown(token)} is not a number")
    if not word:
        raise RowError(_wrong_count(row, dim) or "there is no word before the numbers")
    if len(values) < dim or _ends_in_value(word, values[-1]):
        raise RowError(_wrong_count(row, dim) or f"there are more than {dim} numbers")
    with np.errstate(over="ignore"):
        numbers = np.array([float(token) for token in reversed(values)]).astype(np.float32)
    if not np.isfinite(numbers).all():
        token = values[::-1][int(np.argmin(np.isfinite(numbers)))]
        raise RowError(f"{_shown(token)} is not a finite number of 32 bits")
    return word, numbers


def count_values(row: bytes) -> int:
    """How many values a row has that nothing announces: all numbers at its end, but no first one.

    A file without a header has the dimension of its first row, whose word must therefore not end
    in a number of its own.
    """
    tokens = [token for token in row.strip(b" \r\n").split(b" ") if token]
    count = 0
    for token in reversed(tokens[1:]):
        if not is_number(token):
            break
        count += 1
    return count


def word_fault(word: bytes) -> str | None:
    """Why a text row cannot hold this word and give it back, or None where it can."""
    if word.strip(b" ") != word:
        return "begins or ends with a space"
    if b" " in word and _ends_in_value(word, b"0.5"):
        return "ends in a number that would be read as a value"
    return None


def format_values(values: npt.NDArray[np.float32]) -> bytes:
    """The values, separated by spaces, in the fewest digits that give the same float32 back."""
    return " ".join(map(str, values)).encode()


def _ends_in_value(word: bytes, first_value: bytes) -> bool:
    """Whether the last token of a word of several tokens is written as the values are."""
    _, space, last = word.rpartition(b" ")
    if not space or not is_number(last):
        return False
    return not (_WHOLE.fullmatch(last) and not _WHOLE.fullmatch(first_value))


def _wrong_count(row: bytes, dim: int) -> str | None:
    found = count_values(row)
    if found == dim:
        return None
    return f"{dim} numbers should follow the word, but {found} do"


def _shown(token: bytes) -> str:
    text = token.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= 20 else text[:20] + "…")
