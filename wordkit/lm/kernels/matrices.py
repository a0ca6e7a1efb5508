"""The recurrent matrix as the kernels want it, and one product with it.

Three forms: as it is (used once or twice, for few rows), packed, or packed and in bfloat16.
"""

from __future__ import annotations

from wordkit.jit import njit
from wordkit.lm.kernels.dots import multiply_transposed
from wordkit.lm.kernels.jobs import kernel, read, take
from wordkit.lm.kernels.products import multiply, pack

__all__ = ["PACKED", "PLAIN", "pack_panels", "product"]

PLAIN, PACKED = 0, 1


@kernel
def pack_panels(block: int) -> None:
    """Pack a matrix; a task is a panel."""
    numbers = read(block)
    while True:
        panel = take(block)
        if panel >= numbers[1]:
            return
        pack(
            panel, numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], numbers[7]
        )  # fmt: skip


@njit(nogil=True, cache=True)
def product(
    form: int, rows: int, K: int, N: int, a: int, a_stride: int, matrix: int, start: int,
    start_stride: int, out: int, out_stride: int,
) -> None:  # fmt: skip
    """``out = start + a · matrix``; see :func:`wordkit.lm.kernels.products.multiply`.

    Args:
        form: of the matrix: PLAIN (its transpose, contiguous) or PACKED.
    """
    if form == PLAIN:
        multiply_transposed(
            rows, K, N, a, a_stride, matrix, start, start_stride, out, out_stride
        )  # fmt: skip
    else:
        multiply(rows, K, N, a, a_stride, matrix, start, start_stride, out, out_stride)
