"""Arrays of float32 whose rows begin at cache lines, and their range."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ROW_UNIT", "aligned", "are_bounded", "padded_length"]

ROW_UNIT = 16
"""Floats of a cache line, 64 bytes, which is also the widest vector register."""

_MAX_WEIGHT = 1e30  # far above any of a sound training, and sums of them stay in float32


def padded_length(dim: int) -> int:
    """Return the next multiple of :data:`ROW_UNIT`."""
    return -(-dim // ROW_UNIT) * ROW_UNIT


def aligned(allocate: Callable[..., npt.NDArray[Any]], *shape: int) -> npt.NDArray[np.float32]:
    """Return an array that begins at a cache line; ``allocate`` makes one of a number of floats."""
    size = math.prod(shape)
    memory = allocate(size + ROW_UNIT, dtype=np.float32)
    start = -(memory.ctypes.data // 4) % ROW_UNIT
    return memory[start : start + size].reshape(shape)


def are_bounded(*arrays: npt.NDArray[np.float32]) -> bool:
    """Return whether all numbers are finite, and far from overflow."""
    with np.errstate(invalid="ignore"):
        extremes = [f(array, initial=0) for array in arrays for f in (np.min, np.max)]
    return all(abs(float(extreme)) <= _MAX_WEIGHT for extreme in extremes)  # False for NaN
