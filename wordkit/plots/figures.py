"""Matplotlib figures: their file formats, colours and fonts.

What is drawn twice alike is the same file, byte for byte.
"""

from __future__ import annotations

import os
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wordkit.errors import ConfigError, ResourceError, WordkitWarning
from wordkit.storage import atomic_write, check_writable

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

__all__ = [
    "DARK",
    "FORMATS",
    "LIGHT",
    "LINE_STYLES",
    "Theme",
    "check_figure",
    "new_figure",
    "printable",
    "save_figure",
    "set_fonts",
]

FORMATS: Mapping[str, Mapping[str, str | None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""The suffixes that a figure may have, with metadata that keeps the date out of its file."""

_DOTS_PER_INCH = 200
_SPACES = {" ": "␣", "\t": "⇥", "\n": "↵"}


@dataclass(frozen=True)
class Theme:
    """The colours of a figure."""

    background: str
    """Colour of the background."""

    foreground: str
    """Colour of words and axes."""

    muted: str
    """Colour of secondary marks, such as dots and the lines to labels."""

    grid: str
    """Colour of grid lines."""

    colors: tuple[str, ...]
    """Colours of curves and highlighted words; they differ in lightness too."""


LIGHT = Theme(
    "white", "#1a1a1a", "#707070", "#e6e6e6",
    ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9"),
)  # fmt: skip
"""For paper and white pages."""

DARK = Theme(
    "#15181c", "#e8e8e8", "#959ba3", "#2c3138",
    ("#56b4e9", "#e69f00", "#2fc99c", "#e39cc5", "#ffffff", "#f0e442", "#ff8c5a"),
)  # fmt: skip
"""For dark pages and slides."""

LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
"""Line styles that distinguish curves without any colour."""


def check_figure(path: str | os.PathLike[str]) -> None:
    """Raise before the work if a figure cannot be drawn or written.

    Raises:
        ConfigError: its suffix is none of :data:`FORMATS`.
        ResourceError: matplotlib is missing.
        StorageError: the file cannot be written.
    """
    new_figure(path, (1, 1))
    check_writable(path)


def new_figure(path: str | os.PathLike[str], size: tuple[float, float]) -> Figure:
    """Make a figure that needs no display.

    Args:
        path: the file that it is for.
        size: width and height in inches.

    Raises:
        ConfigError: the suffix is none of :data:`FORMATS`.
        ResourceError: matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in FORMATS:
        *others, last = FORMATS
        raise ConfigError(f"cannot draw {path}: end its name in {', '.join(others)} or {last}")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ResourceError("a figure needs matplotlib; pip install 'wordkit[plot]'") from error
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)  # which measures texts
    return figure


def save_figure(figure: Figure, path: str | os.PathLike[str], theme: Theme = LIGHT) -> None:
    """Write a figure whole or not at all, cropped to what is drawn.

    Raises:
        StorageError: the file cannot be written.
    """
    from matplotlib import rc_context

    suffix = Path(path).suffix.lower()
    # text stays text that can be searched and copied; the names of an SVG's parts are fixed
    saving = rc_context({"svg.fonttype": "none", "svg.hashsalt": "wordkit", "pdf.fonttype": 42})
    with saving, warnings.catch_warnings(), atomic_write(path) as temporary:
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing")  # set_fonts has said so
        figure.savefig(
            temporary,
            format=suffix[1:],
            dpi=_DOTS_PER_INCH,
            bbox_inches="tight",
            pad_inches=0.08,
            facecolor=theme.background,
            metadata=dict(FORMATS[suffix]),
        )


def file_label(path: str | os.PathLike[str]) -> str:
    """Return the name of a file as text, with codes for bytes that are not UTF-8."""
    return os.fsencode(path).decode(errors="backslashreplace")


def printable(unit: str) -> str:
    """Return a text with visible signs for white space and codes for control characters."""
    if unit and all(unicodedata.category(char) == "Cf" for char in unit):
        return " ".join(f"U+{ord(char):04X}" for char in unit)
    shown = []
    for char in unit:
        if char.isspace():
            shown.append(_SPACES.get(char, "␣"))
        elif unicodedata.category(char) in ("Cc", "Cs", "Cn"):  # which no SVG may hold
            shown.append(f"U+{ord(char):04X}")
        else:
            shown.append(char)
    starts_with_mark = unit[:1] and unicodedata.category(unit[0]).startswith("M")
    return ("◌" if starts_with_mark else "") + "".join(shown)


def set_fonts(texts: Sequence[Text], path: str | os.PathLike[str], depth: int = 3) -> None:
    """Give texts fonts that have their characters, and read no dollar sign as a formula.

    Matplotlib takes what the usual font lacks from no font but those that are named. An SVG holds
    the text alone, and whoever shows it finds a font.

    Args:
        texts: all texts of the figure that may hold words.
        path: the file of the figure.
        depth: whose line of code a warning names; 3: that of the caller's caller.
    """
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    usual = FontProperties()
    lacking = {ord(char) for text in texts for char in text.get_text()}
    lacking -= get_font(findfont(usual)).get_charmap().keys()
    families = list(usual.get_family())
    for entry in fontManager.ttflist if lacking else ():
        if entry.style != "normal" or entry.name.startswith("Last Resort"):  # has boxes for all
            continue
        had = lacking & get_font(entry.fname).get_charmap().keys()
        if had and findfont(FontProperties(family=entry.name)) == entry.fname:
            families.append(entry.name)
            lacking -= had
    if lacking and Path(path).suffix.lower() != ".svg":
        chars = " ".join(map(chr, sorted(lacking)))
        warnings.warn(
            f"no font of this machine has {chars}; install one that does, such as Noto, or save "
            "an .svg, for which a browser finds its own",
            WordkitWarning,
            stacklevel=depth,
        )
    for text in texts:
        text.set_fontfamily(families)
        text.set_parse_math(False)
        text.set_usetex(False)
