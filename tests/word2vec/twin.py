"""word2vec's training written out slowly, in plain Python and float64: what the kernels must do.

V is the number of words, D of dimensions, C of context words of a step, T of its targets. The
weights are float64 arrays of shapes (V, D) and (O, D), and are changed in place. Random numbers
are drawn in the order in which the kernels draw them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.word2vec.kernels import training as kernels

Doubles = npt.NDArray[np.float64]

BUFFER = 8192  # words that the kernels look at together, beside four windows
TILE = 8  # targets whose changes the kernels work out together
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

    def negative(self, centre: int, table: Sequence[int]) -> int:
        """A word from an alias table, but not the centre."""
        for _ in range(TRIES):
            number = self.next()
            word = (number >> 32) * len(table) >> 32
            own, alias = table[word] % 2**32, table[word] >> 32
            if number % 2**32 >= own:
                word = alias
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
            p = np.exp(-np.logaddexp(0, -scores))
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


# --- a chunk -------------------------------------------------------------------------------------


def train_chunk(
    text: kernels.Text,
    start: int,
    stop: int,
    targets: kernels.Targets,
    settings: kernels.Settings,
    inputs: Doubles,
    outputs: Doubles,
    start_lr: float,
    stop_lr: float,
    seed: int,
) -> tuple[float, int]:
    """What :func:`wordkit.word2vec.kernels.train_chunk` does."""
    random = Random(seed)
    arch = "skipgram" if settings.skipgram else "cbow"
    loss, predictions = 0.0, 0
    for position, words, centres in _pieces(text, start, stop, settings.window, random):
        lr = start_lr + (stop_lr - start_lr) * (position - start) / (stop - start)
        for step in _steps(words, centres, targets, settings, random, arch):
            loss += step.take(inputs, outputs, lr, true_gradient=bool(settings.true_gradient))
            predictions += len(step.context) if settings.skipgram else 1
    return loss, predictions


def _pieces(
    text: kernels.Text, start: int, stop: int, window: int, random: Random
) -> Iterator[tuple[int, list[int], range]]:
    """Sentence by sentence: where the text is read to, the words so far, and the centres to do.

    Of a sentence that is longer than the buffer, only so much is read at a time as fits behind
    the words that are still needed, and its last words wait until their windows are whole.
    """
    for first, last in zip(text.offsets[:-1].tolist(), text.offsets[1:].tolist(), strict=True):
        position, end = max(first, start), min(last, stop)
        words: list[int] = []
        done = 0
        while position < end:
            room = BUFFER + 4 * window - min(len(words), 2 * window)
            upto = min(end, position + room)
            for token in text.ids[position:upto].tolist():
                entry = int(text.words[token])
                if random.next() >> 32 < entry >> 32:
                    words.append(entry % 2**32)
            position = upto
            ready = len(words) if position == end else max(len(words) - window, 0)
            yield position, words, range(done, ready)
            done = ready


def _steps(
    words: list[int],
    centres: range,
    targets: kernels.Targets,
    settings: kernels.Settings,
    random: Random,
    arch: str,
) -> Iterator[Step]:
    """The steps for these centres; the negatives of a centre are drawn one centre ahead."""
    table = targets.noise.tolist()

    def negatives(centre: int) -> list[int]:
        word = words[centre]
        return [random.negative(word, table) for _ in range(settings.negative)]

    ahead = negatives(centres[0]) if settings.loss == kernels.NS and centres else []
    for centre in centres:
        drawn = ahead
        if settings.loss == kernels.NS and centre + 1 in centres:
            ahead = negatives(centre + 1)
        radius = 1 + random.below(settings.window) if settings.dynamic else settings.window
        left = words[max(centre - radius, 0) : centre]
        right = words[centre + 1 : centre + 1 + radius]
        if left or right:
            yield _step(arch, left + right, words[centre], drawn, targets, settings)


def _step(
    arch: str,
    context: list[int],
    word: int,
    drawn: list[int],
    targets: kernels.Targets,
    settings: kernels.Settings,
) -> Step:
    """The step that predicts a word from (or, in skip-gram, by each word of) its context."""
    if settings.loss == kernels.NS:
        return Step(arch, "ns", context, [word, *drawn], [1] + [0] * len(drawn))
    if settings.loss == kernels.SOFTMAX:
        rows = targets.nodes.tolist()
        return Step(arch, "softmax", context, rows, [int(row == word) for row in rows])
    path = slice(targets.starts[word], targets.starts[word + 1])
    labels: Any = 1 - targets.codes[path].astype(int)
    return Step(arch, "hs", context, targets.nodes[path].tolist(), labels.tolist())
