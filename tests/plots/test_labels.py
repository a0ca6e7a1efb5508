"""Labels: no two overlap, all are in the figure, and none is dropped that could have a position."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wordkit.errors import ConfigError
from wordkit.plots import LIGHT
from wordkit.plots.labels import draw_labels, place_labels

BOUNDS = (200.0, 120.0)
TINY = 1e-9  # of rounding, where one begins as the other ends
counts = st.shared(st.integers(1, 40), key="N")
points = counts.flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.floats(0, 120)))
sizes = counts.flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.floats(1, 70)))


def boxes_of(corners: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The boxes of the labels that have a position: left, bottom, right, top."""
    boxes = np.concatenate([corners, corners + sizes], axis=1)
    return boxes[~np.isnan(corners[:, 0])]


def random_labels(seed: int, N: int, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    points = random.random((N, 2)) * [width, height]
    return points, np.stack([random.integers(20, 60, N), np.full(N, 10)], axis=1)


def away(points: np.ndarray, corners: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The distances from points to the boxes of their labels."""
    return np.linalg.norm(points - np.clip(points, corners, corners + sizes), axis=1)


@given(points, sizes, st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=3))
def test_no_two_labels_overlap_and_all_are_inside(
    points: np.ndarray, sizes: np.ndarray, obstacles: list[tuple[float, float]]
) -> None:
    taken = np.array([(x, y, x + 30, y + 15) for x, y in obstacles]).reshape(-1, 4)
    corners = place_labels(points, sizes, BOUNDS, taken=taken)
    assert corners.shape == points.shape
    placed = boxes_of(corners, sizes)
    assert (placed >= -TINY).all() and (placed[:, 2:] <= np.add(BOUNDS, TINY)).all()
    boxes = np.concatenate([taken, placed])
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    overlaps = ((low < boxes[:, 2:] - TINY) & (high > boxes[:, :2] + TINY)).all(axis=2)
    overlaps[: len(taken), : len(taken)] = False
    np.fill_diagonal(overlaps, False)
    assert not overlaps.any()
    if not obstacles:  # then the first label has a position if it has one alone
        assert (
            np.isnan(corners[0]).all()
            == np.isnan(place_labels(points[:1], sizes[:1], BOUNDS)).all()
        )


def test_there_is_room_for_all_labels_of_a_loose_map() -> None:
    points, sizes = random_labels(0, 200, 800, 600)
    corners = place_labels(points, sizes, (800, 600))
    assert not np.isnan(corners).any()
    assert (away(points, corners, sizes) > 3 + TINY).sum() < 20


def test_one_point_for_several_labels() -> None:
    points, sizes = np.full((14, 2), (100.0, 60.0)), np.full((14, 2), (30.0, 10.0))
    corners = place_labels(points, sizes, BOUNDS)
    assert len(np.unique(corners, axis=0)) == 14 and not np.isnan(corners).any()
    beside = away(points, corners, sizes) <= 3 + TINY
    assert beside.tolist() == [True] * 2 + [False] * 12, "to the right and to the left"


def test_a_label_with_room_lies_beside_its_point() -> None:
    assert place_labels([(50, 60)], [(40, 10)], BOUNDS, gap=3).tolist() == [[53, 55]]


def test_most_lines_keep_off_labels() -> None:
    """A point amid labels leaves none a way."""
    lines = crossed = 0
    for seed in range(6):
        points, sizes = random_labels(seed, 80, 400, 300)
        corners = place_labels(points, sizes, (400, 300))
        boxes = boxes_of(corners, sizes)
        assert len(boxes) == 80
        for label in np.flatnonzero(away(points, corners, sizes) > 3 + TINY):
            own, others = boxes[label], np.delete(boxes, label, axis=0)
            line = np.linspace(points[label], np.clip(points[label], own[:2], own[2:]), 50)
            inside = (line[:, None] > others[:, :2] + 2) & (line[:, None] < others[:, 2:] - 2)
            lines += 1
            crossed += inside.all(axis=2).any()
    assert lines > 20
    assert crossed < lines / 4


def test_what_is_in_the_way_moves() -> None:
    """Both fit to the right alone, as one reads on; the first one can lie to the left as well."""
    corners = place_labels([(24, 4.5), (25, 4.5)], [(20, 8), (32, 8)], (60, 9), gap=3)
    assert corners[:, 0] == pytest.approx([1, 28])


def test_labels_that_have_no_position() -> None:
    corners = place_labels([(10, 10), (20, 20)], [(300, 10), (20, 5)], BOUNDS)
    assert np.isnan(corners).tolist() == [[True, True], [False, False]]
    assert place_labels(np.empty((0, 2)), np.empty((0, 2)), BOUNDS).shape == (0, 2)
    with pytest.raises(ConfigError, match="2 points need as many sizes, not 1"):
        place_labels([(1, 1), (2, 2)], [(1, 1)], BOUNDS)


def test_lines_lead_to_labels_away_from_their_points() -> None:
    pytest.importorskip("matplotlib")
    from wordkit.plots.figures import new_figure

    axes = new_figure("map.png", (200 / 72, 120 / 72)).add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 200), ylim=(0, 120))
    points = np.array([(100.0, 60.0)] * 5 + [(10.0, 10.0)])
    texts = [axes.text(0, 0, word, fontsize=8) for word in (*"abcde", "x" * 99)]
    assert draw_labels(axes, points, texts, LIGHT) == [5]
    assert list(axes.texts) == texts[:5]
    (lines,) = axes.collections
    ends = [line.tolist() for line in lines.get_segments()]
    assert len(ends) == 3, "two lie beside the point"
    assert all(start == [100, 60] and start != end for start, end in ends)
