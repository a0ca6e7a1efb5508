"""Unicode normalization: equal spellings of the same characters become one.

After Unicode Standard Annex #15, by Python's :mod:`unicodedata`.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from wordkit.text.characters import in_categories

__all__ = ["Normalization", "normalized", "unsettled_characters"]

Normalization: TypeAlias = Literal["nfc", "nfkc", "none"]
"""``nfc``: canonically equal spellings are one (é as one or as two code points); ``nfkc``:
compatible ones too (ﬁ and fi, ½ and 1⁄2); ``none``: text stays as it is."""

_JAMO = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))  # vowels and finals: part of a syllable


def normalized(text: str, form: Normalization) -> str:
    """Return a text in a normal form."""
    if form == "none" or text.isascii():
        return text
    return unicodedata.normalize("NFC" if form == "nfc" else "NFKC", text)


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
