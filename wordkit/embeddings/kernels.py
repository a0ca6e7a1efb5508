"""Compiled loops that read and write vectors as text.

They handle the rows that are plainly right, which are nearly all, and leave the others to
:mod:`wordkit.embeddings.formats.text_rows`. R is the number of rows, D of dimensions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.kernels.jit import njit

__all__ = ["CHARACTERS", "LEFT", "TAKEN", "format_rows", "parse_rows"]

_SPACE, _BREAK, _RETURN, _PLUS, _MINUS, _POINT, _ZERO = 32, 10, 13, 43, 45, 46, 48
_POWERS = np.array([10.0**i for i in range(65)])
_EXACT_POWER = 22  # up to here a power of ten is a double without rounding
_EXACT_MANTISSA = 1 << 53
_DIGITS = 18  # as many fit into an int64
_MARGIN = 2.0**-50  # four roundings of a double, where three at most can have happened
_MAX_FLOAT32 = float(np.finfo(np.float32).max)

_A_NUMBER, _NO_NUMBER, _UNSURE = 0, 1, 2

TAKEN = 0
"""Mark of a row that is in the answer."""

LEFT = 1
"""Mark of a row that the kernel left aside: blank, wrong, or hard to read."""

CHARACTERS = 16
"""Maximum characters that :func:`format_rows` writes for a value and its separator."""


@njit(nogil=True, cache=True, error_model="numpy")
def _scaled(mantissa: int, exponent: int) -> Any:
    """mantissa · 10^exponent, rounded at most three times; |exponent| < 65."""
    if exponent < 0:
        return float(mantissa) / _POWERS[-exponent]
    return float(mantissa) * _POWERS[exponent]


@njit(nogil=True, cache=True, error_model="numpy")
def _parse_number(text: Any, pos: int, end: int) -> Any:
    """Parse a number at ``pos``; return its status, its value, and where it ends.

    The value is what Python's float() and a cast to float32 would give. With at most 2^53 as
    mantissa and 22 as exponent, one product or quotient of doubles is the correctly rounded
    number (Clinger 1990, section 2). Otherwise the double may be off by a few roundings: the
    answer stands when a little more and a little less round to the same float32.
    """
    negative = False
    if pos < end and (text[pos] == _MINUS or text[pos] == _PLUS):
        negative = text[pos] == _MINUS
        pos += 1
    mantissa, digits, seen, exponent, cut = 0, 0, 0, 0, False
    point = False
    while pos < end:
        byte = int(text[pos])
        digit = byte - _ZERO
        if 0 <= digit <= 9:
            seen += 1
            if digits < _DIGITS:
                mantissa = mantissa * 10 + digit
                digits += mantissa > 0
                exponent -= point
            else:
                cut = True
                exponent += not point
        elif byte == _POINT and not point:
            point = True
        else:
            break
        pos += 1
    if seen == 0:
        return _NO_NUMBER, np.float32(0), pos
    if pos < end and (text[pos] | 32) == 101:  # e or E
        pos += 1
        sign = 1
        if pos < end and (text[pos] == _MINUS or text[pos] == _PLUS):
            sign = -1 if text[pos] == _MINUS else 1
            pos += 1
        start, power = pos, 0
        while pos < end and 0 <= int(text[pos]) - _ZERO <= 9:
            power = min(power * 10 + int(text[pos]) - _ZERO, 99999)
            pos += 1
        if pos == start:
            return _NO_NUMBER, np.float32(0), pos
        exponent += sign * power
    if pos < end and text[pos] != _SPACE and text[pos] != _BREAK and text[pos] != _RETURN:
        return _NO_NUMBER, np.float32(0), pos
    if mantissa == 0:
        return _A_NUMBER, np.float32(-0.0 if negative else 0.0), pos
    if abs(exponent) >= len(_POWERS):
        return _UNSURE, np.float32(0), pos
    value = _scaled(mantissa, exponent)
    exact = not cut and mantissa <= _EXACT_MANTISSA and abs(exponent) <= _EXACT_POWER
    if not exact and np.float32(value * (1 - _MARGIN)) != np.float32(value * (1 + _MARGIN)):
        return _UNSURE, np.float32(0), pos
    single = np.float32(-value if negative else value)
    if not abs(single) <= _MAX_FLOAT32:
        return _UNSURE, np.float32(0), pos
    return _A_NUMBER, single, pos


@njit(nogil=True, cache=True, error_model="numpy")
def parse_rows(
    text: Any, pos: int, end: int, values: Any, words: Any, marks: Any, spans: Any
) -> Any:
    """Read rows until the text or the room for them ends.

    Args:
        text: bytes.
        pos: where the first row begins.
        end: where the last row ends.
        values: shape (R, D), float32; takes the numbers.
        words: takes the words, each with a line break after it; that of a row left aside is
            empty.
        marks: shape (R,); takes TAKEN or LEFT for each row.
        spans: shape (R, 2); takes begin and end of each row.

    Returns:
        The number of rows, the number of bytes of words, and where the next row begins.
    """
    room, dim = values.shape
    row, used = 0, 0
    while pos < end and row < room:
        start = pos
        while pos < end and text[pos] == _SPACE:
            pos += 1
        if pos < end and text[pos] == _RETURN and (pos + 1 == end or text[pos + 1] == _BREAK):
            pos += 1
        if pos >= end or text[pos] == _BREAK:  # a blank line
            pos += 1
            continue
        first, last = pos, pos
        while pos < end and text[pos] != _SPACE and text[pos] != _BREAK:
            pos += 1
        last = pos
        count, fine = 0, True
        while fine and pos < end and text[pos] != _BREAK:
            if text[pos] == _SPACE:
                pos += 1
                continue
            if text[pos] == _RETURN:  # only the end of a line may follow
                while pos < end and (text[pos] == _RETURN or text[pos] == _SPACE):
                    pos += 1
                fine = pos == end or text[pos] == _BREAK
                continue
            token = pos
            kind, value, pos = _parse_number(text, pos, end)
            if kind == _A_NUMBER:
                if count < dim:
                    values[row, count] = value
                count += 1
            elif kind == _NO_NUMBER:  # then all before it, and itself, belongs to the word
                lower = text[token] | 32
                fine = lower != 105 and lower != 110 and text[token] != _PLUS
                fine = fine and text[token] != _MINUS  # nan and inf are numbers elsewhere
                while pos < end and text[pos] != _SPACE and text[pos] != _BREAK:
                    pos += 1
                last, count = pos, 0
            else:
                fine = False
        while pos < end and text[pos] != _BREAK:
            pos += 1
        spans[row, 0], spans[row, 1] = start, pos
        if fine and count == dim:
            marks[row] = TAKEN
            for i in range(first, last):
                words[used] = text[i]
                used += 1
        else:
            marks[row] = LEFT
        words[used] = _BREAK
        used += 1
        row += 1
        pos += 1
    return row, used, pos


@njit(nogil=True, cache=True, error_model="numpy")
def _shortest(size: float) -> Any:
    """The fewest digits, at least 6, that give a float32 back: mantissa and exponent of ten.

    A float32 read from up to 6 digits gets these back; 9 digits always suffice.
    """
    power = math.floor(math.log10(size))
    for digits in range(6, 10):
        exponent = power + 1 - digits
        if exponent < 0:
            mantissa = int(np.rint(size * _POWERS[-exponent]))
        else:
            mantissa = int(np.rint(size / _POWERS[exponent]))
        if np.float32(_scaled(mantissa, exponent)) == np.float32(size):
            while mantissa % 10 == 0:
                mantissa //= 10
                exponent += 1
            return mantissa, exponent
    return 0, 0


@njit(nogil=True, cache=True, error_model="numpy")
def _write_digits(number: int, min_digits: int, out: Any, pos: int) -> int:
    """Write a whole number with at least ``min_digits`` digits; return where it ends."""
    digits, rest = 1, number // 10
    while rest > 0:
        digits += 1
        rest //= 10
    digits = max(digits, min_digits)
    for i in range(digits):
        out[pos + digits - 1 - i] = _ZERO + number % 10
        number //= 10
    return pos + digits


@njit(nogil=True, cache=True, error_model="numpy")
def _write_number(value: float, out: Any, pos: int) -> int:
    """Write a float32 in the digits of NumPy; return where it ends, or -1 where it is left out."""
    if math.copysign(1.0, value) < 0:
        out[pos] = _MINUS
        pos += 1
        value = -value
    if value == 0:
        mantissa, exponent = 0, -1
    elif 1e-12 <= value < 1e8:
        mantissa, exponent = _shortest(value)
        if mantissa == 0:
            return -1
    else:
        return -1
    if value < 1e-4 and value > 0:  # 1.5e-05
        digits, rest = 1, mantissa // 10
        power = 1
        while rest > 0:
            digits += 1
            rest //= 10
            power *= 10
        pos = _write_digits(mantissa // power, 1, out, pos)
        if digits > 1:
            out[pos] = _POINT
            pos = _write_digits(mantissa % power, digits - 1, out, pos + 1)
        out[pos], out[pos + 1] = 101, _MINUS
        return _write_digits(-(exponent + digits - 1), 2, out, pos + 2)
    if exponent >= 0:  # a whole number, written with a point: see the grammar of rows
        mantissa, exponent = mantissa * int(_POWERS[exponent]) * 10, -1
    power = int(_POWERS[-exponent])
    pos = _write_digits(mantissa // power, 1, out, pos)
    out[pos] = _POINT
    return _write_digits(mantissa % power, -exponent, out, pos + 1)


@njit(nogil=True, cache=True, error_model="numpy")
def format_rows(
    values: npt.NDArray[np.float32], row: int, words: Any, offset: int, out: Any, pos: int
) -> Any:
    """Write rows as text until all are done or one has to be left aside.

    Args:
        values: shape (R, D).
        row: the first row to write.
        words: the words of all rows, UTF-8, each with a line break after it.
        offset: where the word of the first row begins.
        out: takes the text; must have room for the words and CHARACTERS for each value.
        pos: where to begin in it.

    Returns:
        The next row (R when all are done), where its word begins, and where the text ends.
    """
    while row < len(values):
        start, i = pos, offset
        while words[i] != _BREAK:
            out[pos] = words[i]
            pos += 1
            i += 1
        for value in values[row]:
            out[pos] = _SPACE
            pos = _write_number(float(value), out, pos + 1)
            if pos < 0:
                return row, offset, start
        out[pos] = _BREAK
        pos += 1
        offset = i + 1
        row += 1
    return row, offset, pos
