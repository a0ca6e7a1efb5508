"""The corpus in chunks to train on, cut between sentences.

N is the number of tokens, S of sentences.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wordkit.text import Corpus

__all__ = ["chunk_borders"]

_FEWEST_CHUNKS = 64  # so that all threads have something to do, and progress shows
_SMALLEST = 1000  # tokens


def chunk_borders(corpus: Corpus, tokens: int) -> npt.NDArray[np.int64]:
    """The tokens where chunks begin, and N: at starts of sentences, where there are enough.

    A sentence much longer than a chunk is cut within.

    Args:
        corpus: what is cut.
        tokens: how many tokens a chunk should have; fewer, where the corpus is small.
    """
    N = corpus.tokens
    size = max(min(tokens, N // _FEWEST_CHUNKS), _SMALLEST)
    ideal = np.arange(0, N, size, dtype=np.int64)
    offsets = np.asarray(corpus.offsets)
    nearest = offsets[np.minimum(np.searchsorted(offsets, ideal), len(offsets) - 1)]
    borders = np.where(nearest - ideal < size, nearest, ideal)
    return np.unique(np.append(borders, N))
