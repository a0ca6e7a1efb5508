"""Labels: no two overlap, all are in the picture, and none is dropped that could have a place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wordkit.errors import ConfigError
from wordkit.plots.labels import Place, place_labels

WIDTH, HEIGHT = 200.0, 120.0
counts = st.shared(st.integers(1, 40), key="N")
points = counts.flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.floats(0, 120)))
sizes = counts.flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.floats(1, 70)))


def box(place: Place, size: np.ndarray) -> tuple[float, float, float, float]:
    return place.left, place.bottom, place.left + size[0], place.bottom + size[1]


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    tiny = 1e-9  # of rounding, where one begins as the other ends
    return bool(
        a[0] < b[2] - tiny and b[0] < a[2] - tiny and a[1] < b[3] - tiny and b[1] < a[3] - tiny
    )


@given(points, sizes, st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=3))
def test_no_two_labels_overlap_and_all_are_inside(
    points: np.ndarray, sizes: np.ndarray, corners: list[tuple[float, float]]
) -> None:
    taken = [(x, y, x + 30, y + 15) for x, y in corners]
    places = place_labels(points, sizes, (WIDTH, HEIGHT), taken=taken)
    assert len(places) == len(points)
    boxes = [box(p, s) for p, s in zip(places, sizes, strict=True) if p is not None]
    for number, one in enumerate(boxes):
        assert one[0] >= -1e-9 and one[2] <= WIDTH + 1e-9
        assert one[1] >= -1e-9 and one[3] <= HEIGHT + 1e-9
        assert not any(overlap(one, other) for other in [*boxes[:number], *taken])


@given(points, sizes)
def test_what_fits_alone_is_never_dropped_when_it_is_the_first(
    points: np.ndarray, sizes: np.ndarray
) -> None:
    alone = place_labels(points[:1], sizes[:1], (WIDTH, HEIGHT))
    together = place_labels(points, sizes, (WIDTH, HEIGHT))
    assert (alone[0] is None) == (together[0] is None)


def test_there_is_room_for_all_labels_of_a_loose_map() -> None:
    drawn = np.random.default_rng(0)
    points = drawn.random((200, 2)) * [800, 600]
    sizes = np.stack([drawn.integers(20, 60, 200), np.full(200, 10)], axis=1)
    places = place_labels(points, sizes, (800, 600))
    assert None not in places
    assert sum(place.leads for place in places if place) < 20


def test_one_point_for_several_labels() -> None:
    places = place_labels([(100, 60)] * 8, [(30, 10)] * 8, (WIDTH, HEIGHT))
    assert None not in places
    assert len({(p.left, p.bottom) for p in places if p}) == 8


def test_a_label_with_room_lies_beside_its_point_and_has_no_line() -> None:
    (place,) = place_labels([(50, 60)], [(40, 10)], (WIDTH, HEIGHT), gap=3)
    assert place == Place(53, 55, False)


def test_in_a_crowd_a_line_leads_to_the_label() -> None:
    places = place_labels([(100, 60)] * 14, [(30, 10)] * 14, (WIDTH, HEIGHT))
    leads = [place.leads for place in places if place]
    assert leads[:2] == [False] * 2, "to the right and to the left"
    assert all(leads[2:])


@given(points, sizes)
def test_a_label_that_does_not_lie_beside_its_point_has_a_line(
    points: np.ndarray, sizes: np.ndarray
) -> None:
    for point, size, place in zip(
        points, sizes, place_labels(points, sizes, (WIDTH, HEIGHT), gap=3), strict=True
    ):
        if place is not None:
            left, bottom, right, top = box(place, size)
            nearest = np.clip(point, [left, bottom], [right, top])
            assert place.leads or np.hypot(*(point - nearest)) <= 3 + 1e-9


def test_lines_keep_off_labels() -> None:
    """Most do; a point amid labels leaves none a way."""
    lines = crossed = 0
    for seed in range(6):
        drawn = np.random.default_rng(seed)
        points = drawn.random((80, 2)) * [400, 300]
        sizes = np.stack([drawn.integers(20, 60, 80), np.full(80, 10)], axis=1)
        places = place_labels(points, sizes, (400, 300))
        boxes = [box(p, s) for p, s in zip(places, sizes, strict=True) if p is not None]
        assert len(boxes) == 80
        for label, place in enumerate(places):
            if place is not None and place.leads:
                lines += 1
                others = boxes[:label] + boxes[label + 1 :]
                crossed += runs_over(points[label], boxes[label], others)
    assert lines > 20
    assert crossed < lines / 4


def runs_over(
    point: np.ndarray, own: tuple[float, ...], others: list[tuple[float, float, float, float]]
) -> bool:
    """Whether the line from a point to the box of its label runs through another box."""
    line = np.linspace(point, np.clip(point, own[:2], own[2:]), 50)
    return any(
        left + 2 < x < right - 2 and bottom + 2 < y < top - 2
        for x, y in line
        for left, bottom, right, top in others
    )


def test_what_is_in_the_way_moves() -> None:
    """Both fit to the right alone, as one reads on; the first one can lie to the left as well."""
    one, other = place_labels([(24, 4.5), (25, 4.5)], [(20, 8), (32, 8)], (60, 9), gap=3)
    assert one is not None and other is not None
    assert (one.left, other.left) == (pytest.approx(1), pytest.approx(28))


def test_a_label_that_is_too_large_has_no_place() -> None:
    places = place_labels([(10, 10), (20, 20)], [(300, 10), (20, 5)], (WIDTH, HEIGHT))
    assert places[0] is None and places[1] is not None


def test_nothing_to_place() -> None:
    assert place_labels(np.empty((0, 2)), np.empty((0, 2)), (WIDTH, HEIGHT)) == []


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match="2 points need as many sizes, not 1"):
        place_labels([(1, 1), (2, 2)], [(1, 1)], (WIDTH, HEIGHT))
