"""Unicode normalization: equal spellings of the same characters become one.

After Unicode Standard Annex #15, by Python's :mod:`unicodedata`.
"""

from __future__ import annotations

import unicodedata
from typing import Literal, TypeAlias

__all__ = ["Case", "Normalization", "normalized"]

Case: TypeAlias = Literal["keep", "lower"]
"""The case of letters: as it is, or lower."""

Normalization: TypeAlias = Literal["nfc", "nfkc", "none"]
"""``nfc``: canonically equal spellings are one (é as one or as two code points); ``nfkc``:
compatible ones too (ﬁ and fi, ½ and 1⁄2); ``none``: text stays as it is."""


def normalized(text: str, form: Normalization) -> str:
    """Return a text in a normal form."""
    if form == "none" or text.isascii():
        return text
    return unicodedata.normalize("NFC" if form == "nfc" else "NFKC", text)
