"""Scores of dialogue models: how well they expect true turns, and how varied their own are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from wordkit.evaluation.bleu import TranslationScore

__all__ = ["DialogueScore", "distinct"]


@dataclass(frozen=True)
class DialogueScore:
    """Score of a dialogue model on dialogues, all of whose turns but the first are expected."""

    turns: int
    """Turns that were expected, and answered."""

    units: int
    """Units of these turns (the words, characters or pieces of the model), and an end for each."""

    nats: float
    """−log p of all of them, natural; an upper bound of it where the model is latent."""

    unknown: int
    """Units of these turns that the model does not know."""

    right: int
    """Turns that were answered exactly."""

    distinct_1: float
    """Different units of the answers, over all units of the answers (Li et al. 2016)."""

    distinct_2: float
    """The same of pairs of words that follow each other."""

    distinct_answers: float
    """Different answers of several draws to the same turns, on average."""

    kl: float | None = None
    """KL of posterior and prior, nats a turn, on average; None: there is no latent variable."""

    translation: TranslationScore | None = None
    """BLEU of the answers against the true turns, where words are known by white space; None for
    characters, for turns that all are shorter than four words, and without sacrebleu."""

    @property
    def perplexity(self) -> float:
        """Perplexity of a unit, ends of turns included; an upper bound where a model is latent."""
        return math.exp(min(self.nats / self.units, 700.0))

    @property
    def exact_match(self) -> float:
        """Fraction of the turns that were answered exactly."""
        return self.right / self.turns


def distinct(texts: Iterable[Sequence[str]], n: int) -> float:
    """Return the different n-grams of texts over all units; 0 where there is none.

    Args:
        texts: the units of each.
        n: 1 or 2.
    """
    listed = [tuple(units) for units in texts]
    grams = {gram for units in listed for gram in (units if n == 1 else pairwise(units))}
    return len(grams) / max(sum(map(len, listed)), 1)
