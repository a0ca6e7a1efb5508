"""The settings of texts: tokenizer, vocabulary and phrases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wordkit.config import Settings, setting
from wordkit.errors import ConfigError
from wordkit.text.normalization import Case, Normalization
from wordkit.text.tokenizers import TokenizeFunction, Tokenizer, get_tokenizer

__all__ = ["PHRASE_SETTINGS", "PIECES", "PhraseConfig", "PhraseScore", "TextConfig"]

PhraseScore = Literal["word2vec", "npmi"]

PIECES = 8000
"""Size of the vocabulary of bpe, where none is given."""

PHRASE_SETTINGS = ("phrases", "phrase_score", "phrase_threshold", "phrase_min_count")
"""The fields of :class:`TextConfig` that shape phrases."""

_MIN_PIECES = 258  # all bytes, <unk> and <eos>
_THRESHOLDS = {"word2vec": 100.0, "npmi": 0.5}


@dataclass(frozen=True)
class PhraseConfig(Settings):
    """The settings of phrases."""

    score: PhraseScore = setting(
        "word2vec",
        "Score of two words: word2vec's (n(a b) - min_count) N / (n(a) n(b)), or normalized "
        "pointwise mutual information, which is at most 1.",
        main=True,
    )
    threshold: float | None = setting(
        None,
        "Score above which two words are a phrase.",
        none="100, with npmi 0.5",
        at_least=0,
        main=True,
    )
    min_count: int = setting(
        5, "Least count of a phrase; word2vec's score subtracts it.", at_least=1, main=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.score == "npmi" and self.least_score >= 1:
            raise ConfigError(
                f"threshold must be below 1 with score npmi, which is at most 1, not "
                f"{self.threshold}"
            )

    @property
    def least_score(self) -> float:
        """The threshold, or the default for the score."""
        return _THRESHOLDS[self.score] if self.threshold is None else self.threshold


@dataclass(frozen=True)
class TextConfig(Settings):
    """Settings of tokenizer and vocabulary."""

    tokenizer: str | Tokenizer | TokenizeFunction = setting(
        "basic",
        "Tokenizer: a name that wordkit tokenizers lists, or a callable from a line to its tokens.",
    )
    numbers: Literal["keep", "N"] = setting(
        "keep", "Keep numbers, or write each as N, as the Penn Treebank of LM papers does."
    )
    min_count: int = setting(1, "Leave out words that occur less often.", at_least=1)
    max_size: int | None = setting(
        None,
        "Size limit of the vocabulary: the most frequent words; with bpe the number of pieces.",
        none="no limit, 8000 with bpe",
        at_least=1,
    )
    unk: bool = setting(
        False, "Write words outside the vocabulary as <unk>; otherwise they are dropped."
    )
    eos: bool = setting(
        False,
        "Put the token <eos> at the end of each line, as language models need it. char and bpe "
        "always do.",
    )
    normalize: Normalization = setting(
        "nfc",
        "Unicode normal form of the text: nfc, canonically equal spellings are one; nfkc, "
        "compatible ones too; none, as it is.",
    )
    case: Case | None = setting(
        None,
        "Case of the letters: keep, or lower.",
        none="lower with basic and words, else keep",
    )
    phrases: int = setting(
        1,
        "Join up to so many words that occur together more often than by chance: new_york. It is "
        "done before rare words are left out.",
        at_least=1,
        at_most=3,
        group="Phrases",
    )
    phrase_score: PhraseScore = setting(
        "word2vec",
        "Score of two words: word2vec's, or normalized pointwise mutual information.",
        only_with={"phrases": (2, 3)},
        group="Phrases",
    )
    phrase_threshold: float | None = setting(
        None,
        "Score above which two words are joined.",
        none="100, with npmi 0.5",
        at_least=0,
        only_with={"phrases": (2, 3)},
        group="Phrases",
    )
    phrase_min_count: int = setting(
        5,
        "Least count of a phrase; word2vec's score subtracts it.",
        at_least=1,
        only_with={"phrases": (2, 3)},
        group="Phrases",
    )
    learnt_fraction: float = setting(
        1.0,
        "Fraction of the text, its beginning, that bpe learns its pieces from.",
        above=0,
        at_most=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        tokenizer = get_tokenizer(self.tokenizer, self.normalize, self.case)
        self.phrase_config()  # checks the threshold
        if tokenizer.unit != "word" and self.phrases > 1:
            raise ConfigError(f"phrases has no effect with the tokenizer {tokenizer.name}")
        if tokenizer.is_exact and self.numbers != "keep":
            raise ConfigError(f"numbers N has no effect with the tokenizer {tokenizer.name}")
        if tokenizer.unit == "bpe" and self.min_count > 1:
            raise ConfigError("min_count has no effect with bpe; limit the number of pieces")
        if tokenizer.unit == "bpe" and (self.max_size or PIECES) < _MIN_PIECES:
            raise ConfigError(
                f"bpe needs a vocabulary of at least {_MIN_PIECES}: 256 bytes, <unk> and <eos>, "
                f"not {self.max_size}"
            )

    def phrase_config(self) -> PhraseConfig:
        """Return the settings of phrases alone."""
        return PhraseConfig(self.phrase_score, self.phrase_threshold, self.phrase_min_count)
