"""Labels of points that do not lie on each other.

Each label is given the best of its places that are free: beside its point, else farther off, with a
line that leads to it. Labels come in their order, so that the first ones lie best; where one finds
no place, another that stands in its way is moved. (The idea of candidate places, and of moving what
is in the way: Christensen, Marks and Shieber 1995.)

N is the number of labels, C of candidate places, P of labels that have a place, S of spots on a
line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError

__all__ = ["Place", "place_labels"]

Floats = npt.NDArray[np.float64]

_RINGS = (0.0, 0.6, 1.3, 2.2, 3.2, 4.5, 6.0)  # gaps from the point, in heights of a label
_DIRECTIONS = 16
_OF_A_DOT, _OF_A_CROSSING, _OF_A_LINE = 2.0, 3.0, 0.6  # costs, in heights of a label
_GRAZED = 0.2  # of a label's height, that a line may run in from its edge and meet no letters
_SPOTS = np.linspace(0.1, 1, 10)  # of a line, as shares of it, that are looked at for crossings
_MOST_MOVED = 4  # labels in the way that are tried, for one that has no place


@dataclass(frozen=True)
class Place:
    """Where a label lies."""

    left: float
    """The lesser x of its box."""

    bottom: float
    """The lesser y of its box."""

    leads: bool
    """Whether it is so far from its point that a line has to lead there."""


def place_labels(
    points: npt.ArrayLike,
    sizes: npt.ArrayLike,
    bounds: tuple[float, float],
    *,
    gap: float = 3.0,
    taken: npt.ArrayLike = (),
) -> list[Place | None]:
    """Where each label lies; None for those that find no place.

    No two boxes overlap, and all lie within the bounds.

    Args:
        points: shape (N, 2).
        sizes: widths and heights of the labels, shape (N, 2), above 0.
        bounds: width and height of the picture; it starts at (0, 0).
        gap: between a point and a label beside it.
        taken: boxes that no label may overlap: left, bottom, right and top of each.

    Raises:
        ConfigError: shapes do not fit.
    """
    where = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    boxes = np.asarray(sizes, dtype=np.float64).reshape(-1, 2)
    if where.shape != boxes.shape:
        raise ConfigError(f"{len(where)} points need as many sizes, not {len(boxes)}")
    layout = _Layout(where, boxes, bounds, gap)
    layout.take(np.asarray(taken, dtype=np.float64).reshape(-1, 4))
    for label in range(len(where)):
        layout.place(label)
    for label in np.flatnonzero(~layout.is_placed[: len(where)]).tolist():
        layout.place_by_moving(label)
    return [layout.place_of(label) for label in range(len(where))]


class _Layout:
    """The labels that have a place so far.

    A box is left, bottom, right, top.
    """

    def __init__(
        self, points: Floats, sizes: Floats, bounds: tuple[float, float], gap: float
    ) -> None:
        self.points, self.sizes, self.bounds, self.gap = points, sizes, bounds, gap
        self.unit = float(np.median(sizes[:, 1])) if len(sizes) else 1.0
        self.is_placed = np.zeros(len(points), dtype=bool)
        self.boxes = np.zeros((len(points), 4))
        self.leads = np.zeros(len(points), dtype=bool)
        self.spots = np.zeros((len(points), len(_SPOTS), 2))

    def take(self, boxes: Floats) -> None:
        """Keep boxes free of labels; they are counted behind the labels, and never moved."""
        self.boxes = np.concatenate([self.boxes, boxes])
        self.is_placed = np.concatenate([self.is_placed, np.ones(len(boxes), dtype=bool)])

    def place(self, label: int) -> bool:
        """Put a label to the best of the places that are free; whether there is one."""
        boxes, costs, leads = self._candidates(label)
        if not len(boxes):
            return False
        hits, _ = self._hits(boxes)
        free = ~hits.any(axis=1)
        if not free.any():
            return False
        best = np.flatnonzero(free)[np.argmin(costs[free])]
        self._put(label, boxes[best], bool(leads[best]))
        return True

    def place_by_moving(self, label: int) -> bool:
        """Put a label to where one other stands, if that can move; whether it can."""
        boxes, costs, leads = self._candidates(label)
        if not len(boxes):
            return False
        hits, near = self._hits(boxes)
        alone = np.flatnonzero(hits.sum(axis=1) == 1)
        for best in alone[np.argsort(costs[alone], kind="stable")][:_MOST_MOVED]:
            other = int(near[np.argmax(hits[best])])
            if other >= len(self.points):
                continue
            before = self.boxes[other].copy(), bool(self.leads[other])
            self._put(label, boxes[best], bool(leads[best]))
            self.is_placed[other] = False
            if self.place(other):
                return True
            self.is_placed[label] = False
            self._put(other, *before)
        return False

    def place_of(self, label: int) -> Place | None:
        """The place of a label."""
        if not self.is_placed[label]:
            return None
        left, bottom = self.boxes[label, :2].tolist()
        return Place(left, bottom, bool(self.leads[label]))

    def _put(self, label: int, box: Floats, leads: bool) -> None:
        self.boxes[label], self.leads[label], self.is_placed[label] = box, leads, True
        self.spots[label] = _spots(self.points[label], box[None])[0]

    def _candidates(self, label: int) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """Boxes within the bounds, shape (C, 4), their costs, and whether a line leads there."""
        (x, y), (width, height) = self.points[label], self.sizes[label]
        angles = np.arange(_DIRECTIONS) * (2 * math.pi / _DIRECTIONS)
        away = self.gap + self.unit * np.repeat(_RINGS, _DIRECTIONS)  # (C,)
        right, up = np.tile(np.cos(angles), len(_RINGS)), np.tile(np.sin(angles), len(_RINGS))
        # from the point to the middle of a box that lies at this distance in this direction
        middle_x = x + right * away + np.clip(right * 1.5, -1, 1) * width / 2
        middle_y = y + up * away + np.clip(up * 1.5, -1, 1) * height / 2
        middles = np.stack([middle_x, middle_y], axis=1)
        half = np.array([width, height]) / 2
        boxes = np.concatenate([middles - half, middles + half], axis=1)
        inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2:] <= self.bounds).all(axis=1)
        boxes, away, right, up = boxes[inside], away[inside], right[inside], up[inside]
        leads = away > self.gap
        # to the right is where one reads on; straight above or below is better than aslant
        preference = 0.3 * (right < -0.1) + 0.2 * (np.abs(right * up) > 0.01) + 0.1 * (up < -0.1)
        costs = (away - self.gap) / self.unit + preference + _OF_A_LINE * leads
        return boxes, costs + self._crowding(label, boxes, leads), leads

    def _crowding(self, label: int, boxes: Floats, leads: npt.NDArray[np.bool_]) -> Floats:
        """What it costs each box that points or lines run through it, or its own over labels."""
        if not len(boxes):
            return np.zeros(0)
        others = self._near(self.points, boxes)
        others[label] = False
        near = self.points[others]
        covered = (
            (near[:, 0] > boxes[:, 0, None]) & (near[:, 0] < boxes[:, 2, None])
            & (near[:, 1] > boxes[:, 1, None]) & (near[:, 1] < boxes[:, 3, None])
        ).sum(axis=1)  # fmt: skip
        placed = self.boxes[self.is_placed & self._near(self.boxes[:, :2], boxes, 12)]
        placed = placed + self.unit * _GRAZED * np.array([1, 1, -1, -1])
        over = _within(_spots(self.points[label], boxes), placed)  # (C, S, P)
        lines = self.spots[self.is_placed[: len(self.points)] & self.leads]  # of others
        lines = lines[self._near(lines[:, 0], boxes, 6)]
        under = _within(lines, boxes)  # (lines, S, C)
        crossings = over.any(axis=1).sum(axis=1) * leads + under.any(axis=1).sum(axis=0)
        return np.asarray(_OF_A_DOT * covered + _OF_A_CROSSING * crossings)

    def _near(self, corners: Floats, boxes: Floats, units: float = 0) -> npt.NDArray[np.bool_]:
        """Which corners lie within the extent of all boxes, and some units around it."""
        margin = units * self.unit
        least, most = boxes[:, :2].min(axis=0) - margin, boxes[:, 2:].max(axis=0) + margin
        return np.asarray(((corners >= least) & (corners <= most)).all(axis=1))

    def _hits(self, boxes: Floats) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
        """Which labels near them each box overlaps, shape (C, P), and which labels those are."""
        least, most = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        is_near = (self.boxes[:, :2] < most).all(axis=1) & (self.boxes[:, 2:] > least).all(axis=1)
        near = np.flatnonzero(self.is_placed & is_near)
        placed = self.boxes[near]
        hits = (
            (boxes[:, 0, None] < placed[:, 2]) & (boxes[:, 2, None] > placed[:, 0])
            & (boxes[:, 1, None] < placed[:, 3]) & (boxes[:, 3, None] > placed[:, 1])
        )  # fmt: skip
        return hits, near


def _spots(point: Floats, boxes: Floats) -> Floats:
    """Spots of the lines from a point to the nearest spots of boxes, shape (boxes, S, 2)."""
    ends = np.clip(point, boxes[:, :2], boxes[:, 2:])
    return np.asarray(point + _SPOTS[:, None] * (ends - point)[:, None])


def _within(spots: Floats, boxes: Floats) -> npt.NDArray[np.bool_]:
    """Which spot lies in which box, shape (..., boxes), for spots of shape (..., 2)."""
    x, y = spots[..., 0, None], spots[..., 1, None]
    return np.asarray((x > boxes[:, 0]) & (x < boxes[:, 2]) & (y > boxes[:, 1]) & (y < boxes[:, 3]))
