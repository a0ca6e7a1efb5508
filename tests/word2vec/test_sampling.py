"""What is drawn at random: the tables imply the distributions, exactly, and gensim's agree."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
