"""Truncated singular value decomposition of sparse matrices, on all threads."""

from wordkit.counts.svd.decompose import truncated_svd

__all__ = ["truncated_svd"]
