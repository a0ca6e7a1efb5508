"""The settings of word2vec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from wordkit.config import setting
from wordkit.embeddings.config import VectorsConfig
from wordkit.errors import ConfigError
from wordkit.text.subwords import MAX_BUCKETS, NGrams
from wordkit.word2vec.sampling import noise_probabilities

__all__ = ["LIKE", "Arch", "CbowGradient", "Kept", "Loss", "Word2VecConfig", "settings_like"]

Arch = Literal["cbow", "skipgram"]
Loss = Literal["ns", "hs", "softmax"]
CbowGradient = Literal["true", "word2vec"]
Kept = Literal["in", "out", "sum"]

_DEFAULT_BUCKETS = 2_000_000
_DEFAULT_MIN_LR = 1e-4
_LONG_TRAINING = 10**8  # words in all epochs
_LOWER_SKIPGRAM_LR = 0.05  # in long trainings, and with subwords
LIKE: Mapping[str, Mapping[str, Any]] = {
    "word2vec": {
        "lr": {"cbow": 0.05, "skipgram": 0.025},
        "min_lr": {"cbow": 5e-6, "skipgram": 2.5e-6},
    },
    "gensim": {"lr": {"cbow": 0.025, "skipgram": 0.025}, "min_lr": 1e-4},
    "fasttext": {
        "arch": "skipgram",
        "lr": {"cbow": 0.05, "skipgram": 0.05},
        "min_lr": 0.0,
        "sample": 1e-4,
        "ns_exponent": 0.5,
    },
}
"""The defaults of word2vec.c, of gensim's ``Word2Vec`` and of fastText (of words alone) where they
differ from wordkit's; learning rates by architecture. All three keep the input embeddings, and add
the whole gradient to each context word of CBOW."""


def settings_like(program: str, **settings: Any) -> dict[str, Any]:
    """Return settings with a program's defaults for those that are not given.

    Args:
        program: a name of :data:`LIKE`.
        settings: fields of :class:`Word2VecConfig`.

    Raises:
        ConfigError: there is no such program.
    """
    if program not in LIKE:
        raise ConfigError(f"like must be one of {', '.join(LIKE)}, not {program!r}")
    theirs: dict[str, Any] = {"arch": "cbow", "vectors": "in", **LIKE[program]}
    arch = settings.get("arch", theirs["arch"])
    theirs |= {name: each.get(arch) for name, each in theirs.items() if isinstance(each, Mapping)}
    if arch == "cbow":
        theirs["cbow_gradient"] = "word2vec"
    return {**theirs, **settings}


@dataclass(frozen=True)
class Word2VecConfig(VectorsConfig):
    """The settings from a corpus to vectors, after Mikolov et al. (2013) and word2vec.c."""

    arch: Arch = setting(
        "cbow",
        "Architecture: predict a word from the mean of its context, or from each word of it.",
        main=True,
    )
    loss: Loss = setting(
        "ns",
        "Negative sampling, hierarchical softmax, or the full softmax. The last is for small "
        "vocabularies.",
        group="Output layer",
    )
    dynamic_window: bool = setting(
        True,
        "Draw the radius of each window uniformly from 1 to window. Near words count for more.",
    )
    subwords: str | None = setting(
        None,
        "Lengths of the character n-grams whose mean with a word's own is its vector, as in 3-6. "
        "So words that are not in the text have vectors too (Bojanowski et al. 2017).",
        none="none",
        main=True,
    )
    buckets: int = setting(
        _DEFAULT_BUCKETS,
        "Buckets that the n-grams of subwords are hashed to. Only those that are used take memory.",
        at_least=1,
        at_most=MAX_BUCKETS,
    )
    negative: int = setting(
        5,
        "Negative samples per centre with the loss ns.",
        at_least=1,
        at_most=1000,
        only_with={"loss": ("ns",)},
        group="Output layer",
        main=True,
    )
    ns_exponent: float = setting(
        0.75,
        "Power of the frequency that negatives are sampled by. 1: as frequent, 0: uniformly, "
        "below 0: rare words more often.",
        at_least=-10,
        at_most=10,
        only_with={"loss": ("ns",)},
        group="Output layer",
    )
    sample: float = setting(
        1e-3,
        "Subsampling threshold: relative frequency above which words are skipped at random; "
        "0: none. As in word2vec.c: the more frequent the more often.",
        at_least=0,
        at_most=1,
        group="Text",
    )
    epochs: int = setting(
        5, "Passes through the training data.", at_least=1, main=True, group="Training"
    )
    lr: float | None = setting(
        None,
        "Initial learning rate, which decays linearly.",
        none="skip-gram 0.1, with subwords or over 100 million words in all epochs 0.05; CBOW 0.2, "
        "with cbow_gradient word2vec 0.05; less where one word is several of the negatives of a "
        "centre, as in texts of few words",
        above=0,
        group="Training",
    )
    min_lr: float = setting(
        _DEFAULT_MIN_LR,
        "Minimum learning rate. One that starts below the default is constant.",
        at_least=0,
        group="Training",
    )
    cbow_gradient: CbowGradient = setting(
        "true",
        "Gradient of each context word in CBOW: that of the mean, or C times that as in "
        "word2vec.c. true: İrsoy, Benton and Stratos 2021.",
        only_with={"arch": ("cbow",)},
        group="Training",
    )
    vectors: Kept | None = setting(
        None,
        "Vectors that are kept: input embeddings, output embeddings, or their sum.",
        none="their sum, with loss hs or subwords in",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_lr > max(self.start_lr, _DEFAULT_MIN_LR):
            raise ConfigError(
                f"min_lr must be from 0 to the learning rate {self.start_lr}, not {self.min_lr}"
            )
        if self.ngrams is None and self.buckets != _DEFAULT_BUCKETS:
            raise ConfigError(
                f"buckets {self.buckets} has no effect without subwords; leave it out, or choose "
                "subwords 3-6"
            )
        if self.ngrams is not None and self.kept != "in":
            raise ConfigError(
                f"vectors must be in with subwords, not {self.vectors}: n-grams have no output "
                "embeddings"
            )
        if self.loss == "hs" and self.kept != "in":
            raise ConfigError(
                f"vectors must be in with loss hs, not {self.vectors}: the outputs of hs are the "
                "nodes of a tree, not words"
            )

    @classmethod
    def like(cls, program: str, **settings: Any) -> Word2VecConfig:
        """Return a config with the defaults of another program: word2vec, gensim or fasttext."""
        return cls(**settings_like(program, **settings))

    def record(self) -> dict[str, Any]:
        """Return the settings as values that JSON can hold, dependent defaults included."""
        return {**asdict(self), "lr": self.start_lr, "vectors": self.kept}

    def learning_rate(self, done: float) -> float:
        """Return the learning rate after a fraction of all words: it falls linearly."""
        return max(self.start_lr * (1 - done), min(self.min_lr, self.start_lr))

    def with_stable_lr(self, counts: npt.NDArray[np.int64]) -> Word2VecConfig:
        """Return the settings, their default learning rate no higher than these words allow.

        A step takes all gradients of an output embedding at the same place, and where many of the
        negatives are one word, or long training has made the vectors long, their sum overshoots.
        The limits are from trials on texts of 2 to 200 words, and on English Wikipedia, where
        skip-gram at 0.1 diverged after 120 to 150 million words.

        Args:
            counts: how often each word occurs, shape (V,).
        """
        if self.lr is not None or self.loss != "ns":
            return self
        times = self.negative * float(noise_probabilities(counts, self.ns_exponent).max())
        times *= 3 * self.window if self.arch == "skipgram" else 2
        is_long = self.arch == "skipgram" and self.epochs * int(counts.sum()) > _LONG_TRAINING
        return replace(
            self, lr=min(self.usual_lr, _LOWER_SKIPGRAM_LR if is_long else 1.0, 1 / times)
        )

    @property
    def kept(self) -> Kept:
        """The vectors that are kept: ``vectors``, or the default for the loss."""
        if self.vectors is not None:
            return self.vectors
        return "in" if self.loss == "hs" or self.subwords is not None else "sum"

    @property
    def ngrams(self) -> NGrams | None:
        """The n-grams of ``subwords`` with their buckets; None: there are none."""
        return None if self.subwords is None else NGrams.parse(self.subwords, self.buckets)

    @property
    def start_lr(self) -> float:
        """The learning rate at the start: ``lr``, or the default for the architecture."""
        return self.usual_lr if self.lr is None else self.lr

    @property
    def usual_lr(self) -> float:
        """The default learning rate for the architecture."""
        if self.arch == "skipgram":  # words of a window share n-grams, whose gradients add up
            return 0.1 if self.subwords is None else _LOWER_SKIPGRAM_LR
        return 0.2 if self.cbow_gradient == "true" else 0.05
