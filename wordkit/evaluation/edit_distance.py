"""How far one sequence is from another: the fewest units to insert, delete or replace."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

__all__ = ["edit_distance"]


def edit_distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """The fewest insertions, deletions and replacements that turn one into the other.

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
