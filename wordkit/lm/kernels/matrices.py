"""The recurrent matrix as the kernels want it, and one product with it.

Three forms: as it is (used once or twice, for few rows), packed, or packed and in bfloat16.
"""

from __future__ import annotations

from wordkit.jit import njit
from wordkit.lm.kernels.dots import multiply_transposed
from wordkit.lm.kernels.jobs import kernel, read, take
from wordkit.lm.kernels.low import low_stride, narrow
from wordkit.lm.kernels.products import multiply, pack, pack_pairs

__all__ = ["LOW", "PACKED", "PLAIN", "pack_panels", "product"]

PLAIN, PACKED, LOW = 0, 1, 2


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


@njit(nogil=True, cache=True)
def product(
    form: int, rows: int, K: int, N: int, a: int, a_stride: int, matrix: int, start: int,
    start_stride: int, out: int, out_stride: int, low: int,
) -> None:  # fmt: skip
    """``out = start + a · matrix``; see :func:`wordkit.lm.kernels.products.multiply`.

    Args:
        form: of the matrix: PLAIN (its transpose, contiguous), PACKED, or LOW (packed, bfloat16).
        low: in the last case, address of (rows, low_stride(K)), to be filled with a in bfloat16.
    """
    if form == PLAIN:
        multiply_transposed(
            rows, K, N, a, a_stride, matrix, start, start_stride, out, out_stride
        )  # fmt: skip
    elif form == PACKED:
        multiply(
            False, rows, K, N, a, a_stride, matrix, start, start_stride, out, out_stride
        )  # fmt: skip
    else:
        narrow(rows, K, a, a_stride, low)
        multiply(
            True, rows, (K + 1) // 2, N, low, low_stride(K), matrix, start, start_stride, out,
            out_stride,
        )  # fmt: skip
