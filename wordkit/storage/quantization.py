"""Quantized matrices: half precision, or 8-bit rows with a scale each.

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

__all__ = ["PRECISIONS", "check_precision", "dequantize", "is_scales_of", "mapped", "quantize"]

PRECISIONS = ("fp32", "fp16", "int8")
"""Bytes per value: 4, 2, or 1 and a scale for each row."""

_SCALES = ".scales"  # after the name of a matrix
_MAX_STEP = 127
_ROWS = 1 << 12  # quantized at a time, so that temporary memory stays small
_MAX_HALF = float(np.finfo(np.float16).max)


def check_precision(precision: str) -> None:
    """Raise a ConfigError if there is no such precision."""
    if precision not in PRECISIONS:
        raise ConfigError(f"precision must be {', '.join(PRECISIONS)}, not {precision!r}")


def quantize(name: str, matrix: npt.NDArray[Any], precision: str) -> dict[str, npt.NDArray[Any]]:
    """Return the tensors that hold a matrix in a file, by name; :func:`dequantize` reads them.

    Only matrices of float32 are quantized; a vector, such as a bias, stays as it is.

    Args:
        name: of the matrix.
        matrix: shape (R, C), finite.
        precision: one of :data:`PRECISIONS`.

    Raises:
        ConfigError: a value is too large for half precision.
    """
    if precision == "fp32" or matrix.ndim != 2 or matrix.dtype != np.float32:
        return {name: matrix}
    largest = np.maximum(matrix.max(axis=1, initial=0), -matrix.min(axis=1, initial=0))
    if precision == "fp16":
        if largest.max(initial=0) > _MAX_HALF:
            raise ConfigError(
                f"{name} holds a value of {largest.max():g}, and half precision ends at "
                f"{_MAX_HALF:g}; choose int8"
            )
        return {name: matrix.astype(np.float16)}
    scales = np.maximum(largest / np.float32(_MAX_STEP), np.finfo(np.float32).tiny)
    steps = np.empty(matrix.shape, dtype=np.int8)
    for start in range(0, len(matrix), _ROWS):
        rows = slice(start, start + _ROWS)
        steps[rows] = np.rint(matrix[rows] / scales[rows, None]).clip(-_MAX_STEP, _MAX_STEP)
    return {name: steps, name + _SCALES: scales.astype(np.float32)}


def dequantize(file: TensorFile, name: str, dimensions: int = 2) -> npt.NDArray[np.float32]:
    """Return a matrix of a file as float32, whatever its precision; float32 itself stays mapped.

    Raises:
        FormatError: it is missing, of another shape or type, or its scales do not fit.
    """
    if dimensions != 2:
        return file.tensor(name, np.float32, dimensions)
    kept, scales = mapped(file, name)
    matrix: npt.NDArray[np.float32] = kept if scales is None else kept * scales[:, None]
    return matrix.astype(np.float32, copy=False)


def mapped(file: TensorFile, name: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32] | None]:
    """Return a matrix of a file as it is kept, with the scales of its rows where it is 8-bit.

    Raises:
        FormatError: it is missing, of another shape or type, or its scales do not fit.
    """
    kept = file.tensors.get(name)
    if kept is not None and kept.dtype == np.float16:
        return file.tensor(name, np.float16, 2), None
    if kept is None or kept.dtype != np.int8:
        return file.tensor(name, np.float32, 2), None
    steps = file.tensor(name, np.int8, 2)
    scales = file.tensor(name + _SCALES, np.float32, 1)
    most = np.finfo(np.float32).max / _MAX_STEP  # whose products are finite
    if len(scales) != len(steps) or not ((scales > 0) & (scales < most)).all():
        raise FormatError(
            f"{file.path} is corrupted: the {len(scales)} scales of {name!r} should be "
            f"{len(steps)} numbers above 0 and below {most:.1g}; copy or make it again"
        )
    return steps, scales


def is_scales_of(name: str, tensors: Mapping[str, npt.NDArray[Any]]) -> bool:
    """Return True if the tensor of this name holds the scales of another one's 8-bit rows."""
    matrix = tensors.get(name.removesuffix(_SCALES))
    return name.endswith(_SCALES) and matrix is not None and matrix.dtype == np.int8
