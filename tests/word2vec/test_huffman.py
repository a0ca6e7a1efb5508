"""The Huffman tree: a code, and the shortest there is."""

from __future__ import annotations

import heapq
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.word2vec.huffman import huffman_tree

SHAPES = [
    [5, 3],
    [89, 55, 34, 21, 13, 8, 5, 3, 2, 1, 1],  # as deep as can be
    [7] * 16,
    [0] * 5,
    [100_000 // (rank + 1) for rank in range(2000)],
]


def least_cost(counts: list[int]) -> int:
    """The length of the text in the best code: the sum of all sums that a heap makes."""
    heap = list(counts)
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        total = heapq.heappop(heap) + heapq.heappop(heap)
        cost += total
        heapq.heappush(heap, total)
    return cost


def check(counts: list[int]) -> None:
    V = len(counts)
    tree = huffman_tree(np.array(counts))
    assert (tree.starts.dtype, tree.nodes.dtype, tree.codes.dtype) == (np.int64, np.int32, np.uint8)
    assert tree.starts.shape == (V + 1,) and tree.starts[0] == 0
    assert len(tree.nodes) == len(tree.codes) == tree.starts[-1]
    lengths = np.diff(tree.starts).tolist()
    assert sum(n * length for n, length in zip(counts, lengths, strict=True)) == least_cost(counts)
    assert sum(Fraction(1, 2**length) for length in lengths) == 1, "Kraft's equality"
    assert tree.longest == max(lengths)

    # Each turn at a node leads to one thing only, a node or a word, and each is led to once.
    children: dict[tuple[int, int], str] = {}
    steps = list(zip(tree.nodes.tolist(), tree.codes.tolist(), strict=True))
    for word in range(V):
        path = steps[tree.starts[word] : tree.starts[word + 1]]
        assert path[0][0] == V - 2, "the root"
        goals = [f"node {node}" for node, _ in path[1:]] + [f"word {word}"]
        for place, goal in zip(path, goals, strict=True):
            assert children.setdefault(place, goal) == goal
    assert len(children) == len(set(children.values())) == 2 * (V - 1)
    assert {node for node, _ in children} == set(range(V - 1))
    assert {code for _, code in children} == {0, 1}


@pytest.mark.parametrize("counts", SHAPES, ids=lambda counts: f"{counts!r:.20}")
def test_shapes(counts: list[int]) -> None:
    check(counts)


@given(st.lists(st.integers(0, 20) | st.integers(0, 10**15), min_size=2, max_size=80))
def test_any_counts(counts: list[int]) -> None:
    check(sorted(counts, reverse=True))
