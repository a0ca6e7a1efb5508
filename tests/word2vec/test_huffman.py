"""The Huffman tree: a code, and the shortest there is."""

from __future__ import annotations

import heapq
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.word2vec.huffman import HuffmanTree, huffman_tree

FIBONACCI = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]
SHAPES = {
    "two words": [5, 3],
    "two alike": [4, 4],
    "three": [9, 5, 1],
    "as deep as can be": FIBONACCI[::-1],
    "level": [7] * 16,
    "nearly level": [7] * 11,
    "ties on the way": [4, 2, 2, 1, 1, 1, 1],
    "nothing counted": [0] * 5,
    "Zipf": [100_000 // (rank + 1) for rank in range(2000)],
    "beyond 32 bits": [2**40, 2**40, 2**33, 5, 1],
}


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


def ways(tree: HuffmanTree) -> list[list[tuple[int, int]]]:
    """For each word the nodes from the root with the turns there."""
    return [
        list(zip(tree.nodes[a:b].tolist(), tree.turns[a:b].tolist(), strict=True))
        for a, b in zip(tree.starts[:-1].tolist(), tree.starts[1:].tolist(), strict=True)
    ]


def check(counts: list[int]) -> None:
    V = len(counts)
    tree = huffman_tree(np.array(counts))
    assert (tree.starts.dtype, tree.nodes.dtype, tree.turns.dtype) == (np.int64, np.int32, np.uint8)
    assert tree.starts.shape == (V + 1,) and tree.starts[0] == 0
    assert len(tree.nodes) == len(tree.turns) == tree.starts[-1]
    lengths = np.diff(tree.starts).tolist()
    assert sum(n * length for n, length in zip(counts, lengths, strict=True)) == least_cost(counts)
    assert sum(Fraction(1, 2**length) for length in lengths) == 1, "Kraft's equality"
    assert tree.longest == max(lengths)

    # Each turn at a node leads to one thing only, a node or a word, and each is led to once.
    children: dict[tuple[int, int], str] = {}
    for word, way in enumerate(ways(tree)):
        assert way[0][0] == V - 2, "the root"
        goals = [f"node {node}" for node, _ in way[1:]] + [f"word {word}"]
        for place, goal in zip(way, goals, strict=True):
            assert children.setdefault(place, goal) == goal
    assert len(children) == len(set(children.values())) == 2 * (V - 1)
    assert {node for node, _ in children} == set(range(V - 1))
    assert {turn for _, turn in children} == {0, 1}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape: str) -> None:
    check(SHAPES[shape])


@given(
    st.lists(st.integers(0, 20) | st.integers(0, 10**15), min_size=2, max_size=80).map(
        lambda counts: sorted(counts, reverse=True)
    )
)
def test_any_counts(counts: list[int]) -> None:
    check(counts)


def test_the_shapes_are_what_their_names_say() -> None:
    assert ways(huffman_tree(np.array([5, 3]))) in ([[(0, 0)], [(0, 1)]], [[(0, 1)], [(0, 0)]])
    assert huffman_tree(np.array(SHAPES["as deep as can be"])).longest == len(FIBONACCI) - 1
    assert np.diff(huffman_tree(np.array(SHAPES["level"])).starts).tolist() == [4] * 16


def test_frequent_words_lie_near_the_root() -> None:
    lengths = np.diff(huffman_tree(np.array(SHAPES["Zipf"])).starts)
    assert (np.diff(lengths) >= 0).all()
    assert lengths[0] <= 3 and lengths[-1] >= 12


def test_the_same_counts_make_the_same_tree() -> None:
    counts = np.array(SHAPES["ties on the way"])
    assert ways(huffman_tree(counts)) == ways(huffman_tree(counts.copy()))


@pytest.mark.parametrize("shape", ["Zipf", "as deep as can be", "ties on the way", "two words"])
def test_gensim_needs_as_many_turns(shape: str) -> None:
    from gensim.models import Word2Vec

    counts = SHAPES[shape]
    peer = Word2Vec(hs=1, negative=0, min_count=1)
    peer.build_vocab_from_freq({f"w{word}": count for word, count in enumerate(counts)})
    theirs = [len(peer.wv.get_vecattr(f"w{word}", "code")) for word in range(len(counts))]
    ours = np.diff(huffman_tree(np.array(counts)).starts)
    assert int(ours @ counts) == int(np.array(theirs) @ counts)
