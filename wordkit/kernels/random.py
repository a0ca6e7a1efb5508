"""Random numbers of kernels: SplitMix64 (Steele, Lea and Flood 2014), a function of a counter."""

from __future__ import annotations

from typing import Any

import numpy as np

from wordkit.kernels.jit import njit

__all__ = ["Counter", "below", "mixed"]

Counter = np.uint64

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)


@njit(nogil=True, cache=True)
def mixed(counter: Counter) -> np.uint64:
    """Return a 64-bit random number from a counter."""
    z = counter * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(nogil=True, cache=True)
def below(limit: int, counter: Counter) -> Any:
    """Return a random integer from 0 to limit − 1; the limit is below 2³²."""
    return np.int64(((mixed(counter) >> _SHIFT) * np.uint64(limit)) >> _SHIFT)
