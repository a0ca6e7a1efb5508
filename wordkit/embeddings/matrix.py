"""Vectors as read-only matrices of float32, and their lengths.

V is the number of words, D of dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import EmbeddingsError

__all__ = ["ROWS", "all_finite", "frozen", "matrices_of", "matrix_of", "norms_of"]

ROWS = 1 << 10
"""Rows of a block, where all are visited."""


def matrix_of(vectors: npt.ArrayLike, words: int) -> npt.NDArray[np.float32]:
    """Return vectors as a read-only float32 array of one row a word."""
    try:
        given = np.asarray(vectors)
        if given.dtype.kind == "c":
            raise EmbeddingsError("the vectors are complex numbers; give real ones")
        with np.errstate(over="ignore"):
            matrix = frozen(given)
    except (TypeError, ValueError) as error:
        raise EmbeddingsError(f"the vectors are no matrix of numbers: {error}") from error
    if matrix.ndim != 2 or len(matrix) != words:
        raise EmbeddingsError(
            f"{words} words need vectors of shape ({words}, dimensions), not {matrix.shape}"
        )
    if matrix.size == 0:
        raise EmbeddingsError(f"there must be a word and a dimension, not shape {matrix.shape}")
    return matrix


def matrices_of(
    given: Mapping[str, npt.NDArray[np.float32]],
) -> Mapping[str, npt.NDArray[np.float32]]:
    """Return float32 matrices by name, each :func:`frozen`."""
    for name, matrix in given.items():
        if matrix.ndim != 2 or matrix.dtype != np.float32:
            raise EmbeddingsError(
                f"the weights {name!r} must be a matrix of float32, not {matrix.dtype} of shape "
                f"{matrix.shape}"
            )
    return MappingProxyType({name: frozen(matrix) for name, matrix in given.items()})


def all_finite(matrix: npt.NDArray[np.float32]) -> bool:
    """Return whether no number is NaN or infinite."""
    return all(
        bool(np.isfinite(matrix[start : start + ROWS]).all())
        for start in range(0, len(matrix), ROWS)
    )


def norms_of(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the lengths of vectors, summed in double precision."""
    norms = np.empty(len(vectors), dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(vectors), ROWS):
            rows = vectors[start : start + ROWS]
            norms[start : start + ROWS] = np.sqrt(
                np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
            )
    return norms


def frozen(given: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the numbers as C-contiguous float32 in memory that is read-only for all."""
    array = np.ascontiguousarray(given, dtype=np.float32)
    if np.may_share_memory(array, given):
        if not _writeable(array):
            return array.view()
        array = array.copy()
    array.flags.writeable = False
    return array.view()  # of a view, unlike its base, the flag cannot be set again


def _writeable(array: npt.NDArray[Any]) -> bool:
    """Return whether an array, or one that it is a view of, can be written to."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return True
        owner = owner.base
    return False
