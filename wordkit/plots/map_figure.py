"""A map of words as a figure: dots with labels that do not overlap.

N is the number of words. All is measured in points, 1/72 inch.
"""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt

from wordkit.plots.figures import LIGHT, Theme, new_figure, printable, save_figure, set_fonts
from wordkit.plots.labels import draw_labels
from wordkit.plots.word_map import WordMap

__all__ = ["draw_map"]

Floats = npt.NDArray[np.float64]

_MIN_WIDTH, _MAX_WIDTH = 6.5, 24.0  # inches
_MAX_FONT_SIZE, _MIN_FONT_SIZE = 10.0, 6.5
_MARGIN = 30.0  # around the dots, for labels


def draw_map(drawn: WordMap, path: str | os.PathLike[str], *, theme: Theme = LIGHT) -> list[str]:
    """Draw a map of words, and return those that found no room for their label.

    Each word is a dot; labels do not overlap, and a thin line leads to those that are farther away.
    The figure grows with the number of words.

    Args:
        drawn: the words with their coordinates.
        path: the file; its suffix, .png, .svg or .pdf, determines the format.
        theme: the colours.

    Raises:
        ConfigError: the suffix is another.
        ResourceError: matplotlib is not installed.
        StorageError: the file cannot be written.
    """
    points, (width, height) = _scaled(drawn.points)
    figure = new_figure(path, (width / 72, height / 72))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    size = float(np.interp(len(points), [40, 800], [_MAX_FONT_SIZE, _MIN_FONT_SIZE]))
    highlighted = [word in drawn.named for word in drawn.words]
    colors = [theme.colors[0] if bold else theme.muted for bold in highlighted]
    axes.scatter(points[:, 0], points[:, 1], s=size * 0.7, c=colors, linewidths=0, zorder=2)
    texts = [
        axes.text(
            0, 0, printable(word), fontsize=size, zorder=3,
            color=theme.colors[0] if bold else theme.foreground,
            fontweight="bold" if bold else "normal",
        )
        for word, bold in zip(drawn.words, highlighted, strict=True)
    ]  # fmt: skip
    set_fonts(texts, path)
    lost = draw_labels(axes, points, texts, theme)
    save_figure(figure, path, theme)
    return [drawn.words[number] for number in lost]


def _scaled(points: Floats) -> tuple[Floats, tuple[float, float]]:
    """Return points on paper, (N, 2), with the aspect of the map, and its width and height."""
    inches = float(np.clip(0.62 * np.sqrt(len(points)) + 2.2, _MIN_WIDTH, _MAX_WIDTH))
    centred = points - (points.max(axis=0) + points.min(axis=0)) / 2
    extent = np.ptp(points, axis=0)
    aspect = extent[1] / extent[0] if extent[0] else 1.0
    size = 72 * inches * np.array([1.0, np.clip(aspect, 0.5, 0.85)])
    room = size - 2 * _MARGIN
    scale = (room[extent > 0] / extent[extent > 0]).min(initial=np.inf)
    points = centred * (scale if np.isfinite(scale) else 1.0) + size / 2
    return points, (float(size[0]), float(size[1]))
