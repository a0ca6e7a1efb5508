"""Files of pictures: which kinds there are, and how a figure of matplotlib becomes one.

What is drawn twice alike is the same file, byte for byte.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wordkit.errors import ConfigError, ResourceError
from wordkit.storage import atomic_write, check_writable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "check_picture", "check_suffix", "figure_class", "save_figure"]

FORMATS: Mapping[str, Mapping[str, str | None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""The suffixes that a picture may have, with what its file says of itself: not when it was made."""

_DOTS_PER_INCH = 200


def check_picture(path: str | os.PathLike[str]) -> None:
    """Find out before the work whether a picture can be drawn and written here.

    Raises:
        ConfigError: its suffix is none of :data:`FORMATS`.
        ResourceError: matplotlib is missing.
        StorageError: nothing can be written there.
    """
    check_suffix(path)
    figure_class()
    check_writable(path)


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Check that a picture can have this name.

    Raises:
        ConfigError: its suffix is none of :data:`FORMATS`.
    """
    if Path(path).suffix.lower() not in FORMATS:
        *others, last = FORMATS
        raise ConfigError(f"cannot draw {path}: end its name in {', '.join(others)} or {last}")


def figure_class() -> type[Figure]:
    """Matplotlib's figure, which needs no display.

    Raises:
        ResourceError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ResourceError("a picture needs matplotlib; pip install 'wordkit[plot]'") from error
    return Figure


def save_figure(figure: Figure, path: str | os.PathLike[str], ground: str = "white") -> None:
    """Write a figure whole or not at all, cut to what is drawn.

    Args:
        figure: what is drawn.
        path: its suffix, one of :data:`FORMATS`, says as what kind of file.
        ground: the colour behind it.

    Raises:
        StorageError: the file cannot be written.
    """
    from matplotlib import rc_context

    suffix = Path(path).suffix.lower()
    # letters stay letters that can be sought and copied; the names of an SVG's parts are fixed
    saving = rc_context({"svg.fonttype": "none", "svg.hashsalt": "wordkit", "pdf.fonttype": 42})
    with saving, warnings.catch_warnings(), atomic_write(path) as temporary:
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing")  # we have said so
        figure.savefig(
            temporary,
            format=suffix[1:],
            dpi=_DOTS_PER_INCH,
            bbox_inches="tight",
            pad_inches=0.08,
            facecolor=ground,
            metadata=dict(FORMATS[suffix]),
        )
