"""Texts of two topics, and small trainings on them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from wordkit.embeddings import Embeddings
from wordkit.text import Corpus
from wordkit.word2vec import Word2VecConfig, iter_train_word2vec

SMALL = Word2VecConfig(arch="skipgram", dim=16, epochs=3, sample=0, vectors="in")
KINDS = ("fish", "tree")


def topics(lines: int = 1200, seed: int = 0) -> list[list[str]]:
    """Sentences of two kinds, so that words of a kind occur with each other."""
    chooser = np.random.default_rng(seed)
    words = {kind: [f"{kind}{i}" for i in range(20)] for kind in KINDS}
    common = [f"common{i}" for i in range(8)]
    return [
        [str(chooser.choice(words[KINDS[n % 2]] if chooser.random() < 0.7 else common))
         for _ in range(12)]
        for n in range(lines)
    ]  # fmt: skip


def settings(**changes: Any) -> Word2VecConfig:
    return Word2VecConfig(**{**vars(SMALL), **changes})


def train(corpus: Corpus, *, threads: int = 1, **changes: Any) -> Embeddings:
    return iter_train_word2vec(corpus, settings(**changes), threads=threads).result()


def of_a_kind(vectors: Embeddings, kind: str) -> int:
    """How many of the 19 words next to one of a kind are the others of its kind."""
    nearest = [word for word, _ in vectors.most_similar(f"{kind}3", n=19)]
    return sum(word.startswith(kind) for word in nearest)


def no_threads() -> bool:
    return not any(thread.name.startswith("wordkit-word2vec") for thread in threading.enumerate())
