"""The recurrent matrix, packed by all threads."""

from __future__ import annotations

from wordkit.lm.kernels.jobs import kernel, read, take
from wordkit.lm.kernels.products import pack, pack_pairs

__all__ = ["pack_panels"]


@kernel
def pack_panels(block: int) -> None:
    """Pack a matrix; a task is a panel. With a column stride of 0, in pairs of rows."""
    numbers = read(block)
    while True:
        panel = take(block)
        if panel >= numbers[1]:
            return
        matrix, row_stride, column_stride, K, N, packed = numbers[2:8]
        if column_stride == 0:
            pack_pairs(panel, matrix, row_stride, K, N, packed)
        else:
            pack(panel, matrix, row_stride, column_stride, K, N, packed)
