"""The training loop of word2vec: windows, targets, and a step for each centre.

V is the number of words, S of floats from one row of a matrix to the next, C of inputs of a step,
T of its targets.

After Mikolov et al. (2013) and word2vec.c. As in Ji, Satish, Li and Dubey, "Parallelizing Word2Vec
in Shared and Distributed Memory" (2016), all context words of a centre share its negatives, which
turns the work into products of small matrices. The negatives of the next centre are drawn, and
their rows asked for, before the step of the present one.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wordkit.kernels.jit import njit
from wordkit.word2vec.kernels.arguments import HS, NS, SOFTMAX, Parts, Settings, Targets, Text
from wordkit.word2vec.kernels.composed import (
    Composed,
    composed_vectors,
    enter,
    input_row,
    leave,
    prefetch_parts,
)
from wordkit.word2vec.kernels.logistic import (
    MAX_TERMS,
    gradients_of_sigmoid,
    gradients_of_softmax,
    take_sum,
)
from wordkit.word2vec.kernels.random import Counter, Table, Words, below, kept_words, negative
from wordkit.word2vec.kernels.rows import Matrix, address, aligned, copied_rows, merge, prefetch
from wordkit.word2vec.kernels.tiles import (
    WIDTH,
    add_products,
    add_to_rows,
    inner_products,
    mean_of_rows,
)

__all__ = ["train_chunk"]

_DRAWS = 20  # tries for a negative that is not the centre


Floats = npt.NDArray[np.float32]
Whole = Any  # a 64-bit integer; to mypy, NumPy's and Python's differ

# For loops that make no arrays: without reference counting they take a tenth of the time.
_loop: Any = functools.partial(njit, nogil=True, fastmath=True, cache=True, _nrt=False)

_FIRST: Whole = np.int64(0)  # for Numba, which would compile a function once more for a plain 0


@njit(nogil=True, fastmath=True, cache=True)
def train_chunk(
    text: Text, start: int, stop: int, targets: Targets, settings: Settings, inputs: Floats,
    outputs: Floats, start_lr: float, stop_lr: float, seed: Counter, parts: Parts | None,
) -> tuple[float, int]:  # fmt: skip
    """Train on the tokens from ``start`` to ``stop``, sentence by sentence.

    Args:
        text: the corpus.
        start, stop: a range of tokens; the first and the last sentence may be cut.
        targets: see :class:`Targets`.
        settings: see :class:`Settings`.
        inputs: shape (V, S), with rows of n-grams after them, changed; S a multiple of 16.
        outputs: shape (O, S), changed.
        start_lr, stop_lr: the learning rates at the ends.
        seed: the random counter begins here, uint64.
        parts: the input rows of each word; None: its own alone. (Numba makes a function for each.)

    Returns:
        The sum of the losses, and the number of predictions.
    """
    words = kept_words(text, start, stop, seed)
    of_inputs = copied_rows(inputs, settings.copied)
    of_outputs = copied_rows(outputs, settings.copied if settings.loss == NS else 0)
    work = _workspace(targets, settings, of_outputs)
    seed += np.uint64(stop - start)
    composed = composed_vectors(parts, of_inputs, 2 * settings.window + 1)
    loss, predictions = _train(
        words, targets, settings, of_inputs, of_outputs, start_lr, stop_lr, seed, work, composed
    )
    merge(of_inputs)
    merge(of_outputs)
    return loss, predictions


class Workspace(NamedTuple):
    """Buffers of a thread."""

    inputs: Any  # (2·window,) int64: rows, the inputs of a step
    targets: Any  # (2, T), flat, int64: rows, the targets of this centre and of the next
    labels: Any  # (columns,) float32: see logistic.py
    weights: Any  # (columns,) float32
    table: Any  # (C, columns) float32: inner products, then gradients
    sums: Any  # (C, S) float32: what is to be added to the inputs
    mean: Any  # (1, S) float32: the input of CBOW
    mean_row: Any  # (1,) int64: its address
    losses: Any  # (WIDTH,) float32


@njit(nogil=True, cache=True)
def _workspace(targets: Targets, settings: Settings, outputs: Matrix) -> Workspace:
    max_targets = settings.negative + 1
    if settings.loss == HS:
        max_targets = 0
        for w in range(len(targets.starts) - 1):
            max_targets = max(max_targets, targets.starts[w + 1] - targets.starts[w])
    elif settings.loss == SOFTMAX:
        max_targets = len(targets.nodes)
    columns = (max_targets + WIDTH - 1) // WIDTH * WIDTH
    C, S = 2 * settings.window if settings.skipgram else 1, outputs.rows.shape[1]
    mean = aligned(1, S)
    work = Workspace(
        np.zeros(2 * settings.window, dtype=np.int64),
        np.zeros(2 * max_targets, dtype=np.int64),
        np.zeros(columns, dtype=np.float32),
        np.zeros(columns, dtype=np.float32),
        np.zeros((C, columns), dtype=np.float32),
        aligned(C, S),
        mean,
        np.full(1, address(Matrix(mean, mean[:0], mean[:0]), 0)),
        np.zeros(WIDTH, dtype=np.float32),
    )
    if settings.loss == NS:
        _mark_in_use(work.weights, max_targets)
        work.labels[0] = 1
    elif settings.loss == SOFTMAX:
        for j in range(max_targets):
            work.targets[j] = address(outputs, targets.nodes[j])
    return work


@_loop()
def _mark_in_use(weights: Floats, T: int) -> None:
    """Mark the columns of the tiles that hold one of T targets."""
    tiles = (T + WIDTH - 1) // WIDTH
    for column in range(len(weights)):
        weights[column] = 0
    for tile in range(tiles):
        for lane in range(T * (tile + 1) // tiles - T * tile // tiles):
            weights[WIDTH * tile + lane] = 1


@_loop()
def _train(
    words: Words, targets: Targets, settings: Settings, inputs: Matrix, outputs: Matrix,
    start_lr: float, stop_lr: float, counter: Counter, work: Workspace, composed: Composed | None,
) -> tuple[float, Whole]:  # fmt: skip
    """Take a step for each of the words of a chunk."""
    rows, window, n = words.rows, settings.window, len(words.rows)
    S = work.mean.shape[1]
    loss, predictions, now = 0.0, 0, 0
    near: Whole = 0  # words that have been composed
    T: Whole = settings.negative + 1 if settings.loss == NS else len(targets.nodes)
    if settings.loss == NS and n > 0:
        counter = _draw(rows[0], targets.noise, T, outputs, work.targets, _FIRST, counter)
    for centre in range(n):
        if settings.loss == NS and centre + 1 < n:
            counter = _draw(
                rows[centre + 1], targets.noise, T, outputs, work.targets, (1 - now) * T, counter
            )
        if composed is not None:
            if centre > window:
                leave(composed, inputs, centre - window - 1)
            while near < min(centre + window + 1, n):
                enter(composed, inputs, near, rows[near])
                near += 1
            if near < n:
                prefetch_parts(composed, inputs, rows[near])
        elif centre + window + 1 < n:
            prefetch(address(inputs, rows[centre + window + 1]), S)
        radius: Whole = window
        if settings.dynamic:
            counter += np.uint64(1)
            radius = 1 + below(window, counter)
        C = _FIRST
        for i in range(
            max(centre - radius, words.begins[centre]), min(centre + radius + 1, words.ends[centre])
        ):
            if i != centre:
                if composed is None:
                    work.inputs[C] = address(inputs, rows[i])
                else:
                    work.inputs[C] = input_row(composed, inputs, i, rows[i])
                C += 1
        if C > 0:
            lr = start_lr + (stop_lr - start_lr) * centre / n
            if settings.loss == HS:
                T = _set_path(rows[centre], targets, outputs, work)
            first = now * T if settings.loss == NS else _FIRST
            loss += _step(first, T, rows[centre], C, settings, lr, work)
            predictions += C if settings.skipgram else 1
        now = 1 - now
        if centre % settings.merge_words == 0:
            merge(inputs)
            merge(outputs)
    if composed is not None:
        for position in range(max(n - window - 1, 0), n):
            leave(composed, inputs, position)
    return loss, predictions


@_loop()
def _draw(
    word: int, noise: Table, T: int, outputs: Matrix, drawn: Any, first: int, counter: Counter
) -> Counter:
    """Store the rows of a word and of T − 1 negatives as the targets of a centre."""
    drawn[first] = address(outputs, word)
    prefetch(drawn[first], outputs.rows.shape[1])
    for j in range(first + 1, first + T):
        other: Whole = word
        for _ in range(_DRAWS):
            counter += np.uint64(1)
            other = negative(noise, counter)
            if other != word:
                break
        if other == word:  # the word is nearly all of the text
            other = (word + 1) % len(noise)
        drawn[j] = address(outputs, other)
        prefetch(drawn[j], outputs.rows.shape[1])
    return counter


@_loop()
def _set_path(word: int, targets: Targets, outputs: Matrix, work: Workspace) -> Whole:
    """Store the nodes of the path of a word down the tree, and the labels; return their number."""
    first = targets.starts[word]
    T = targets.starts[word + 1] - first
    tiles = (T + WIDTH - 1) // WIDTH
    _mark_in_use(work.weights, T)
    for tile in range(tiles):
        for j in range(T * tile // tiles, T * (tile + 1) // tiles):
            work.targets[j] = address(outputs, targets.nodes[first + j])
            work.labels[WIDTH * tile + j - T * tile // tiles] = 1 - targets.codes[first + j]
    return T


@_loop()
def _step(
    first: int, T: int, word: int, C: int, settings: Settings, lr: float, work: Workspace
) -> Any:
    """Take one step of gradient descent for C inputs and T targets, from the ``first``.

    Return the loss. ``word`` is the correct one for the full softmax.
    """
    S = work.mean.shape[1]
    x, count = work.inputs, C
    if not settings.skipgram:
        mean_of_rows(work.inputs, C, work.mean)
        x, count = work.mean_row, 1
    loss = 0.0
    tiles = (T + WIDTH - 1) // WIDTH
    for tile in range(tiles):
        a, b = T * tile // tiles, T * (tile + 1) // tiles
        inner_products(x, count, work.targets, first + a, b - a, S, work.table, WIDTH * tile)
    if settings.loss == SOFTMAX:
        loss = gradients_of_softmax(work.table, count, T, word, lr)
    else:
        for c in range(count):
            for tile in range(tiles):
                gradients_of_sigmoid(
                    work.table, c, WIDTH * tile, work.labels, work.weights, np.float32(lr),
                    work.losses,
                )  # fmt: skip
                if (c * tiles + tile) % MAX_TERMS == MAX_TERMS - 1:
                    loss += take_sum(work.losses)
        loss += take_sum(work.losses)
    if settings.skipgram and tiles == 1:
        add_products(x, count, work.targets, first, T, S, work.table, 0, None)
        return loss
    for c in range(count):
        for d in range(S):
            work.sums[c, d] = 0
    for tile in range(tiles):
        a, b = T * tile // tiles, T * (tile + 1) // tiles
        add_products(
            x, count, work.targets, first + a, b - a, S, work.table, WIDTH * tile, work.sums
        )
    if settings.skipgram:
        for c in range(C):
            add_to_rows(work.inputs, c, 1, work.sums, c, np.float32(1))
    else:
        scale = 1.0 / C if settings.true_gradient else 1.0
        add_to_rows(work.inputs, 0, C, work.sums, 0, np.float32(scale))
    return loss
