"""CSR matrices as SciPy has them, and as the kernels take them.

V is the number of rows and columns, Z the number of entries. SciPy wants ``indptr`` and
``indices`` of one type; wordkit keeps ``indices`` at 32 bits always, and takes 64 bits for
``indptr`` alone where Z needs them, which saves a third of a large matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.counts.spill import GrowingArray
from wordkit.errors import ConfigError

__all__ = ["CsrParts", "RowBuilder", "balanced_ranges", "bytes_in_memory", "even_ranges", "frozen"]

_INT32_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class CsrParts:
    """The three arrays of a CSR matrix, of the types that the kernels are compiled for.

    They are read-only views, so that memory-mapped arrays and others run the same compiled code.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    data: npt.NDArray[np.float32]
    shape: tuple[int, int]

    @classmethod
    def of(cls, matrix: Any) -> CsrParts:
        """The parts of a sparse matrix, converted only where they must be.

        Raises:
            ConfigError: it is no sparse matrix, or a damaged one.
        """
        if not hasattr(matrix, "tocsr") or len(matrix.shape) != 2:
            kind = type(matrix).__name__
            raise ConfigError(f"the matrix must be a two-dimensional SciPy sparse one, not {kind}")
        matrix = matrix.tocsr()
        _check_places(matrix)  # the kernels go where these numbers point
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        return cls.from_arrays(matrix.indptr, matrix.indices, matrix.data, shape)

    @classmethod
    def from_arrays(
        cls,
        indptr: npt.NDArray[Any],
        indices: npt.NDArray[Any],
        data: npt.NDArray[Any],
        shape: tuple[int, int],
    ) -> CsrParts:
        """The parts from arrays that fit together already."""
        return cls(
            frozen(indptr, np.int64), frozen(indices, np.int32), frozen(data, np.float32), shape
        )

    @property
    def arrays(self) -> tuple[Any, Any, Any]:
        """``indptr``, ``indices`` and ``data``, as the kernels take them first."""
        return self.indptr, self.indices, self.data


def _check_places(matrix: Any) -> None:
    rows, columns = matrix.shape
    ends, indices = matrix.indptr, matrix.indices
    fine = (
        ends.shape == (rows + 1,)
        and ends[0] == 0
        and ends[-1] == len(indices) == len(matrix.data)
        and bool((ends[1:] >= ends[:-1]).all())
        and (not len(indices) or (indices.min() >= 0 and indices.max() < columns))
    )
    if not fine:
        raise ConfigError("the matrix is damaged: its indices point outside it; make it again")


def frozen(array: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A read-only, contiguous view of an array; a copy only where its type must change."""
    view = np.asarray(np.ascontiguousarray(array, dtype=dtype)).view()
    view.flags.writeable = False
    return view


class RowBuilder:
    """Collects finished rows, in order, into a CSR matrix.

    Args:
        shape: of the matrix.
        memory: bytes that its entries may take in memory; beyond that they go to a temporary
            file and the matrix is memory-mapped.
        most_entries: a bound of how many entries there will be.
    """

    def __init__(self, shape: tuple[int, int], memory: int, most_entries: int) -> None:
        capacity = min(max(memory, 0) // 8, most_entries)
        self.shape = shape
        self._indices = GrowingArray(np.int32, capacity)
        self._data = GrowingArray(np.float32, capacity)
        self._lengths = np.zeros(shape[0] + 1, dtype=np.int64)
        self._rows = 0

    def append(
        self,
        columns: npt.NDArray[np.int32],
        values: npt.NDArray[np.float32],
        ends: npt.NDArray[np.int64],
    ) -> None:
        """Add rows; ``ends`` says where each of them ends in ``columns`` and ``values``.

        Raises:
            StorageError: the temporary file cannot be written.
        """
        rows = self._lengths[self._rows + 1 : self._rows + 1 + len(ends)]
        rows[:] = ends + len(self._indices)
        self._indices.append(columns)
        self._data.append(values)
        self._rows += len(ends)

    def finish(self) -> Any:
        """The matrix, a ``scipy.sparse.csr_array`` with sorted column indices."""
        from scipy.sparse import csr_array

        indptr = self._lengths
        if indptr[-1] <= _INT32_LIMIT:
            indptr = indptr.astype(np.int32)
        matrix = csr_array(self.shape, dtype=np.float32)
        # Set one by one: the constructor would bring them all to one type.
        matrix.indptr, matrix.indices, matrix.data = (
            indptr,
            np.asarray(self._indices.finish()),
            np.asarray(self._data.finish()),
        )
        matrix.has_canonical_format = True
        return matrix

    def close(self) -> None:
        """Let go of memory and files, where the matrix is not wanted any more."""
        self._indices.close()
        self._data.close()


def bytes_in_memory(matrix: Any) -> int:
    """Bytes that the entries of a CSR matrix take, those of memory-mapped files left out."""
    arrays = (matrix.indices, matrix.data)
    return sum(
        a.nbytes for a in arrays if not isinstance(a if a.base is None else a.base, np.memmap)
    )


def balanced_ranges(ends: npt.NDArray[np.int64], most: int) -> list[tuple[int, int]]:
    """Ranges of rows that hold at most ``most`` units each; a row with more is a range of its own.

    Args:
        ends: (V + 1,), how many units lie before each row: rising from 0.
        most: units, at least 1.
    """
    ranges = []
    start, rows = 0, len(ends) - 1
    while start < rows:
        stop = int(np.searchsorted(ends, ends[start] + most, side="right")) - 1
        stop = min(max(stop, start + 1), rows)
        ranges.append((start, stop))
        start = stop
    return ranges


def even_ranges(size: int, parts: int) -> list[tuple[int, int]]:
    """``range(size)`` cut into at most ``parts`` ranges of about the same length."""
    cuts = [size * i // parts for i in range(parts + 1)]
    return [(a, b) for a, b in pairwise(cuts) if a < b]
