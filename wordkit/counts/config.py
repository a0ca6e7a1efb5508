"""The settings of the counting pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wordkit.config import Settings, setting
from wordkit.embeddings.config import VectorsConfig

__all__ = ["CooccurrenceConfig", "CountsConfig", "GloveConfig", "Method", "Side", "Weighting"]

Weighting = Literal["flat", "harmonic", "dynamic"]
Side = Literal["both", "left", "right"]
Method = Literal["randomized", "arpack"]


@dataclass(frozen=True)
class CooccurrenceConfig(Settings):
    """The settings of co-occurrence: the window and the weights of its words."""

    window: int = setting(
        10,
        "Window radius: context words on each side of the centre. Windows end at the ends of the "
        "sentence.",
        at_least=1,
        at_most=1000,
        main=True,
    )
    weighting: Weighting = setting(
        "harmonic",
        "Weight of a context word at distance d: flat 1, harmonic 1/d, dynamic (window - d + 1)/"
        "window. dynamic is the expectation of word2vec's randomly shortened windows.",
        main=True,
    )
    side: Side = setting(
        "both",
        "Sides of the centre that the context lies on. Rows of the matrix are centres, columns "
        "contexts; with both sides it is symmetric.",
    )


@dataclass(frozen=True)
class CountsConfig(CooccurrenceConfig, VectorsConfig):
    """The settings from a corpus to vectors: co-occurrence, PPMI, truncated SVD."""

    shift: float = setting(
        1.0, "k of shifted PPMI, which subtracts log k. 1 shifts nothing.", above=0, main=True
    )
    smoothing: float = setting(
        1.0,
        "Power that context frequencies are raised to. 1 leaves them as they are; less makes rare "
        "contexts count for less.",
        above=0,
        at_most=1,
    )
    exponent: float = setting(
        0.5,
        "p in U S^p, from the singular value decomposition U S V. 0: all dimensions weigh the "
        "same; 1: inner products of rows are those of the matrix.",
        at_least=0,
        at_most=1,
    )
    context_vectors: bool = setting(
        False, "Add the vector of each word as a context, V S^p, to its vector as a centre."
    )
    method: Method = setting(
        "randomized", "Method of the truncated SVD: randomized (fast) or arpack (slow, exact)."
    )

    def cooccurrence(self) -> CooccurrenceConfig:
        """Return the settings of co-occurrence alone."""
        return CooccurrenceConfig(self.window, self.weighting, self.side)


@dataclass(frozen=True)
class GloveConfig(VectorsConfig):
    """The settings from a corpus to vectors by GloVe, after Pennington, Socher and Manning (2014).

    Their names and defaults are those of the paper and its program where they have any, but for
    ``x_max``, which is that of the program's demonstration on 17 million words.
    """

    window: int = 15
    weighting: Weighting = setting(
        "harmonic",
        "Weight of a context word at distance d: flat 1, harmonic 1/d, dynamic (window - d + 1)/"
        "window. GloVe's is harmonic.",
    )
    x_max: float = setting(
        10.0,
        "Co-occurrence X from which pairs have the full weight. Below it that is (X/x_max)^alpha; "
        "100 in the paper, for billions of words.",
        above=0,
        main=True,
    )
    alpha: float = setting(
        0.75, "Power of the weight of a pair, below x_max.", at_least=0, at_most=1
    )
    epochs: int = setting(
        25, "Passes through the pairs of words.", at_least=1, main=True, group="Training"
    )
    lr: float = setting(0.05, "Initial learning rate of AdaGrad.", above=0, group="Training")

    def cooccurrence(self) -> CooccurrenceConfig:
        """Return the settings of co-occurrence alone."""
        return CooccurrenceConfig(self.window, self.weighting)
