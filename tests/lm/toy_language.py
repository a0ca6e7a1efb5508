"""A language whose entropy is known: each word is drawn by the one before it alone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.model import LanguageModel
from wordkit.lm.task import iter_train_language_model
from wordkit.text import Corpus
from wordkit.training.run import TrainingRun

WORDS = 10

SMALL = ModelConfig(hidden=12, tied=False)
QUICK = TrainingConfig(
    batch=5, steps=8, epochs=3, lr=2e-2, softmax="exact", precision="fp32", min_count=1
)


def transitions(seed: int = 0) -> npt.NDArray[np.float64]:
    """The probability of each word after each word, shape (WORDS, WORDS)."""
    chooser = np.random.default_rng(seed)
    return chooser.dirichlet(np.full(WORDS, 0.3), WORDS)


def toy_text(tokens: int, seed: int = 1, language: int = 0) -> list[int]:
    """Words of the language, by number."""
    chooser, table, words = np.random.default_rng(seed), transitions(language), [0]
    while len(words) < tokens:
        words.append(int(chooser.choice(WORDS, p=table[words[-1]])))
    return words


def toy_corpus(
    tokens: int, seed: int = 1, language: int = 0, per_line: int | None = None
) -> Corpus:
    """The same as a corpus; in one line, or in lines of so many words."""
    words = [f"w{word}" for word in toy_text(tokens, seed, language)]
    length = per_line or tokens
    return Corpus.from_sentences(words[i : i + length] for i in range(0, tokens, length))


def least_loss(words: list[int]) -> float:
    """Nats a word of a text by who knows the language: what no model can do better than."""
    table = transitions()
    return float(np.mean([-np.log(table[pair]) for pair in pairwise(words)]))


def trained(
    corpus: Corpus,
    model: ModelConfig = SMALL,
    config: TrainingConfig = QUICK,
    *,
    threads: int = 1,
    **more: Any,
) -> TrainingRun[LanguageModel]:
    """A training on the CPU, not yet begun."""
    return iter_train_language_model(corpus, model, config, device="cpu", threads=threads, **more)
