"""A word and its nearest words as a figure, in which their distance is their cosine.

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
from wordkit.plots.figures import LIGHT, Theme, new_figure, printable, save_figure, set_fonts
from wordkit.plots.labels import draw_labels
from wordkit.plots.projection import pca
from wordkit.plots.word_map import Neighbours, neighbours_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Neighbourhood", "draw_neighbourhoods", "find_neighbourhoods"]

Floats = npt.NDArray[np.float64]

_SIDE = 400.0  # points of the square that a word and its neighbours take
_RADIUS = _SIDE / 2 - 36  # of the outermost ring
_INNERMOST = 0.22  # of the radius: where the nearest neighbour is
_COLUMNS = 3  # of squares, at most


@dataclass(frozen=True)
class Neighbourhood:
    """A word, its nearest words, and the direction of each of them."""

    word: str
    """The word in the middle."""

    neighbours: Neighbours
    """The nearest words with their cosines, nearest first."""

    angles: Floats
    """Angles in radians, shape (N,): evenly spread, so that similar ones are adjacent."""


def find_neighbourhoods(
    embeddings: Embeddings, words: str | Sequence[str], n: int = 20
) -> list[Neighbourhood]:
    """Find the nearest words of each word, and arrange them.

    Args:
        embeddings: the vectors.
        words: one or several.
        n: the number of neighbours.

    Raises:
        UnknownWordError: a word is unknown.
        EmbeddingsError: a vector is zero.
        ConfigError: no word is given, or a word has no neighbour.
    """
    words = [words] if isinstance(words, str) else words
    if not words:
        raise ConfigError("words is empty; expected one at least")
    neighbourhoods = []
    for word, neighbours in zip(words, neighbours_of(embeddings, words, n), strict=True):
        if not neighbours:
            raise ConfigError(f"{word!r} has no neighbour: it is the only word with a direction")
        neighbourhoods.append(
            Neighbourhood(word, neighbours, _angles(embeddings, word, neighbours))
        )
    return neighbourhoods


def _angles(embeddings: Embeddings, word: str, neighbours: Neighbours) -> Floats:
    """Order the neighbours around the word as in the plane in which they differ most."""
    ids = embeddings.ids_of([word, *(w for w, _ in neighbours)])
    centre, *others = embeddings.unit_vectors(np.array(ids)).astype(np.float64)
    orthogonal = np.array(others) - np.outer(np.array(others) @ centre, centre)
    x, y = pca(orthogonal).T
    ranks = np.argsort(np.argsort(np.arctan2(y, x), kind="stable"))
    return np.asarray(ranks * (2 * math.pi / len(neighbours)))


def draw_neighbourhoods(
    neighbourhoods: Sequence[Neighbourhood], path: str | os.PathLike[str], *, theme: Theme = LIGHT
) -> list[str]:
    """Draw words with their nearest words around them, and return those that found no room.

    The distance from the middle is the cosine, by the rings; similar neighbours are adjacent.

    Args:
        neighbourhoods: a square for each.
        path: the file; its suffix, .png, .svg or .pdf, determines the format.
        theme: the colours.

    Raises:
        ConfigError: the suffix is another, or there is nothing to draw.
        ResourceError: matplotlib is not installed.
        StorageError: the file cannot be written.
    """
    if not neighbourhoods:
        raise ConfigError("neighbourhoods is empty; expected one neighbourhood at least")
    columns = min(len(neighbourhoods), _COLUMNS)
    rows = math.ceil(len(neighbourhoods) / columns)
    figure = new_figure(path, (columns * _SIDE / 72, rows * _SIDE / 72))
    lost = []
    for number, neighbourhood in enumerate(neighbourhoods):
        row, column = divmod(number, columns)
        corner = (column / columns, 1 - (row + 1) / rows, 1 / columns, 1 / rows)
        axes = figure.add_axes(corner, xlim=(0, _SIDE), ylim=(0, _SIDE))
        axes.set_axis_off()
        lost += _draw(axes, neighbourhood, path, theme)
    save_figure(figure, path, theme)
    return lost


def _draw(
    axes: Axes, neighbourhood: Neighbourhood, path: str | os.PathLike[str], theme: Theme
) -> list[str]:
    """Draw one neighbourhood, and return the words that found no room."""
    words, cosines = zip((neighbourhood.word, 1.0), *neighbourhood.neighbours, strict=True)
    rings = _ring_cosines(np.array(cosines[1:]))
    radii = np.linspace(_INNERMOST * _RADIUS, _RADIUS, len(rings))
    distances = np.interp(-np.array(cosines[1:]), [-rings[0], -rings[-1]], [radii[0], _RADIUS])
    around = np.stack([np.cos(neighbourhood.angles), np.sin(neighbourhood.angles)], axis=1)
    middle = _SIDE / 2
    points = middle + np.concatenate([[[0.0, 0.0]], around * distances[:, None]])
    for cosine, radius in zip(rings, radii, strict=True):
        _draw_ring(axes, cosine, radius, theme)
    for x, y in points[1:]:
        axes.plot([middle, x], [middle, y], color=theme.grid, linewidth=0.7, zorder=1)
    colors = [theme.colors[0], *[theme.foreground] * len(neighbourhood.neighbours)]
    axes.scatter(points[:, 0], points[:, 1], s=9, c=colors, linewidths=0, zorder=2)
    size = float(np.interp(len(neighbourhood.neighbours), [30, 100], [9.5, 6.5]))
    texts = [
        axes.text(0, 0, printable(word), color=color, fontsize=size, zorder=3)
        for word, color in zip(words, colors, strict=True)
    ]
    texts[0].set_fontweight("bold")
    set_fonts(texts, path, depth=4)
    taken = [(middle - 11, middle - r - 5, middle + 11, middle - r + 5) for r in radii]
    return [words[n] for n in draw_labels(axes, points, texts, theme, gap=4, taken=taken)]


def _ring_cosines(cosines: Floats) -> list[float]:
    """Round cosines from the nearest neighbour to the farthest, highest first, two at least."""
    high, low = float(cosines.max()), float(cosines.min())
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5) if (high - low) / step <= 4)
    first, last = math.ceil(high / step - 1e-6), math.floor(low / step + 1e-6)
    last = min(last, first - 1)
    return [round(number * step, 2) for number in range(first, last - 1, -1)]


def _draw_ring(axes: Axes, cosine: float, radius: float, theme: Theme) -> None:
    """Draw a ring with its cosine at the bottom."""
    from matplotlib.patches import Circle

    middle = _SIDE / 2
    axes.add_patch(Circle((middle, middle), radius, fill=False, edgecolor=theme.grid, lw=0.9))
    axes.text(
        middle, middle - radius, f"{cosine:g}", ha="center", va="center", fontsize=7.5,
        color=theme.muted, zorder=1.5, parse_math=False,
        bbox={"facecolor": theme.background, "edgecolor": "none", "pad": 1.0},
    )  # fmt: skip
