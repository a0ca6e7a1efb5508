"""The product with a matrix packed in pairs of bfloat16; compiled when first imported."""

from __future__ import annotations

from wordkit.recurrent.kernels.calls import product_function
from wordkit.recurrent.kernels.low import low_stride, narrow
from wordkit.recurrent.kernels.products import multiply

__all__ = ["low"]


@product_function
def low(
    rows: int, K: int, N: int, a: int, a_stride: int, matrix: int, start: int, start_stride: int,
    out: int, out_stride: int, rounded: int,
) -> None:  # fmt: skip
    """a is rounded first, to where ``rounded`` is; see ``calls.product``."""
    narrow(rows, K, a, a_stride, rounded)
    multiply(
        True, rows, (K + 1) // 2, N, rounded, low_stride(K), matrix, start, start_stride, out,
        out_stride,
    )  # fmt: skip
