"""The exchange between processes that train copies of the same matrices on parts of one text.

P processes go through the text in rounds, in each of which every thread of each trains two chunks.
After a round the changes of some rows are summed over the processes, while the next chunks are
trained, and then replace the process's own. Frequent rows are exchanged more often than rare
ones, as in Ji, Satish, Li and Dubey, "Parallelizing Word2Vec in Shared and Distributed Memory"
(2016).

V is the number of words, R of rows of a matrix, D of dimensions, k of rows that are exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch import distributed as dist

from wordkit.runtime import require_memory
from wordkit.runtime.processes import Processes
from wordkit.text import Corpus
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.engine import Chunk, Engine
from wordkit.word2vec.huffman import huffman_tree
from wordkit.word2vec.sampling import keep_probabilities, noise_probabilities
from wordkit.word2vec.state import LossSum, TrainingState

__all__ = ["ExchangeEngine", "merge", "rows_of_round", "steps_of_rows"]

Doubles = npt.NDArray[np.float64]
Record = Callable[[Chunk, LossSum], None]

_ROWS = 128  # of each range of rows, in a round
_TOP_ROWS = 512  # that the moments of a matrix are taken from
_BLOCK = 1 << 13  # rows, when all are exchanged
_MAX_PARTS = 16  # of an engine's chunk; the more processes, the sooner they exchange
_CURVATURE = 0.2  # of the loss of an inner product, which is at most 1/4
_TINY = 1e-6


class _Copy(NamedTuple):
    own: Tensor  # (R, D): the matrix that this process trains
    shared: Tensor  # (R, D): what all processes had when they last exchanged each row
    steps: Tensor  # (R,): of each row, for a word of the text
    words: Tensor  # (R,): words of the text that were done when it was last exchanged
    order: Tensor  # (R,): the rows, those of most steps first


class ExchangeEngine:
    """Implements :class:`wordkit.word2vec.engine.Engine`: one of each process, which exchange.

    Args:
        processes: that train together.
        engine: trains the copy of this process.
        corpus: the text of all processes.
        state: the weights, equal in all processes.
        config: the settings.
        is_due: returns whether a checkpoint is due; that of process 0 counts.

    Raises:
        ResourceError: there is too little memory for a second copy of the weights.
    """

    def __init__(
        self,
        processes: Processes,
        engine: Engine,
        corpus: Corpus,
        state: TrainingState,
        config: Word2VecConfig,
        is_due: Callable[[], bool],
    ) -> None:
        self._processes, self._engine, self._asks_if_due = processes, engine, is_due
        self.name, self.packages = engine.name, (*engine.packages, "torch")
        self.threads, self.matrices = engine.threads, engine.matrices
        self.prepare, self.fetch = engine.prepare, engine.fetch
        parts = min(processes.count**2 / 2, _MAX_PARTS)
        self.chunk_tokens = max(int(engine.chunk_tokens / parts), 1)
        matrices = [torch.as_tensor(matrix) for matrix in engine.matrices]
        require_memory(
            "for the exchange between processes a second copy of the vectors needs",
            sum(4 * matrix.numel() for matrix in matrices),
            "cap the vocabulary, lower dim, or start fewer processes on this machine",
        )
        self._copies = []
        for matrix, steps in zip(matrices, steps_of_rows(corpus, state, config), strict=True):
            of_rows = torch.from_numpy(steps.astype(np.float32)).to(matrix.device)
            order = of_rows.argsort(descending=True, stable=True)
            zeros = torch.zeros_like(order)
            self._copies.append(_Copy(matrix, matrix.clone(), of_rows, zeros, order))
        self._under_way: list[Callable[[], None]] = []
        self._moments: list[Tensor] = []
        self._losses: list[LossSum] = []
        self._lr = 0.0
        self._total = config.epochs * corpus.tokens - state.epoch * corpus.tokens - state.position
        self._rounds = self._words = self._bytes = 0
        self.is_due = False
        """True when process 0 has said that a checkpoint is due."""

    @property
    def figures(self) -> Mapping[str, float]:
        """The number of processes, and the bytes that each sends for a word that it trains on."""
        sent = self._bytes / max(self._words, 1)
        return {"processes": self._processes.count, "bytes_per_word": sent}

    def run(self, chunks: Iterator[Chunk], record: Record) -> Generator[None, None, None]:
        """Train on the chunks, of which this process takes its part; yield now and then.

        When the iterator is exhausted, as a checkpoint is due or the training is over, all
        processes have the same weights.

        Args:
            chunks: those of all processes.
            record: called with each round, as one chunk, and its loss in all processes.
        """
        self.is_due, width = False, self._processes.count * self.threads
        while first := list(islice(chunks, width)):
            yield from self._train(first)
            self._finish()  # what was sent before this half of the round has had time to arrive
            second = list(islice(chunks, width))
            yield from self._train(second)
            self._begin([*first, *second], record)
        self._finish()
        if self.is_due or self._words == self._total:
            for start in range(0, max(len(copy.order) for copy in self._copies), _BLOCK):
                self._exchange([copy.order[start : start + _BLOCK] for copy in self._copies])()
            for copy in self._copies:
                copy.own.copy_(copy.shared)

    def _train(self, chunks: list[Chunk]) -> Generator[None, None, None]:
        """Train on the part of this process of some chunks."""
        own = iter(chunks[self._processes.rank :: self._processes.count])
        running = self._engine.run(own, lambda _, loss_sum: self._losses.append(loss_sum))
        try:
            yield from running
        finally:
            running.close()

    def _begin(self, chunks: list[Chunk], record: Record) -> None:
        """Begin to exchange the loss of a round, and the rows whose turn it is."""
        chunk = replace(chunks[0], stop=chunks[-1].stop, stop_lr=chunks[-1].stop_lr)
        self._words, self._lr = self._words + chunk.tokens, chunk.start_lr
        loss = sum(self._losses, LossSum())
        self._losses.clear()
        figures = [loss.loss, loss.predictions, self._asks_if_due()]
        device = self._copies[0].own.device
        counts = torch.tensor(figures, dtype=torch.float64, device=device)
        sums = torch.cat([counts, *map(_moments, self._copies)])
        work = self._all_reduce(sums)

        def finish() -> None:
            work.wait()
            total, predictions, due = sums[:3].tolist()
            self._moments = [*(sums[3:] / self._processes.count).float().chunk(2)]
            self.is_due = due > 0
            record(chunk, LossSum(total, int(predictions)))

        self._under_way.append(finish)
        orders = (copy.order for copy in self._copies)
        rows = [order[rows_of_round(len(order), self._rounds)] for order in orders]
        self._under_way.append(self._exchange(rows))
        self._rounds += 1

    def _exchange(self, rows: Sequence[Tensor]) -> Callable[[], None]:
        """Begin to exchange rows of each matrix; return what waits and takes over the changes."""
        count, of_each = self._processes.count, list(zip(self._copies, rows, strict=True))
        # index_select takes a fifth of the time of indexing
        changes = [c.own.index_select(0, r).sub_(c.shared.index_select(0, r)) for c, r in of_each]
        total = torch.cat(changes)  # one message has the latency of one
        work = self._all_reduce(total)
        steps = [self._lr * c.steps[r] * (self._words - c.words[r]) / count for c, r in of_each]
        for copy, own in of_each:
            copy.words[own] = self._words

        def finish() -> None:
            work.wait()
            sums, others = total.split_with_sizes([len(own) for own in rows]), self._moments[::-1]
            for (copy, own), change, x, merged, moments in zip(
                of_each, changes, steps, sums, others, strict=True
            ):
                merge(merged, x, moments[:-1], moments[-1], count)
                copy.shared.index_add_(0, own, merged)
                merged.sub_(change).add_(copy.own.index_select(0, own))
                copy.own.index_copy_(0, own, merged)

        return finish

    def _all_reduce(self, sums: Tensor) -> Any:
        """Begin to sum a tensor over all processes, in place; wait for what is returned."""
        self._bytes += 2 * (self._processes.count - 1) * sums.nbytes  # of all, on a ring
        return dist.all_reduce(sums, async_op=True)

    def _finish(self) -> None:
        """Wait for what is under way."""
        for finish in self._under_way:
            finish()
        self._under_way.clear()


def merge(total: Tensor, steps: Tensor, mean: Tensor, square: Tensor, processes: int) -> None:
    """Scale the sum of the changes of rows that processes have changed, each from the same values.

    As their sum, rows that are trained on often would go far beyond where each process has brought
    them; as their mean, all others would learn as from the text of one process. Where the loss is
    quadratic with curvature c, n steps at learning rate l leave e^(-x) of the way to its minimum,
    x = n·l·c, and those of P processes after each other e^(-Px). So the sum is scaled by

        (1 - e^(-Px)) / (P·(1 - e^(-x))), from 1 where x is small down to 1/P,

    along the mean of the other matrix and, with another c, across it. c is the curvature of the
    loss of an inner product, times the second moment of the other matrix in that direction, of
    which the mean that all rows have in common is the greatest part.

    Args:
        total: the sums of the changes, shape (k, D), changed.
        steps: the steps of one process times the learning rate, shape (k,).
        mean: the mean row of the other matrix, shape (D,).
        square: the mean squared length of its rows.
        processes: P.
    """
    along = mean.square().sum()
    across = (square - along).clamp(min=0) / len(mean)
    direction = mean / along.sqrt().clamp(min=_TINY)
    scales = []
    for moment in (across, across + along):
        x = (_CURVATURE * moment * steps).clamp(min=_TINY)
        scales.append(torch.expm1(-processes * x) / (processes * torch.expm1(-x)))
    more = (total @ direction) * (scales[1] - scales[0])
    total.mul_(scales[0][:, None]).addr_(more, direction)


def rows_of_round(rows: int, number: int) -> npt.NDArray[np.int64]:
    """Return the places of the rows, in the order of their frequency, that a round exchanges.

    The first 128 are exchanged in each, row r in one of 2^⌊log₂(r/128)⌋: by Zipf's law, all have
    been trained on about as often by then. A round exchanges at most 128·(2 + log₂(R/128)) rows.

    Args:
        rows: R.
        number: of the round.
    """
    starts = [0, *(_ROWS * (2**j + number % 2**j) for j in range(rows.bit_length()))]
    return np.concatenate([np.arange(start, min(start + _ROWS, rows)) for start in starts])


def steps_of_rows(
    corpus: Corpus, state: TrainingState, config: Word2VecConfig
) -> tuple[Doubles, Doubles]:
    """Return how many steps each row takes for a token of the text, shapes (R,) and (O,).

    A step is an inner product that a row is part of, as far as the row has the gradient of it.
    """
    counts = state.occurrences_in(corpus, state.rows_of(corpus))
    occurrences = counts * keep_probabilities(counts, config.sample) / corpus.tokens
    contexts = config.window + 1 if config.dynamic_window else 2 * config.window
    inputs, outputs, targets = occurrences, 2 * occurrences, 2.0  # of the full softmax
    if config.loss == "ns":
        noise = noise_probabilities(counts, config.ns_exponent)
        outputs = occurrences + config.negative * occurrences.sum() * noise
        targets = config.negative + 1
    elif config.loss == "hs":
        tree = huffman_tree(state.vocabulary.counts)
        outputs = _sums(tree.nodes, np.repeat(occurrences, np.diff(tree.starts)))
        targets = outputs.sum() / occurrences.sum()
    if (parts := state.components) is not None:
        lengths = np.diff(parts.starts)
        inputs = _sums(parts.rows, np.repeat(occurrences / lengths, lengths))
    if config.arch == "skipgram":
        return contexts * targets * inputs, contexts * outputs
    inputs = targets * inputs / (contexts if config.cbow_gradient == "true" else 1)
    return inputs / contexts, outputs / contexts  # the mean of a window varies less than its words


def _sums(rows: npt.NDArray[np.int32], values: Doubles) -> Doubles:
    return np.bincount(rows, values).astype(np.float64)


def _moments(copy: _Copy) -> Tensor:
    """Mean of the rows that take most steps, and of their squared lengths: shape (D + 1,)."""
    top = copy.order[:_TOP_ROWS]
    rows, weights = copy.own.index_select(0, top), copy.steps[top] / copy.steps[top].sum()
    return torch.cat([weights @ rows, (weights @ rows.square().sum(1))[None]])
