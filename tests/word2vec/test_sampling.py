"""Tables to draw from, which imply their distributions exactly, and the Huffman tree, the shortest
code."""

from __future__ import annotations

import heapq
import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.word2vec.huffman import huffman_tree
from wordkit.word2vec.sampling import alias_table, keep_probabilities, noise_probabilities

ZIPF = np.array([100_000 // (rank + 1) for rank in range(3000)])
COUNTS = st.lists(st.integers(1, 10**12), min_size=2, max_size=60).map(
    lambda counts: np.array(sorted(counts, reverse=True))
)


def implied_by(table: npt.NDArray[np.uint64]) -> list[Fraction]:
    """The probability of each word in draws from an alias table."""
    implied = [Fraction(0)] * len(table)
    for word, entry in enumerate(table.tolist()):
        own, alias = entry % 2**32, entry >> 32
        implied[word] += Fraction(own, 2**32)
        implied[alias] += Fraction(2**32 - own, 2**32)
    return [probability / len(table) for probability in implied]


WEIGHTS = st.floats(0, 1e6) | st.floats(1e-9, 1) | st.sampled_from([0.0, 1.0, 1e-300, 1e9])


@given(st.lists(WEIGHTS, min_size=1, max_size=50))
def test_the_table_implies_the_distribution(weights: list[float]) -> None:
    if sum(weights) > 0:
        probabilities = np.array(weights) / sum(weights)
        implied = implied_by(alias_table(probabilities))
        assert sum(implied) == 1
        assert np.abs(np.array(implied, float) - probabilities).max() < 2**-30


@given(COUNTS, st.floats(-3, 3))
def test_laws_of_the_noise(counts: npt.NDArray[np.int64], exponent: float) -> None:
    noise = noise_probabilities(counts, exponent)
    assert noise.sum() == pytest.approx(1)
    assert (noise > 0).all()
    falls = np.diff(noise) * math.copysign(1, exponent)
    assert (falls <= 1e-12).all(), "the order of the counts, or for exponents below 0 its reverse"
    ratio = (float(counts[0]) / float(counts[-1])) ** exponent
    assert noise[0] / noise[-1] == pytest.approx(ratio, rel=1e-6)


@pytest.mark.parametrize("exponent", [-1, 0, 0.75])
def test_words_that_do_not_occur_are_never_drawn(exponent: float) -> None:
    assert noise_probabilities(np.array([5, 0]), exponent).tolist() == [1, 0]
    drawn = implied_by(alias_table(noise_probabilities(np.array([5, 0, 3, 0, 0]), exponent)))
    assert [drawn[word] for word in (1, 3, 4)] == [0, 0, 0]


@given(COUNTS, st.floats(1e-8, 1))
def test_words_are_kept_as_word2vec_c_keeps_them(
    counts: npt.NDArray[np.int64], sample: float
) -> None:
    keep = keep_probabilities(counts, sample)
    train_words = int(counts.sum())
    for cn, probability in zip(counts.tolist(), keep.tolist(), strict=True):
        ran = (math.sqrt(cn / (sample * train_words)) + 1) * (sample * train_words) / cn
        assert probability == pytest.approx(min(ran, 1))
    assert (np.diff(keep) >= 0).all(), "the rarer, the more is kept"
    assert keep_probabilities(counts, 0).tolist() == [1] * len(counts)


def test_gensim_draws_the_same() -> None:
    from gensim.models import Word2Vec

    peer: Any = Word2Vec(sample=1e-3, negative=5, ns_exponent=0.75, min_count=1)
    peer.build_vocab_from_freq({f"w{rank}": int(count) for rank, count in enumerate(ZIPF)})
    theirs = [peer.wv.get_vecattr(f"w{rank}", "sample_int") for rank in range(len(ZIPF))]
    kept = np.array(theirs) / (2**32 - 1)
    np.testing.assert_allclose(keep_probabilities(ZIPF, 1e-3), kept, rtol=1e-6)
    ranks = [peer.wv.key_to_index[f"w{rank}"] for rank in range(len(ZIPF))]
    drawn = np.diff(np.concatenate([[0], peer.cum_table / peer.cum_table[-1]]))[ranks]
    np.testing.assert_allclose(noise_probabilities(ZIPF, 0.75), drawn, atol=1e-8)


# --- the Huffman tree ----------------------------------------------------------------------------


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


def check_tree(counts: list[int]) -> None:
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
def test_trees_of_all_shapes(counts: list[int]) -> None:
    check_tree(counts)


@given(st.lists(st.integers(0, 20) | st.integers(0, 10**15), min_size=2, max_size=80))
def test_trees_of_any_counts(counts: list[int]) -> None:
    check_tree(sorted(counts, reverse=True))
