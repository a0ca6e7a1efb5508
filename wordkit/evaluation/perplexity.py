"""Perplexity: how many words a language model hesitates between, on average."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Perplexity"]


@dataclass(frozen=True)
class Perplexity:
    """How well a language model foresees a text, from the sum over all of its tokens.

    Logarithms are natural. With an open vocabulary the words that the model does not know are one
    word to it, ``<unk>``, which is easier to foresee than each of them; so the figure without
    them stands beside the other, and models are compared on the same vocabulary only.
    """

    log_likelihood: float
    """Σ log p(token | all before it) over the text, in nats, in double precision."""

    tokens: int
    """Tokens of the text, line ends among them: at least 1."""

    oov: int = 0
    """Of these, the ones that the model sees as ``<unk>``."""

    oov_log_likelihood: float = 0.0
    """Their part of the sum."""

    @property
    def cross_entropy(self) -> float:
        """Nats a token."""
        return -self.log_likelihood / self.tokens

    @property
    def perplexity(self) -> float:
        """exp(−log_likelihood / tokens); infinite where that is beyond all numbers."""
        return _exp(self.cross_entropy)

    @property
    def perplexity_excluding_oov(self) -> float | None:
        """The same over the tokens that the model knows; None where it knows none."""
        known = self.tokens - self.oov
        if not known:
            return None
        return _exp((self.oov_log_likelihood - self.log_likelihood) / known)

    @property
    def bits_per_word(self) -> float:
        """Bits a token: the cross-entropy in base 2."""
        return self.cross_entropy / math.log(2)

    @property
    def oov_rate(self) -> float:
        """The share of unknown words, from 0 to 1."""
        return self.oov / self.tokens


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf
