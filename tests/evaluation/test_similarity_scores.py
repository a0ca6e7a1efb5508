"""Spearman's correlation, alone and against gensim and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError
from wordkit.evaluation import SimilarityScore, WordPair, WordPairs, evaluate_similarity
from wordkit.evaluation.similarity import spearman

PLANE = Embeddings(
    ["east", "East", "north", "northeast", "zero"], [[1, 0], [0, 1], [0, 2], [1, 1], [0, 0]]
)


def pairs(*entries: tuple[str, str, float]) -> WordPairs:
    return WordPairs("set", tuple(WordPair(*entry) for entry in entries))


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=30))
def test_spearman_is_scipys_with_ties(values):
    from scipy import stats

    a, b = np.array(values, dtype=float).T
    ours = spearman(a, b)
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert ours is None
    else:
        assert ours == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
        assert -1 <= ours <= 1
        assert spearman(b, a) == ours


def test_the_score_comes_with_its_coverage():
    others = [("northeast", 7), ("north", 1), ("south", 3), ("zero", 2)]
    score = evaluate_similarity(PLANE, pairs(*(("east", *other) for other in others)))
    assert score == SimilarityScore("set", pytest.approx(1.0), used=2, skipped=2)


def test_without_two_pairs_there_is_no_score():
    assert evaluate_similarity(PLANE, pairs()) == SimilarityScore("set", None, 0, 0)
    one = evaluate_similarity(PLANE, pairs(("east", "north", 1), ("a", "b", 2)))
    assert one == SimilarityScore("set", None, 1, 1)
    same = evaluate_similarity(PLANE, pairs(("east", "north", 1), ("north", "east", 2)))
    assert same.spearman is None
    assert same.used == 2


def test_capitals_count_or_do_not():
    entries = pairs(("EAST", "north", 1), ("East", "NorthEast", 9), ("north", "northeast", 8))
    assert evaluate_similarity(PLANE, entries).used == 3
    assert evaluate_similarity(PLANE, entries, case_insensitive=False).used == 1


@pytest.mark.parametrize("known", ["caf\u00e9", "cafe\u0301"])
def test_equal_spellings_are_one_word(known):
    vectors = Embeddings([known, "tea", "bar"], [[1, 0], [0, 1], [1, 1]])
    for case_insensitive in (False, True):
        entries = pairs(("caf\u00e9", "tea", 1), ("cafe\u0301", "bar", 9))
        assert evaluate_similarity(vectors, entries, case_insensitive=case_insensitive).used == 2


def test_a_vocabulary_cut_skips_later_words():
    entries = pairs(("east", "north", 1), ("east", "northeast", 2))
    assert evaluate_similarity(PLANE, entries, restrict_vocab=3).skipped == 1
    assert evaluate_similarity(PLANE, entries, restrict_vocab=99).skipped == 0
    with pytest.raises(ConfigError, match="restrict_vocab"):
        evaluate_similarity(PLANE, entries, restrict_vocab=0)


@pytest.mark.parametrize("name", ["EN-RG-65", "EN-WS-353-ALL"])
@pytest.mark.parametrize(
    ("restrict", "case_insensitive"), [(300_000, True), (300_000, False), (30, True)]
)
def test_the_score_on_real_sets_is_gensims(shared_data, name, restrict, case_insensitive):
    from gensim.models import KeyedVectors

    from wordkit_corpora.evaluation_sets import read_word_pairs

    path = shared_data / "evaluation" / f"{name}.txt"
    real = read_word_pairs(path)
    words = list(dict.fromkeys(word for pair in real.pairs for word in pair[:2]))[:-5]
    words[5] = words[5].capitalize()
    words[7:7] = [words[20].upper()]  # a second form of a word, and the first to be found
    vectors = np.random.default_rng(1).standard_normal((len(words), 30)).astype(np.float32)
    peer = KeyedVectors(30)
    peer.add_vectors(words, vectors.copy())
    _, theirs, skipped = peer.evaluate_word_pairs(
        str(path), restrict_vocab=restrict, case_insensitive=case_insensitive
    )
    ours = evaluate_similarity(
        Embeddings(words, vectors),
        real,
        restrict_vocab=restrict,
        case_insensitive=case_insensitive,
    )
    assert ours.spearman == pytest.approx(theirs.statistic, abs=1e-6)
    assert ours.skipped / len(real.pairs) * 100 == pytest.approx(skipped)
