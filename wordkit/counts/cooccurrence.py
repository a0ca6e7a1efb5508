"""Co-occurrence counts of a corpus, straight to CSR, on all threads, in bounded memory.

N is the number of tokens, V of words. The ids are inverted (the positions of each word, by
counting sort), and then a row is gathered at a time: the contexts around all positions of its
word. Rows are independent, so threads need no locks.

A corpus too large for the memory it may take is cut into segments, anywhere: each is read with as
many tokens beyond its ends as windows cover, and counts its own centres only, so that the parts
add up to the whole. All sums are integers (in units of a common fraction of the weights), so the
result is the same to the last bit for any number of threads and segments.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wordkit.counts.config import CooccurrenceConfig, Weighting
from wordkit.counts.csr import RowBuilder, Rows, memory_limit
from wordkit.counts.merge import RowScratch, SpilledParts, merged_rows
from wordkit.counts.segment import Segment
from wordkit.errors import ConfigError, ResourceError
from wordkit.runtime import Report, Run, ThreadPool, balanced_ranges
from wordkit.text import Corpus

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["MemoryPlan", "Weights", "iter_count_cooccurrences", "segment_rows"]

_TASK_TOKENS = 200_000  # centres of one task, so that threads end together: about 10 ms
_MAX_SCALE = 1 << 31
# Bytes, for each thread, of each word: a sum (8) with its bits (1), a column and a value to write
# (12), the count and the slot of the word (16).
_PER_WORD_AND_THREAD = 37
# Bytes of each word: where its positions and its row start, and bounds.
_PER_WORD = 48
# Bytes, for each thread, of each entry a task may write: in its scratch arrays and in two results.
_PER_ENTRY = 36
# Bytes of each token of a segment: its position, its id in the text, a separator (where each
# sentence is one word) and the page of the corpus it is read from.
_PER_TOKEN = 16
_READ_ENTRY = 12  # an int32 column and an int64 sum
_SPARE = 8  # one part in 8 stays free, for what the allocator holds back
_MAX_TASK_ENTRIES = 1 << 20
_MAX_SEGMENT_TOKENS = 1 << 30  # positions in a segment are 32-bit
_MIN_SEGMENT_TOKENS = 16


def iter_count_cooccurrences(
    corpus: Corpus,
    config: CooccurrenceConfig | None = None,
    *,
    vocabulary_size: int | None = None,
    memory: int | None = None,
    threads: int | None = None,
) -> Run[csr_array]:
    """Count how often each word has each other word in its context, weighted by distance.

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
        ResourceError: the memory allowed is too little for these words (in the run).
        StorageError: a temporary file cannot be written (in the run).
    """
    words = len(corpus.vocabulary) if vocabulary_size is None else vocabulary_size
    if not 0 <= words <= len(corpus.vocabulary):
        raise ConfigError(
            f"vocabulary_size must be from 0 to the {len(corpus.vocabulary)} words of the corpus, "
            f"not {words}"
        )
    weights = Weights.of(config or CooccurrenceConfig())
    return Run(_count(corpus, words, weights, memory_limit(memory), ThreadPool(threads)))


def _count(
    corpus: Corpus, words: int, weights: Weights, memory: int, pool: ThreadPool
) -> Generator[Report, None, csr_array]:
    tokens, scale = corpus.tokens, float(weights.scale)
    plan = MemoryPlan.make(
        memory, tokens=tokens, words=words, threads=pool.threads, window=weights.window
    )
    yield Report("counting", 0, tokens, "tokens")
    with pool:
        if plan.segment >= tokens:  # all of the corpus at once
            segment = Segment.lay_out(corpus, (0, tokens), words, weights.window, pool)
            max_entries = int(weights.max_entries(segment).sum())
            scratch = RowScratch(words, plan.task, np.float32)
            with RowBuilder((words, words), plan.result, max_entries) as builder:
                for done, rows in segment_rows(segment, weights, plan.task, scratch, scale, pool):
                    builder.append(rows)
                    yield Report("counting", done, tokens, "tokens")
                return builder.finish()
        with SpilledParts(words) as parts:
            scratch = RowScratch(words, plan.task, np.int64)
            for start in range(0, tokens, plan.segment):
                centres = (start, min(start + plan.segment, tokens))
                segment = Segment.lay_out(corpus, centres, words, weights.window, pool)
                for done, rows in segment_rows(segment, weights, plan.task, scratch, 1.0, pool):
                    parts.append(rows)
                    yield Report("counting", start + done, tokens, "tokens")
            del segment, scratch
            max_entries = int(np.minimum(parts.row_reads, words).sum())
            with RowBuilder((words, words), plan.result, max_entries) as builder:
                filled = 0
                for rows in merged_rows(parts, scale, plan.task, pool):
                    builder.append(rows)
                    filled += len(rows.ends)
                    yield Report("merging", filled, words, "rows")
                return builder.finish()


@dataclass(frozen=True)
class Weights:
    """Weights of contexts by distance from 1, in units of 1 / ``scale``."""

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    scale: int

    @classmethod
    def of(cls, config: CooccurrenceConfig) -> Weights:
        """Return the weights by the settings."""
        weights, scale = _distance_weights(config.window, config.weighting)
        none = weights[:0]
        return cls(
            weights if config.side != "right" else none,
            weights if config.side != "left" else none,
            scale,
        )

    @property
    def window(self) -> int:
        """The window radius."""
        return max(len(self.left), len(self.right))

    def max_entries(self, segment: Segment) -> npt.NDArray[np.int64]:
        """Return (V,), an upper bound of the entries of each row."""
        contexts = np.diff(segment.starts) * (len(self.left) + len(self.right))
        return np.asarray(np.minimum(contexts, len(contexts)))


def _distance_weights(window: int, weighting: Weighting) -> tuple[npt.NDArray[np.int64], int]:
    """Return integer weights of the distances 1, 2, … and the scale to divide them by."""
    distances = range(1, window + 1)
    if weighting == "flat":
        return np.ones(window, dtype=np.int64), 1
    if weighting == "dynamic":
        return np.arange(window, 0, -1, dtype=np.int64), window
    # exact while the least common multiple is small (windows up to 22), then in multiples of 2⁻³¹
    scale = min(math.lcm(*distances), _MAX_SCALE)
    return np.array([round(scale / d) for d in distances], dtype=np.int64), scale


def segment_rows(
    segment: Segment,
    weights: Weights,
    max_entries: int,
    scratch: RowScratch,
    scale: float,
    pool: ThreadPool,
) -> Iterator[tuple[int, Rows]]:
    """Yield the rows of a segment in order, over ``scale``, each with the tokens done so far."""
    from wordkit.counts import kernels

    arrays = (segment.text, segment.positions, segment.starts)
    sides = (weights.left, weights.right)

    def count(rows: tuple[int, int]) -> tuple[int, Rows]:
        def kernel(accumulator: Any, output: Any) -> int:
            return int(kernels.count_rows(*arrays, rows, sides, accumulator, output, scale))

        return segment.tokens_before(rows[1]), scratch.gather(rows[1] - rows[0], kernel)

    # A task is limited in what it writes, by its scratch arrays, and in what it reads.
    work = np.diff(segment.starts) * (max_entries / _TASK_TOKENS)
    units = np.maximum(weights.max_entries(segment), work.astype(np.int64))
    ends = np.concatenate([[0], np.cumsum(units)])
    yield from pool.map(count, balanced_ranges(ends, max_entries))


@dataclass(frozen=True)
class MemoryPlan:
    """Division of the memory that counting may take."""

    segment: int
    """Tokens to hold at once; all of them where one segment is enough."""

    task: int
    """Entries that one task may write, unless a single row has more."""

    result: int
    """Bytes of the result to keep in memory."""

    @classmethod
    def make(cls, memory: int, *, tokens: int, words: int, threads: int, window: int) -> MemoryPlan:
        """Divide ``memory`` bytes.

        Raises:
            ResourceError: they are not enough for even a small segment.
        """
        usable = memory - memory // _SPARE
        task = max(1, min(_MAX_TASK_ENTRIES, usable // (4 * _PER_ENTRY * threads)))
        fixed = (_PER_WORD_AND_THREAD * threads + _PER_WORD) * words
        margin = 2 * window + 2  # tokens read beyond the ends of a segment
        # each part on disk takes room for every word, so a segment has at least as many tokens
        minimum = (max(_MIN_SEGMENT_TOKENS, words) + margin) * _PER_TOKEN
        room = usable - fixed - _PER_ENTRY * threads * task
        if room < minimum:
            # what tasks write takes a quarter of the usable, which is seven parts of eight
            needed = (fixed + minimum + _PER_ENTRY * threads) * 4 * _SPARE // (3 * (_SPARE - 1))
            raise ResourceError(
                f"counting {words} words with {threads} threads needs about {needed} bytes of "
                f"memory, and {memory} are allowed; allow more, or take fewer threads or words"
            )
        whole = (tokens + margin) * _PER_TOKEN
        if whole <= room and tokens <= _MAX_SEGMENT_TOKENS:
            return cls(max(tokens, 1), task, room - whole)
        segment = min(room // _PER_TOKEN - margin, _MAX_SEGMENT_TOKENS)
        reading = 2 * threads * task * _READ_ENTRY
        return cls(segment, task, max(room - reading, 0))
