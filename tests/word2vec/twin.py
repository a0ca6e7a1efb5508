"""word2vec's training written out slowly, in plain Python and float64: what the kernels must do.

V is the number of words, D of dimensions, C of context words of a step, T of its targets. The
weights are float64 arrays of shapes (V, D) and (O, D), and are changed in place. Random numbers
are drawn in the order in which the kernels draw them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.word2vec.cpu import in_blocks
from wordkit.word2vec.kernels.arguments import NS, SOFTMAX, Parts, Settings, Targets, Text

Doubles = npt.NDArray[np.float64]

TILE = 8  # targets whose changes the kernels work out together
BLOCK = 8  # centres of CBOW with negative sampling that share their negatives
PAIR = 2  # centres of a block after which these are updated
MAX_PER_TILE = 5  # negatives of a centre that a tile of a block's stands for
TRIES = 20  # for a negative that is not the centre


# --- random numbers ------------------------------------------------------------------------------


class Random:
    """Random numbers of 64 bits by SplitMix64, in whole numbers of any size."""

    def __init__(self, counter: int) -> None:
        self.counter = int(counter)

    def next(self) -> int:
        """The next number."""
        self.counter = (self.counter + 1) % 2**64
        z = self.counter * 0x9E3779B97F4A7C15 % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    def below(self, limit: int) -> int:
        """A number from 0 to limit − 1."""
        return (self.next() >> 32) * limit >> 32

    def word(self, table: Sequence[int]) -> int:
        """A word from an alias table."""
        number = self.next()
        word = (number >> 32) * len(table) >> 32
        own, alias = table[word] % 2**32, table[word] >> 32
        return word if number % 2**32 < own else alias

    def negative(self, centre: int, table: Sequence[int]) -> int:
        """A word from an alias table, but not the centre."""
        for _ in range(TRIES):
            word = self.word(table)
            if word != centre:
                return word
        return (centre + 1) % len(table)


# --- one step ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One step of gradient descent."""

    arch: str
    """``cbow`` or ``skipgram``."""

    loss: str
    """``ns``, ``hs`` or ``softmax``."""

    context: Sequence[int]
    """Rows of the input matrix, C of them."""

    targets: Sequence[int]
    """Rows of the output matrix, T of them."""

    labels: Sequence[int]
    """1 for the targets that are right, 0 for those that are not."""

    def written_out_loss(self, inputs: Doubles, outputs: Doubles) -> float:
        """The sum of −log p of the step's predictions, formula by formula."""
        if self.arch == "skipgram":
            vectors = [inputs[word] for word in self.context]
        else:
            vectors = [sum(inputs[word] for word in self.context) / len(self.context)]
        loss = 0.0
        for x in vectors:
            scores = [x @ outputs[row] for row in self.targets]
            if self.loss == "softmax":
                loss += np.logaddexp.reduce(scores)
                loss -= sum(z for z, label in zip(scores, self.labels, strict=True) if label)
            else:  # −log σ(z) where the answer is yes, −log σ(−z) where it is no
                for z, label in zip(scores, self.labels, strict=True):
                    loss += np.logaddexp(0, -z if label else z)
        return float(loss)

    def take(self, inputs: Doubles, outputs: Doubles, lr: float, *, true_gradient: bool) -> float:
        """Change the weights as the kernels do; return the loss before."""
        loss = self.written_out_loss(inputs, outputs)
        if self.arch == "cbow":
            x = inputs[list(self.context)].mean(axis=0, keepdims=True)
            change = self._change_outputs(x, self._gradients(x, outputs, lr), outputs)[0]
            for word in self.context:
                inputs[word] += change / len(self.context) if true_gradient else change
        elif len(self.targets) <= TILE:
            self._change_both(inputs, outputs, lr)
        else:
            x = inputs[list(self.context)]
            changes = self._change_outputs(x, self._gradients(x, outputs, lr), outputs)
            for word, change in zip(self.context, changes, strict=True):
                inputs[word] += change
        return loss

    def _gradients(self, x: Doubles, outputs: Doubles, lr: float) -> Doubles:
        """lr · (label − p) for each prediction and target, shape (·, T)."""
        scores = x @ outputs[list(self.targets)].T
        if self.loss == "softmax":
            p = np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
        else:
            p = sigmoid(scores)
        gradients: Doubles = lr * (np.array(self.labels) - p)
        return gradients

    def _change_both(self, inputs: Doubles, outputs: Doubles, lr: float) -> None:
        """Skip-gram with few targets: each context row is changed as soon as it was used."""
        gradients = self._gradients(inputs[list(self.context)], outputs, lr)
        old = outputs[list(self.targets)]
        changes = np.zeros_like(old)
        for word, g in zip(self.context, gradients, strict=True):
            changes += np.outer(g, inputs[word])
            inputs[word] += g @ old
        for row, change in zip(self.targets, changes, strict=True):
            outputs[row] += change

    def _change_outputs(self, x: Doubles, gradients: Doubles, outputs: Doubles) -> Doubles:
        """Change the targets tile by tile; return what to add to each row of x."""
        sums = np.zeros_like(x)
        T = len(self.targets)
        tiles = -(-T // TILE)
        for tile in range(tiles):
            places = range(T * tile // tiles, T * (tile + 1) // tiles)
            rows = [self.targets[j] for j in places]
            g = gradients[:, list(places)]
            sums += g @ outputs[rows]
            for row, change in zip(rows, g.T @ x, strict=True):
                outputs[row] += change
        return sums


@dataclass(frozen=True)
class Block:
    """One step of CBOW with negative sampling, for a block of centres."""

    centres: Sequence[int]
    """Rows of the output matrix, at most BLOCK."""

    contexts: Sequence[Sequence[int]]
    """For each centre, rows of the input matrix; none: the centre counts for nothing."""

    negatives: Sequence[int]
    """Rows of the output matrix, shared by the centres."""

    negative: int
    """What the weights of a centre's negatives sum to."""

    def weights(self) -> Doubles:
        """The weight of each negative for each centre: none for itself, shape (·, N)."""
        others = np.array(self.centres)[:, None] != np.array(self.negatives)
        weights: Doubles = self.negative * others / np.maximum(others.sum(1, keepdims=True), 1)
        weights[[not context for context in self.contexts]] = 0
        return weights

    def means(self, inputs: Doubles) -> Doubles:
        """The mean of the context of each centre, shape (·, D)."""
        zero = np.zeros(inputs.shape[1])
        return np.array([inputs[list(c)].mean(axis=0) if c else zero for c in self.contexts])

    def written_out_loss(self, inputs: Doubles, outputs: Doubles) -> float:
        """The sum of −log p of the block's predictions, formula by formula."""
        loss = 0.0
        each = zip(self.centres, self.contexts, self.means(inputs), self.weights(), strict=True)
        for centre, context, x, weights in each:
            loss += np.logaddexp(0, -x @ outputs[centre]) if context else 0
            for row, weight in zip(self.negatives, weights, strict=True):
                loss += weight * np.logaddexp(0, x @ outputs[row])
        return float(loss)

    def take(self, inputs: Doubles, outputs: Doubles, lr: float) -> float:
        """Change the weights as the kernels do; return the loss, each pair's before its update."""
        means, weights, rows = self.means(inputs), self.weights(), list(self.negatives)
        used = np.array([bool(context) for context in self.contexts])
        scores = (means * outputs[list(self.centres)]).sum(axis=1)
        positives = lr * used * (1 - sigmoid(scores))
        loss = float(used @ np.logaddexp(0, -scores))
        changes = np.zeros_like(means)
        for first in range(0, len(means), PAIR):
            pair = slice(first, first + PAIR)
            scores = means[pair] @ outputs[rows].T
            loss += float((weights[pair] * np.logaddexp(0, scores)).sum())
            g = -lr * weights[pair] * sigmoid(scores)
            for start in range(0, len(rows), TILE):
                tile = slice(start, start + TILE)
                changes[pair] += g[:, tile] @ outputs[rows[tile]]
                np.add.at(outputs, rows[tile], g[:, tile].T @ means[pair])
        for c, (centre, context) in enumerate(zip(self.centres, self.contexts, strict=True)):
            changes[c] += positives[c] * outputs[centre]
            outputs[centre] += positives[c] * means[c]
            for word in context:
                inputs[word] += changes[c] / len(context)
        return loss


def sigmoid(z: Doubles) -> Doubles:
    """σ(z)."""
    result: Doubles = np.exp(-np.logaddexp(0, -z))
    return result


# --- a chunk -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """A word that is kept, and the words about it in its sentence."""

    word: int
    left: Sequence[int]
    """All words of the sentence before it."""

    right: Sequence[int]
    """All words of the sentence after it."""

    def context(self, radius: int) -> Sequence[int]:
        """The words at most ``radius`` away."""
        return [*self.left[max(len(self.left) - radius, 0) :], *self.right[:radius]]


def train_chunk(
    text: Text,
    start: int,
    stop: int,
    targets: Targets,
    settings: Settings,
    inputs: Doubles,
    outputs: Doubles,
    start_lr: float,
    stop_lr: float,
    seed: int,
    parts: Parts | None,
) -> tuple[float, int]:
    """What ``train_chunk`` of the kernels does."""
    windows = list(kept_windows(text, start, stop, seed))
    random = Random(int(seed) + stop - start)
    loss, predictions = 0.0, 0
    steps = _blocks if in_blocks(settings) else _steps
    near = Near(parts, [window.word for window in windows], settings.window, inputs)
    for place, step, made in steps(windows, targets, settings, random):
        lr = start_lr + (stop_lr - start_lr) * place / len(windows)
        size = BLOCK if isinstance(step, Block) else 1
        vectors = near.vectors(place, size) if parts is not None else inputs
        if isinstance(step, Block):
            loss += step.take(vectors, outputs, lr)
        else:
            loss += step.take(vectors, outputs, lr, true_gradient=bool(settings.true_gradient))
        predictions += made
    near.move(len(windows) + settings.window, 0)
    return loss, predictions


class Near:
    """Vectors of several rows: composed when a word comes near, its change added when it goes."""

    def __init__(
        self, parts: Parts | None, words: Sequence[int], window: int, inputs: Doubles
    ) -> None:
        spans = [] if parts is None else pairwise(parts.starts.tolist())
        self._rows = [] if parts is None else [parts.rows[a:b].tolist() for a, b in spans]
        self._words, self._window, self._inputs = words, window, inputs
        self._uses = dict.fromkeys(words, 0)
        self._now = np.zeros((len(self._rows), inputs.shape[1]))
        self._before = self._now.copy()
        self._centre = self._entered = self._left = 0

    def vectors(self, place: int, size: int) -> Doubles:
        """The vectors of the words near the centres from a place on, by their numbers."""
        for centre in range(self._centre, place + 1, size):
            self.move(centre, size)
        self._centre = place + size
        return self._now

    def move(self, centre: int, size: int) -> None:
        if not self._rows:
            return
        for word in self._words[self._left : max(centre - self._window, 0)]:
            self._uses[word] -= 1
            if self._uses[word] == 0:
                np.add.at(self._inputs, self._rows[word], self._now[word] - self._before[word])
            self._left += 1
        for word in self._words[self._entered : centre + size + self._window]:
            if self._uses[word] == 0:
                self._now[word] = self._inputs[self._rows[word]].mean(axis=0)
                self._before[word] = self._now[word]
            self._uses[word] += 1
            self._entered += 1


def kept_windows(text: Text, start: int, stop: int, seed: int) -> Iterator[Window]:
    """The words that subsampling keeps, by two chances in each random number."""
    random = Random(seed)
    chances: list[int] = []
    for _ in range(start, stop, 2):
        number = random.next()
        chances += [number % 2**32, number >> 32]
    for first, last in zip(text.offsets[:-1].tolist(), text.offsets[1:].tolist(), strict=True):
        places = range(max(first, start), min(last, stop))
        entries = [(int(text.words[text.ids[i]]), chances[i - start]) for i in places]
        words = [entry % 2**32 for entry, chance in entries if chance < entry >> 32]
        for place, word in enumerate(words):
            yield Window(word, words[:place], words[place + 1 :])


def _radius(settings: Settings, random: Random) -> int:
    return 1 + random.below(settings.window) if settings.dynamic else settings.window


def _blocks(
    windows: Sequence[Window], targets: Targets, settings: Settings, random: Random
) -> Iterator[tuple[int, Step | Block, int]]:
    """The blocks, with the place of the first centre and the number of predictions."""
    table, count = targets.noise.tolist(), -(-settings.negative // MAX_PER_TILE) * TILE

    def negatives() -> list[int]:
        return [random.word(table) for _ in range(count)]

    ahead = negatives()
    for first in range(0, len(windows), BLOCK):
        drawn, ahead = ahead, negatives()
        radius = _radius(settings, random)
        centres = windows[first : first + BLOCK]
        words = [window.word for window in centres]
        contexts = [window.context(radius) for window in centres]
        yield first, Block(words, contexts, drawn, settings.negative), sum(map(bool, contexts))


def _steps(
    windows: Sequence[Window], targets: Targets, settings: Settings, random: Random
) -> Iterator[tuple[int, Step | Block, int]]:
    """The steps, with their centre and the number of predictions.

    The negatives of a centre are drawn one centre ahead.
    """
    table = targets.noise.tolist()

    def negatives(place: int) -> list[int]:
        if settings.loss != NS or place == len(windows):
            return []
        word = windows[place].word
        return [random.negative(word, table) for _ in range(settings.negative)]

    ahead = negatives(0)
    for place, window in enumerate(windows):
        drawn, ahead = ahead, negatives(place + 1)
        context = window.context(_radius(settings, random))
        if context:
            step = _step(context, window.word, drawn, targets, settings)
            yield place, step, len(context) if settings.skipgram else 1


def _step(
    context: Sequence[int],
    word: int,
    drawn: list[int],
    targets: Targets,
    settings: Settings,
) -> Step:
    """The step that predicts a word from (or, in skip-gram, by each word of) its context."""
    arch = "skipgram" if settings.skipgram else "cbow"
    if settings.loss == NS:
        return Step(arch, "ns", context, [word, *drawn], [1] + [0] * len(drawn))
    if settings.loss == SOFTMAX:
        rows = targets.nodes.tolist()
        return Step(arch, "softmax", context, rows, [int(row == word) for row in rows])
    path = slice(targets.starts[word], targets.starts[word + 1])
    labels: Any = 1 - targets.codes[path].astype(int)
    return Step(arch, "hs", context, targets.nodes[path].tolist(), labels.tolist())
