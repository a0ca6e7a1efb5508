"""The Huffman tree of hierarchical softmax: frequent words lie near its root.

V is the number of words; a tree of V leaves has V − 1 inner nodes, and each of them has a vector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["HuffmanTree", "huffman_tree"]


@dataclass(frozen=True)
class HuffmanTree:
    """The path from the root to each word: that of word w is ``[starts[w]:starts[w + 1]]``."""

    starts: npt.NDArray[np.int64]
    """Shape (V + 1,)."""

    nodes: npt.NDArray[np.int32]
    """The inner nodes on the path, from 0 to V − 2; the root is V − 2."""

    codes: npt.NDArray[np.uint8]
    """At each of them the bit of the Huffman code: 0 left, 1 right."""

    @property
    def longest(self) -> int:
        """The number of nodes on the longest path."""
        return int(np.diff(self.starts).max())


def huffman_tree(counts: npt.NDArray[np.int64]) -> HuffmanTree:
    """Build the Huffman tree of words by their counts.

    Args:
        counts: shape (V,), from most to least frequent, V ≥ 2.

    Source: Huffman, "A Method for the Construction of Minimum-Redundancy Codes" (1952), with two
    queues, which takes time proportional to V where the counts are in order.
    """
    V = len(counts)
    parent = np.zeros(2 * V - 1, dtype=np.int64)
    bit = np.zeros(2 * V - 1, dtype=np.uint8)
    leaves = list(zip(counts.tolist(), range(V), strict=True))  # the least frequent is last
    inner: list[tuple[int, int]] = []
    first = 0  # of the inner nodes that have no parent yet
    for node in range(V, 2 * V - 1):
        total = 0
        for side in (0, 1):
            if leaves and (first == len(inner) or leaves[-1][0] <= inner[first][0]):
                count, child = leaves.pop()
            else:
                count, child = inner[first]
                first += 1
            parent[child], bit[child] = node, side
            total += count
        inner.append((total, node))
    return _paths(parent, bit, V)


def _paths(parent: npt.NDArray[np.int64], bit: npt.NDArray[np.uint8], V: int) -> HuffmanTree:
    """Return the paths from the root, level by level for all words at once."""
    root = 2 * V - 2
    depth = np.zeros(2 * V - 1, dtype=np.int64)
    for node in range(root - 1, -1, -1):  # a parent's number is higher than its children's
        depth[node] = depth[parent[node]] + 1
    starts = np.concatenate([[0], np.cumsum(depth[:V])])
    nodes = np.zeros(starts[-1], dtype=np.int32)
    codes = np.zeros(starts[-1], dtype=np.uint8)
    here, index = np.arange(V), starts[1:] - 1
    words = np.arange(V)
    while len(words):
        nodes[index[words]] = parent[here] - V
        codes[index[words]] = bit[here]
        here = parent[here]
        index[words] -= 1
        below = here != root
        words, here = words[below], here[below]
    return HuffmanTree(starts, nodes, codes)
