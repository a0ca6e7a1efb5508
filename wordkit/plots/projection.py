"""Vectors of many dimensions on a plane.

N is the number of points, D of dimensions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError

__all__ = ["METHODS", "pca", "project", "tsne"]

Floats = npt.NDArray[np.float64]

METHODS = ("pca", "tsne")
"""The methods of projection."""

_MAX_PCA_POINTS = 50  # up to which PCA is the default
_PERPLEXITY = 30.0  # of t-SNE where there are points enough; scikit-learn's own value
_ROUNDING = 1e-6  # of the widest extent; what is narrower is 0


def project(
    vectors: npt.NDArray[np.floating], method: str | None = None, *, seed: int = 1
) -> tuple[Floats, str]:
    """Return points on a plane, shape (N, 2), and the method of projection.

    Args:
        vectors: shape (N, D), two at least.
        method: "pca" or "tsne"; None: "pca" for up to 50 points, "tsne" for more. For fewer than
            four points it is always "pca", as they have no neighbourhoods.
        seed: of the random numbers of t-SNE.

    Raises:
        ConfigError: the method is another, or there are fewer than two points.
    """
    if method is not None and method not in METHODS:
        raise ConfigError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    N = len(vectors)
    if N < 2:
        raise ConfigError(f"a map needs two words at least, not {N}")
    if N < 4 or (method or ("pca" if N <= _MAX_PCA_POINTS else "tsne")) == "pca":
        return pca(vectors), "pca"
    return tsne(vectors, seed=seed), "tsne"


def pca(vectors: npt.NDArray[np.floating]) -> Floats:
    """Return the first two principal components (Hotelling 1933), shape (N, 2).

    Equal points, or points on a line, leave what they do not fill at 0.
    """
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    exact = np.asarray(vectors, dtype=np.float64)
    points = np.zeros((len(exact), 2))
    if np.ptp(exact, axis=0).max(initial=0) == 0:
        return points
    components = min(2, *exact.shape)
    with threadpool_limits(1):  # the order of sums, and so the last bits, depend on the threads
        points[:, :components] = PCA(components, svd_solver="full").fit_transform(exact)
    extent = np.abs(points).max(axis=0)
    points[:, extent <= _ROUNDING * extent.max()] = 0
    return points


def tsne(vectors: npt.NDArray[np.floating], *, seed: int = 1) -> Floats:
    """Return points that keep neighbourhoods (van der Maaten and Hinton 2008), shape (N, 2).

    It starts from :func:`pca`, so that the large arrangement means something too.

    Args:
        vectors: shape (N, D), four at least.
        seed: of the random numbers.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    start = pca(vectors)
    spread = start[:, 0].std()
    if spread == 0:  # all points are one
        return start
    model = TSNE(
        perplexity=min(_PERPLEXITY, (len(vectors) - 1) / 3),
        init=(start / spread * 1e-4).astype(np.float32),
        random_state=seed,
        n_jobs=1,
    )
    with threadpool_limits(1):
        found = model.fit_transform(np.asarray(vectors, dtype=np.float32))
    return np.asarray(found, dtype=np.float64)
