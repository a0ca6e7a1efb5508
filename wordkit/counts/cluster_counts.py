"""Co-occurrence and PPMI on a cluster, with the counts of a single machine to the last bit.

V is the number of words. Each task counts the centres of a range of the corpus, and writes its part
of the matrix, whole numbers. The parts are merged in a tree; its root is divided by ranges of rows,
so that all workers merge, and each range becomes a block of PPMI.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wordkit.counts.config import CooccurrenceConfig, CountsConfig
from wordkit.counts.cooccurrence import MemoryPlan, Weights, segment_rows
from wordkit.counts.csr import CsrParts
from wordkit.counts.merge import RowScratch, merged_rows
from wordkit.counts.ppmi import biases_of, pmi_rows
from wordkit.counts.segment import Segment
from wordkit.counts.stored_rows import Block, RowsWriter, StoredParts, read_block
from wordkit.errors import ResourceError
from wordkit.runtime import Report, ThreadPool, balanced_ranges
from wordkit.runtime.cluster import Cluster
from wordkit.storage.parts import Part, PartFolder, part_in
from wordkit.text import Corpus

__all__ = ["Counting", "count_blocks", "weigh_blocks"]

_FAN_IN = 16  # parts merged at a time
_BLOCKS_PER_SLOT = 2  # ranges of rows, so that no worker waits long for another
_MIN_PART_BYTES = 16 << 20  # of ids
_MIN_BLOCK_BYTES = 8 << 20  # the SVD multiplies them in the time that Dask takes for a task
_MAX_TASK_ENTRIES = 1 << 20
_PER_ENTRY = 64  # bytes, read and written, with what the allocator keeps
_PER_WORD = 37


@dataclass(frozen=True)
class Counting:
    """The settings of counting on a cluster, the same for all tasks."""

    folder: str
    """The folder of the corpus."""

    fingerprint: str
    """The fingerprint of the corpus."""

    words: int
    """Size of the vocabulary (V)."""

    config: CooccurrenceConfig
    memory: int
    """Bytes that a task may take."""

    @property
    def identity(self) -> tuple[object, ...]:
        """The values that the counts depend on."""
        return self.fingerprint, self.words, self.config

    @property
    def task_entries(self) -> int:
        """Entries to merge at a time.

        Raises:
            ResourceError: the memory is too little for these words.
        """
        room = self.memory - _PER_WORD * self.words
        if room < _PER_ENTRY * self.words:
            raise ResourceError(
                f"merging counts of {self.words} words needs about "
                f"{(_PER_ENTRY + _PER_WORD) * self.words} bytes of memory for each worker, and "
                f"{self.memory} are allowed; allow more"
            )
        return min(room // _PER_ENTRY, _MAX_TASK_ENTRIES)


def count_blocks(
    counting: Counting, tokens: int, cluster: Cluster, parts: PartFolder
) -> Generator[Report, None, list[Block]]:
    """Count on all workers; return the matrix by ranges of rows, float32.

    Args:
        counting: what to count.
        tokens: of the corpus.
        cluster: the workers, which see the folder of the corpus.
        parts: where the parts are written.

    Raises:
        ResourceError: the memory is too little, or the workers are gone.
        StorageError: a part cannot be written.
    """
    identity = counting.identity
    size = _tokens_of_a_part(counting, tokens, cluster.slots, parts)
    ranges = [(start, min(start + size, tokens)) for start in range(0, tokens, size)]
    futures = [
        cluster.submit("count words", _count, counting, c, parts.part("counts", *identity, c))
        for c in ranges
    ]
    done = 0
    yield Report("counting", 0, tokens, "tokens", {"parts": len(futures)})
    for record in cluster.results(futures):
        done += record["tokens"]
        yield Report("counting", done, tokens, "tokens", {"parts": len(futures)})
    merges, roots = cluster.tree(
        "merge counts", _merge, futures, _FAN_IN, counting, parts.path, roots=_FAN_IN
    )
    for number, _ in enumerate(cluster.results(merges), 1):
        yield Report("merging", number, len(merges), "parts")
    paths = [cluster.result(future)["path"] for future in roots]
    reads = StoredParts(paths, (0, counting.words), counting.words).row_reads
    ends = np.concatenate([[0], np.cumsum(np.minimum(reads, counting.words))])
    ranges = balanced_ranges(ends, _entries_of_a_block(int(ends[-1]), cluster.slots))
    blocks = [
        Block(parts.part("rows", *identity, paths, rows), rows, counting.words) for rows in ranges
    ]
    merging = [cluster.submit("merge rows", _merge_block, paths, counting, b) for b in blocks]
    for number, _ in enumerate(cluster.results(merging), 1):
        yield Report("merging rows", number, len(merging), "parts")
    return blocks


def _tokens_of_a_part(counting: Counting, tokens: int, slots: int, parts: PartFolder) -> int:
    """Return the tokens of a part: those of an earlier attempt, where the memory allows them."""
    plan, window = parts.part("plan", *counting.identity), Weights.of(counting.config).window
    room = MemoryPlan.make(
        counting.memory, tokens=tokens, words=counting.words, threads=1, window=window
    ).segment
    record = plan.finished()
    if record is None or record["tokens"] > room:
        record = plan.write({"tokens": min(_wanted_tokens(tokens, slots), room)})
    return int(record["tokens"])


def _wanted_tokens(tokens: int, slots: int) -> int:
    """Return the tokens of a part for so many tasks at a time, where the memory allows them."""
    return max(-(-tokens // slots), _MIN_PART_BYTES // 4)


def _entries_of_a_block(entries: int, slots: int) -> int:
    """Return the entries of a range of rows, for so many tasks at a time.

    So many that the scheduler, which gives out one task after the other, takes no longer for all
    tasks of a product of the SVD than a worker for one.
    """
    least = _MIN_BLOCK_BYTES // 8
    return max(entries // (_BLOCKS_PER_SLOT * slots), math.isqrt(entries * least), least)


def weigh_blocks(
    blocks: Sequence[Block], config: CountsConfig, cluster: Cluster, parts: PartFolder
) -> Generator[Report, None, tuple[list[Block], dict[str, float]]]:
    """Return the PPMI of counts, by the same ranges of rows.

    Args:
        blocks: of :func:`count_blocks`.
        config: shift and smoothing.
        cluster: the workers.
        parts: where the parts are written.

    Returns:
        The blocks; and of the whole matrix the number of ``entries``, their ``largest`` and the
        sum of their ``squares``.
    """
    words = blocks[0].words
    row_sums, column_sums = np.zeros(words), np.zeros(words)
    for block in blocks:
        file = block.part.read()
        row_sums[slice(*block.rows)] = file.tensor("row_sums", np.float64, 1)
        column_sums += file.tensor("column_sums", np.float64, 1)
    rows, columns, constant = biases_of(row_sums, column_sums, config.shift, config.smoothing)
    made_of = [block.part.path for block in blocks], config.shift, config.smoothing
    biases = parts.part("biases", *made_of)
    biases.write({}, {"rows": rows, "columns": columns, "constant": np.array([constant])})
    weighted = [
        Block(parts.part("ppmi", block.part.path, biases.path), block.rows, words)
        for block in blocks
    ]
    futures = [
        cluster.submit("weigh rows", _weigh, *each, biases)
        for each in zip(blocks, weighted, strict=True)
    ]
    total = {"entries": 0.0, "largest": 0.0, "squares": 0.0}
    done = 0
    for record in cluster.results(futures):
        done += record["rows"]
        for name in ("entries", "squares"):
            total[name] += record[name]
        total["largest"] = max(total["largest"], record["largest"])
        yield Report("weighting", done, words, "rows")
    return weighted, total


# --- tasks -------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def _corpus(folder: str, fingerprint: str) -> Corpus:
    return Corpus.open(folder)


def _count(counting: Counting, centres: tuple[int, int], part: Part) -> dict[str, Any]:
    """Count the centres of a range of the corpus, unless that is done."""
    if (record := part.finished()) is not None:
        return record
    corpus, words = _corpus(counting.folder, counting.fingerprint), counting.words
    weights = Weights.of(counting.config)
    size = centres[1] - centres[0]
    task = MemoryPlan.make(
        counting.memory, tokens=size, words=words, threads=1, window=weights.window
    ).task
    with ThreadPool(1) as pool:
        segment = Segment.lay_out(corpus, centres, words, weights.window, pool)
        largest = np.diff(segment.starts).max(initial=0) * (
            weights.left.sum() + weights.right.sum()
        )
        dtype = np.int32 if largest <= np.iinfo(np.int32).max else np.int64
        rows, scratch = RowsWriter(part, dtype), RowScratch(words, task, dtype)
        for _, made in segment_rows(segment, weights, task, scratch, 1.0, pool):
            rows.append(made)
    return rows.finish({"path": part.path, "tokens": size})


def _merge(records: list[dict[str, Any]], counting: Counting, folder: str) -> dict[str, Any]:
    """Add up parts, unless that is done."""
    paths = [record["path"] for record in records]
    part = part_in(folder, "counts", *counting.identity, paths)
    if (record := part.finished()) is not None:
        return record
    parts = StoredParts(paths, (0, counting.words), counting.words)
    rows = RowsWriter(part, np.int64)
    with ThreadPool(1) as pool:
        for made in merged_rows(parts, 1.0, counting.task_entries, pool, np.int64):
            rows.append(made)
    return rows.finish({"path": part.path})


def _merge_block(paths: list[str], counting: Counting, block: Block) -> dict[str, Any]:
    """Add up a range of rows of parts, unless that is done, and its rows and columns."""
    from wordkit.counts import kernels

    if (record := block.part.finished()) is not None:
        return record
    parts = StoredParts(paths, block.rows, counting.words)
    scale = float(Weights.of(counting.config).scale)
    rows = RowsWriter(block.part, np.float32)
    column_sums, row_sums = np.zeros(counting.words), []
    with ThreadPool(1) as pool:
        for made in merged_rows(parts, scale, counting.task_entries, pool):
            rows.append(made)
            shape = len(made.ends), counting.words
            indptr = np.concatenate([[0], made.ends])
            csr = CsrParts.from_arrays(indptr, made.columns, made.values, shape)
            row_sums.append(np.zeros(shape[0]))
            kernels.marginals(*csr.arrays, (0, shape[0]), row_sums[-1], column_sums)
    sums = {"row_sums": np.concatenate(row_sums), "column_sums": column_sums}
    return rows.finish({"path": block.part.path}, sums)


def _weigh(block: Block, weighted: Block, biases: Part) -> dict[str, Any]:
    """Write the PPMI of a block, unless that is done."""
    if (record := weighted.part.finished()) is not None:
        return record
    counts, file = read_block(block), biases.read()
    terms = (
        file.tensor("rows", np.float64, 1)[slice(*block.rows)].copy(),
        file.tensor("columns", np.float64, 1).copy(),
        float(file.tensor("constant", np.float64, 1)[0]),
    )
    make = pmi_rows(counts, terms, 0.0)
    rows = RowsWriter(weighted.part, np.float32)
    squares = largest = 0.0
    for span in balanced_ranges(counts.indptr, _MAX_TASK_ENTRIES):
        made = make(span)
        rows.append(made)
        squares += float(np.square(made.values, dtype=np.float64).sum())
        largest = max(largest, float(made.values.max(initial=0)))
    size = block.rows[1] - block.rows[0]
    return rows.finish(
        {"rows": size, "entries": rows.entries, "squares": squares, "largest": largest}
    )
