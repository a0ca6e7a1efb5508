"""A map of words as a picture: dots with labels that do not lie on each other.

N is the number of words.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from wordkit.plots.fonts import families, set_plainly, visible
from wordkit.plots.labels import Place, place_labels
from wordkit.plots.picture_file import check_suffix, figure_class, save_figure
from wordkit.plots.themes import LIGHT, Theme
from wordkit.plots.word_map import WordMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LabelStyle", "draw_map", "label_sizes", "write_labels"]

Floats = npt.NDArray[np.float64]

_POINTS = 72.0  # in an inch: all that is drawn is measured in points
_NARROWEST, _WIDEST = 6.5, 24.0  # inches
_LARGEST_LETTERS, _SMALLEST_LETTERS = 10.0, 6.5  # points
_MARGIN = 30.0  # points around the dots, for labels
_PADDING = 1.5  # points around a label
_WIDER = 1.05  # letters of another font may be, where an SVG is shown without ours


@dataclass(frozen=True)
class LabelStyle:
    """What labels say, and how they are written."""

    texts: Sequence[str]
    """What each says."""

    fonts: Sequence[str]
    """The names of the fonts that have all signs."""

    letters: float
    """The size of letters, in points."""

    inks: Sequence[str]
    """The colour of each."""

    weights: Sequence[str]
    """Of each, normal or bold."""

    lines: str
    """The colour of the lines that lead to labels."""


def draw_map(drawn: WordMap, path: str | os.PathLike[str], *, theme: Theme = LIGHT) -> list[str]:
    """Draw a map of words, and return those that found no place for their label.

    Each word is a dot; labels keep off each other, and a thin line leads to those that had to go
    farther away. The picture grows with the number of words.

    Args:
        drawn: the words with their places.
        path: the file; its suffix, .png, .svg or .pdf, says of which kind.
        theme: the colours.

    Raises:
        ConfigError: the suffix is another.
        ResourceError: matplotlib is not installed.
        StorageError: the file cannot be written.
    """
    check_suffix(path)
    N, is_named = len(drawn.words), [word in drawn.named for word in drawn.words]
    points, (width, height) = _on_paper(drawn.places, N)
    figure = figure_class()(figsize=(width / _POINTS, height / _POINTS), facecolor=theme.ground)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    texts = [visible(word) for word in drawn.words]
    style = LabelStyle(
        texts,
        families("".join(texts), path),
        letters=float(np.interp(N, [40, 800], [_LARGEST_LETTERS, _SMALLEST_LETTERS])),
        inks=[theme.hues[0] if named else theme.ink for named in is_named],
        weights=["bold" if named else "normal" for named in is_named],
        lines=theme.faint,
    )
    dots = [theme.hues[0] if named else theme.faint for named in is_named]
    axes.scatter(points[:, 0], points[:, 1], s=style.letters * 0.7, c=dots, linewidths=0, zorder=2)
    sizes = label_sizes(figure, style)
    found = place_labels(points, sizes, (width, height))
    write_labels(axes, points, found, sizes, style)
    save_figure(figure, path, theme.ground)
    return [word for word, place in zip(drawn.words, found, strict=True) if place is None]


def label_sizes(figure: Figure, style: LabelStyle) -> Floats:
    """Widths and heights of labels with some space around them, in points, shape (N, 2).

    Args:
        figure: that they are to be written in.
        style: what they say, and how.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.font_manager import FontProperties

    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    scale = _POINTS / figure.dpi
    properties = {
        weight: FontProperties(family=list(style.fonts), weight=weight, size=style.letters)
        for weight in set(style.weights)
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing")  # families() has said so
        widths = [
            renderer.get_text_width_height_descent(text, properties[weight], ismath=False)[0]
            for text, weight in zip(style.texts, style.weights, strict=True)
        ]
    across = np.array(widths, dtype=np.float64) * scale * _WIDER + 2 * _PADDING
    return np.stack([across, np.full(len(widths), style.letters * 1.15)], axis=1)


def write_labels(
    axes: Axes,
    points: Floats,
    places: Sequence[Place | None],
    sizes: Floats,
    style: LabelStyle,
) -> None:
    """Write labels where they have a place, with lines to those that lie away from their point.

    Args:
        axes: whose unit is a point.
        points: of the labels, shape (N, 2).
        places: of the labels; None: it is not written.
        sizes: of the labels, shape (N, 2).
        style: what they say, and how.
    """
    from matplotlib.collections import LineCollection

    lines, written = [], []
    for label, place in enumerate(places):
        if place is None:
            continue
        (x, y), (width, height) = points[label], sizes[label]
        if place.leads:  # to the nearest spot of the box
            near = np.clip(x, place.left + _PADDING, place.left + width - _PADDING)
            lines.append([(x, y), (near, np.clip(y, place.bottom, place.bottom + height))])
        written.append(
            axes.text(
                place.left + width / 2, place.bottom + height / 2, style.texts[label],
                ha="center", va="center_baseline", fontsize=style.letters,
                color=style.inks[label], fontweight=style.weights[label], zorder=3,
            )
        )  # fmt: skip
    axes.add_collection(LineCollection(lines, colors=style.lines, linewidths=0.5, zorder=1))
    set_plainly(written, style.fonts)


def _on_paper(places: Floats, N: int) -> tuple[Floats, tuple[float, float]]:
    """Places in points on paper, shape (N, 2), and its width and height; the shape is kept."""
    width = _POINTS * float(np.clip(0.62 * np.sqrt(N) + 2.2, _NARROWEST, _WIDEST))
    centred = places - (places.max(axis=0) + places.min(axis=0)) / 2
    across, up = np.ptp(places, axis=0)
    height = width * float(np.clip(up / across if across else 1, 0.5, 0.85))
    room = np.array([width, height]) - 2 * _MARGIN
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.nanmin(np.where([across, up], room / [across, up], np.inf))
    middle = np.array([width, height]) / 2
    return (centred * scale if np.isfinite(scale) else centred) + middle, (width, height)
