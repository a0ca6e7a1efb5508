"""Vectors on a plane: PCA as its definition says, t-SNE that repeats itself, and bad shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.plots.projection import pca, project, tsne


def plain_pca(vectors: np.ndarray) -> np.ndarray:
    """The twin: the first two left singular vectors of the centred points, by their lengths."""
    U, S, _ = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
    return (U * S)[:, :2]


@given(st.integers(3, 30), st.integers(2, 12), st.integers(0, 1000))
def test_pca_is_that_of_the_singular_values(N: int, D: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(N, D))
    found, expected = pca(vectors), plain_pca(vectors)
    for axis in (0, 1):
        sign = np.sign(found[:, axis] @ expected[:, axis])
        assert found[:, axis] == pytest.approx(sign * expected[:, axis], abs=1e-9)


@pytest.mark.parametrize(
    ("vectors", "flat"),
    [
        ([[1.0], [2.0], [4.0]], [False, True]),
        ([[1, 2, 3], [4, 5, 6]], [False, True]),
        ([[0.1, 0.2], [0.2, 0.4], [0.3, 0.6]], [False, True]),
        ([[0.1, 0.2], [0.1, 0.2]], [True, True]),
    ],
)
def test_what_the_points_do_not_fill_is_nothing(vectors: list, flat: list[bool]) -> None:
    places = pca(np.array(vectors, dtype=np.float32))
    assert [not axis.any() for axis in places.T] == flat


@pytest.mark.parametrize("N", [4, 5, 31, 95])
def test_tsne_of_any_number_of_points_and_again_the_same(N: int) -> None:
    vectors = np.random.default_rng(1).normal(size=(N, 6)).astype(np.float32)
    one, method = project(vectors, "tsne")
    other, _ = project(vectors, "tsne")
    assert method == "tsne"
    assert one.shape == (N, 2)
    assert np.isfinite(one).all()
    assert np.array_equal(one, other)


def test_tsne_keeps_neighbours_together() -> None:
    drawn = np.random.default_rng(2)
    groups = np.repeat(np.eye(4, 10) * 5, 20, axis=0) + drawn.normal(size=(80, 10)) * 0.1
    places, method = project(groups)
    assert method == "tsne"
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    assert (apart.argmin(1) // 20 == np.arange(80) // 20).all()


def test_equal_points() -> None:
    assert not tsne(np.ones((10, 3))).any()
    places, _ = project(np.repeat(np.eye(3), 20, axis=0))
    assert np.isfinite(places).all()


def test_few_points_are_never_left_to_tsne() -> None:
    assert project(np.eye(3), "tsne")[1] == "pca"
    assert project(np.eye(50))[1] == "pca"
