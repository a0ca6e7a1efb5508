"""Rows of matrices in the parts of a job on a cluster.

V is the number of words, R of the rows of a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.counts.csr import CsrParts, Rows
from wordkit.counts.merge import PartRows
from wordkit.storage.parts import Part

__all__ = ["Block", "RowsWriter", "StoredParts", "read_block"]


@dataclass(frozen=True)
class Block:
    """A range of rows of a matrix, in a part; it can be sent to other processes."""

    part: Part
    rows: tuple[int, int]
    words: int
    """V, the columns."""


def read_block(block: Block) -> CsrParts:
    """Return the rows of a block as a matrix (R, V), memory-mapped."""
    indptr, columns, values = map(block.part.array, ("indptr", "columns", "values"))
    return CsrParts.from_arrays(indptr, columns, values, (len(indptr) - 1, block.words))


class RowsWriter:
    """Writes rows into a part."""

    def __init__(self, part: Part, dtype: npt.DTypeLike) -> None:
        self._part, self.entries = part, 0
        self._arrays = {
            "columns": part.new_array(np.int32),
            "values": part.new_array(dtype),
            "indptr": part.new_array(np.int64),
        }
        self._arrays["indptr"].append(np.zeros(1, np.int64))

    def append(self, rows: Rows) -> None:
        """Write rows after those that are written."""
        self._arrays["columns"].append(rows.columns)
        self._arrays["values"].append(rows.values)
        self._arrays["indptr"].append(self.entries + rows.ends)
        self.entries += len(rows.columns)

    def finish(
        self, record: dict[str, Any], tensors: dict[str, npt.NDArray[Any]] | None = None
    ) -> dict[str, Any]:
        """Finish the part with a record, and with tensors; return the record."""
        return self._part.write(record, tensors, self._arrays)


class StoredParts:
    """A range of rows of several parts, as :func:`wordkit.counts.merge.merged_rows` takes them."""

    def __init__(self, paths: Sequence[str], rows: tuple[int, int], words: int) -> None:
        self.words = words
        parts = [Part(path) for path in paths]
        self._ends = [part.array("indptr")[rows[0] : rows[1] + 1] for part in parts]
        self._columns = [part.array("columns") for part in parts]
        self._sums = [part.array("values") for part in parts]
        self.row_reads = np.diff(np.asarray(sum(self._ends))) + len(parts)

    def read(self, start: int, stop: int) -> PartRows:
        """Return the rows of a range, counted from the first one, of all parts."""
        ends = np.stack([each[start : stop + 1] for each in self._ends])
        spans = [slice(int(part[0]), int(part[-1])) for part in ends]
        columns = [array[span] for array, span in zip(self._columns, spans, strict=True)]
        sums = [array[span] for array, span in zip(self._sums, spans, strict=True)]
        return PartRows.join(ends, columns, sums)
