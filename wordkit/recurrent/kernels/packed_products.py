"""The product with a packed matrix; compiled when first imported."""

from __future__ import annotations

from wordkit.recurrent.kernels.calls import product_function
from wordkit.recurrent.kernels.products import multiply

__all__ = ["packed"]


@product_function
def packed(
    rows: int, K: int, N: int, a: int, a_stride: int, matrix: int, start: int, start_stride: int,
    out: int, out_stride: int, unused: int,
) -> None:  # fmt: skip
    """See :func:`wordkit.recurrent.kernels.calls.product`."""
    multiply(False, rows, K, N, a, a_stride, matrix, start, start_stride, out, out_stride)
