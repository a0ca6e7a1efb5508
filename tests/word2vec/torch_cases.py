"""For tests of the torch engine: its devices, and corpora whose every token is a new word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from wordkit.text import Corpus, Vocabulary

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


def numpy(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """The values, in float64 where they are floats."""
    array = tensor.cpu().numpy()
    return array.astype(np.float64) if array.dtype.kind == "f" else array
