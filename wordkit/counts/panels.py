"""Dense blocks of vectors as panels of 16 columns, and products with them on all threads.

Every sum over rows is taken in a fixed number of pieces, added up in order, so that no result
depends on the number of threads.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from wordkit.counts.csr import CsrParts
from wordkit.errors import ResourceError
from wordkit.kernels.aligned import aligned
from wordkit.runtime import ThreadPool, balanced_ranges, even_ranges

__all__ = [
    "WIDTH",
    "Floats",
    "Operator",
    "PanelOperator",
    "combine",
    "combine_inner",
    "empty_panels",
    "inner",
]

WIDTH = 16
"""Columns of a panel, as in the kernels."""

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_PIECES = 32


def empty_panels(count: int, rows: int) -> Floats:
    """Return panels of shape (count, rows, 16), whose rows lie in one cache line each.

    Raises:
        ResourceError: the system has no memory for them.
    """
    try:
        return aligned(np.empty, count, rows, WIDTH)
    except MemoryError as error:
        size = count * rows * WIDTH * 4 / 2**30
        raise ResourceError(
            f"there is no memory for {size:.1f} GiB of vectors; lower dim or raise the minimum "
            "count"
        ) from error


class PanelOperator(Protocol):
    """A matrix (R, C) that multiplies panels."""

    shape: tuple[int, int]
    largest: float
    """The largest absolute value of an entry."""
    pool: ThreadPool
    """For the arithmetic of panels."""

    def times_panel(self, panel: Floats, result: Floats) -> None:
        """Write the product with a panel (C, 16) into ``result`` (R, 16)."""


class Operator:
    """A sparse matrix (R, C) that multiplies panels and vectors, on all threads."""

    def __init__(self, parts: CsrParts, pool: ThreadPool) -> None:
        self.parts, self.shape = parts, parts.shape
        self.largest = max(float(parts.data.max(initial=0)), -float(parts.data.min(initial=0)))
        self.pool = pool
        self._ranges = balanced_ranges(parts.indptr, max(1, len(parts.data) // _PIECES))

    def times_panel(self, panel: Floats, result: Floats) -> None:
        """Write the product with a panel (C, 16) into ``result`` (R, 16)."""
        from wordkit.counts import svd_kernels as kernels

        arrays = self.parts.arrays
        self.pool.for_each(
            lambda rows: kernels.multiply(*arrays, panel, rows, result), self._ranges
        )

    def times_vector(self, vector: npt.NDArray[Any]) -> Doubles:
        """Return the product with a vector (C,), in double precision."""
        from wordkit.counts import svd_kernels as kernels

        arrays = self.parts.arrays
        vector = np.ascontiguousarray(vector, dtype=np.float64).reshape(-1)
        result = np.zeros(self.parts.shape[0])
        self.pool.for_each(
            lambda rows: kernels.multiply_vector(*arrays, vector, rows, result), self._ranges
        )
        return result


def inner(panels: Floats, panel: Floats, pool: ThreadPool) -> Doubles:
    """Return the inner products of the columns, ``panels``ᵀ · ``panel``: (P · 16, 16)."""
    from wordkit.counts import svd_kernels as kernels

    ranges = even_ranges(panel.shape[0], _PIECES)
    sums = np.zeros((len(ranges), len(panels) * WIDTH, WIDTH))
    pool.for_each(lambda p: kernels.inner(panels, panel, ranges[p], sums[p]), range(len(ranges)))
    return np.asarray(sums.sum(axis=0))


def combine(panels: Floats, coefficients: Doubles, result: Floats, pool: ThreadPool) -> None:
    """Add ``panels`` (P, R, 16) · ``coefficients`` (P · 16, 16) to ``result`` (R, 16)."""
    from wordkit.counts import svd_kernels as kernels

    single = np.ascontiguousarray(coefficients, dtype=np.float32)
    pool.for_each(
        lambda rows: kernels.combine(panels, single, rows, result),
        even_ranges(result.shape[0], _PIECES),
    )


def combine_inner(
    panels: Floats, coefficients: Doubles, panel: Floats, pool: ThreadPool
) -> Doubles:
    """:func:`combine` into ``panel``, then :func:`inner` with it, in one pass over ``panels``.

    A basis is larger than the caches, so that a pass over it costs more than the arithmetic.
    """
    from wordkit.counts import svd_kernels as kernels

    single = np.ascontiguousarray(coefficients, dtype=np.float32)
    ranges = even_ranges(panel.shape[0], _PIECES)
    sums = np.zeros((len(ranges), len(panels) * WIDTH, WIDTH))
    pool.for_each(
        lambda p: kernels.combine_inner(panels, single, panel, ranges[p], sums[p]),
        range(len(ranges)),
    )
    return np.asarray(sums.sum(axis=0))
