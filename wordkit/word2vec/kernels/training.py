"""The training loop of word2vec: words to skip, windows, targets, and a step for each centre.

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
from wordkit.word2vec.kernels.logistic import (
    FACTORS,
    gradients_of_sigmoid,
    gradients_of_softmax,
    log_of_products,
)
from wordkit.word2vec.kernels.tiles import (
    WIDTH,
    add_products,
    add_to_rows,
    inner_products,
    mean_of_rows,
    prefetch,
)

__all__ = ["HS", "NS", "SOFTMAX", "Settings", "Targets", "Text", "train_chunk"]

NS, HS, SOFTMAX = 0, 1, 2

_BUFFER = 8192  # words that are looked at together; more than a few windows


class Text(NamedTuple):
    """The corpus."""

    ids: Any  # (N,) int32
    offsets: Any  # (sentences + 1,) int64
    words: Any  # (words of the corpus,) uint64: a row, and above it 32 bits of a probability


class Targets(NamedTuple):
    """The targets of a centre, for the loss at hand; empty arrays for the others."""

    noise: Any  # (V,) uint64: the alias table to draw negatives from
    starts: Any  # (V + 1,) int64: where the path of each word begins in `nodes`
    nodes: Any  # int32: the inner nodes on the paths; for the full softmax, all words
    codes: Any  # uint8: the bits of the Huffman codes


class Settings(NamedTuple):
    """Integers, so that one kernel serves all."""

    skipgram: int
    loss: int  # NS, HS or SOFTMAX
    window: int
    dynamic: int
    negative: int
    true_gradient: int


Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Table = npt.NDArray[np.uint64]
Counter = np.uint64
Whole = Any  # a 64-bit integer; to mypy, NumPy's and Python's differ

# For loops that make no arrays: without reference counting they take a tenth of the time.
_loop: Any = functools.partial(njit, nogil=True, fastmath=True, cache=True, _nrt=False)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_FIRST: Whole = np.int64(0)  # for Numba, which would compile a function once more for a plain 0


@njit(nogil=True, cache=True)
def mixed(counter: Counter) -> np.uint64:
    """Return a 64-bit random number from a counter: SplitMix64 (Steele, Lea and Flood 2014)."""
    z = counter * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(nogil=True, fastmath=True, cache=True)
def train_chunk(
    text: Text, start: int, stop: int, targets: Targets, settings: Settings, inputs: Floats,
    outputs: Floats, start_lr: float, stop_lr: float, seed: Counter,
) -> tuple[float, int]:  # fmt: skip
    """Train on the tokens from ``start`` to ``stop``, sentence by sentence.

    Args:
        text: the corpus.
        start, stop: a range of tokens; the first and the last sentence may be cut.
        targets: see :class:`Targets`.
        settings: see :class:`Settings`.
        inputs: shape (V, S), changed; S a multiple of 16.
        outputs: shape (O, S), changed.
        start_lr, stop_lr: the learning rates at the ends.
        seed: the random counter begins here, uint64.

    Returns:
        The sum of the losses, and the number of predictions.
    """
    window = settings.window
    work = _workspace(targets, settings, inputs.shape[1])
    words = np.empty(_BUFFER + 4 * window, dtype=np.int32)
    counter = seed
    loss, predictions = 0.0, 0
    sentence = np.searchsorted(text.offsets, start, side="right") - 1
    position = start
    while position < stop:
        end = min(text.offsets[sentence + 1], stop)
        sentence += 1
        first = filled = _FIRST
        while position < end:
            position, filled, counter = _read(text, position, end, words, filled, counter)
            last = filled if position == end else max(filled - window, first)
            lr = start_lr + (stop_lr - start_lr) * (position - start) / (stop - start)
            cost, count, counter = _train_words(
                words, filled, first, last, targets, settings, inputs, outputs, lr, counter, work
            )
            loss += cost
            predictions += count
            if position < end:  # the contexts of later centres move to the front
                kept = min(filled, 2 * window)
                words[:kept] = words[filled - kept : filled].copy()
                first, filled = kept - (filled - last), kept
    return loss, predictions


@_loop()
def _read(
    text: Text, position: int, end: int, words: Ids, filled: Whole, counter: Counter
) -> tuple[int, Whole, Counter]:
    """Fill the buffer with words of the sentence, subsampled; return position and number."""
    stop = min(end, position + len(words) - filled)
    for i in range(position, stop):
        entry = text.words[text.ids[i]]
        counter += np.uint64(1)
        words[filled] = np.int32(entry & _LOW)
        # no branch: half of them would be mispredicted
        filled += np.int64((mixed(counter) >> _SHIFT) < (entry >> _SHIFT))
    return stop, filled, counter


class Workspace(NamedTuple):
    """Buffers of a thread."""

    rows: Any  # (2·window,) int32: the inputs of a step
    drawn: Any  # (2, negative + 1) int32, flat: the targets of this centre and of the next
    labels: Any  # (columns,) float32: see logistic.py
    weights: Any  # (columns,) float32
    table: Any  # (C, columns) float32: inner products, then gradients
    sums: Any  # (C, S) float32: what is to be added to the inputs
    mean: Any  # (1, S) float32: the input of CBOW
    zero: Any  # (1,) int32: the row of the mean
    products: Any  # (WIDTH,) float32: see logistic.py
    losses: Any  # (WIDTH,) float32


@njit(nogil=True, cache=True)
def _workspace(targets: Targets, settings: Settings, S: int) -> Workspace:
    max_targets = settings.negative + 1
    if settings.loss == HS:
        max_targets = 0
        for w in range(len(targets.starts) - 1):
            max_targets = max(max_targets, targets.starts[w + 1] - targets.starts[w])
    elif settings.loss == SOFTMAX:
        max_targets = len(targets.nodes)
    columns = (max_targets + WIDTH - 1) // WIDTH * WIDTH
    C = 2 * settings.window if settings.skipgram else 1
    work = Workspace(
        np.zeros(2 * settings.window, dtype=np.int32),
        np.zeros(2 * (settings.negative + 1), dtype=np.int32),
        np.zeros(columns, dtype=np.float32),
        np.zeros(columns, dtype=np.float32),
        np.zeros((C, columns), dtype=np.float32),
        np.zeros((C, S), dtype=np.float32),
        np.zeros((1, S), dtype=np.float32),
        np.zeros(1, dtype=np.int32),
        np.ones(WIDTH, dtype=np.float32),
        np.zeros(WIDTH, dtype=np.float32),
    )
    if settings.loss == NS:
        _mark_in_use(work.weights, max_targets)
        work.labels[0] = 1
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
def _train_words(
    words: Ids, filled: int, first: int, last: int, targets: Targets, settings: Settings,
    inputs: Floats, outputs: Floats, lr: float, counter: Counter, work: Workspace,
) -> tuple[float, Whole, Counter]:  # fmt: skip
    """Take a step for each centre from ``first`` to ``last`` of the words in the buffer."""
    loss, predictions, factors = 0.0, 0, 0
    parity = 0
    T = settings.negative + 1
    if settings.loss == NS and first < last:
        counter = _draw(words[first], targets.noise, T, outputs, work.drawn, _FIRST, counter)
    for centre in range(first, last):
        if settings.loss == NS and centre + 1 < last:
            counter = _draw(
                words[centre + 1], targets.noise, T, outputs, work.drawn, (1 - parity) * T, counter
            )
        if centre + settings.window + 1 < filled:
            prefetch(inputs, words[centre + settings.window + 1])
        radius: Whole = settings.window
        if settings.dynamic:
            counter += np.uint64(1)
            radius = 1 + np.int64(
                ((mixed(counter) >> _SHIFT) * np.uint64(settings.window)) >> _SHIFT
            )
        C = _FIRST
        for i in range(max(centre - radius, 0), min(centre + radius + 1, filled)):
            if i != centre:
                work.rows[C] = words[i]
                C += 1
        if C > 0:
            count = C if settings.skipgram else 1
            factors += count * len(work.labels) // WIDTH
            if factors > FACTORS:
                loss += log_of_products(work.products, work.losses)
                factors = count * len(work.labels) // WIDTH
            if settings.loss == NS:
                loss += _step(
                    work.drawn, parity * T, T, _FIRST, C, settings, inputs, outputs, lr, work
                )
            else:
                loss += _step_of_word(
                    words[centre], targets, C, settings, inputs, outputs, lr, work
                )
            predictions += count
        parity = 1 - parity
    return loss + log_of_products(work.products, work.losses), predictions, counter


@_loop()
def _draw(
    word: int, noise: Table, T: int, outputs: Floats, drawn: Ids, first: int, counter: Counter
) -> Counter:
    """Store a word and T − 1 negatives, drawn at random, as the targets of a centre."""
    drawn[first] = word
    prefetch(outputs, word)
    V = np.uint64(len(noise))
    for j in range(first + 1, first + T):
        other: Whole = word
        for _ in range(20):  # tries for one that is not the word itself
            counter += np.uint64(1)
            random = mixed(counter)
            column = ((random >> _SHIFT) * V) >> _SHIFT
            entry = noise[column]
            alias = entry >> _SHIFT
            # no branch, which might be mispredicted
            other = np.int32(alias + (column - alias) * np.uint64((random & _LOW) < (entry & _LOW)))
            if other != word:
                break
        if other == word:  # the word is nearly all of the text
            other = np.int32((word + 1) % len(noise))
        drawn[j] = other
        prefetch(outputs, other)
    return counter


@_loop()
def _step_of_word(
    word: int, targets: Targets, C: int, settings: Settings, inputs: Floats, outputs: Floats,
    lr: float, work: Workspace,
) -> Any:  # fmt: skip
    """Take a step with the targets of a word: its path down the tree, or all words."""
    if settings.loss == SOFTMAX:
        T = len(targets.nodes)
        return _step(
            targets.nodes, _FIRST, T, np.int64(word), C, settings, inputs, outputs, lr, work
        )
    first = targets.starts[word]
    T = targets.starts[word + 1] - first
    tiles = (T + WIDTH - 1) // WIDTH
    _mark_in_use(work.weights, T)
    for tile in range(tiles):
        for j in range(T * tile // tiles, T * (tile + 1) // tiles):
            work.labels[WIDTH * tile + j - T * tile // tiles] = 1 - targets.codes[first + j]
    return _step(targets.nodes, first, T, _FIRST, C, settings, inputs, outputs, lr, work)


@_loop()
def _step(
    chosen: Ids, first: int, T: int, label: int, C: int, settings: Settings, inputs: Floats,
    outputs: Floats, lr: float, work: Workspace,
) -> Any:  # fmt: skip
    """Take one step of gradient descent, for the rows in ``work.rows`` and the chosen targets.

    The targets are the rows ``chosen[first:first + T]`` of the output; ``label`` is the correct one
    for the full softmax. Return the loss that is not in ``work.products`` and ``work.losses``.
    """
    if settings.skipgram:
        x, rows, count = inputs, work.rows, C
    else:
        mean_of_rows(inputs, work.rows, C, work.mean)
        x, rows, count = work.mean, work.zero, 1
    loss = 0.0
    tiles = (T + WIDTH - 1) // WIDTH
    for tile in range(tiles):
        a, b = T * tile // tiles, T * (tile + 1) // tiles
        inner_products(x, rows, count, outputs, chosen, first + a, b - a, work.table, WIDTH * tile)
    if settings.loss == SOFTMAX:
        loss = gradients_of_softmax(work.table, count, T, label, lr)
    else:
        for c in range(count):
            for tile in range(tiles):
                if (c * tiles + tile) % FACTORS == FACTORS - 1:
                    loss += log_of_products(work.products, work.losses)
                gradients_of_sigmoid(
                    work.table, c, WIDTH * tile, work.labels, work.weights, np.float32(lr),
                    work.products, work.losses,
                )  # fmt: skip
    if settings.skipgram and tiles == 1:
        add_products(x, rows, count, outputs, chosen, first, T, work.table, 0, None)
        return loss
    for c in range(count):
        for d in range(work.sums.shape[1]):
            work.sums[c, d] = 0
    for tile in range(tiles):
        a, b = T * tile // tiles, T * (tile + 1) // tiles
        add_products(
            x, rows, count, outputs, chosen, first + a, b - a, work.table, WIDTH * tile, work.sums
        )
    if settings.skipgram:
        for c in range(C):
            add_to_rows(inputs, rows, c, 1, work.sums, c, np.float32(1))
    else:
        scale = 1.0 / C if settings.true_gradient else 1.0
        add_to_rows(inputs, work.rows, 0, C, work.sums, 0, np.float32(scale))
    return loss
