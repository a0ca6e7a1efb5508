"""The two matrices of word2vec, laid out for the processor, and the memory that they need.

V is the number of words, R of rows of the input matrix (V, and those of n-grams), O of rows of the
output matrix (V, or V − 1 nodes of a Huffman tree), D of dimensions, S the stride: floats from one
row to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from wordkit.errors import counted
from wordkit.kernels.aligned import aligned, are_bounded, padded_length
from wordkit.runtime import require_memory
from wordkit.word2vec.config import Word2VecConfig

__all__ = [
    "Weights",
    "blocks",
    "bytes_of_weights",
    "check_softmax_memory",
    "check_weights_memory",
    "compact",
    "expand",
    "output_rows",
]

Floats = npt.NDArray[np.float32]

_BLOCK_FLOATS = 1 << 17  # copied at a time, so that temporary memory stays small
_OTHER_BYTES = 64 << 20  # all that does not grow with the vocabulary
# Peak bytes per word of the alias table, the Huffman tree, or the list of words, while made.
_TABLE_BYTES = {"ns": 200, "hs": 400, "softmax": 100}


@dataclass(frozen=True)
class Weights:
    """Input and output embeddings. The floats between D and S of each row are zero."""

    dim: int
    """D."""

    padded_input: Floats
    """Input embeddings (of words as context), shape (R, S)."""

    padded_output: Floats
    """Output embeddings (of predicted words or tree nodes), shape (O, S)."""

    @classmethod
    def zeros(cls, inputs: int, outputs: int, dim: int) -> Weights:
        """Return matrices of zeros, of R and O rows."""
        return cls(dim, _padded(inputs, dim), _padded(outputs, dim))

    @classmethod
    def initial(cls, words: int, config: Word2VecConfig, inputs: int | None = None) -> Weights:
        """Initialize as word2vec.c does: input uniform in ±0.5/D, output zero.

        Args:
            words: V.
            config: the settings.
            inputs: R, with rows of n-grams, which begin as in fastText: uniform in ±1/D; None: V.
        """
        width = 1 if inputs is None else 2
        inputs = words if inputs is None else inputs
        weights = cls.zeros(inputs, output_rows(words, config), config.dim)
        random = np.random.default_rng(config.seed)
        for start, end in blocks(inputs, config.dim):
            rows = weights.input[start:end]
            rows[:] = (random.random(rows.shape, dtype=np.float32) - 0.5) * width / config.dim
        return weights

    @classmethod
    def copied(cls, input: Floats, output: Floats) -> Weights:  # noqa: A002 - the field's term
        """Copy matrices of shapes (R, D) and (O, D) into the padded layout."""
        weights = cls.zeros(len(input), len(output), input.shape[1])
        weights.input[:] = input
        weights.output[:] = output
        return weights

    @property
    def are_bounded(self) -> bool:
        """Return whether every weight is finite, and far from overflow."""
        return are_bounded(self.padded_input, self.padded_output)

    @property
    def input(self) -> Floats:
        """Input embeddings without padding, shape (R, D), a view."""
        return self.padded_input[:, : self.dim]

    @property
    def output(self) -> Floats:
        """Output embeddings without padding, shape (O, D), a view."""
        return self.padded_output[:, : self.dim]

    def frozen(self) -> list[Floats]:
        """Return both without padding, in their own memory, which is read-only from now on."""
        matrices = [compact(padded, self.dim) for padded in (self.padded_input, self.padded_output)]
        for array in (self.padded_input, self.padded_output, *matrices):
            base: object = array
            while isinstance(base, np.ndarray):
                base.flags.writeable = False
                base = base.base
        return matrices


def output_rows(words: int, config: Word2VecConfig) -> int:
    """O, the number of rows of the output matrix."""
    return words - 1 if config.loss == "hs" else words


def bytes_of_weights(words: int, dim: int) -> int:
    """Return the bytes of the two matrices."""
    return 2 * 4 * words * padded_length(dim)


def compact(padded: Floats, dim: int) -> Floats:
    """Move the rows together in their own memory: shape (·, D); ``padded`` is lost."""
    rows, stride = padded.shape
    if stride == dim:
        return padded
    flat = padded.reshape(-1)
    for start, end in blocks(rows, dim):
        flat[start * dim : end * dim] = padded[start:end, :dim].ravel()  # ravel copies
    return flat[: rows * dim].reshape(rows, dim)


def expand(compacted: Floats, padded: Floats) -> None:
    """Undo :func:`compact`: move the rows back, with zeros as padding."""
    rows, dim = compacted.shape
    if padded.shape[1] == dim:
        return
    for start, end in reversed(list(blocks(rows, dim))):
        padded[start:end, :dim] = compacted[
            start:end
        ].copy()  # the next rows may be written over it
        padded[start:end, dim:] = 0


def blocks(rows: int, dim: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows small enough to be copied."""
    size = max(_BLOCK_FLOATS // dim, 1)
    return ((start, min(start + size, rows)) for start in range(0, rows, size))


def _padded(rows: int, dim: int) -> Floats:
    """Return zeros of shape (rows, S), written so that memory is taken."""
    return aligned(partial(np.full, fill_value=0), rows, padded_length(dim))


def check_weights_memory(words: int, config: Word2VecConfig, inputs: int | None = None) -> None:
    """Raise ResourceError if weights and tables of V words do not fit into the free memory.

    Args:
        words: V.
        config: the settings.
        inputs: R; None: V. Where there are n-grams, the words' vectors are composed in the end.
    """
    needed = bytes_of_weights(words, config.dim) + _TABLE_BYTES[config.loss] * words + _OTHER_BYTES
    what, remedy = (
        counted(words, "word"),
        "raise the minimum count, cap the vocabulary or lower dim",
    )
    if inputs is not None:
        needed += 4 * padded_length(config.dim) * inputs
        what += f" with {counted(inputs - words, 'n-gram')}"
        remedy += ", or take fewer buckets"
    require_memory(f"{what} of {counted(config.dim, 'dimension')} need", needed, remedy)


def check_softmax_memory(needed: int, purpose: str) -> None:
    """Raise ResourceError if these bytes for the full softmax do not fit beside the weights."""
    require_memory(
        f"beside the vectors, loss softmax needs for {purpose}", needed,
        "cap the vocabulary, lower window, take fewer threads, or choose loss ns or hs",
    )  # fmt: skip
