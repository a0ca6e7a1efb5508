"""Labels of points that do not overlap.

Each label takes the best of its free candidate positions: beside its point, else farther off, with
a line that leads to it. Labels come in their order, the first ones get the best positions; where
one finds no position, another in its way is moved (candidate positions: Christensen, Marks and
Shieber 1995).

N labels, C candidate positions of one, P positions that are taken, S points on a line. A box is
left, bottom, right, top.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError
from wordkit.plots.figures import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

__all__ = ["draw_labels", "place_labels"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_RINGS = (0.0, 0.6, 1.3, 2.2, 3.2, 4.5, 6.0)  # gaps from the point, in heights of a label
_DIRECTIONS = 16
_DOT_COST, _CROSSING_COST, _LINE_COST = 2.0, 3.0, 0.6  # in heights of a label
_EDGE = 0.2  # of a label's height: the margin around its characters
_ALONG = np.linspace(0.1, 1, 10)[:, None]  # fractions of a line that are checked for crossings
_MAX_MOVED = 4  # labels in the way that are tried, for one that has no position
_PADDING = 1.5  # points around a label
_WIDER = 1.05  # an SVG may be shown in another font


def draw_labels(
    axes: Axes,
    points: Floats,
    texts: Sequence[Text],
    theme: Theme,
    *,
    gap: float = 3.0,
    taken: npt.ArrayLike = (),
) -> list[int]:
    """Move texts to where they do not overlap, with lines to those away from their points.

    Args:
        axes: start at (0, 0), with points, 1/72 inch, as units.
        points: shape (N, 2).
        texts: N texts of the axes; those that find no position are removed.
        theme: the colours.
        gap: between a point and a label beside it.
        taken: boxes that no label may overlap.

    Returns:
        The numbers of the removed ones.
    """
    from matplotlib.collections import LineCollection

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing")  # set_fonts has said so
        widths = [text.get_window_extent().width * 72 / axes.figure.dpi for text in texts]
    heights = [float(text.get_fontsize()) * 1.15 for text in texts]
    sizes = np.stack([np.array(widths) * _WIDER + 2 * _PADDING, heights], axis=1)
    corners = place_labels(
        points, sizes, (axes.get_xlim()[1], axes.get_ylim()[1]), gap=gap, taken=taken
    )
    lines = []
    for text, point, corner, size in zip(texts, points, corners, sizes, strict=True):
        if np.isnan(corner[0]):
            text.remove()
            continue
        text.set(position=corner + size / 2, ha="center", va="center_baseline")
        nearest = np.clip(point, corner, corner + size)
        if np.hypot(*(nearest - point)) > gap + 1e-9:
            nearest[0] = np.clip(point[0], corner[0] + _PADDING, corner[0] + size[0] - _PADDING)
            lines.append([point, nearest])
    axes.add_collection(LineCollection(lines, colors=theme.muted, linewidths=0.5, zorder=1))
    return np.flatnonzero(np.isnan(corners[:, 0])).tolist()


def place_labels(
    points: npt.ArrayLike,
    sizes: npt.ArrayLike,
    bounds: tuple[float, float],
    *,
    gap: float = 3.0,
    taken: npt.ArrayLike = (),
) -> Floats:
    """Find boxes that do not overlap, within the bounds.

    Args:
        points: shape (N, 2).
        sizes: widths and heights of the labels, shape (N, 2), above 0.
        bounds: width and height of the figure; it starts at (0, 0).
        gap: between a point and a label beside it.
        taken: boxes that no label may overlap, shape (boxes, 4).

    Returns:
        The left and bottom of each label, shape (N, 2); NaN for those that find no position.

    Raises:
        ConfigError: the shapes do not fit.
    """
    where = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    extents = np.asarray(sizes, dtype=np.float64).reshape(-1, 2)
    if where.shape != extents.shape:
        raise ConfigError(f"{len(where)} points need as many sizes, not {len(extents)}")
    obstacles = np.asarray(taken, dtype=np.float64).reshape(-1, 4)
    layout = _Layout(where, extents, bounds, gap, obstacles)
    unplaced = [label for label in range(len(where)) if not layout.place(label)]
    for label in unplaced:
        layout.place_by_moving(label)
    return layout.boxes[: len(where), :2]


class _Layout:
    """The boxes so far, those of labels before obstacles; NaN, which overlaps nothing, is none."""

    def __init__(
        self,
        points: Floats,
        sizes: Floats,
        bounds: tuple[float, float],
        gap: float,
        obstacles: Floats,
    ) -> None:
        self.points, self.sizes, self.bounds, self.gap = points, sizes, bounds, gap
        self.unit = float(np.median(sizes[:, 1])) if len(sizes) else 1.0
        self.boxes = np.concatenate([np.full((len(points), 4), np.nan), obstacles])
        self.lines = np.full((len(points), len(_ALONG), 2), np.nan)  # (N, S, 2)

    def place(self, label: int) -> bool:
        """Place a label at the best free position; return whether there is one."""
        boxes, costs = self._candidates(label)
        free = ~self._overlaps(boxes)[0].any(axis=1)
        if free.any():
            self._put(label, boxes[free][np.argmin(costs[free])])
        return bool(free.any())

    def place_by_moving(self, label: int) -> None:
        """Place a label at the position of another one, if that can move."""
        boxes, costs = self._candidates(label)
        overlaps, near = self._overlaps(boxes)
        single = np.flatnonzero(overlaps.sum(axis=1) == 1)
        for best in single[np.argsort(costs[single], kind="stable")][:_MAX_MOVED]:
            other = int(near[np.argmax(overlaps[best])])
            if other < len(self.points):
                before = self.boxes[other].copy()
                self._put(label, boxes[best])
                self._put(other, np.full(4, np.nan))
                if self.place(other):
                    return
                self._put(other, before)
                self._put(label, np.full(4, np.nan))

    def _put(self, label: int, box: Floats) -> None:
        self.boxes[label] = box
        (line,) = _lines(self.points[label], box[None])
        length = np.hypot(*(line[-1] - self.points[label]))
        self.lines[label] = line if length > self.gap + 1e-9 else np.nan

    def _candidates(self, label: int) -> tuple[Floats, Floats]:
        """Return boxes within the bounds, shape (C, 4), and their costs."""
        angles = np.arange(_DIRECTIONS) * (2 * math.pi / _DIRECTIONS)
        away = np.repeat(self.gap + self.unit * np.array(_RINGS), _DIRECTIONS)[:, None]  # (C, 1)
        towards = np.tile(np.stack([np.cos(angles), np.sin(angles)], axis=1), (len(_RINGS), 1))
        half = self.sizes[label] / 2
        middles = self.points[label] + towards * away + np.clip(towards * 1.5, -1, 1) * half
        boxes = np.concatenate([middles - half, middles + half], axis=1)
        inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2:] <= self.bounds).all(axis=1)
        boxes, away, (right, up) = boxes[inside], away[inside, 0], towards[inside].T
        has_line = away > self.gap
        # to the right is where one reads on; straight above or below is better than oblique
        preference = 0.3 * (right < -0.1) + 0.2 * (np.abs(right * up) > 0.01) + 0.1 * (up < -0.1)
        costs = (away - self.gap) / self.unit + preference + _LINE_COST * has_line
        return boxes, costs + self._crowding(label, boxes, has_line)

    def _crowding(self, label: int, boxes: Floats, has_line: Bools) -> Floats:
        """Return the costs of covered points, and of lines through labels, for each box."""
        if not len(boxes):
            return np.zeros(0)
        near = self.points[self._near(self.points, boxes)]
        covered = _within(near, boxes).sum(axis=0)
        inner = self.boxes[self._near(self.boxes[:, :2], boxes, 12)]
        inner = inner + self.unit * _EDGE * np.array([1, 1, -1, -1])
        over = _within(_lines(self.points[label], boxes), inner)  # (C, S, P)
        lines = self.lines[self._near(self.lines[:, 0], boxes, 6)]
        under = _within(lines, boxes)  # (lines, S, C)
        crossings = over.any(axis=1).sum(axis=1) * has_line + under.any(axis=1).sum(axis=0)
        return np.asarray(_DOT_COST * covered + _CROSSING_COST * crossings)

    def _near(self, corners: Floats, boxes: Floats, margin: float = 0) -> Bools:
        """Return a mask of the corners within all boxes' extent and a margin in label heights."""
        low = boxes[:, :2].min(axis=0) - margin * self.unit
        high = boxes[:, 2:].max(axis=0) + margin * self.unit
        return np.asarray(((corners >= low) & (corners <= high)).all(axis=1))

    def _overlaps(self, boxes: Floats) -> tuple[Bools, npt.NDArray[np.intp]]:
        """Return a mask of overlaps of boxes with taken ones near, (C, P), and their indices."""
        if not len(boxes):
            return np.zeros((0, 0), dtype=bool), np.zeros(0, dtype=np.intp)
        start, end = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        is_near = (self.boxes[:, :2] < end).all(axis=1) & (self.boxes[:, 2:] > start).all(axis=1)
        near = np.flatnonzero(is_near)
        low, high = boxes[:, None, :2], boxes[:, None, 2:]
        taken = self.boxes[near]
        return np.asarray(((low < taken[:, 2:]) & (high > taken[:, :2])).all(axis=2)), near


def _lines(point: Floats, boxes: Floats) -> Floats:
    """Return points on the shortest lines from a point to boxes, shape (boxes, S, 2)."""
    ends = np.clip(point, boxes[:, :2], boxes[:, 2:])
    return np.asarray(point + _ALONG * (ends - point)[:, None])


def _within(points: Floats, boxes: Floats) -> Bools:
    """Return a mask of the points, shape (..., 2), in boxes, shape (..., boxes)."""
    x, y = points[..., 0, None], points[..., 1, None]
    return np.asarray((x > boxes[:, 0]) & (x < boxes[:, 2]) & (y > boxes[:, 1]) & (y < boxes[:, 3]))
