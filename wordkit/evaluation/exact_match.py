"""Scores of sequence models: exact match, and the error rate by edit distance."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wordkit.evaluation.bleu import TranslationScore

__all__ = ["Example", "TransductionScore", "edit_distance"]


class Example(NamedTuple):
    """A pair, and what the model wrote for its source."""

    source: str
    target: str
    written: str


@dataclass(frozen=True)
class TransductionScore:
    """Score of what a model wrote for the sources of pairs, compared with their targets."""

    pairs: int

    right: int
    """Pairs whose target was written exactly."""

    edits: int
    """Edit distance, summed over the pairs."""

    units: int
    """Characters or words of the targets."""

    unknown: int
    """Units of the sources that the model does not know."""

    examples_right: tuple[Example, ...] = ()
    examples_wrong: tuple[Example, ...] = ()

    translation: TranslationScore | None = None
    """BLEU and chrF, of words; None for characters, and where sacrebleu is not installed."""

    @property
    def exact_match(self) -> float:
        """Fraction of the pairs whose target was written exactly."""
        return self.right / self.pairs

    @property
    def error_rate(self) -> float:
        """Edits per unit of the targets, which count as one where they are all empty; it can
        exceed 1."""
        return self.edits / max(self.units, 1)


def edit_distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """Return the fewest insertions, deletions and replacements that turn one into the other.

    Levenshtein (1966), by the table of Wagner and Fischer (1974), of which one row is kept.
    """
    if one == other:
        return 0
    before = list(range(len(other) + 1))
    for i, unit in enumerate(one, 1):
        row = [i]
        for j, written in enumerate(other, 1):
            replaced = before[j - 1] + (unit != written)
            row.append(min(replaced, before[j] + 1, row[j - 1] + 1))
        before = row
    return before[-1]
