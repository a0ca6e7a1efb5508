"""Matrices in fewer bytes: half precision, or 8-bit rows with a scale each.

A row of 8-bit numbers is ``scale * q`` with q from -127 to 127, where ``scale`` is a 127th of the
row's largest value; so each row keeps its direction to about half a step in 127, whatever its
length, and the file a quarter of its size. In a file such a matrix NAME comes with a tensor
``NAME.scales``. Letters: R rows, C columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError, FormatError
from wordkit.storage import TensorFile

__all__ = ["PRECISIONS", "check_precision", "is_scales_of", "restored", "rounded"]

PRECISIONS = ("fp32", "fp16", "int8")
"""How the numbers of a matrix may be kept: in 4 bytes, in 2, or in 1 and a scale for each row."""

_SCALES = ".scales"  # behind the name of a matrix
_MOST = 127
_LARGEST_HALF = float(np.finfo(np.float16).max)


def check_precision(precision: str) -> None:
    """Check that there is such a precision.

    Raises:
        ConfigError: there is not.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"precision must be {', '.join(PRECISIONS)}, not {precision!r}")


def rounded(name: str, matrix: npt.NDArray[Any], precision: str) -> dict[str, npt.NDArray[Any]]:
    """What goes into a file for a matrix, by name: itself, or what :func:`restored` makes it of.

    Only a matrix of float32 is rounded; a vector, such as a bias, stays as it is.

    Args:
        name: of the matrix.
        matrix: shape (R, C), finite.
        precision: one of :data:`PRECISIONS`.

    Raises:
        ConfigError: a value is too large for half precision.
    """
    if precision == "fp32" or matrix.ndim != 2 or matrix.dtype != np.float32:
        return {name: matrix}
    largest = np.abs(matrix).max(axis=1, initial=0)
    if precision == "fp16":
        if largest.max(initial=0) > _LARGEST_HALF:
            raise ConfigError(
                f"{name} holds a value of {largest.max():g}, and half precision ends at "
                f"{_LARGEST_HALF:g}; choose int8"
            )
        return {name: matrix.astype(np.float16)}
    scales = np.maximum(largest / np.float32(_MOST), np.finfo(np.float32).tiny)
    steps = np.rint(matrix / scales[:, None]).clip(-_MOST, _MOST)
    return {name: steps.astype(np.int8), name + _SCALES: scales.astype(np.float32)}


def restored(file: TensorFile, name: str, dimensions: int = 2) -> npt.NDArray[np.float32]:
    """A matrix of a file as float32, whichever way it is kept; float32 itself stays mapped.

    Raises:
        FormatError: it is missing, of another shape or type, or its scales do not fit.
    """
    kept = file.tensors.get(name)
    if kept is not None and dimensions == 2 and kept.dtype == np.float16:
        return file.tensor(name, np.float16, 2).astype(np.float32)
    if kept is not None and dimensions == 2 and kept.dtype == np.int8:
        steps = file.tensor(name, np.int8, 2)
        scales = file.tensor(name + _SCALES, np.float32, 1)
        if len(scales) != len(steps) or not _usable(scales):
            raise FormatError(
                f"{file.path} is damaged: the {len(scales)} scales of {name!r} should be "
                f"{len(steps)} numbers above 0; copy or make it again"
            )
        matrix: npt.NDArray[np.float32] = steps * scales[:, None]
        return matrix
    return file.tensor(name, np.float32, dimensions)


def is_scales_of(name: str, tensors: Mapping[str, npt.NDArray[Any]]) -> bool:
    """Whether a tensor of this name is there for the 8-bit rows of another one."""
    matrix = tensors.get(name.removesuffix(_SCALES))
    return name.endswith(_SCALES) and matrix is not None and matrix.dtype == np.int8


def _usable(scales: npt.NDArray[np.float32]) -> bool:
    return bool(np.isfinite(scales).all() and (scales > 0).all())
