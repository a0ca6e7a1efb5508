"""Singular vectors from a randomized block Krylov space.

R and C are rows and columns of the sparse matrix A, D the singular triplets wanted, 16 the columns
of a block, m those of the basis.

Halko, Martinsson and Tropp ("Finding structure with randomness", SIAM Review 2011) multiply random
vectors by A and its transpose by turns and keep the last block. Keeping all of them reaches the
same accuracy with far fewer products (Musco and Musco, "Randomized block Krylov methods for
stronger and faster approximate singular value decomposition", NIPS 2015), the fewer the smaller
the block, and 16 columns are what a cache line holds. The basis is kept orthonormal (block
Lanczos on AᵀA with full reorthogonalisation), and grows until the singular values settle.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Generator
from contextlib import AbstractContextManager

import numpy as np

from wordkit.counts.panels import (
    WIDTH,
    Doubles,
    Floats,
    PanelOperator,
    combine,
    combine_inner,
    empty_panels,
    inner,
)
from wordkit.errors import WordkitWarning
from wordkit.runtime import Report

__all__ = ["Triplets", "block_krylov", "one_blas_thread"]

Triplets = tuple[Floats, Doubles, Floats]
"""Left vectors (R, D), singular values (D,) falling, transposed right vectors (D, C)."""

_NOISE = 1e-6  # relative to the largest singular value: below it lies single-precision rounding
_NEGLIGIBLE = 1e-2  # of a squared length: the part in the basis that one more projection removes
_MAX_PASSES = 4
_DEPENDENT = 1e-5  # eigenvalue of a correlation matrix below which Cholesky is not to be trusted


def block_krylov(
    matrix: PanelOperator, transposed: PanelOperator, k: int, *, tolerance: float, seed: int
) -> Generator[Report, None, Triplets]:
    """Compute the ``k`` largest singular values of a matrix and their vectors.

    Args:
        matrix: A, shape (R, C).
        transposed: Aᵀ.
        k: D, well below R and C.
        tolerance: stop when a further block changes no singular value by more, relatively. What
            is missing then is about as much.
        seed: of the random start.

    Warns:
        WordkitWarning: the basis has grown to its limit, and the values have not settled.
    """
    columns = transposed.shape[0]
    limit = min(columns // WIDTH, 8 * k // WIDTH + 10)
    first, every = min(2 * k // WIDTH + 2, limit), max(1, k // 128)
    basis = _Basis(matrix, transposed, limit, seed)
    values: Doubles | None = None
    looked = 0  # blocks when the values were last computed
    while True:
        basis.grow()
        figures: dict[str, float] = {}
        due = basis.blocks >= first and (basis.blocks - first) % every == 0
        if due or basis.blocks == limit:
            before, values = values, basis.singular_values(k)
            if before is not None:
                figures["change"] = _largest_change(before, values) / (basis.blocks - looked)
                if basis.blocks == limit and limit * WIDTH < columns:
                    _warn_unless_settled(before, values, tolerance * (basis.blocks - looked))
            looked = basis.blocks
        yield Report("decomposing", basis.blocks, None, "blocks", figures)
        if figures.get("change", np.inf) <= tolerance or basis.blocks == limit:
            return basis.triplets(k)


def _warn_unless_settled(before: Doubles, values: Doubles, tolerance: float) -> None:
    """Warn of singular values that changed by more than the tolerance, and not by rounding."""
    # The squares come from a matrix in single precision, so that values near 0 never settle.
    real = np.abs(values**2 - before**2) > _NOISE * values[0] ** 2
    unsettled = int((real & (np.abs(values - before) > tolerance * values)).sum())
    if unsettled:
        warnings.warn(
            f"{unsettled} of {len(values)} singular values have not settled to the tolerance and "
            "may be too small; take method='arpack', which is slower, or a larger tolerance",
            WordkitWarning,
            stacklevel=2,
        )


def _largest_change(before: Doubles, values: Doubles) -> float:
    """Return the largest relative change of a singular value that is not just rounding."""
    floor = max(values[0] * _NOISE, np.finfo(np.float64).tiny)
    return float((np.abs(values - before) / np.maximum(values, floor)).max())


class _Basis:
    """An orthonormal basis of a growing Krylov space of AᵀA, and AᵀA projected on it.

    A is scaled so that its largest entry is near 1. The basis has at most ``limit`` blocks.
    """

    def __init__(
        self, matrix: PanelOperator, transposed: PanelOperator, limit: int, seed: int
    ) -> None:
        rows, columns = matrix.shape
        self._matrix, self._transposed = matrix, transposed
        self._pool = matrix.pool
        self._random = np.random.default_rng(seed)
        self._memory = empty_panels(limit, columns)  # taken from the system as it fills
        self._left = empty_panels(1, rows)[0]
        self._next = empty_panels(1, columns)[0]
        # Squares of sums are taken in single precision: a power of two, which loses nothing, keeps
        # them in its range.
        self._scale = 2.0 ** min(max(-math.frexp(matrix.largest)[1], -120), 120)
        # The start lies in the row space: what no row touches stays zero.
        self._left[:] = self._random.standard_normal(self._left.shape, dtype=np.float32)
        self._left *= np.float32(self._scale)
        self._transposed.times_panel(self._left, self._next)
        self._projected = np.zeros((limit * WIDTH, limit * WIDTH))
        self.blocks = 0

    @property
    def panels(self) -> Floats:
        """The basis, shape (blocks, C, 16)."""
        return self._memory[: self.blocks]

    def grow(self) -> None:
        """Make the next block orthonormal, add it, and compute the one after it."""
        self._orthonormalize()
        new = self._memory[self.blocks]
        new[:] = self._next
        self.blocks += 1
        self._matrix.times_panel(new, self._left)
        self._left *= np.float32(self._scale)
        self._left *= np.float32(self._scale)
        self._transposed.times_panel(self._left, self._next)
        stop = self.blocks * WIDTH
        self._projected[:stop, stop - WIDTH : stop] = self._project_out()

    def singular_values(self, k: int) -> Doubles:
        """Return the ``k`` largest singular values of the projected matrix, falling."""
        with one_blas_thread():
            values = np.linalg.eigvalsh(self._symmetric())[::-1][:k]
        return np.asarray(np.sqrt(np.maximum(values, 0)) / self._scale)

    def triplets(self, k: int) -> Triplets:
        """Compute the ``k`` largest singular triplets in this space (Rayleigh–Ritz).

        They are taken from A times the best vectors, not from the projected AᵀA, in which small
        singular values have lost half their digits.
        """
        size = min(-(-k // WIDTH) * WIDTH, self.blocks * WIDTH)
        with one_blas_thread():
            vectors = np.linalg.eigh(self._symmetric())[1][:, ::-1][:, :size]
        right = self._combined(self.panels, vectors)
        left = empty_panels(len(right), self._left.shape[0])
        for source, target in zip(right, left, strict=True):
            self._matrix.times_panel(source, target)
            target *= np.float32(self._scale)
        with one_blas_thread():
            values, rotation = _singular_rotation(self._gram(left), self._gram(right), k)
        inverse = np.divide(1, values, out=np.zeros_like(values), where=values > 0)
        U = _columns(self._combined(left, rotation * inverse), k)
        V = _columns(self._combined(right, rotation), k)
        return U, values / self._scale, V.T

    def _gram(self, panels: Floats) -> Doubles:
        """Return the inner products of all columns of panels."""
        gram = np.hstack([inner(panels, panel, self._pool) for panel in panels])
        return np.asarray((gram + gram.T) / 2)

    def _symmetric(self) -> Doubles:
        """Return AᵀA in this basis, shape (m, m)."""
        size = self.blocks * WIDTH
        projected = np.triu(self._projected[:size, :size])
        return np.asarray(projected + np.triu(projected, 1).T)

    def _combined(self, panels: Floats, coefficients: Doubles) -> Floats:
        """Return ``panels`` · ``coefficients`` as panels, padded with zero columns."""
        count = -(-coefficients.shape[1] // WIDTH)
        padded = np.zeros((len(coefficients), count * WIDTH))
        padded[:, : coefficients.shape[1]] = coefficients
        result = empty_panels(count, panels.shape[1])
        for p, panel in enumerate(result):
            panel[:] = 0
            combine(panels, padded[:, p * WIDTH : (p + 1) * WIDTH], panel, self._pool)
        return result

    def _project_out(self) -> Doubles:
        """Subtract from the next block its projection on the basis; return the coefficients.

        "Twice is enough" (Kahan; see Parlett, "The Symmetric Eigenvalue Problem", section 6.9),
        unless hardly anything of a column was left the first time but rounding.
        """
        coefficients = inner(self.panels, self._next, self._pool)
        total = coefficients
        for _ in range(_MAX_PASSES):
            coefficients = combine_inner(self.panels, -coefficients, self._next, self._pool)
            total = total + coefficients
            left = np.diag(inner(self._next[None], self._next, self._pool))
            if (np.square(coefficients).sum(axis=0) <= _NEGLIGIBLE * left).all():
                break
        combine(self.panels, -coefficients, self._next, self._pool)
        return total

    def _orthonormalize(self) -> None:
        """Make the next block orthonormal by CholeskyQR2 (Yamamoto and others, 2015)."""
        attempts = 3
        while not self._cholesky_qr() and attempts:
            self._replace_dependent()
            attempts -= 1
        self._cholesky_qr()

    def _cholesky_qr(self) -> bool:
        """Do one round; return False, changing nothing, if columns are nearly dependent."""
        gram = inner(self._next[None], self._next, self._pool)
        norms = np.sqrt(np.diag(gram))
        if norms.min() == 0 or not np.isfinite(gram).all():
            return False
        correlations = gram / norms / norms[:, None]
        if np.linalg.eigvalsh(correlations)[0] < _DEPENDENT:
            return False
        triangle = np.linalg.cholesky(correlations)
        coefficients = np.linalg.inv(triangle).T / norms[:, None]
        self._next = self._combined(self._next[None], coefficients)[0]
        return True

    def _replace_dependent(self) -> None:
        """Make columns orthonormal by Householder QR, with random ones for dependent ones."""
        from scipy.linalg import qr

        norms = np.linalg.norm(self._next.astype(np.float64), axis=0)
        block = self._next / np.where(norms > 0, norms, 1)
        columns, triangle, _ = qr(block, mode="economic", pivoting=True)
        dependent = np.abs(np.diag(triangle)) < np.sqrt(_DEPENDENT)
        fresh = self._random.standard_normal((len(columns), int(dependent.sum())))
        columns[:, dependent] = fresh / np.sqrt(len(columns))
        self._next[:] = columns
        self._project_out()


def _singular_rotation(left: Doubles, right: Doubles, k: int) -> tuple[Doubles, Doubles]:
    """Return the ``k`` largest singular values of A in a space, and the vectors' coefficients.

    ``left`` is the Gram matrix of A·X for a basis X of the space, ``right`` that of X, which is
    the identity but for rounding.
    """
    inverse = np.linalg.inv(np.linalg.cholesky(right))
    squares, rotation = np.linalg.eigh(inverse @ left @ inverse.T)
    values = np.sqrt(np.maximum(squares[::-1][:k], 0))
    values[values <= _NOISE * values[0]] = 0  # the rank is less than k: no direction there
    return values, (inverse.T @ rotation[:, ::-1][:, :k]) * (values > 0)


def _columns(panels: Floats, k: int) -> Floats:
    """Return the first ``k`` columns of panels as one array."""
    return np.asarray(panels.transpose(1, 0, 2).reshape(panels.shape[1], -1)[:, :k])


def one_blas_thread() -> AbstractContextManager[object]:
    """Return a context in which NumPy's and SciPy's linear algebra runs on one thread.

    For matrices of a few hundred rows, more threads gain little, and where other work runs on the
    same cores their busy waiting makes the call up to a hundred times as slow.
    """
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    limit: AbstractContextManager[object] = ThreadpoolController().limit(limits=1, user_api="blas")
    return limit
