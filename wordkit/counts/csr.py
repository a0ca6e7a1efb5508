"""CSR matrices as SciPy has them, and as the kernels take them.

V is the number of rows and columns, Z the number of entries. SciPy wants ``indptr`` and
``indices`` of one type; wordkit keeps ``indices`` at 32 bits always, and takes 64 bits for
``indptr`` alone where Z needs them, which saves a third of a large matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wordkit.config import check_number
from wordkit.counts.spill import GrowingArray
from wordkit.errors import ConfigError
from wordkit.runtime import ThreadPool, available_memory, balanced_ranges

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = [
    "CsrParts",
    "RowBuilder",
    "Rows",
    "bytes_in_memory",
    "collect_rows",
    "frozen",
    "memory_limit",
]

_INT32_LIMIT = 2**31 - 1
_ENTRY_BYTES = 8  # an int32 column and a float32 value
_MIN_TASK_ENTRIES = 1 << 12


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
        """Return the parts of a sparse matrix, converted only where they must be.

        Raises:
            ConfigError: it is no sparse matrix, or a corrupted one.
        """
        if not hasattr(matrix, "tocsr") or len(matrix.shape) != 2:
            kind = type(matrix).__name__
            raise ConfigError(f"the matrix must be a two-dimensional SciPy sparse one, not {kind}")
        matrix = matrix.tocsr()
        _check_indices(matrix)  # the kernels go where these numbers point
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
        """Return the parts made of arrays that fit together."""
        return cls(
            frozen(indptr, np.int64), frozen(indices, np.int32), frozen(data, np.float32), shape
        )

    @property
    def arrays(self) -> tuple[Any, Any, Any]:
        """``indptr``, ``indices`` and ``data``, the first arguments of the kernels."""
        return self.indptr, self.indices, self.data


def _check_indices(matrix: Any) -> None:
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
        raise ConfigError("the matrix is corrupted: its indices point outside it; make it again")


def frozen(array: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return a read-only, contiguous view of an array; a copy where its type must change."""
    view = np.asarray(np.ascontiguousarray(array, dtype=dtype)).view()
    view.flags.writeable = False
    return view


class Rows(NamedTuple):
    """Consecutive rows of a matrix: entries in order, and where each row ends among them."""

    columns: npt.NDArray[np.int32]
    values: npt.NDArray[Any]
    ends: npt.NDArray[np.int64]


class RowBuilder:
    """Collects finished rows, in order, into a CSR matrix; a context manager that frees them.

    Args:
        shape: of the matrix.
        memory: bytes that its entries may take in memory; beyond that they go to a temporary
            file and the matrix is memory-mapped.
        max_entries: upper bound of the number of entries.
    """

    def __init__(self, shape: tuple[int, int], memory: int, max_entries: int) -> None:
        capacity = min(max(memory, 0) // _ENTRY_BYTES, max_entries)
        self.shape = shape
        self._indices = GrowingArray(np.int32, capacity)
        self._data = GrowingArray(np.float32, capacity)
        self._indptr = np.zeros(shape[0] + 1, dtype=np.int64)
        self._rows = 0

    def __enter__(self) -> RowBuilder:
        return self

    def __exit__(self, *exception: object) -> None:
        self._indices.close()
        self._data.close()

    def append(self, rows: Rows) -> None:
        """Add rows.

        Raises:
            StorageError: the temporary file cannot be written.
        """
        stop = self._rows + len(rows.ends)
        self._indptr[self._rows + 1 : stop + 1] = rows.ends + len(self._indices)
        self._indices.append(rows.columns)
        self._data.append(rows.values)
        self._rows = stop

    def finish(self) -> csr_array:
        """Return the matrix, with sorted column indices; rows that were not added are empty."""
        from scipy.sparse import csr_array

        indptr = self._indptr
        indptr[self._rows + 1 :] = indptr[self._rows]
        if indptr[-1] <= _INT32_LIMIT:
            indptr = indptr.astype(np.int32)
        matrix = csr_array(self.shape, dtype=np.float32)
        # Set one by one: the constructor would bring them all to one type.
        matrix.indptr = indptr
        matrix.indices = np.asarray(self._indices.finish())
        matrix.data = np.asarray(self._data.finish())
        matrix.has_canonical_format = True
        return matrix


def collect_rows(
    shape: tuple[int, int],
    ends: npt.NDArray[np.int64],
    make: Callable[[tuple[int, int]], Rows],
    pool: ThreadPool,
    memory: int,
    max_entries: int,
) -> csr_array:
    """Return the matrix of the rows that tasks make of ranges of rows.

    Args:
        shape: of the matrix.
        ends: upper bounds of the entries before each row, from 0.
        make: makes the rows of a range.
        pool: the threads to use.
        memory: bytes to work in, the result included; see :class:`RowBuilder`.
        max_entries: of one task, unless a single row has more.
    """
    results = _ENTRY_BYTES * (pool.look_ahead + 1)  # for each entry of a task
    # a quarter for the tasks: what they give back, the allocator may keep for a while
    task = min(max(memory // (4 * results), _MIN_TASK_ENTRIES), max_entries)
    with RowBuilder(shape, memory - 2 * task * results, int(ends[-1])) as builder:
        for rows in pool.map(make, balanced_ranges(ends, task)):
            builder.append(rows)
        return builder.finish()


def memory_limit(memory: int | None) -> int:
    """Return the bytes to work in; None: half of what is available.

    Raises:
        ConfigError: ``memory`` is no whole number from 1 up.
    """
    return available_memory() // 2 if memory is None else int(check_number("memory", memory))


def bytes_in_memory(matrix: Any) -> int:
    """Return the bytes of the entries of a CSR matrix, those in memory-mapped files left out."""
    arrays = (matrix.indices, matrix.data)
    return sum(
        a.nbytes for a in arrays if not isinstance(a if a.base is None else a.base, np.memmap)
    )
