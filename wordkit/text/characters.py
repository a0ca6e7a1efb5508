"""The classes of characters of the tokenizers and the scanner.

All follow from the general category that Unicode gives each code point, in the version of Unicode
that comes with Python.
"""

from __future__ import annotations

import unicodedata
from functools import cache

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
_CONTINUING = (0x200C, ZERO_WIDTH_JOINER)  # parts of words in many scripts

Mask = npt.NDArray[np.bool_]


@cache
def _categories() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The two letters of the general category of each code point."""
    text = "".join(map(chr, range(_POINTS)))
    letters = "".join(map(unicodedata.category, text)).encode("ascii")
    pairs = np.frombuffer(letters, dtype=np.uint8).reshape(_POINTS, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def in_categories(*names: str) -> Mask:
    """Return a mask, by code point, of those in general categories, such as ``L`` or ``Nd``."""
    major, minor = _categories()
    mask = np.zeros(_POINTS, dtype=bool)
    for name in names:
        mask |= (major == ord(name[0])) & ((minor == ord(name[1])) if len(name) > 1 else True)
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
    easy = np.flatnonzero(~hard_characters() & ~in_categories("Cs"))
    text = easy.astype("<u4").tobytes().decode("utf-32-le").lower()
    lower[easy] = np.frombuffer(text.encode("utf-32-le"), dtype="<i4")
    return lower


def as_ranges(mask: Mask) -> str:
    """Return the code points of a mask as ranges for a character class of :mod:`re`."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return "".join(f"\\U{start:08x}-\\U{end - 1:08x}" for start, end in pairs)


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
    for point in np.flatnonzero(in_categories("M")).tolist():
        mask[point] = unicodedata.combining(chr(point)) > 0
    for point in np.flatnonzero(~in_categories("Cn", "Co", "Cs")).tolist():
        if parts := unicodedata.decomposition(chr(point)).split():
            if not parts[0].startswith("<"):
                mask[[int(part, 16) for part in parts[1:]]] = True
            mask[point] |= normalized(chr(point), form) != chr(point)
    return mask
