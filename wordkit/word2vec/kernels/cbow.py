"""CBOW with negative sampling: a step for each block of centres.

The centres of a block share a window radius and the negatives, which turns the work into products
of small matrices, and lets each row near the block be read and written once. N negatives stand for
the ``negative`` ones of a centre: each weighs as much less, and one that is the centre nothing. The
negatives of the next block are drawn, and its rows asked for, before the step of the present one.

The negatives are updated after each pair of centres. If all centres of a block used them as they
were, the sum of their gradients would overshoot in texts of few words, and diverge.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wordkit.kernels.jit import njit
from wordkit.word2vec.kernels.arguments import Parts, Settings, Targets, Text
from wordkit.word2vec.kernels.blocks import BLOCK, context_means, diagonal_products, update_block
from wordkit.word2vec.kernels.composed import (
    Composed,
    composed_vectors,
    enter,
    input_row,
    leave,
    prefetch_parts,
)
from wordkit.word2vec.kernels.logistic import MAX_TERMS, gradients_of_sigmoid, take_sum
from wordkit.word2vec.kernels.random import Counter, Table, Words, below, kept_words, negative
from wordkit.word2vec.kernels.rows import Matrix, address, aligned, copied_rows, merge, prefetch
from wordkit.word2vec.kernels.tiles import LANES, WIDTH, add_products, inner_products

__all__ = ["train_chunk"]

Floats = npt.NDArray[np.float32]

_PAIR = 2  # centres that use the negatives as they are before an update
_MAX_PER_TILE = 5  # negatives of a centre that a tile of negatives stands for


class _Workspace(NamedTuple):
    """Buffers of a thread. N is the number of negatives, R of rows near a block at most."""

    near: Any  # (R,) int64: the rows near the block
    near_ranges: Any  # (3, R) int64: low, high, own of each, see blocks.py
    ranges: Any  # (3, BLOCK) int64: the same of each centre
    scales: Any  # (BLOCK,) float32: 1/C, 0 for a centre without context
    prefix: Any  # (R + 1, LANES) float32
    means: Any  # (BLOCK, S) float32
    mean_rows: Any  # (BLOCK,) int64: their addresses
    changes: Any  # (BLOCK + 1, S) float32
    centres: Any  # (2, BLOCK) int64: rows of the centres of this block and of the next, then any
    words: Any  # (2, N) int32: the negatives of both
    negatives: Any  # (2, N) int64: their rows
    table: Any  # (BLOCK, N) float32: inner products with the negatives, then gradients
    diagonal: Any  # (1, BLOCK) float32: those with the centres
    zeros: Any  # (N,) float32: labels
    ones: Any  # (BLOCK,) float32
    weights: Any  # (N,) float32
    losses: Any  # (WIDTH,) float32


@njit(nogil=True, fastmath=True, cache=True)
def train_chunk(
    text: Text, start: int, stop: int, targets: Targets, settings: Settings, inputs: Floats,
    outputs: Floats, start_lr: float, stop_lr: float, seed: Counter, parts: Parts | None,
) -> tuple[float, int]:  # fmt: skip
    """Train on the tokens from ``start`` to ``stop``.

    The arguments are those of :func:`wordkit.word2vec.kernels.training.train_chunk`.

    Returns:
        The sum of the losses, and the number of predictions.
    """
    words = kept_words(text, start, stop, seed)
    of_inputs = copied_rows(inputs, settings.copied)
    of_outputs = copied_rows(outputs, settings.copied)
    work = _workspace(settings, of_outputs)
    seed += np.uint64(stop - start)
    composed = composed_vectors(parts, of_inputs, 2 * settings.window + BLOCK)
    loss, predictions = _train(
        words, targets.noise, settings, of_inputs, of_outputs, start_lr, stop_lr, seed, work,
        composed,
    )  # fmt: skip
    merge(of_inputs)
    merge(of_outputs)
    return loss, predictions


@njit(nogil=True, cache=True)
def _workspace(settings: Settings, outputs: Matrix) -> _Workspace:
    S, R = outputs.rows.shape[1], 2 * settings.window + BLOCK
    N = -(-settings.negative // _MAX_PER_TILE) * WIDTH
    means = aligned(BLOCK, S)
    rows = np.empty(BLOCK, dtype=np.int64)
    for c in range(BLOCK):
        rows[c] = address(Matrix(means, means[:0], means[:0]), c)
    return _Workspace(
        np.zeros(R, dtype=np.int64),
        np.zeros((3, R), dtype=np.int64),
        np.zeros((3, BLOCK), dtype=np.int64),
        np.zeros(BLOCK, dtype=np.float32),
        aligned(R + 1, LANES),
        means,
        rows,
        aligned(BLOCK + 1, S),
        np.full((2, BLOCK), address(outputs, 0)),
        np.zeros((2, N), dtype=np.int32),
        np.zeros((2, N), dtype=np.int64),
        np.zeros((BLOCK, N), dtype=np.float32),
        np.zeros((1, BLOCK), dtype=np.float32),
        np.zeros(N, dtype=np.float32),
        np.ones(BLOCK, dtype=np.float32),
        np.zeros(N, dtype=np.float32),
        np.zeros(WIDTH, dtype=np.float32),
    )


@njit(nogil=True, fastmath=True, cache=True, _nrt=False)
def _train(
    words: Words, noise: Table, settings: Settings, inputs: Matrix, outputs: Matrix,
    start_lr: float, stop_lr: float, counter: Counter, work: _Workspace, composed: Composed | None,
) -> tuple[float, int]:  # fmt: skip
    near, near_ranges, ranges, scales = work.near, work.near_ranges, work.ranges, work.scales
    means, changes, table, weights = work.means, work.changes, work.table, work.weights
    begins, ends = words.begins, words.ends
    n, window = len(words.rows), settings.window
    N, S = len(weights), means.shape[1]
    loss, predictions, now, entered = 0.0, 0, 0, 0
    counter = _prepare(words, 0, noise, outputs, work, now, counter)
    for first in range(0, n, BLOCK):
        size = min(BLOCK, n - first)
        last = first + size
        lr = np.float32(start_lr + (stop_lr - start_lr) * first / n)
        counter = _prepare(words, last, noise, outputs, work, 1 - now, counter)
        if composed is not None:
            for i in range(max(first - BLOCK - window, 0), max(first - window, 0)):
                leave(composed, inputs, i)
            for i in range(entered, min(last + window, n)):
                if i + 1 < n:
                    prefetch_parts(composed, inputs, words.rows[i + 1])
                enter(composed, inputs, i, words.rows[i])
            entered = min(last + window, n)
        else:
            for i in range(min(last + window, n), min(last + BLOCK + window, n)):
                prefetch(address(inputs, words.rows[i]), S)
        radius = window
        if settings.dynamic:
            counter += np.uint64(1)
            radius = 1 + below(window, counter)

        start = max(first - radius, begins[first])
        count = min(last + radius, ends[last - 1]) - start
        for i in range(count):
            k = start + i
            if composed is None:
                near[i] = address(inputs, words.rows[k])
            else:
                near[i] = input_row(composed, inputs, k, words.rows[k])
            near_ranges[0, i] = max(k - radius, begins[k], first) - first
            near_ranges[1, i] = min(k + radius + 1, ends[k], last) - first
            near_ranges[2, i] = BLOCK
        ranges[:] = 0
        for c in range(BLOCK):
            scales[c] = 0
            if c < size:
                k = first + c
                low, high = max(k - radius, begins[k]), min(k + radius + 1, ends[k])
                ranges[0, c], ranges[1, c], ranges[2, c] = low - start, high - start, k - start
                near_ranges[2, k - start] = c
                if high - low > 1:
                    scales[c] = 1 / np.float32(high - low - 1)
                    predictions += 1

        context_means(near, count, ranges, scales, work.prefix, means)
        centres, negatives = work.centres[now], work.negatives[now]
        diagonal_products(means, centres, work.diagonal)
        for c in range(BLOCK):
            weights[c] = np.float32(scales[c] > 0)
        gradients_of_sigmoid(work.diagonal, 0, 0, work.ones, weights, lr, work.losses)
        for c in range(BLOCK):
            for d in range(S):
                changes[c, d] = 0
        for pair in range(0, size, _PAIR):
            x, products = work.mean_rows[pair:], table[pair:]
            for j in range(0, N, WIDTH):
                inner_products(x, _PAIR, negatives, j, WIDTH, S, products, j)
            for c in range(_PAIR):
                word = words.rows[min(first + pair + c, n - 1)]
                _set_weights(word, work.words[now], settings, scales[pair + c], weights)
                for j in range(0, N, WIDTH):
                    gradients_of_sigmoid(products, c, j, work.zeros, weights, lr, work.losses)
                    if (j + WIDTH) % (MAX_TERMS // BLOCK * WIDTH) == 0:
                        loss += take_sum(work.losses)
            for j in range(0, N, WIDTH):
                add_products(x, _PAIR, negatives, j, WIDTH, S, products, j, changes[pair:])
        loss += take_sum(work.losses)
        update_block(
            means, centres, work.diagonal, changes, scales, near, count, near_ranges, work.prefix
        )
        now = 1 - now
        if first % settings.merge_words == 0:
            merge(inputs)
            merge(outputs)
    if composed is not None:
        for i in range(max((n - 1) // BLOCK * BLOCK - window, 0), n):
            leave(composed, inputs, i)
    return loss, predictions


@njit(nogil=True, cache=True, _nrt=False)
def _prepare(
    words: Words, first: int, noise: Table, outputs: Matrix, work: _Workspace, into: int,
    counter: Counter,
) -> Any:  # fmt: skip
    """Draw the negatives of a block, find the rows of its centres, and prefetch both."""
    S = work.means.shape[1]
    for j in range(work.words.shape[1]):
        counter += np.uint64(1)
        word = negative(noise, counter)
        row = address(outputs, word)
        work.words[into, j], work.negatives[into, j] = word, row
        prefetch(row, S)
    for c in range(min(BLOCK, len(words.rows) - first)):
        row = address(outputs, words.rows[first + c])
        work.centres[into, c] = row
        prefetch(row, S)
    return counter


@njit(nogil=True, fastmath=True, cache=True, _nrt=False)
def _set_weights(word: int, negatives: Any, settings: Settings, scale: float, weights: Any) -> None:
    """Set the weights of the negatives of a centre: 0 for those that are the centre itself."""
    N = len(weights)
    others = 0
    for j in range(N):
        others += negatives[j] != word
    weight = np.float32(0)
    if others and scale > 0:
        weight = np.float32(settings.negative) / np.float32(others)
    for j in range(N):
        weights[j] = weight if negatives[j] != word else np.float32(0)
