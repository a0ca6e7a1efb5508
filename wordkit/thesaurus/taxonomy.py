"""The taxonomy of nouns and verbs in WordNet: paths of hypernyms, and similarities by them.

The similarities are those of NLTK, as a slow twin in the tests checks. Verbs have many roots; the
measures put one more, ``ROOT``, above the farthest of a synset's own roots.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property

from wordkit.thesaurus.database import Database, SynsetId, as_format_error

__all__ = ["MEASURES", "Taxonomy"]

ROOT = SynsetId("v", -1)
"""The root above all verbs."""

Path = tuple[SynsetId, ...]


class Taxonomy:
    """The hypernyms of nouns, or of verbs.

    Args:
        database: what holds the synsets.
        part: "n" or "v".
    """

    def __init__(self, database: Database, part: str) -> None:
        self._database = database
        self._is_rooted = part == "v"
        self._part = part

    @cached_property
    def depth(self) -> int:
        """The steps from the root to the deepest synset."""
        return self._database.depth(self._part) + int(self._is_rooted)

    def paths(self, synset: SynsetId, below: Path = ()) -> list[Path]:
        """Return the paths of hypernyms from a synset up to a root, both included.

        Raises:
            FormatError: the hypernyms go round in a circle, or a synset is corrupted.
        """
        path = (*below, synset)
        with as_format_error(f"the taxonomy above {self._database.sense(path[0]).name}"):
            if synset in below:
                raise ValueError("hypernyms go round in a circle")
        hypernyms = self._database.hypernyms(synset)
        return [p for above in hypernyms for p in self.paths(above, path)] if hypernyms else [path]

    def distances(self, synset: SynsetId) -> dict[SynsetId, int]:
        """Return the fewest steps from a synset to each synset above it, itself included."""
        if synset == ROOT:
            return {ROOT: 0}
        found = {synset: 0}
        level = [synset]
        while level:
            above = dict.fromkeys(h for s in level for h in self._database.hypernyms(s))
            level = [hypernym for hypernym in above if hypernym not in found]
            found |= dict.fromkeys(level, max(found.values()) + 1)
        if self._is_rooted:
            found[ROOT] = max(found.values()) + 1
        return found

    def distance(self, a: SynsetId, b: SynsetId) -> int | None:
        """Return the steps of the shortest path between two synsets, or None if there is none."""
        if a == b:
            return 0
        from_a, from_b = self.distances(a), self.distances(b)
        return min((from_a[s] + from_b[s] for s in from_a.keys() & from_b.keys()), default=None)

    def path_similarity(self, a: SynsetId, b: SynsetId) -> float | None:
        """Compute 1 / (1 + steps of the shortest path)."""
        distance = self.distance(a, b)
        return None if distance is None else 1 / (distance + 1)

    def leacock_chodorow(self, a: SynsetId, b: SynsetId) -> float | None:
        """Compute -log(p / 2d) of p synsets on the shortest path and a taxonomy d steps deep."""
        distance = self.distance(a, b)
        if distance is None or self.depth == 0:
            return None
        return -math.log((distance + 1) / (2 * self.depth))

    def wu_palmer(self, a: SynsetId, b: SynsetId) -> float | None:
        """Compute 2d / (p + 2d) of the lowest common hypernym's depth d and the path p over it."""
        common = self.distances(a).keys() & self.distances(b).keys()
        if not common:
            return None
        depths = {s: [0] if s == ROOT else [len(p) - 1 for p in self.paths(s)] for s in common}
        lowest = max(min(steps) for steps in depths.values())
        candidates = [s for s in common if min(depths[s]) == lowest]
        subsumer = a if a in candidates else min(candidates, key=self._name)
        depth = max(depths[subsumer]) + 1  # in synsets
        to_a, to_b = self.distance(a, subsumer), self.distance(b, subsumer)
        if to_a is None or to_b is None:
            return None
        return 2 * depth / (to_a + depth + to_b + depth)

    def _name(self, synset: SynsetId) -> str:
        return "" if synset == ROOT else self._database.sense(synset).name


MEASURES: Mapping[str, Callable[[Taxonomy, SynsetId, SynsetId], float | None]] = {
    "path": Taxonomy.path_similarity,
    "wup": Taxonomy.wu_palmer,
    "lch": Taxonomy.leacock_chodorow,
}
"""Similarities by path length, by Wu and Palmer, and by Leacock and Chodorow."""
