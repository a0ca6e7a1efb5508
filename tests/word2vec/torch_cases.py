"""Devices to test torch on, and corpora whose every token is a word of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec import StartingPoint, Word2VecConfig
from wordkit.word2vec.state import TrainingState
from wordkit.word2vec.weights import Weights, output_rows

DEVICES = [
    "cpu",
    *(["cuda"] if torch.cuda.is_available() else []),
    *(["mps"] if torch.backends.mps.is_available() else []),
]
"""All that this machine has."""


def numbered_corpus(lengths: Sequence[int]) -> Corpus:
    """Sentences of these lengths; token i of the text is word i + 1, and word 0 never occurs."""
    N = sum(lengths)
    words = Vocabulary([f"w{i}" for i in range(N + 1)], [1] * (N + 1))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Corpus(np.arange(1, N + 1, dtype=np.int32), offsets, words)


def starting_point(
    corpus: Corpus, config: Word2VecConfig, left_out: Sequence[int] = ()
) -> StartingPoint:
    """Every word of the corpus with a row of its own number, but for those that are left out."""
    V = len(corpus.vocabulary)
    rows = np.arange(V, dtype=np.int32)
    rows[list(left_out)] = -1
    weights = Weights.initial(V, output_rows(V, config), config)
    return StartingPoint(corpus.vocabulary, rows, TrainingState(weights))


def numpy(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """The values, in float64 where they are floats."""
    array = tensor.cpu().numpy()
    return array.astype(np.float64) if array.dtype.kind == "f" else array
