"""The pairs of words that occur together, in chunks that are random samples of all.

P is the number of unordered pairs, C of chunks.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wordkit.counts.csr import CsrParts, bytes_in_memory, frozen
from wordkit.counts.spill import GrowingArray
from wordkit.runtime import Report, ThreadPool, balanced_ranges

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["PairChunks", "random_counter"]

_PAIR_BYTES = 16
_MIN_CHUNK_PAIRS, _MAX_CHUNK_PAIRS = 1 << 10, 1 << 16  # the latter are 1 MiB, and 20 ms of training
_MIN_CHUNKS = 64  # so that all threads have something to do, and progress shows


@dataclass(frozen=True)
class PairChunks:
    """Pairs in chunks; memory-mapped where they are larger than the memory allowed."""

    pairs: npt.NDArray[np.int32]
    """(P, 4): two rows of the matrix, and the bits of log X and f(X)."""

    starts: npt.NDArray[np.int64]
    """(C + 1,): chunk c is ``pairs[starts[c]:starts[c + 1]]``."""

    entries: int
    """Entries of the matrix, which has most pairs twice."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, chunk: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return the pairs of a chunk, as integers and as the same memory in float32."""
        pairs = frozen(self.pairs[self.starts[chunk] : self.starts[chunk + 1]], np.int32)
        return pairs, pairs.view(np.float32)

    @property
    def untrained_loss(self) -> float:
        """The mean loss of vectors of zeros, estimated by the largest chunk."""
        logs, weights = self[int(np.argmax(np.diff(self.starts)))][1][:, 2:].T
        return float(np.mean(weights * logs.astype(np.float64) ** 2) / 2)

    @classmethod
    def shuffle(
        cls, matrix: csr_array, x_max: float, alpha: float, seed: int, memory: int, pool: ThreadPool
    ) -> Generator[Report, None, PairChunks]:
        """Divide the pairs of a symmetric matrix among chunks at random.

        The result is the same for any number of threads and any amount of memory.

        Args:
            matrix: of co-occurrence; its upper triangle is read.
            x_max, alpha: of the weights.
            seed: of the random numbers.
            memory: bytes to keep pairs in, beside the matrix; what does not fit goes to a
                temporary file.
            pool: the threads to use.

        Raises:
            StorageError: the temporary file cannot be written.
        """
        from wordkit.counts import glove_kernels as kernels

        parts = CsrParts.from_arrays(matrix.indptr, matrix.indices, matrix.data, matrix.shape)
        entries = len(parts.indices)
        size = min(max(entries // (2 * _MIN_CHUNKS), _MIN_CHUNK_PAIRS), _MAX_CHUNK_PAIRS)
        C = max(entries // (2 * size), 1)
        counter = random_counter(seed)
        ranges = balanced_ranges(parts.indptr, max(entries // (4 * pool.threads), 1))
        counts = np.zeros((len(ranges), C), dtype=np.int64)

        def count(r: int) -> None:
            kernels.count_pairs(parts.indptr, parts.indices, ranges[r], C, counter, counts[r])

        pool.for_each(count, range(len(ranges)))
        starts = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])
        before = np.cumsum(counts, axis=0) - counts  # pairs of a chunk in earlier ranges of rows
        room = max(memory - bytes_in_memory(matrix), 0)
        at_once = max(room // (4 * _PAIR_BYTES), 1)
        result = GrowingArray(np.int32, (room - at_once * _PAIR_BYTES) // 4)
        weighting = float(np.log(x_max)), float(alpha)
        try:
            yield Report("shuffling", 0, int(starts[-1]), "pairs")
            for chosen in balanced_ranges(starts, at_once):
                first = int(starts[chosen[0]])
                pairs = np.empty((int(starts[chosen[1]]) - first, 4), dtype=np.int32)
                slots = before[:, slice(*chosen)] + starts[slice(*chosen)] - first

                outputs = slots, weighting, pairs, pairs.view(np.float32)

                def place(r: int, chosen: Any = chosen, outputs: Any = outputs) -> None:
                    slots, *others = outputs
                    kernels.place_pairs(
                        parts.arrays, ranges[r], C, counter, chosen, slots[r], *others
                    )

                pool.for_each(place, range(len(ranges)))
                result.append(pairs.reshape(-1))
                yield Report("shuffling", int(starts[chosen[1]]), int(starts[-1]), "pairs")
            return cls(result.finish().reshape(-1, 4), starts, entries)
        finally:
            result.close()


def random_counter(*key: int) -> np.uint64:
    """Return the start of a random counter, far from that of any other key."""
    return np.uint64(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
