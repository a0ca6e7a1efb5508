"""The settings of the counting pipeline, checked when they are made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from wordkit.errors import ConfigError

__all__ = ["CooccurrenceConfig", "CountsConfig", "Method", "Side", "Weighting"]

Weighting = Literal["flat", "harmonic", "dynamic"]
Side = Literal["both", "left", "right"]
Method = Literal["randomized", "arpack"]

_LARGEST_WINDOW = 1000


@dataclass(frozen=True)
class CooccurrenceConfig:
    """What counts as a co-occurrence, and how much each one counts."""

    window: int = 10
    """Words on each side of the centre that are its context, from 1 to 1000. Windows end at the
    ends of the sentence."""

    weighting: Weighting = "harmonic"
    """What a context word at distance d adds: ``flat`` 1, ``harmonic`` 1/d, ``dynamic``
    (window − d + 1)/window, the expectation of word2vec's randomly shortened windows."""

    side: Side = "both"
    """Where the context lies: ``both`` sides of the centre (the matrix is then symmetric), or only
    to its ``left`` or its ``right``. Rows are centres, columns are contexts."""

    def __post_init__(self) -> None:
        if not 1 <= self.window <= _LARGEST_WINDOW:
            raise ConfigError(
                f"window must be from 1 to {_LARGEST_WINDOW} words, not {self.window}"
            )
        _one_of("weighting", self.weighting, ("flat", "harmonic", "dynamic"))
        _one_of("side", self.side, ("both", "left", "right"))


@dataclass(frozen=True)
class CountsConfig:
    """The settings from a corpus to vectors: co-occurrence, PPMI, truncated SVD."""

    dim: int = 100
    """D, the length of a vector: at least 1, and less than the number of words."""

    window: int = 10
    """Words on each side of the centre that are its context, from 1 to 1000."""

    weighting: Weighting = "harmonic"
    """What a context word adds by its distance: ``flat``, ``harmonic`` or ``dynamic``; see
    :class:`CooccurrenceConfig`."""

    side: Side = "both"
    """Where the context lies: ``both`` sides of the centre, ``left`` or ``right``."""

    min_count: int = 5
    """Words seen less often are left out, before windows are laid; at least 1."""

    max_vocabulary: int | None = None
    """At most so many words, the most frequent ones; None: no limit."""

    shift: float = 1.0
    """k of shifted PPMI, which subtracts log k: above 0. 1 shifts nothing."""

    smoothing: float = 1.0
    """α, the power that context frequencies are raised to: above 0, at most 1. 1 leaves them as
    they are; less makes rare contexts count for less."""

    exponent: float = 0.5
    """p in U·Σᵖ, from 0 (all dimensions weigh the same) to 1 (the inner products of the rows are
    those of the matrix)."""

    context_vectors: bool = False
    """Whether the vector of a word as a context, V·Σᵖ, is added to its vector as a centre."""

    method: Method = "randomized"
    """How the singular vectors are found: ``randomized`` (fast) or ``arpack`` (slow, exact)."""

    seed: int = 1
    """Where the random numbers start: at least 0. The same seed gives the same vectors."""

    def __post_init__(self) -> None:
        self.cooccurrence()  # checks window, weighting and side
        if self.dim < 1:
            raise ConfigError(f"dim must be at least 1, not {self.dim}")
        if self.min_count < 1:
            raise ConfigError(f"min_count must be at least 1, not {self.min_count}")
        if self.max_vocabulary is not None and self.max_vocabulary < 1:
            raise ConfigError(f"max_vocabulary must be at least 1, not {self.max_vocabulary}")
        check_ppmi(self.shift, self.smoothing)
        if not 0 <= self.exponent <= 1:
            raise ConfigError(f"exponent must be from 0 to 1, not {self.exponent}")
        check_method(self.method)
        if self.seed < 0:
            raise ConfigError(f"seed must be at least 0, not {self.seed}")

    def cooccurrence(self) -> CooccurrenceConfig:
        """The part of the settings that says what is counted."""
        return CooccurrenceConfig(self.window, self.weighting, self.side)


def check_ppmi(shift: float, smoothing: float) -> None:
    """Raise ConfigError where the settings of PPMI are out of range."""
    if not (shift > 0 and math.isfinite(shift)):
        raise ConfigError(f"shift must be above 0, not {shift}")
    if not 0 < smoothing <= 1:
        raise ConfigError(f"smoothing must be above 0 and at most 1, not {smoothing}")


def check_method(method: str) -> None:
    """Raise ConfigError where there is no such method of finding singular vectors."""
    _one_of("method", method, ("randomized", "arpack"))


def _one_of(field: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{field} must be one of {', '.join(choices)}, not {value!r}")
