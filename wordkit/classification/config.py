"""The settings of a text classifier."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from wordkit.config import Settings, setting
from wordkit.text.subwords import MAX_BUCKETS, NGrams

__all__ = ["ClassWeight", "ClassifierConfig", "Loss", "Weighting"]

Loss = Literal["softmax", "ova", "hs"]
ClassWeight = Literal["none", "balanced"]
Weighting = Literal["mean", "tfidf"]


@dataclass(frozen=True)
class ClassifierConfig(Settings):
    """The settings from labelled texts to a classifier, after Joulin et al. (2017) and fastText."""

    loss: Loss = setting(
        "softmax",
        "Output layer: softmax, one-vs-all (each label by itself, for texts of several), or "
        "hierarchical softmax. The last is for thousands of labels.",
        main=True,
    )
    dim: int = setting(100, "Dimensions of a vector (D).", at_least=1, at_most=100_000, main=True)
    word_ngrams: int = setting(
        2, "Words of the longest word n-grams; 1: words alone.", at_least=1, at_most=10, main=True
    )
    subwords: str | None = setting(
        None,
        "Lengths of the character n-grams of a word, as 3-6.",
        none="no character n-grams",
        main=True,
    )
    buckets: int = setting(
        2_000_000, "Buckets that n-grams are hashed to.", at_least=1, at_most=MAX_BUCKETS
    )
    min_count: int = setting(1, "Leave out words that occur less often.", at_least=1, group="Text")
    min_ngram_count: int = setting(
        1, "Leave out n-grams that occur less often.", at_least=1, group="Text"
    )
    epochs: int = setting(
        25, "Passes through the training data.", at_least=1, main=True, group="Training"
    )
    lr: float = setting(
        0.5, "Initial learning rate, which decays linearly to 0.", above=0, main=True,
        group="Training",
    )  # fmt: skip
    dropout: float = setting(
        0.0,
        "Probability that a word or n-gram is left out of a text, anew in each epoch.",
        at_least=0,
        below=1,
        group="Training",
    )
    weighting: Weighting = setting(
        "mean",
        "Weights of words and n-grams: all the same, or by their inverse document frequency in the "
        "training data.",
        group="Training",
    )
    class_weight: ClassWeight = setting(
        "none",
        "Weights of the labels: all the same, or balanced, by their inverse frequency.",
        group="Training",
    )
    naive_bayes: float = setting(
        0.0,
        "Weight of the log-count ratios of naive Bayes (Wang and Manning 2012) in the scores of "
        "words and n-grams, beside what is learnt; 1: as much.",
        at_least=0,
        at_most=100,
        only_with={"loss": ("softmax", "ova")},
        group="Training",
    )
    models: int = setting(
        1,
        "Models of different seeds, the mean of whose logits decides.",
        at_least=1,
        at_most=100,
        group="Training",
    )
    seed: int = setting(
        1,
        "Seed of the random numbers. The same seed on one thread gives the same model, bit for "
        "bit.",
        at_least=0,
        at_most=math.inf,
        group="Running",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.ngrams  # raises where they are no lengths

    @property
    def ngrams(self) -> NGrams | None:
        """The character n-grams of a word; None: none."""
        return None if self.subwords is None else NGrams.parse(self.subwords, self.buckets)
