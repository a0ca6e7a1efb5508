"""The compiled loops of GloVe: pairs in random order, and a step of AdaGrad for each.

V is the number of words, D of dimensions, S the floats of a vector with its padding, P the number
of unordered pairs of words that occur together, C of the chunks that they are divided into.

A pair is four numbers of 32 bits: two rows, and as float32 log X and f(X).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from wordkit.kernels.aligned import ROW_UNIT
from wordkit.kernels.jit import njit
from wordkit.kernels.lanes import Matrix, int64, intrinsic, prefetch_line
from wordkit.kernels.random import Counter, below

__all__ = ["CONTEXT", "WORD", "count_pairs", "place_pairs", "train_pairs"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

WORD, WORD_SQUARES, CONTEXT, CONTEXT_SQUARES = 0, 1, 2, 3
"""The vectors of a row of the parameters: word, context, and their sums of squared gradients."""

_AHEAD = 4  # pairs: far enough ahead to hide the latency of memory, measured


@intrinsic
def _prefetch(typing_context: Any, rows: Any, row: Any, floats: Any) -> Any:
    """Prefetch a row of a matrix, to write to it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from numba.core import cgutils

        address = Matrix(context, builder, signature.args[0], arguments[0]).row(arguments[1])
        lines = cgutils.for_range_slice(
            builder, int64(0), arguments[2], int64(ROW_UNIT), arguments[2].type
        )
        with lines as (offset, _):
            prefetch_line(builder, builder.gep(address, [offset]), write=True)
        return context.get_dummy_value()

    return types.void(rows, types.int64, types.int64), generate


# --- pairs in random order -----------------------------------------------------------------------


@njit(nogil=True, cache=True)
def _chunk(entry: int, chunks: int, seed: Counter) -> Any:
    """Draw the chunk of an entry of the matrix."""
    return below(chunks, seed + np.uint64(entry))


@njit(nogil=True, cache=True)
def count_pairs(
    indptr: Longs, indices: Ints, rows: tuple[int, int], chunks: int, seed: Counter, counts: Longs
) -> None:
    """Count the pairs of a range of rows that each chunk gets; the diagonal belongs to them.

    Args:
        indptr, indices: of a symmetric matrix, of which the upper triangle is read.
        rows: the range.
        chunks: C.
        seed: of the random numbers.
        counts: (C,), added to.
    """
    for row in range(rows[0], rows[1]):
        for entry in range(indptr[row], indptr[row + 1]):
            if indices[entry] >= row:
                counts[_chunk(entry, chunks, seed)] += 1


@njit(nogil=True, cache=True)
def place_pairs(
    matrix: tuple[Longs, Ints, Floats],
    rows: tuple[int, int],
    chunks: int,
    seed: Counter,
    chosen: tuple[int, int],
    slots: Longs,
    weighting: tuple[float, float],
    pairs: Ints,
    values: Floats,
) -> None:
    """Write the pairs of a range of rows into a range of chunks.

    Args:
        matrix: indptr, indices and data.
        rows, chunks, seed: as for :func:`count_pairs`.
        chosen: the range of chunks; pairs of others are left out.
        slots: (chunks in the range,): where the next pair of each goes; moved on.
        weighting: log x_max and α.
        pairs, values: (·, 4), the same memory as int32 and as float32.
    """
    indptr, indices, data = matrix
    log_max, alpha = weighting
    for row in range(rows[0], rows[1]):
        for entry in range(indptr[row], indptr[row + 1]):
            if indices[entry] < row:
                continue
            chunk = _chunk(entry, chunks, seed) - chosen[0]
            if chunk < 0 or chunk >= len(slots):
                continue
            slot = slots[chunk]
            slots[chunk] += 1
            log = math.log(np.float64(data[entry]))
            pairs[slot, 0] = row
            pairs[slot, 1] = indices[entry]
            values[slot, 2] = log
            values[slot, 3] = math.exp(alpha * min(log - log_max, 0.0))


# --- training ------------------------------------------------------------------------------------


@njit(nogil=True, fastmath=True, cache=True, error_model="numpy")
def train_pairs(
    pairs: Ints, values: Floats, vectors: Floats, biases: Floats, lr: Any, counter: Counter
) -> tuple[float, int]:
    """Take a step for both orders of each pair of a chunk, the pairs in random order.

    Args:
        pairs, values: (·, 4), the same memory as int32 and as float32.
        vectors: (V, 4·S), changed.
        biases: (V, 4), changed.
        lr: the learning rate.
        counter: of the random numbers, which takes as many as there are pairs.

    Returns:
        The sum of f(X)·(w·c + b_w + b_c − log X)² / 2 before each step, and the number of steps.
    """
    n = len(pairs)
    order = np.arange(n).astype(np.int32)
    for i in range(n - 1, 0, -1):  # Fisher and Yates
        j = below(i + 1, counter + np.uint64(i))
        order[i], order[j] = order[j], order[i]
    stride = vectors.shape[1]
    loss, steps, rate = 0.0, 0, np.float32(lr)
    for i in range(n):
        if i + _AHEAD < n:
            ahead = order[i + _AHEAD]
            for side in range(2):
                row = np.int64(pairs[ahead, side])
                _prefetch(vectors, row, stride)
                _prefetch(biases, row, np.int64(1))
        k = order[i]
        a, b, log, weight = pairs[k, 0], pairs[k, 1], values[k, 2], values[k, 3]
        loss += _step(vectors[a], vectors[b], biases[a], biases[b], log, weight, rate)
        steps += 1
        if a != b:
            loss += _step(vectors[b], vectors[a], biases[b], biases[a], log, weight, rate)
            steps += 1
    return loss, steps


@njit(nogil=True, fastmath=True, cache=True, error_model="numpy")
def _step(
    a: Floats, b: Floats, bias_a: Floats, bias_b: Floats, log: Any, weight: Any, rate: Any
) -> float:
    """Take a step for a word and a context; return the loss before it."""
    S = len(a) // 4
    word, word_squares = a[:S], a[S : 2 * S]
    context, context_squares = b[2 * S : 3 * S], b[3 * S :]
    product = np.float32(0)
    for d in range(S):
        product += word[d] * context[d]
    error = product + bias_a[WORD] + bias_b[CONTEXT] - log
    slope = weight * error
    scaled = rate * slope
    for d in range(S):
        w, c = word[d], context[d]
        of_word, of_context = scaled * c, scaled * w
        word[d] = w - of_word / math.sqrt(word_squares[d])
        context[d] = c - of_context / math.sqrt(context_squares[d])
        word_squares[d] += of_word * of_word
        context_squares[d] += of_context * of_context
    bias_a[WORD] -= slope / math.sqrt(bias_a[WORD_SQUARES])
    bias_b[CONTEXT] -= slope / math.sqrt(bias_b[CONTEXT_SQUARES])
    bias_a[WORD_SQUARES] += slope * slope
    bias_b[CONTEXT_SQUARES] += slope * slope
    return np.float64(slope) * np.float64(error) / 2
