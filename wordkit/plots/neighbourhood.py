"""A word and its nearest words as a picture, in which their distance is their cosine.

N is the number of neighbours.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError
from wordkit.plots.fonts import families, set_plainly, visible
from wordkit.plots.labels import place_labels
from wordkit.plots.map_picture import LabelStyle, label_sizes, write_labels
from wordkit.plots.picture_file import check_suffix, figure_class, save_figure
from wordkit.plots.projection import pca
from wordkit.plots.themes import LIGHT, Theme
from wordkit.plots.word_map import Neighbours, neighbours_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Neighbourhood", "draw_neighbourhoods", "find_neighbourhoods"]

Floats = npt.NDArray[np.float64]

_SIDE = 400.0  # points of the square that a word and its neighbours take
_COLUMNS = 3  # of squares, at most
_INNERMOST = 0.22  # of the radius: where the nearest neighbour is
_LETTERS = 9.5  # points


@dataclass(frozen=True)
class Neighbourhood:
    """A word, its nearest words, and in which direction each of them is."""

    word: str
    """The word in the middle."""

    neighbours: Neighbours
    """The nearest words with their cosines, nearest first."""

    angles: Floats
    """In radians, shape (N,): evenly spread, so that those that are alike are side by side."""


def find_neighbourhoods(
    embeddings: Embeddings, words: Sequence[str], n: int = 20
) -> list[Neighbourhood]:
    """The surroundings of each word.

    Args:
        embeddings: the vectors.
        words: one at least.
        n: how many neighbours.

    Raises:
        UnknownWordError: a word is not there.
        EmbeddingsError: a vector is zero.
        ConfigError: no word is given, or a word has no neighbour.
    """
    if not words:
        raise ConfigError("words is empty; expected one at least")
    found = []
    for word, neighbours in zip(words, neighbours_of(embeddings, words, n), strict=True):
        if not neighbours:
            raise ConfigError(f"{word!r} has no neighbour: it is the only word with a direction")
        found.append(Neighbourhood(word, neighbours, _angles(embeddings, word, neighbours)))
    return found


def _angles(embeddings: Embeddings, word: str, neighbours: Neighbours) -> Floats:
    """The order around the word is that of the plane in which its neighbours differ most."""
    id_of = embeddings.vocabulary.id
    units = embeddings.unit_vectors(np.array([id_of(word), *(id_of(w) for w, _ in neighbours)]))
    exact = units.astype(np.float64)
    beside = exact[1:] - np.outer(exact[1:] @ exact[0], exact[0])  # what they do not share with it
    x, y = pca(beside).T
    around = np.argsort(np.arctan2(y, x), kind="stable")
    angles = np.empty(len(neighbours))
    angles[around] = np.arange(len(neighbours)) * (2 * math.pi / len(neighbours))
    return angles


def draw_neighbourhoods(
    found: Sequence[Neighbourhood], path: str | os.PathLike[str], *, theme: Theme = LIGHT
) -> list[str]:
    """Draw words with their nearest words around them, and return those that found no place.

    The distance from the middle is the cosine, by the rings; those that are alike lie side by
    side.

    Args:
        found: a square for each.
        path: the file; its suffix, .png, .svg or .pdf, says of which kind.
        theme: the colours.

    Raises:
        ConfigError: the suffix is another, or there is nothing to draw.
        ResourceError: matplotlib is not installed.
        StorageError: the file cannot be written.
    """
    check_suffix(path)
    if not found:
        raise ConfigError("found is empty; expected one neighbourhood at least")
    columns = min(len(found), _COLUMNS)
    rows = math.ceil(len(found) / columns)
    figure = figure_class()(
        figsize=(columns * _SIDE / 72, rows * _SIDE / 72), facecolor=theme.ground
    )
    fonts = families("".join(visible(w) for f in found for w in _words_of(f)), path)
    lost = []
    for number, neighbourhood in enumerate(found):
        row, column = divmod(number, columns)
        corner = (column / columns, 1 - (row + 1) / rows, 1 / columns, 1 / rows)
        axes = figure.add_axes(corner, xlim=(0, _SIDE), ylim=(0, _SIDE))
        axes.set_axis_off()
        lost += _draw(figure, axes, neighbourhood, fonts, theme)
    save_figure(figure, path, theme.ground)
    return lost


def _words_of(found: Neighbourhood) -> list[str]:
    return [found.word, *(word for word, _ in found.neighbours)]


def _draw(
    figure: Figure, axes: Axes, found: Neighbourhood, fonts: Sequence[str], theme: Theme
) -> list[str]:
    """Draw one neighbourhood, and return the words that found no place."""
    cosines = np.array([cosine for _, cosine in found.neighbours])
    rings = _rings(cosines)
    radius = _SIDE / 2 - 36
    distances = np.interp(-cosines, [-rings[0], -rings[-1]], [_INNERMOST * radius, radius])
    around = np.stack([np.cos(found.angles), np.sin(found.angles)], axis=1)
    points = _SIDE / 2 + np.concatenate([[[0.0, 0.0]], around * distances[:, None]])
    taken = _draw_rings(axes, rings, radius, theme)
    words = _words_of(found)
    beside = len(words) - 1
    style = LabelStyle(
        [visible(word) for word in words],
        fonts,
        letters=float(np.interp(beside, [30, 100], [_LETTERS, 6.5])),
        inks=[theme.hues[0], *[theme.ink] * beside],
        weights=["bold", *["normal"] * beside],
        lines=theme.faint,
    )
    for x, y in points[1:]:
        axes.plot([_SIDE / 2, x], [_SIDE / 2, y], color=theme.grid, linewidth=0.7, zorder=1)
    axes.scatter(points[:, 0], points[:, 1], s=9, c=style.inks, linewidths=0, zorder=2)
    sizes = label_sizes(figure, style)
    places = place_labels(points, sizes, (_SIDE, _SIDE), gap=4, taken=taken)
    write_labels(axes, points, places, sizes, style)
    return [word for word, place in zip(words, places, strict=True) if place is None]


def _rings(cosines: Floats) -> list[float]:
    """Round cosines from the nearest neighbour to the farthest, highest first, two at least."""
    high, low = float(cosines.max()), float(cosines.min())
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5) if (high - low) / step <= 4)
    first, last = math.ceil(high / step - 1e-6), math.floor(low / step + 1e-6)
    last = min(last, first - 1)
    return [round(number * step, 2) for number in range(first, last - 1, -1)]


def _draw_rings(
    axes: Axes, rings: Sequence[float], radius: float, theme: Theme
) -> list[tuple[float, float, float, float]]:
    """Draw rings with what they stand for, and return the boxes that this takes."""
    from matplotlib.patches import Circle

    middle = _SIDE / 2
    sizes = np.linspace(_INNERMOST * radius, radius, len(rings))
    named = []
    for cosine, size in zip(rings, sizes, strict=True):
        ring = Circle((middle, middle), size, fill=False, edgecolor=theme.grid, linewidth=0.9)
        axes.add_patch(ring)
        named.append(
            axes.text(
                middle, middle - size, f"{cosine:g}", ha="center", va="center", fontsize=7.5,
                color=theme.faint, zorder=1.5,
                bbox={"facecolor": theme.ground, "edgecolor": "none", "pad": 1.0},
            )
        )  # fmt: skip
    set_plainly(named, named[0].get_fontfamily())
    return [(middle - 11, middle - size - 5, middle + 11, middle - size + 5) for size in sizes]
