"""Co-occurrence counts of a corpus, straight to CSR, on all threads, in bounded memory.

N is the number of tokens, V of words. The ids are inverted (the places of each word, by counting
sort), and then a row is gathered at a time: the contexts around all places of its word. Rows are
independent, so threads share them with nothing to lock.

A corpus too large for the memory it may take is cut into segments, anywhere: each is read with as
many tokens beyond its ends as windows reach, and counts its own centres only, so that the parts
add up to the whole. All sums are integers (in units of a common fraction of the weights), so the
result is the same to the last bit for any number of threads and segments.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.counts.config import CooccurrenceConfig, Weighting
from wordkit.counts.csr import RowBuilder, balanced_ranges
from wordkit.counts.merge import SpilledParts, merged_rows
from wordkit.counts.plan import MemoryPlan
from wordkit.counts.rows import Rows, RowScratch
from wordkit.counts.segment import Segment
from wordkit.errors import ConfigError
from wordkit.runtime import Report, Run, ThreadPool, available_memory
from wordkit.text import Corpus

__all__ = ["count_cooccurrences"]

_TASK_TOKENS = 200_000  # centres of one task, so that threads end together: about 10 ms
_LARGEST_SCALE = 1 << 31


def count_cooccurrences(
    corpus: Corpus,
    config: CooccurrenceConfig | None = None,
    *,
    vocabulary_size: int | None = None,
    memory: int | None = None,
    threads: int | None = None,
) -> Run[Any]:
    """How often each word of a corpus has each other word in its context, weighted by distance.

    Tokens whose ids are not below ``vocabulary_size`` are removed before windows are laid, as
    word2vec does. Windows end with their sentence.

    Args:
        corpus: in memory or memory-mapped.
        config: window, weighting and side; None: the defaults.
        vocabulary_size: V; None: all words of the corpus. Ids are sorted by count, so this cuts
            by count: see :meth:`wordkit.text.Vocabulary.size_at`.
        memory: bytes to work in, the result included; None: half of what is available. What does
            not fit goes to temporary files.
        threads: None: all cores.

    Returns:
        A run whose value is a ``scipy.sparse.csr_array`` of shape (V, V), float32, rows are
        centres and columns contexts, with sorted column indices. It is memory-mapped and
        read-only where it is larger than the memory allowed. With 2³¹ entries or more, ``indptr``
        has 64-bit integers and ``indices`` still 32, which SciPy's own arithmetic does not take.

    Raises:
        ConfigError: ``vocabulary_size``, ``memory`` or ``threads`` is out of range.
        ResourceError: the memory allowed is too little for so many words (in the run).
        StorageError: a temporary file cannot be written (in the run).
    """
    words = len(corpus.vocabulary) if vocabulary_size is None else vocabulary_size
    if not 0 <= words <= len(corpus.vocabulary):
        raise ConfigError(
            f"vocabulary_size must be from 0 to the {len(corpus.vocabulary)} words of the corpus, "
            f"not {words}"
        )
    if memory is not None and memory < 1:
        raise ConfigError(f"memory must be at least 1 byte, not {memory}")
    memory = available_memory() // 2 if memory is None else memory
    job = _Job(corpus, words, _Weights.of(config or CooccurrenceConfig()))
    return Run(job.run(memory, ThreadPool(threads)))


@dataclass(frozen=True)
class _Weights:
    """What contexts add, by distance from 1, in units of 1 / ``scale``."""

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    scale: int

    @classmethod
    def of(cls, config: CooccurrenceConfig) -> _Weights:
        weights, scale = _distance_weights(config.window, config.weighting)
        none = weights[:0]
        return cls(
            weights if config.side != "right" else none,
            weights if config.side != "left" else none,
            scale,
        )

    @property
    def window(self) -> int:
        return max(len(self.left), len(self.right))

    @property
    def reach(self) -> int:
        """Contexts that one centre has at most."""
        return len(self.left) + len(self.right)


def _distance_weights(window: int, weighting: Weighting) -> tuple[npt.NDArray[np.int64], int]:
    """Integer weights of the distances 1, 2, … and the scale they are to be divided by.

    Harmonic weights are exact while the least common multiple of the distances is small (windows
    up to 22), and rounded to multiples of 2⁻³¹ beyond.
    """
    distances = range(1, window + 1)
    if weighting == "flat":
        return np.ones(window, dtype=np.int64), 1
    if weighting == "dynamic":
        return np.arange(window, 0, -1, dtype=np.int64), window
    scale = min(math.lcm(*distances), _LARGEST_SCALE)
    return np.array([round(scale / d) for d in distances], dtype=np.int64), scale


@dataclass(frozen=True)
class _Job:
    corpus: Corpus
    words: int
    weights: _Weights

    def run(self, memory: int, pool: ThreadPool) -> Generator[Report, None, Any]:
        tokens = self.corpus.tokens
        plan = MemoryPlan.make(
            memory,
            tokens=tokens,
            words=self.words,
            threads=pool.threads,
            window=self.weights.window,
        )
        segments = [
            (start, min(start + plan.segment, tokens)) for start in range(0, tokens, plan.segment)
        ]
        with pool:
            if len(segments) > 1:
                return (yield from self._count_parts(segments, plan, pool))
            return (yield from self._count_whole(plan, pool))

    def _count_whole(self, plan: MemoryPlan, pool: ThreadPool) -> Generator[Report, None, Any]:
        """Count a corpus that is laid out in memory as one segment."""
        tokens = self.corpus.tokens
        yield Report("counting", 0, tokens, "tokens")
        segment = self._lay_out((0, tokens), pool) if tokens else None
        bounds = self._bounds(segment)
        builder = RowBuilder((self.words, self.words), plan.result, int(bounds.sum()))
        try:
            if segment is None:
                builder.append(*_empty_rows(self.words))
            else:
                scratch = RowScratch(pool.threads, self.words, plan.task, np.float32)
                scale = float(self.weights.scale)
                for done, rows in self._rows(segment, plan, scratch, scale, pool):
                    builder.append(*rows)
                    yield Report("counting", done, tokens, "tokens")
            return builder.finish()
        finally:
            builder.close()

    def _count_parts(
        self, segments: list[tuple[int, int]], plan: MemoryPlan, pool: ThreadPool
    ) -> Generator[Report, None, Any]:
        """Count segment by segment into temporary files, then add these up."""
        yield Report("counting", 0, self.corpus.tokens, "tokens")
        parts = SpilledParts(self.words)
        builder: RowBuilder | None = None
        try:
            yield from self._spill(segments, plan, parts, pool)
            most = int(np.minimum(parts.row_entries, self.words).sum())
            builder = RowBuilder((self.words, self.words), plan.result, most)
            filled = 0
            scale = float(self.weights.scale)
            for rows in merged_rows(parts, scale, plan.task, pool):
                builder.append(*rows)
                filled += len(rows.ends)
                yield Report("merging", filled, self.words, "rows")
            return builder.finish()
        finally:
            parts.close()
            if builder is not None:
                builder.close()

    def _spill(
        self,
        segments: list[tuple[int, int]],
        plan: MemoryPlan,
        parts: SpilledParts,
        pool: ThreadPool,
    ) -> Iterator[Report]:
        """Count each segment into a part."""
        scratch = RowScratch(pool.threads, self.words, plan.task, np.int64)
        for start, stop in segments:
            segment = self._lay_out((start, stop), pool)
            for done, rows in self._rows(segment, plan, scratch, 1.0, pool):
                parts.append(rows)
                yield Report("counting", start + done, self.corpus.tokens, "tokens")

    def _lay_out(self, centres: tuple[int, int], pool: ThreadPool) -> Segment:
        return Segment.lay_out(self.corpus, centres, self.words, self.weights.window, pool)

    def _bounds(self, segment: Segment | None) -> npt.NDArray[np.int64]:
        """(V,), how many entries each row can have at most."""
        if segment is None:
            return np.zeros(self.words, dtype=np.int64)
        return np.asarray(np.minimum(np.diff(segment.starts) * self.weights.reach, self.words))

    def _rows(
        self,
        segment: Segment,
        plan: MemoryPlan,
        scratch: RowScratch,
        scale: float,
        pool: ThreadPool,
    ) -> Iterator[tuple[int, Rows]]:
        """The rows of a segment in order, each with the tokens of the segment done so far.

        The sums are divided by ``scale``, which is 1 where they are to be added up further.
        """
        from wordkit.counts import kernels

        places = (segment.text, segment.positions, segment.starts)
        weights = (self.weights.left, self.weights.right)

        def count(task: tuple[int, int]) -> tuple[int, Rows]:
            def kernel(row: Any, output: Any) -> int:
                return int(kernels.count_rows(*places, task, weights, row, output, scale))

            return segment.tokens_before(task[1]), scratch.gather(task[1] - task[0], kernel)

        # A task is limited in what it writes, by its scratch arrays, and in what it reads.
        work = np.diff(segment.starts) * (plan.task / _TASK_TOKENS)
        units = np.maximum(self._bounds(segment), work.astype(np.int64))
        tasks = balanced_ranges(np.concatenate([[0], np.cumsum(units)]), plan.task)
        yield from pool.map(count, tasks)


def _empty_rows(words: int) -> Rows:
    nothing = np.zeros(0, dtype=np.int32)
    return Rows(nothing, nothing.astype(np.float32), np.zeros(words, dtype=np.int64))
