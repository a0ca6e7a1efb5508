"""The corpus in chunks to train on, cut between sentences.

N is the number of tokens, V of words.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from wordkit.text import Corpus
from wordkit.word2vec.config import Word2VecConfig

__all__ = ["chunk_borders", "tokens_of_work"]

_FEWEST_CHUNKS = 64  # so that all threads have something to do, and progress shows
_SMALLEST = 1000  # tokens of a chunk that is cut within a sentence, which costs windows


def chunk_borders(corpus: Corpus, tokens: int) -> npt.NDArray[np.int64]:
    """The tokens where chunks begin, and N: at starts of sentences, where there are enough.

    A sentence much longer than a chunk is cut within, but not into pieces so small that the
    windows lost at their ends would count.

    Args:
        corpus: what is cut.
        tokens: how many tokens a chunk should have; fewer, where the corpus is small.
    """
    N = corpus.tokens
    offsets = np.asarray(corpus.offsets)
    size = max(min(tokens, N // _FEWEST_CHUNKS), _SMALLEST)
    ideal = np.arange(0, N, size, dtype=np.int64)
    nearest = offsets[np.minimum(np.searchsorted(offsets, ideal), len(offsets) - 1)]
    borders = np.where(nearest - ideal < size, nearest, ideal)
    if tokens < size:  # smaller chunks, of whole sentences
        first = np.diff(offsets // max(tokens, 1), prepend=-1) > 0
        borders = np.concatenate([borders, offsets[first]])
    return np.unique(np.append(borders, N))


def tokens_of_work(work: float, most: int, *, words: int, config: Word2VecConfig) -> int:
    """As many tokens as take so many products, so that progress and Ctrl-C need not wait.

    Args:
        work: products of one number with another, in inner products alone.
        most: tokens at most.
        words: V.
        config: the settings.
    """
    targets = {"ns": config.negative + 1, "hs": 1 + math.log2(words), "softmax": words}
    inputs = config.window if config.arch == "skipgram" else 1
    return max(int(min(work / (targets[config.loss] * inputs * config.dim), most)), 1)
