"""Perplexity of a language model on a text."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Perplexity"]


@dataclass(frozen=True, repr=False)
class Perplexity:
    """Perplexity of a text under a language model, from the sum over all of its tokens.

    Logarithms are natural. With an open vocabulary, all words that the model does not know are
    ``<unk>``, which is easier to predict than each of them; so the figure without them stands
    beside the other, and models are compared on the same vocabulary only. ``float`` gives the
    perplexity; comparisons and formats take it for that number.
    """

    log_likelihood: float
    """Σ log p(token | all before it) over the text, in nats, in double precision."""

    tokens: int
    """Tokens of the text, line ends among them: at least 1."""

    oov: int = 0
    """Tokens that the model sees as ``<unk>``."""

    oov_log_likelihood: float = 0.0
    """Their part of the sum."""

    characters: int | None = None
    """Characters of the text, line ends among them; None where they are not known."""

    bytes: int | None = None
    """Bytes of its UTF-8."""

    words: int | None = None
    """Its words, which white space separates, and its line ends."""

    def __float__(self) -> float:
        return self.perplexity

    def __format__(self, spec: str) -> str:
        return format(self.perplexity, spec) if spec else str(self)

    def __round__(self, digits: int | None = None) -> float:
        return round(self.perplexity, digits)

    def __lt__(self, other: Perplexity | float) -> bool:
        return self.perplexity < float(other)

    def __gt__(self, other: Perplexity | float) -> bool:
        return self.perplexity > float(other)

    def __repr__(self) -> str:
        return f"Perplexity({self.perplexity:.2f}, tokens={self.tokens}, oov={self.oov})"

    @property
    def cross_entropy(self) -> float:
        """Nats per token."""
        return -self.log_likelihood / self.tokens

    @property
    def perplexity(self) -> float:
        """exp(cross_entropy); infinite where that overflows."""
        return _exp(self.cross_entropy)

    @property
    def perplexity_excluding_oov(self) -> float | None:
        """The same over the tokens that the model knows; None where it knows none."""
        known = self.tokens - self.oov
        return _exp((self.oov_log_likelihood - self.log_likelihood) / known) if known else None

    @property
    def bits_per_token(self) -> float:
        """The cross-entropy in base 2."""
        return self.cross_entropy / math.log(2)

    bits_per_word = bits_per_token
    """The earlier name of :attr:`bits_per_token`."""

    @property
    def nats_per_character(self) -> float | None:
        """Nats per character, whatever the unit of the model: −Σ log p / characters.

        This and the next three compare models of different units, on one text. They are None where
        words are unknown, which ``<unk>`` does not tell, or where the size of the text is.
        """
        return self._nats_per(self.characters)

    @property
    def bits_per_character(self) -> float | None:
        """Bits per character."""
        nats = self._nats_per(self.characters)
        return None if nats is None else nats / math.log(2)

    @property
    def bits_per_byte(self) -> float | None:
        """Bits per byte of UTF-8."""
        nats = self._nats_per(self.bytes)
        return None if nats is None else nats / math.log(2)

    @property
    def perplexity_per_word(self) -> float | None:
        """exp of the nats per word, where words are what white space separates, and line ends."""
        nats = self._nats_per(self.words)
        return None if nats is None else _exp(nats)

    def _nats_per(self, number: int | None) -> float | None:
        return None if self.oov or not number else -self.log_likelihood / number

    @property
    def oov_rate(self) -> float:
        """Fraction of unknown words."""
        return self.oov / self.tokens


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf
