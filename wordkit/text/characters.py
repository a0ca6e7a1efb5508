"""The classes of characters of the tokenizers and the scanner.

All follow from the general category that Unicode gives each code point, in the version of Unicode
that comes with Python.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.text.normalization import Normalization, normalized

__all__ = [
    "BYTE_ORDER_MARK",
    "FOLDED",
    "JOINERS",
    "KEYCAP",
    "POINTS",
    "REGIONAL_INDICATORS",
    "SOFT_HYPHEN",
    "TAGS",
    "TONES",
    "ZERO_WIDTH_JOINER",
    "as_ranges",
    "decimal_digits",
    "hard_characters",
    "in_categories",
    "invisible_characters",
    "lower_case",
    "marks",
    "unsettled_characters",
    "word_characters",
]

SOFT_HYPHEN = "\u00ad"
FOLDED = {"’": "'", "‐": "-", "‑": "-"}
"""Typographic forms of the characters inside words, and their plain forms."""
JOINERS = "'-"
"""Characters that stay inside a word between two word characters."""
POINTS = ".,"
"""Characters that stay inside a number between two digits."""

BYTE_ORDER_MARK = "\ufeff"
ZERO_WIDTH_JOINER = 0x200D
KEYCAP = 0x20E3
"""The mark that makes a key of a digit, # or *."""
REGIONAL_INDICATORS = range(0x1F1E6, 0x1F200)
"""Letters of which two make a flag."""
TONES = range(0x1F3FB, 0x1F400)
"""The skin tones, which change the emoji before them."""
TAGS = range(0xE0020, 0xE0080)
"""Invisible letters that name the region of a flag after it."""

_POINTS = 0x110000
_ASSIGNED = (range(0x40000), range(0xE0000, 0xE1000))  # where Unicode assigns characters
_PRIVATE_PLANES = (0xF0000, 0x100000)  # the starts of those for private use
_CASED = 0x20000  # where lower case differs, the code point is below
_CONTINUING = (0x200C, ZERO_WIDTH_JOINER)  # parts of words in many scripts

Mask = npt.NDArray[np.bool_]


def _text(points: npt.NDArray[np.integer[Any]]) -> str:
    """Return code points as a text."""
    return points.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


@cache
def _categories() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the two letters of the general category of each code point; of letters only the L."""
    pairs = np.empty((2, _POINTS), dtype=np.uint8)
    pairs[:] = [[ord("C")], [ord("n")]]
    for plane in _PRIVATE_PLANES:
        pairs[1, plane : plane + 0xFFFE] = ord("o")
    for each in _ASSIGNED:
        points = np.arange(each.start, each.stop, dtype=np.uint32)
        # most are letters, which this finds without a call for each
        others = ~np.char.isalpha(points.view("U1"))
        letters = "".join(map(unicodedata.category, _text(points[others]))).encode("ascii")
        part = pairs[:, each.start : each.stop]
        part[0] = ord("L")
        part[:, others] = np.frombuffer(letters, dtype=np.uint8).reshape(-1, 2).T
    return pairs[0], pairs[1]


def in_categories(*names: str) -> Mask:
    """Return a mask, by code point, of those in general categories, such as ``L`` or ``Nd``."""
    major, minor = _categories()
    mask = np.zeros(_POINTS, dtype=bool)
    for name in names:
        found = major == ord(name[0])
        if len(name) > 1:
            found &= minor == ord(name[1])
        mask |= found
    return mask


@cache
def word_characters() -> Mask:
    """Return a mask, by code point, of those in words: letters, marks, numbers, the underscore."""
    mask = in_categories("L", "M", "N")
    mask[ord("_")] = True
    mask[list(_CONTINUING)] = True
    return mask


@cache
def marks() -> Mask:
    """Return a mask, by code point, of those that belong to the character before them.

    Accents, vowel signs, variation selectors, and the zero-width joiners.
    """
    mask = in_categories("M")
    mask[list(_CONTINUING)] = True
    return mask


@cache
def invisible_characters() -> Mask:
    """Return a mask, by code point, of separators: white space, controls, unassigned."""
    return in_categories("Z", "Cc", "Cf", "Cs", "Cn") & ~word_characters()


@cache
def decimal_digits() -> Mask:
    """Return a mask, by code point, of the decimal digits of all scripts."""
    return in_categories("Nd")


@cache
def hard_characters() -> Mask:
    """Return a mask, by code point, of those whose token depends on more than their neighbours."""
    mask = np.zeros(_POINTS, dtype=bool)
    # İ alone becomes two code points; Σ is ς at the end of a word; the Kelvin sign becomes ASCII
    mask[[ord("İ"), ord("Σ"), ord("\N{KELVIN SIGN}")]] = True
    mask[[ord(SOFT_HYPHEN), ord(BYTE_ORDER_MARK)]] = True  # they vanish
    mask[[KEYCAP, *REGIONAL_INDICATORS, *TONES, *TAGS]] = True  # parts of emoji
    return mask


@cache
def lower_case() -> npt.NDArray[np.int32]:
    """Return the lower case of each code point (a hard character is its own)."""
    lower = np.arange(_POINTS, dtype=np.int32)
    easy = np.flatnonzero(~hard_characters()[:_CASED])
    text = _text(easy).lower().encode("utf-32-le", "surrogatepass")
    lower[easy] = np.frombuffer(text, dtype="<i4")
    return lower


def as_ranges(mask: Mask) -> str:
    """Return the code points of a mask as ranges for a character class of :mod:`re`."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    # as characters, which re reads faster than their escape sequences
    return "".join(f"{re.escape(chr(start))}-{re.escape(chr(end - 1))}" for start, end in pairs)


_JAMO = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))  # vowels and finals: part of a syllable


@cache
def unsettled_characters(form: Normalization) -> npt.NDArray[np.bool_]:
    """Return a mask, by code point, of those that text in the normal form may lack or reorder.

    Text without them is in the normal form.
    """
    mask = np.zeros(0x110000, dtype=bool)
    if form == "none":
        return mask
    mask[list(_JAMO)] = True
    for character in _text(np.flatnonzero(in_categories("M"))):
        mask[ord(character)] = unicodedata.combining(character) > 0
    text = _text(np.arange(_ASSIGNED[0].stop, dtype=np.uint32))
    runs = (text[i : i + 64] for i in range(0, len(text), 64))
    composed = "".join(run for run in runs if not unicodedata.is_normalized("NFKD", run))
    for character in filter(unicodedata.decomposition, composed):
        parts = unicodedata.decomposition(character).split()
        if not parts[0].startswith("<"):
            for part in parts[1:]:
                mask[int(part, 16)] = True
        if normalized(character, form) != character:
            mask[ord(character)] = True
    return mask
