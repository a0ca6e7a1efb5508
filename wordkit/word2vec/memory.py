"""What memory a training needs, found out before it is taken.

V is the number of words.
"""

from __future__ import annotations

from wordkit.errors import ResourceError, counted
from wordkit.runtime import available_memory
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.weights import bytes_of_weights

__all__ = ["check_beside", "check_memory"]

_BESIDES = 64 << 20  # bytes for all that does not grow with the vocabulary
# Bytes a word for tables, at the time when most of them is taken: to draw negatives from, with what
# it takes to make it; the Huffman tree, likewise; the numbers of the words.
_TABLES = {"ns": 200, "hs": 400, "softmax": 100}


def check_memory(words: int, config: Word2VecConfig) -> None:
    """Find out before the work whether the weights, and tables beside them, fit into memory.

    Args:
        words: V.
        config: the settings.

    Raises:
        ResourceError: they do not.
    """
    needed = bytes_of_weights(words, config.dim) + _TABLES[config.loss] * words + _BESIDES
    free = available_memory()
    if needed > free:
        raise ResourceError(
            f"{counted(words, 'word')} of {counted(config.dim, 'dimension')} need "
            f"{_gib(needed)} of memory, and {_gib(free)} are free; raise the minimum count, cap "
            "the vocabulary or lower dim"
        )


def check_beside(needed: int, purpose: str) -> None:
    """Find out, with the weights in memory, whether something large fits beside them.

    Only the full softmax needs anything that large.

    Args:
        needed: bytes.
        purpose: what they are for.

    Raises:
        ResourceError: it does not fit.
    """
    free = available_memory()
    if needed > free:
        raise ResourceError(
            f"loss softmax needs {_gib(needed)} of memory for {purpose}, and {_gib(free)} are free "
            "beside the vectors; cap the vocabulary, lower window, take fewer threads, or choose "
            "loss ns or hs"
        )


def _gib(number: int) -> str:
    return f"{number / 2**30:.1f} GiB"
