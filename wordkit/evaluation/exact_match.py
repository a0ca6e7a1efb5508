"""Scores of sequence models: exact match, and the error rate by edit distance."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wordkit.evaluation.bleu import TranslationScore

__all__ = ["Example", "Likelihood", "TransductionScore", "edit_distance"]


class Example(NamedTuple):
    """A pair, and what the model wrote for its source."""

    source: str
    target: str
    written: str


@dataclass(frozen=True)
class Likelihood:
    """The likelihood of targets given their sources, each by teacher forcing; logarithms are
    natural."""

    log_likelihood: float
    """Σ log p(target | source); with a latent variable an importance-sampled lower bound."""

    tokens: int
    """Units of the targets, with an end for each."""

    targets: int

    samples: int = 0
    """Draws of the latent variable for each target; 0: the model has none, and all is exact."""

    elbo: float | None = None
    """ELBO, nats a target; None without a latent variable."""

    kl: float | None = None
    """KL divergence of the posterior from the prior, nats a target; None without them."""

    @property
    def perplexity(self) -> float:
        """exp of the nats a unit: with a latent variable an upper bound."""
        return math.exp(min(-self.log_likelihood / self.tokens, 700.0))


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

    likelihood: Likelihood | None = None
    """Of the targets; None where it was not asked for."""

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
