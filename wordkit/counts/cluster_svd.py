"""Truncated singular value decomposition of blocks of rows on a cluster.

R and C are rows and columns of a block, V words. It is the randomized block Krylov method of
:mod:`wordkit.counts.krylov`, whose products with the matrix the workers do: 16 columns of V numbers
pass to them and back, and the matrix stays where it is.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.counts.krylov import block_krylov
from wordkit.counts.panels import WIDTH, Floats
from wordkit.counts.stored_rows import Block, read_block
from wordkit.counts.svd import SingularTriplets, finished_triplets, is_better_dense
from wordkit.counts.svd import iter_truncated_svd as iter_local_svd
from wordkit.runtime import Report, ThreadPool, thread_count
from wordkit.runtime.cluster import Cluster
from wordkit.storage.parts import PartFolder

__all__ = ["decompose_blocks"]

_FAN_IN = 4
_TOLERANCE = 1e-3


def decompose_blocks(
    blocks: Sequence[Block],
    largest: float,
    k: int,
    seed: int,
    cluster: Cluster,
    parts: PartFolder,
) -> Generator[Report, None, SingularTriplets]:
    """Compute the ``k`` largest singular values of a matrix and their vectors.

    Args:
        blocks: the rows of the matrix, each range once, in order.
        largest: entry of the matrix.
        k: less than V.
        seed: of the random start.
        cluster: the workers.
        parts: where panels are written.
    """
    words = blocks[0].words
    if is_better_dense((words, words), k):
        local = iter_local_svd(_whole(blocks), k, seed=seed, threads=1)
        return (yield from local)
    with ThreadPool(thread_count()) as pool:
        matrix, transposed = (
            _Operator(blocks, largest, cluster, parts, pool, multiply)
            for multiply in (_multiply, _multiply_transposed)
        )
        return finished_triplets(
            (yield from block_krylov(matrix, transposed, k, tolerance=_TOLERANCE, seed=seed))
        )


def _whole(blocks: Sequence[Block]) -> Any:
    from scipy.sparse import csr_array, vstack

    rows = [csr_array((p.data, p.indices, p.indptr), p.shape) for p in map(read_block, blocks)]
    return csr_array(vstack(rows))


class _Operator:
    """A matrix, or its transpose, that multiplies panels on the workers."""

    def __init__(
        self,
        blocks: Sequence[Block],
        largest: float,
        cluster: Cluster,
        parts: PartFolder,
        pool: ThreadPool,
        multiply: Any,
    ) -> None:
        self.shape = (blocks[0].words, blocks[0].words)
        self.largest, self.pool = largest, pool
        self._blocks, self._cluster, self._parts = blocks, cluster, parts
        self._multiply = multiply

    def times_panel(self, panel: Floats, result: Floats) -> None:
        """Write the product with a panel (V, 16) into ``result`` (V, 16)."""
        file = self._parts.part("panel", id(self)).new_array(np.float32)
        file.append(panel.reshape(-1))
        file.close()
        futures = [
            self._cluster.submit("multiply", self._multiply, block, file.path)
            for block in self._blocks
        ]
        if self._multiply is _multiply_transposed:
            _, (root,) = self._cluster.tree("add products", _add, futures, _FAN_IN)
            result[:] = self._cluster.result(root)
        else:
            for block, future in zip(self._blocks, futures, strict=True):
                result[slice(*block.rows)] = self._cluster.result(future)
        os.unlink(file.path)


# --- tasks -------------------------------------------------------------------------------------


def _panel(path: str, rows: slice = slice(None)) -> Floats:
    return np.ascontiguousarray(np.memmap(path, np.float32, "r").reshape(-1, WIDTH)[rows])


def _multiply(block: Block, path: str) -> Floats:
    """Return the product of a block (R, V) with a panel (V, 16)."""
    from wordkit.counts import svd_kernels as kernels

    matrix = read_block(block)
    result = np.empty((matrix.shape[0], WIDTH), np.float32)
    kernels.multiply(*matrix.arrays, _panel(path), (0, matrix.shape[0]), result)
    return result


def _multiply_transposed(block: Block, path: str) -> Floats:
    """Return the product of a transposed block (V, R) with its rows of a panel (R, 16)."""
    from wordkit.counts import svd_kernels as kernels

    result = np.zeros((block.words, WIDTH), np.float32)
    kernels.multiply_transposed(*read_block(block).arrays, _panel(path, slice(*block.rows)), result)
    return result


def _add(products: list[npt.NDArray[np.float32]]) -> Floats:
    total = products[0].copy()
    for product in products[1:]:
        total += product
    return total
