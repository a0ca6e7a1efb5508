"""What Embeddings answer, against plain arithmetic and against gensim."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.embeddings import Embeddings, search
from wordkit.errors import ConfigError, EmbeddingsError, FormatError, UnknownWordError

SQUARE = Embeddings(
    ["east", "north", "west", "northeast", "nowhere"],
    [[2, 0], [0, 3], [-1, 0], [1, 1], [0, 0]],
)


@pytest.fixture(scope="module")
def random() -> Embeddings:
    rng = np.random.default_rng(7)
    return Embeddings([f"w{i}" for i in range(500)], rng.standard_normal((500, 20)))


@pytest.fixture(scope="module")
def peer(random: Embeddings):
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(random.dim)
    vectors.add_vectors(list(random.words), random.vectors.copy())
    return vectors


def slow_ranking(embeddings: Embeddings, query: np.ndarray, skip: set[str]) -> list[str]:
    """All words by cosine, the obvious way."""
    scores = {}
    for word, vector in zip(embeddings.words, embeddings.vectors.astype(float), strict=True):
        if word not in skip and np.linalg.norm(vector) > 0:
            scores[word] = vector @ query / np.linalg.norm(vector) / np.linalg.norm(query)
    return sorted(scores, key=lambda word: -scores[word])


def test_vectors_and_sizes():
    assert len(SQUARE) == 5
    assert SQUARE.dim == 2
    assert SQUARE.vector("north").tolist() == [0, 3]
    assert SQUARE.norms.tolist() == pytest.approx([2, 3, 1, 2**0.5, 0])
    assert "west" in SQUARE and "south" not in SQUARE
    assert SQUARE.unit_vectors(np.array([2, 4, 0])).tolist() == [[-1, 0], [0, 0], [1, 0]]
    assert "5 words, 2 dimensions" in repr(SQUARE)


def test_similarity_is_the_cosine():
    assert SQUARE.similarity("east", "north") == 0
    assert SQUARE.similarity("east", "west") == -1
    assert SQUARE.similarity("east", "northeast") == pytest.approx(0.5**0.5)
    assert SQUARE.similarity("east", np.array([0, 1])) == 0


def test_mean_vector_leaves_out_unknown_words():
    assert SQUARE.mean_vector("north  by northeast").tolist() == [0.5, 2]
    assert SQUARE.mean_vector(["east"]).tolist() == [2, 0]
    with pytest.raises(EmbeddingsError, match="none of 2 words"):
        SQUARE.mean_vector("hither thither")
    with pytest.raises(EmbeddingsError, match="none of 0 words"):
        SQUARE.mean_vector("")


@pytest.mark.parametrize(
    ("words", "vectors", "message"),
    [
        (["a", "b"], [[1.0]], "2 words need vectors of shape"),
        ([], np.zeros((0, 3)), "a word and a dimension"),
        (["a"], np.zeros((1, 0)), "a word and a dimension"),
        (["a", "b"], [[1, 2], [np.nan, 0]], "vector of 'b' holds NaN"),
        (["a"], [[3e38, 3e38]], "'a'"),
        (["a"], [[1e300]], "'a'"),
        (["a"], [["x"]], "no matrix of numbers"),
    ],
)
def test_what_does_not_fit_is_refused(words, vectors, message):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EmbeddingsError, match=message):
            Embeddings(words, vectors)


def test_weights_are_finite_matrices_of_float32():
    assert not SQUARE.weights
    for weights, message in (
        (np.zeros(3, np.float32), r"weights 'x' must be a matrix of float32, not float32 .*\(3,\)"),
        (np.zeros((2, 2)), "weights 'x' must be a matrix of float32, not float64"),
        (np.full((2, 2), np.nan, np.float32), "weights 'x' hold NaN or infinity"),
    ):
        with pytest.raises(EmbeddingsError, match=message):
            Embeddings(["a"], [[1.0]], weights={"x": weights})
    with pytest.raises(EmbeddingsError, match="as many norms"):
        Embeddings(["a"], [[1.0]], norms=np.ones(2, dtype=np.float32))


def test_questions_do_not_look_at_weights():
    weights = np.full((9, 1), np.nan, np.float32)  # as they could come from a corrupted file
    norms = np.ones(2, np.float32)
    corrupted = Embeddings(["a", "b"], np.eye(2), norms=norms, weights={"x": weights})
    assert corrupted.most_similar("a") == [("b", 0.0)]
    assert corrupted.similarity("a", "b") == 0 and corrupted.doesnt_match(["a", "a", "b"]) == "b"
    with pytest.raises(FormatError, match="its weights 'x' are not all finite"):
        corrupted.check()
    corrupted.without_weights().check()


def test_most_similar_leaves_out_the_query_and_zero_vectors():
    answer = SQUARE.most_similar("east")
    assert [word for word, _ in answer] == ["northeast", "north", "west"]
    assert answer[0].score == pytest.approx(0.5**0.5)
    assert [a.word for a in SQUARE.most_similar(["east", "north"])] == ["northeast", "west"]
    assert [a.word for a in SQUARE.most_similar("northeast", "north", n=2)] == ["east", "west"]
    assert [a.word for a in SQUARE.most_similar((), "east", n=1)] == ["west"]


def test_a_vector_as_query_leaves_nothing_out():
    assert SQUARE.most_similar(np.array([5.0, 0.0]), n=1)[0].word == "east"
    assert SQUARE.most_similar([np.array([5, 0]), "north"], n=1)[0].word == "northeast"


def test_ties_go_to_the_lower_id_and_n_may_exceed_the_words():
    words = [f"w{i}" for i in range(50)]
    same = Embeddings(words, np.ones((50, 4)))
    assert [a.word for a in same.most_similar("w3", n=5)] == ["w0", "w1", "w2", "w4", "w5"]
    assert len(same.most_similar("w3", n=10**6)) == 49


def test_restrict_searches_the_first_words_only():
    assert [a.word for a in SQUARE.most_similar("east", restrict=3)] == ["north", "west"]
    assert [a.word for a in SQUARE.most_similar("northeast", n=1, restrict=1)] == ["east"]
    assert len(SQUARE.most_similar("east", restrict=99)) == 3


ZERO, NONE = "is zero: it has no direction", "'eats' is not in the vocabulary; did you mean east"


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda e: e.similarity("nowhere", "east"), ZERO),
        (lambda e: e.most_similar(["east", "nowhere"]), ZERO),
        (lambda e: e.analogy("east", "nowhere", "west", method="mul"), ZERO),
        (lambda e: e.doesnt_match(["east", "north", "nowhere"]), ZERO),
        (lambda e: e.most_similar(np.zeros(2)), ZERO),
        (lambda e: e.most_similar([]), "at least one word"),
        (lambda e: e.most_similar(["east", "west"]), "cancel out"),
        (lambda e: e.most_similar(np.ones(3)), "needs 2 numbers"),
        (lambda e: e.most_similar(np.array([np.nan, 1])), "not finite"),
        (lambda e: e.doesnt_match(["east", "west"]), "at least three"),
        (lambda e: e.vector("eats"), NONE),
        (lambda e: e.most_similar("east", ["eats"]), NONE),
        (lambda e: e.analogy("east", "eats", "west"), NONE),
        (lambda e: e.doesnt_match(["east", "eats", "west"]), NONE),
        (lambda e: e.most_similar_batch(["east", "eats"]), NONE),
    ],
)
def test_questions_without_an_answer(question, message):
    with pytest.raises(UnknownWordError if message == NONE else EmbeddingsError, match=message):
        question(SQUARE)


def test_doesnt_match():
    assert SQUARE.doesnt_match(["east", "northeast", "north", "west"]) == "west"


def test_analogy_is_a_minus_b_plus_c():
    words = ["king", "man", "woman", "queen", "apple"]
    royal, male, female = np.eye(3)
    vectors = [royal + male, male, female, royal + female, -royal]
    embeddings = Embeddings(words, vectors)
    for method in ("add", "mul"):
        answer = embeddings.analogy("king", "man", "woman", method=method)
        assert [a.word for a in answer] == ["queen", "apple"]
    with pytest.raises(ConfigError, match="'sub'"):
        embeddings.analogy("king", "man", "woman", method="sub")


# --- peers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("positive", "negative"),
    [(["w1"], []), (["w1", "w2", "w3"], []), (["w1", "w5"], ["w9"]), (["w1"], ["w2", "w3"])],
)
def test_most_similar_is_gensims(random, peer, positive, negative):
    ours = random.most_similar(positive, negative, n=20)
    theirs = peer.most_similar(positive=positive, negative=negative, topn=20)
    assert [a.word for a in ours] == [word for word, _ in theirs]
    assert [a.score for a in ours] == pytest.approx([score for _, score in theirs], abs=1e-5)


@pytest.mark.filterwarnings("ignore:Call to deprecated")
def test_3cosmul_and_doesnt_match_are_gensims(random, peer):
    ours = random.analogy("w1", "w2", "w3", n=15, method="mul")
    theirs = peer.most_similar_cosmul(positive=["w1", "w3"], negative=["w2"], topn=15)
    assert [a.word for a in ours] == [word for word, _ in theirs]
    assert [a.score for a in ours] == pytest.approx([score for _, score in theirs], rel=1e-4)
    words = ["w10", "w20", "w30", "w40", "w50"]
    assert random.doesnt_match(words) == peer.doesnt_match(words)
    assert random.similarity("w1", "w2") == pytest.approx(peer.similarity("w1", "w2"), abs=1e-6)


# --- laws --------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 6), st.integers(1, 50))
def test_most_similar_agrees_with_the_obvious_way(seed, size, dim, n):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((size, dim)) * 10.0 ** rng.integers(-18, 18, (size, 1))
    vectors[rng.random(size) < 0.2] = 0
    vectors[0] = rng.standard_normal(dim)
    embeddings = Embeddings([f"w{i}" for i in range(size)], vectors)
    answer = embeddings.most_similar("w0", n=n)
    scores = {a.word: a.score for a in answer}
    expected = slow_ranking(embeddings, embeddings.vectors[0].astype(float), {"w0"})[:n]
    assert len(scores) == len(expected)
    similarities = [embeddings.similarity("w0", word) for word in expected]
    # by score, as rounding may swap what is nearly equally near
    assert [a.score for a in answer] == pytest.approx(similarities, abs=1e-5)
    for word, score in scores.items():
        assert score == pytest.approx(embeddings.similarity(word, "w0"), abs=1e-5)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 12))
def test_a_batch_answers_as_its_queries_do_alone(seed, queries, n):
    rng = np.random.default_rng(seed)
    embeddings = Embeddings([f"w{i}" for i in range(60)], rng.standard_normal((60, 8)))
    asked = [f"w{i}" for i in rng.integers(0, 60, queries)]
    batch = embeddings.most_similar_batch(asked, n=n)
    for word, answer in zip(asked, batch, strict=True):
        alone = embeddings.most_similar(word, n=n)
        assert [a.word for a in answer] == [a.word for a in alone]
        assert [a.score for a in answer] == pytest.approx([a.score for a in alone], abs=1e-6)


def test_a_batch_works_in_blocks(random, monkeypatch):
    queries = [["w1", "w2"], "w3", random.vector("w4"), *[f"w{i}" for i in range(100, 140)]]
    whole = random.most_similar_batch(queries, n=7)
    monkeypatch.setattr(search, "_SCORES", 230)
    monkeypatch.setattr(search, "_QUERIES", 3)
    blocks = random.most_similar_batch(queries, n=7)
    assert [[a.word for a in answer] for answer in blocks] == [
        [a.word for a in answer] for answer in whole
    ]
    assert random.most_similar_batch([]) == []


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0]) | st.floats(-1, 1, width=32)),
    st.integers(1, 12),
)
def test_best_is_a_stable_sort(scores, n):
    array = np.array(scores, dtype=np.float32)
    expected = [i for i in sorted(range(len(scores)), key=lambda i: -array[i]) if scores[i] > -9]
    assert search.best(array, n).tolist() == expected[:n]


# --- damage ------------------------------------------------------------------------------------


def test_corrupted_vectors_under_a_map_are_found_by_queries_and_by_check():
    vectors = np.ones((4, 3), dtype=np.float32)
    vectors[2, 1] = np.nan
    norms = np.full(4, 3**0.5, dtype=np.float32)
    mapped = Embeddings(list("abcd"), vectors, norms=norms, source="v.safetensors")
    for question in (
        lambda: mapped.most_similar("a"),
        lambda: mapped.similarity("a", "c"),
        lambda: mapped.analogy("a", "b", "d", method="mul"),
        mapped.unit_vectors,
        mapped.check,
    ):
        with pytest.raises(FormatError, match=r"v\.safetensors is corrupted"):
            question()
    assert mapped.similarity("a", "b") == pytest.approx(1)


@pytest.mark.parametrize("norm", [0.0, -1.0, 5.0, np.nan, np.inf])
def test_check_finds_wrong_norms(norm):
    norms = np.array([1, norm], dtype=np.float32)
    with pytest.raises(FormatError, match="'b'"):
        Embeddings(["a", "b"], [[1.0], [1.0]], norms=norms).check()
    SQUARE.check()
