"""The two grounds of a picture: white, for paper and pages, and dark."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DARK", "LIGHT", "STROKES", "Theme"]


@dataclass(frozen=True)
class Theme:
    """The colours of a picture."""

    ground: str
    """Behind everything."""

    ink: str
    """Of words and of axes."""

    faint: str
    """Of what is said beside, such as dots and lines that lead to a word."""

    grid: str
    """Of lines that are to be seen last."""

    hues: tuple[str, ...]
    """Of curves, and of words that stand out; they differ in lightness too."""


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

STROKES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
"""By which curves are told apart without any colour."""
