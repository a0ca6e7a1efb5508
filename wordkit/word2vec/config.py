"""The settings of word2vec, checked when they are made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from wordkit.config import check_least, check_seed
from wordkit.errors import ConfigError

__all__ = ["Arch", "CbowGradient", "Kept", "Loss", "Word2VecConfig"]

Arch = Literal["cbow", "skipgram"]
Loss = Literal["ns", "hs", "softmax"]
CbowGradient = Literal["true", "word2vec"]
Kept = Literal["in", "out", "sum"]

_LARGEST_WINDOW = 1000
_MOST_NEGATIVES = 1000
_DEFAULT_MIN_LR = 1e-4
_DEFAULT_LR = {
    ("skipgram", "true"): 0.025,
    ("skipgram", "word2vec"): 0.025,
    ("cbow", "true"): 0.2,
    ("cbow", "word2vec"): 0.05,
}


@dataclass(frozen=True)
class Word2VecConfig:
    """The settings from a corpus to vectors, after Mikolov et al. (2013) and word2vec.c."""

    arch: Arch = "cbow"
    """``cbow`` predicts a word from the mean of its context, ``skipgram`` from each word of its
    context."""

    loss: Loss = "ns"
    """How the prediction is scored: ``ns`` (negative sampling: the word against a few drawn at
    random), ``hs`` (hierarchical softmax: the turns on its way down a Huffman tree) or
    ``softmax`` (against every word: for small vocabularies)."""

    dim: int = 100
    """D, the length of a vector: at least 1."""

    window: int = 5
    """Words on each side of the centre that are its context, from 1 to 1000. Windows end at the
    ends of the sentence."""

    dynamic_window: bool = True
    """Whether each centre's window is shortened to a length drawn evenly from 1 to ``window``, so
    that near words count for more."""

    negative: int = 5
    """Words drawn against each centre with loss ``ns``, from 1 to 1000. Hundreds of them want a
    lower learning rate."""

    ns_exponent: float = 0.75
    """Negatives are drawn by frequency to this power: 1 as frequent, 0 all alike, below 0 the
    rare ones more often."""

    sample: float = 1e-3
    """t of subsampling: words that make up more than this share of the text are skipped at
    random, the more frequent the more often, as in word2vec.c. 0 skips none."""

    min_count: int = 5
    """Words seen less often are left out, before windows are laid; at least 1."""

    max_vocabulary: int | None = None
    """At most so many words, the most frequent ones; None: no limit."""

    epochs: int = 5
    """Times that the corpus is gone through, at least 1."""

    lr: float | None = None
    """The learning rate at the start, above 0; it falls in proportion to the words done. None:
    0.025 for skip-gram, 0.2 for CBOW (0.05 with the gradient of word2vec)."""

    min_lr: float = _DEFAULT_MIN_LR
    """Below this the learning rate does not fall; at least 0. A learning rate that starts below
    the default stays as it is."""

    cbow_gradient: CbowGradient = "true"
    """What each of the C context words of CBOW gets of the gradient: ``true`` 1/C, as the mean
    says (İrsoy, Benton and Stratos 2021), or all of it, as ``word2vec`` has it."""

    vectors: Kept | None = None
    """Which vectors are kept: those of words as context, that go ``in``; those of words as what
    is predicted, that come ``out``; or their ``sum``. None: the sum for CBOW, else ``in``."""

    seed: int = 1
    """Where the random numbers start: at least 0. The same seed on one CPU thread gives the same
    vectors, bit for bit."""

    def __post_init__(self) -> None:
        for field, words in (
            ("arch", get_args(Arch)),
            ("loss", get_args(Loss)),
            ("cbow_gradient", get_args(CbowGradient)),
            ("vectors", (*get_args(Kept), None)),
        ):
            value = getattr(self, field)
            if value not in words:
                raise ConfigError(
                    f"{field} must be one of {', '.join(filter(None, words))}, not {value!r}"
                )
        check_least(self, dim=1, min_count=1, max_vocabulary=2, epochs=1)
        check_seed(self)
        _in_range("window", self.window, _LARGEST_WINDOW)
        _in_range("negative", self.negative, _MOST_NEGATIVES)
        if not math.isfinite(self.ns_exponent) or abs(self.ns_exponent) > 10:
            raise ConfigError(f"ns_exponent must be from -10 to 10, not {self.ns_exponent}")
        if not 0 <= self.sample <= 1:
            raise ConfigError(f"sample must be from 0 to 1, not {self.sample}")
        self._check_rates()
        if self.loss == "hs" and self.kept != "in":
            raise ConfigError(
                f"vectors must be in with loss hs, not {self.vectors}: what hs puts out are the "
                "nodes of a tree, not words"
            )

    def _check_rates(self) -> None:
        if self.lr is not None and not (self.lr > 0 and math.isfinite(self.lr)):
            raise ConfigError(f"lr must be above 0, not {self.lr}")
        if not 0 <= self.min_lr <= max(self.start_lr, _DEFAULT_MIN_LR):
            raise ConfigError(
                f"min_lr must be from 0 to the learning rate {self.start_lr}, not {self.min_lr}"
            )

    @property
    def kept(self) -> Kept:
        """The vectors that are kept: ``vectors``, or the default for architecture and loss."""
        if self.vectors is not None:
            return self.vectors
        return "sum" if self.arch == "cbow" and self.loss != "hs" else "in"

    @property
    def start_lr(self) -> float:
        """The learning rate at the start: ``lr``, or the default for the architecture."""
        return self.usual_lr if self.lr is None else self.lr

    @property
    def usual_lr(self) -> float:
        """The default learning rate for the architecture."""
        return _DEFAULT_LR[self.arch, self.cbow_gradient]


def _in_range(field: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise ConfigError(f"{field} must be from 1 to {most}, not {value}")
