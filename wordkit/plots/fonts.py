"""Fonts and texts of pictures: each sign that can be shown is, and none makes a formula."""

from __future__ import annotations

import os
import unicodedata
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wordkit.errors import WordkitWarning

if TYPE_CHECKING:
    from matplotlib.text import Text

__all__ = ["families", "set_plainly", "visible"]

_SIGNS_OF_SPACE = {" ": "␣", "\t": "⇥", "\n": "↵"}


def visible(unit: str) -> str:
    """A unit as it is written beside the map."""
    if unit and all(unicodedata.category(sign) == "Cf" for sign in unit):
        return " ".join(f"U+{ord(sign):04X}" for sign in unit)
    signs = []
    for sign in unit:
        if sign.isspace():
            signs.append(_SIGNS_OF_SPACE.get(sign, "␣"))
        elif unicodedata.category(sign) in ("Cc", "Cs", "Cn"):  # which no SVG may hold
            signs.append(f"U+{ord(sign):04X}")
        else:
            signs.append(sign)
    alone = unit[:1] and unicodedata.category(unit[0]).startswith("M")
    return ("◌" if alone else "") + "".join(signs)  # an accent has to stand on something


def families(text: str, path: str | os.PathLike[str], depth: int = 3) -> list[str]:
    """Names of fonts that have the signs of a text: the usual one, then others where it lacks any.

    Matplotlib itself takes what it lacks from no font but those that are named. An SVG holds the
    text alone, and whoever shows it finds a font.

    Args:
        text: all that is to be written.
        path: of the picture.
        depth: whose line of code a warning names; 3: that of the caller's caller.
    """
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    usual = FontProperties()
    lacking = set(map(ord, text)) - get_font(findfont(usual)).get_charmap().keys()
    families = list(usual.get_family())
    for entry in fontManager.ttflist if lacking else ():
        if entry.style != "normal" or entry.name.startswith("Last Resort"):  # has boxes for all
            continue
        had = lacking & get_font(entry.fname).get_charmap().keys()
        if had and findfont(FontProperties(family=entry.name)) == entry.fname:
            families.append(entry.name)
            lacking -= had
    if lacking and Path(path).suffix.lower() != ".svg":
        signs = " ".join(map(chr, sorted(lacking)))
        warnings.warn(
            f"no font of this machine has {signs}; install one that does, such as Noto, or save "
            "an .svg, for which a browser finds its own",
            WordkitWarning,
            stacklevel=depth,
        )
    return families


def set_plainly(texts: Sequence[Text], fonts: Sequence[str]) -> None:
    """Let texts be what they say, dollar signs and all, and no formulas."""
    for text in texts:
        text.set_fontfamily(fonts)
        text.set_parse_math(False)
        text.set_usetex(False)
