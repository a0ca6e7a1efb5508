"""How well texts were turned into others: exact matches, and the rate of wrong units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Example", "TransductionScore"]


class Example(NamedTuple):
    """A pair, and what was written for it."""

    source: str
    target: str
    written: str


@dataclass(frozen=True)
class TransductionScore:
    """What a model wrote for pairs, against what it should have written."""

    pairs: int

    right: int
    """Pairs whose target was written exactly."""

    edits: int
    """The fewest insertions, deletions and replacements that would mend all."""

    units: int
    """Of the targets: characters, or words."""

    unknown: int
    """Units of the sources that the model does not know."""

    examples_right: tuple[Example, ...] = ()
    examples_wrong: tuple[Example, ...] = ()

    @property
    def exact_match(self) -> float:
        """Share of the pairs whose target was written exactly, from 0 to 1."""
        return self.right / self.pairs

    @property
    def error_rate(self) -> float:
        """Edits for each unit of the targets, which count as one where they are all empty: 0 where
        all is right; it can be above 1."""
        return self.edits / max(self.units, 1)
