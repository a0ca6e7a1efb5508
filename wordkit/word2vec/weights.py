"""The two matrices of word2vec, laid out for the processor.

V is the number of words, O of rows of the output matrix (V, or V − 1 nodes of a Huffman tree), D
of dimensions, S of floats from one row to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wordkit.word2vec.config import Word2VecConfig

__all__ = ["ROW_UNIT", "Weights", "bytes_of_weights", "compact", "expand", "output_rows"]

Floats = npt.NDArray[np.float32]

ROW_UNIT = 16
"""S is a multiple of this: 64 bytes, a line of the cache and the widest register of the day."""

_BOUND = 1e30  # no weight of a training that goes well is near it, and no sum beyond float32
_BLOCK = 1 << 17  # floats that are touched at a time, so that memory stays small


@dataclass(frozen=True)
class Weights:
    """What is trained. The floats between D and S of each row are zero, and stay so."""

    dim: int
    """D."""

    padded_input: Floats
    """Shape (V, S): words as context, which go in."""

    padded_output: Floats
    """Shape (O, S): words as what is predicted, which come out."""

    @classmethod
    def zeros(cls, words: int, outputs: int, dim: int) -> Weights:
        """All zero."""
        return cls(dim, _padded(words, dim), _padded(outputs, dim))

    @classmethod
    def initial(cls, words: int, outputs: int, config: Word2VecConfig) -> Weights:
        """As word2vec.c begins: input even from −0.5/D to 0.5/D, output zero."""
        weights = cls.zeros(words, outputs, config.dim)
        random = np.random.default_rng(config.seed)
        for start, end in blocks(words, config.dim):
            rows = weights.input[start:end]
            rows[:] = (random.random(rows.shape, dtype=np.float32) - 0.5) / config.dim
        return weights

    @classmethod
    def copied(cls, input: Floats, output: Floats) -> Weights:  # noqa: A002 - the field's term
        """A copy of two matrices of shapes (V, D) and (O, D), laid out as it should be."""
        weights = cls.zeros(len(input), len(output), input.shape[1])
        weights.input[:] = input
        weights.output[:] = output
        return weights

    @property
    def are_bounded(self) -> bool:
        """Whether no number is NaN, infinite or so large that it soon will be."""
        with np.errstate(invalid="ignore"):
            extremes = [
                float(extreme)
                for matrix in (self.padded_input, self.padded_output)
                for extreme in (matrix.min(initial=0), matrix.max(initial=0))
            ]
        return all(abs(extreme) <= _BOUND for extreme in extremes)  # NaN is not

    @property
    def input(self) -> Floats:
        """Shape (V, D), a view."""
        return self.padded_input[:, : self.dim]

    @property
    def output(self) -> Floats:
        """Shape (O, D), a view."""
        return self.padded_output[:, : self.dim]


def output_rows(words: int, config: Word2VecConfig) -> int:
    """O, the number of rows of the output matrix."""
    return words - 1 if config.loss == "hs" else words


def bytes_of_weights(words: int, dim: int) -> int:
    """What the two matrices take in memory."""
    return 2 * 4 * words * _stride(dim)


def compact(padded: Floats, dim: int) -> Floats:
    """The rows without their padding, shape (·, D), in the memory of ``padded``, which is lost."""
    rows, stride = padded.shape
    if stride == dim:
        return padded
    flat = padded.reshape(-1)
    for start, end in blocks(rows, dim):
        flat[start * dim : end * dim] = padded[start:end, :dim].ravel()  # ravel copies
    return flat[: rows * dim].reshape(rows, dim)


def expand(compacted: Floats, padded: Floats) -> None:
    """Undo :func:`compact`: put the rows back to where they were, with zeros behind each."""
    rows, dim = compacted.shape
    if padded.shape[1] == dim:
        return
    for start, end in reversed(list(blocks(rows, dim))):
        padded[start:end, :dim] = compacted[start:end].copy()  # its place may be written to next
        padded[start:end, dim:] = 0


def blocks(rows: int, dim: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows that are small enough to be copied."""
    size = max(_BLOCK // dim, 1)
    return ((start, min(start + size, rows)) for start in range(0, rows, size))


def _stride(dim: int) -> int:
    """S for D."""
    return -(-dim // ROW_UNIT) * ROW_UNIT


def _padded(rows: int, dim: int) -> Floats:
    """Zeros of shape (rows, S) that begin on a line of the cache.

    They are written, so that the memory is taken now and no estimate counts it as free.
    """
    size = rows * _stride(dim)
    memory = np.full(size + ROW_UNIT, 0, dtype=np.float32)
    skip = -(memory.ctypes.data // 4) % ROW_UNIT
    return memory[skip : skip + size].reshape(rows, _stride(dim))
