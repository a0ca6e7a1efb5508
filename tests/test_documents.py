"""Document vectors, against the formulas written out, scikit-learn, gensim and the tokenizers."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from every_command import options
from hypothesis import assume, given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from string_source import StringSource

from wordkit.documents import (
    SUFFIXES,
    WEIGHTINGS,
    DocumentVectors,
    iter_embed_lines,
    similar_lines,
)
from wordkit.documents import vectors as document_vectors
from wordkit.embeddings import Embeddings, save_embeddings
from wordkit.embeddings.composition import Subwords
from wordkit.errors import ConfigError, EmbeddingsError, FormatError, TextError, WordkitError
from wordkit.text import Vocabulary, lookup
from wordkit.text.subwords import NGrams
from wordkit.text.tokenizers import get_tokenizer

WORDS = ["the", "cat", "dog", "mat", "3.14", "don't", ".", "N", "naïve", "größe"]
COUNTS = [900, 40, 30, 20, 5, 5, 400, 3, 2, 1]
ROWS = np.random.default_rng(3).standard_normal((len(WORDS), 4)).astype(np.float32)
VECTORS = Embeddings(Vocabulary(WORDS, COUNTS), ROWS)
WITHOUT_COUNTS = Embeddings(WORDS, ROWS)
LINES = ["The cat, the dog.", "a mat", "", "The DOG don't; naïve!", "3.14 cats", "unknown words"]

texts = st.lists(
    st.lists(st.sampled_from([*WORDS, "unseen"]), max_size=6).map(" ".join), min_size=1, max_size=8
)


def written_out(
    lines: Iterable[str], weighting: str, counts: dict[str, int] | None = None
) -> np.ndarray:
    """The vectors of lines that are tokenized already, by the formulas."""
    known = [[word for word in line.split() if word in WORDS] for line in lines]
    counts = counts or Counter(word for words in known for word in words)
    df = Counter(word for words in known for word in set(words))
    rows = []
    for words in known:
        if weighting == "sif":
            weights = [1e-3 / (1e-3 + counts[word] / sum(counts.values())) for word in words]
            norm: float = len(words)
        elif weighting == "tfidf":
            weights = [np.log((1 + len(known)) / (1 + df[word])) + 1 for word in words]
            norm = sum(weights)
        else:
            weights, norm = [1.0] * len(words), len(words)
        total = np.zeros(4)
        for word, weight in zip(words, weights, strict=True):
            total += weight * ROWS[WORDS.index(word)]
        rows.append(total / norm if words else total)
    matrix = np.array(rows)
    if weighting == "sif":
        _, singular, directions = np.linalg.svd(matrix)
        singular = np.append(singular, 0)
        assume(singular[0] - singular[1] > 0.01)  # else several directions are equally common
        matrix = matrix - np.outer(matrix @ directions[0], directions[0])
    return matrix


@given(texts, st.sampled_from(WEIGHTINGS), st.booleans())
def test_vectors_are_the_formulas(lines: list[str], weighting: str, with_counts: bool) -> None:
    vectors = VECTORS if with_counts else WITHOUT_COUNTS
    found = DocumentVectors(vectors, weighting, "whitespace").fit_transform(lines)
    counts = dict(zip(WORDS, COUNTS, strict=True)) if with_counts else None
    expected = written_out(lines, weighting, counts)
    assert found == pytest.approx(expected, abs=2e-4)
    assert found.dtype == np.float32 and found.shape == (len(lines), 4)


def test_frequencies_come_from_fit_and_stay() -> None:
    for weighting in WEIGHTINGS:
        model = DocumentVectors(WITHOUT_COUNTS, weighting).fit(LINES)
        both = model.transform(LINES)
        assert np.array_equal(both, DocumentVectors(WITHOUT_COUNTS, weighting).fit_transform(LINES))
        for i, line in enumerate(LINES):  # a row does not depend on the others
            assert model.transform([line])[0] == pytest.approx(both[i], abs=1e-6)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_other_words_are_composed_of_their_ngrams(weighting: str) -> None:
    """As in vectors that have these words, which no text holds."""
    ngrams = np.random.default_rng(4).standard_normal((50, 4)).astype(np.float32)
    subwords = Subwords(NGrams(2, 3, 50), ngrams)
    composing = Embeddings(Vocabulary(WORDS, COUNTS), ROWS, subwords=subwords)
    others = [",", ";", "!", "cats", "a", "unknown", "words", "zebra"]
    rows = [*ROWS, *(composing.vector(word) for word in others)]
    whole = Embeddings(Vocabulary([*WORDS, *others], [*COUNTS, *[0] * 8]), rows)
    found, expected = (DocumentVectors(each, weighting) for each in (composing, whole))
    lines = LINES if weighting != "tfidf" else ["the cat", "the dog"]
    assert found.fit_transform(lines) == pytest.approx(expected.fit_transform(lines), abs=1e-5)
    new = ["the cats", "zebra zebra dog", "", "the unknown"]
    assert found.transform(new) == pytest.approx(expected.transform(new), abs=1e-5)


def test_idf_is_scikit_learns() -> None:
    matrix = np.array([[3, 0, 1], [2, 0, 0], [3, 0, 0], [4, 1, 0]])
    lines = [
        " ".join(w for w, n in zip(WORDS, row, strict=False) for _ in range(n)) for row in matrix
    ]
    model = DocumentVectors(VECTORS, "tfidf").fit(lines)
    assert model.weights_[:3] == pytest.approx(TfidfTransformer().fit(matrix).idf_)


def test_the_common_component_is_removed() -> None:
    model = DocumentVectors(VECTORS, "sif").fit(LINES)
    assert np.linalg.norm(model.component_) == pytest.approx(1)
    assert model.transform(LINES) @ model.component_ == pytest.approx(np.zeros(6), abs=1e-6)
    alike = DocumentVectors(VECTORS, "sif").fit_transform(["the cat"] * 3)
    assert not alike.any()  # and no rounding errors are left


# --- texts and tokens ------------------------------------------------------------------------


@given(
    st.lists(
        st.text(
            st.one_of(
                st.sampled_from("the cat.\n\r\t'’3,1Σß­\x85 "),
                st.characters(exclude_categories=["Cs"]),
            )
        ),
        max_size=5,
    ),
    st.sampled_from(["basic", "words", "whitespace"]),
)
def test_the_scanner_finds_what_the_tokenizers_find(lines: list[str], name: str) -> None:
    tokenizer = get_tokenizer(name)
    words = sorted({token for line in lines for token in tokenizer(line)})[::2]
    vocabulary = Vocabulary([*words, "the", "cat"] if not {"the", "cat"} & set(words) else words)
    found = lookup.WordLookup(vocabulary, tokenizer)(lines)
    expected = lookup.WordLookup(vocabulary, get_tokenizer(tokenizer.__call__))(lines)
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.offsets.tolist() == expected.offsets.tolist()


@pytest.mark.parametrize("there", ["caf\u00e9", "cafe\u0301"])
def test_equal_spellings_are_found(there: str) -> None:
    vocabulary = Vocabulary(["the", there])
    for tokenizer in (get_tokenizer("basic"), get_tokenizer(str.split)):
        found = lookup.WordLookup(vocabulary, tokenizer)(["the caf\u00e9", "cafe\u0301 x"])
        assert (found.ids.tolist(), found.offsets.tolist()) == ([0, 1, 1], [0, 2, 3])


def test_many_documents_are_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [*LINES, ["the", "cat"], *LINES] * 3  # of strings and lists of tokens
    whole = {w: DocumentVectors(VECTORS, w).fit_transform(lines) for w in WEIGHTINGS}
    monkeypatch.setattr(lookup, "_BLOCK_DOCUMENTS", 4)
    monkeypatch.setattr(lookup, "_BLOCK_CHARACTERS", 20)
    monkeypatch.setattr(lookup, "_MAX_UNKNOWN_WORDS", 2)
    monkeypatch.setattr(document_vectors, "_BLOCK_ROWS", 2)
    for weighting, expected in whole.items():
        found = DocumentVectors(VECTORS, weighting).fit_transform(iter(lines))
        assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "given_as", [list, tuple, iter, np.array, pd.Series, lambda x: pd.Series(x, index=x[::-1])]
)
def test_documents_of_any_iterable(given_as: Any) -> None:
    expected = DocumentVectors(VECTORS).fit_transform(LINES)
    assert np.array_equal(DocumentVectors(VECTORS).fit_transform(given_as(LINES)), expected)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("the cat", "iterable of documents, not a string"),
        ([], "at least one document"),
        (np.array([["the"], ["cat"]]), "one dimension"),
        (pd.DataFrame({"text": LINES}), "one dimension"),
        (["the", None], "document 2 must be a string or a list of tokens, not None"),
        ([b"the"], "document 1 must be"),
        ([["the", 3]], "document 1 must be"),
        (["the", "\ud800"], "not valid Unicode"),
    ],
)
def test_what_is_no_document_is_refused(X: Any, message: str) -> None:
    with pytest.raises(WordkitError, match=message):
        DocumentVectors(VECTORS).fit(X)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weighting": "max"}, "weighting must be one of mean, sif, tfidf, not 'max'"),
        ({"tokenizer": "bert"}, "tokenizer must be one of"),
        ({"vectors": 3}, "vectors must be Embeddings or a path, not 3"),
    ],
)
def test_parameters_are_checked_by_fit(settings: dict[str, Any], message: str) -> None:
    model = DocumentVectors(VECTORS).set_params(**settings)
    with pytest.raises(ConfigError, match=message):
        model.fit(LINES)


def trained_with(tokenizer: str, numbers: str = "keep", **more: Any) -> Embeddings:
    settings = {"tokenizer": tokenizer, "numbers": numbers, **more}
    return Embeddings(VECTORS.vocabulary, ROWS, metadata={"corpus": {"settings": settings}})


def test_the_tokenizer_is_that_of_the_vectors() -> None:
    def tokenizer_of(*arguments: Any) -> Any:
        return DocumentVectors(*arguments).fit(LINES).tokenizer_

    of_model = {"language_model": {"text": {"tokenizer": "words", "numbers": "N"}}}
    assert tokenizer_of(VECTORS) == "basic"
    assert tokenizer_of(trained_with("whitespace")) == "whitespace"
    assert tokenizer_of(Embeddings(WORDS, ROWS, metadata=of_model)) == "words"
    assert tokenizer_of(trained_with("whitespace"), "mean", "treebank") == "treebank"
    assert tokenizer_of(VECTORS, "mean", str.split) == str.split
    with pytest.raises(ConfigError, match="tokenizer must be one of"):
        tokenizer_of(trained_with("a function of the caller's"))


def test_numbers_are_written_as_the_vectors_have_them() -> None:
    for line in ("2,000", ["7.5"]):
        (row,) = DocumentVectors(trained_with("basic", "N")).fit_transform([line])
        assert row.tolist() == VECTORS.vector("N").tolist()


def test_phrases_are_joined_as_in_the_corpus_of_the_vectors() -> None:
    words = ["new_york", "new_york_city", "york"]
    for phrases, expected in ((3, [1, 0, 2]), (2, [0, 0, 2]), ("x", [2, 2, 2])):
        settings = {"tokenizer": "basic", "phrases": phrases}
        vectors = Embeddings(words, np.eye(3), metadata={"corpus": {"settings": settings}})
        tokens = ["new", "york", "city", "new", "york", "york"]
        for text in ("New York City , New York york", tokens):
            found = DocumentVectors(vectors).begin_fit()([text])
            assert found.ids.tolist() == expected


def test_vectors_by_path_are_read_in_fit(tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    model = DocumentVectors(path)
    save_embeddings(VECTORS, path)
    assert np.array_equal(model.fit_transform(LINES), DocumentVectors(VECTORS).fit_transform(LINES))


def test_corrupted_vectors_are_an_error() -> None:
    broken = ROWS.copy()
    broken[1] = np.nan
    with pytest.raises(FormatError, match="corrupted"):
        DocumentVectors(Embeddings(WORDS, broken, norms=np.ones(len(WORDS)))).fit_transform(LINES)
    twice = Vocabulary.from_arrays(np.frombuffer(b"a\na", np.uint8), None, "v")
    with pytest.raises(FormatError, match="more than once"):
        DocumentVectors(Embeddings(twice, ROWS[:2])).fit(LINES)


# --- scikit-learn ----------------------------------------------------------------------------


def test_it_is_a_transformer() -> None:
    model = DocumentVectors(VECTORS, "sif")
    assert clone(model).vectors is VECTORS
    assert model.get_params() == {"vectors": VECTORS, "weighting": "sif", "tokenizer": None}
    with pytest.raises(NotFittedError):
        model.transform(LINES)
    frame = clone(model).set_output(transform="pandas").fit_transform(LINES)
    assert list(frame.columns) == [f"documentvectors{i}" for i in range(4)]
    assert np.array_equal(frame.to_numpy(), model.fit_transform(LINES))
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - as joblib does
    assert np.array_equal(again.transform(LINES), model.transform(LINES))


def test_a_grid_search(tmp_path: Path) -> None:
    save_embeddings(VECTORS, tmp_path / "v.safetensors")
    lines = [f"the {animal} {i}" for i in range(10) for animal in ("cat", "dog")]
    pipeline = make_pipeline(DocumentVectors(VECTORS), LogisticRegression())
    grid = {
        "documentvectors__vectors": [VECTORS, tmp_path / "v.safetensors"],
        "documentvectors__weighting": ["mean", "tfidf"],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(lines, [0, 1] * 10)
    assert search.cv_results_["mean_test_score"].tolist() == [1.0] * 4
    assert search.predict(["cat", "dog dog"]).tolist() == [0, 1]


class OfNumbers(DocumentVectors):
    """Takes a matrix for scikit-learn's checks: a row is a text, a number the word of its size."""

    def fit(self, X: Any, y: Any = None) -> OfNumbers:
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        from sklearn.utils.validation import validate_data

        return super().fit_transform(self._texts(validate_data(self, X)))

    def transform(self, X: Any) -> Any:
        from sklearn.utils.validation import check_is_fitted, validate_data

        check_is_fitted(self)
        return super().transform(self._texts(validate_data(self, X, reset=False)))

    def _texts(self, X: Any) -> list[list[str]]:
        return [[WORDS[int(abs(value)) % len(WORDS)] for value in row] for row in X]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_scikit_learns_checks(weighting: str) -> None:
    if not hasattr(sklearn.utils, "Tags"):
        pytest.skip("these checks need scikit-learn 1.6")
    from sklearn.utils.estimator_checks import check_estimator

    results = check_estimator(OfNumbers(VECTORS, weighting), on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}
    assert sum(r["status"] == "passed" for r in results) > 30


# --- lines of a text -------------------------------------------------------------------------


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_lines_are_written_to_files(tmp_path: Path, weighting: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(document_vectors, "_BLOCK_ROWS", 4)
    source = StringSource("\n".join(LINES) + "\n")
    model = DocumentVectors(VECTORS, weighting)
    paths = [tmp_path / f"v{suffix}" for suffix in SUFFIXES]
    for path in paths:
        run = iter_embed_lines(model, source, path)
        reports = list(run)
        assert run.result().tolist() == [5, 1, 0, 4, 1, 0]
        assert reports[0].stage == "reading" and reports[-1].done == len(LINES)
    expected = DocumentVectors(VECTORS, weighting).fit_transform(LINES)
    npy, tsv, safetensors = paths
    assert np.load(npy, allow_pickle=False).dtype == np.float32
    assert np.array_equal(np.load(npy), expected)
    assert np.array_equal(np.loadtxt(tsv, delimiter="\t", dtype=np.float32), expected)
    assert np.array_equal(load_file(safetensors)["vectors"], expected)


def test_what_cannot_be_embedded(tmp_path: Path) -> None:
    model = DocumentVectors(VECTORS)
    with pytest.raises(ConfigError, match=r"one of \.npy, \.tsv, \.safetensors"):
        iter_embed_lines(model, StringSource("a\n"), tmp_path / "v.txt")
    empty = StringSource("")
    empty.data = b""
    with pytest.raises(TextError, match="holds no line"):
        iter_embed_lines(model, empty, tmp_path / "v.npy").result()
    assert not list(tmp_path.iterdir())


def test_similar_lines_are_the_nearest_by_cosine() -> None:
    model = DocumentVectors(VECTORS)
    answers = similar_lines(model, "the mat", LINES, n=3)
    rows = model.transform(["the mat", *LINES]).astype(float)
    units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    scores = units[1:] @ units[0]
    order = [i for i in np.argsort(-scores) if rows[i + 1].any()]
    assert [answer.number for answer in answers] == [int(i) + 1 for i in order[:3]]
    assert [answer.text for answer in answers] == [LINES[i] for i in order[:3]]
    assert [answer.score for answer in answers] == pytest.approx(scores[order[:3]].tolist())
    assert len(similar_lines(model, "the mat", LINES, n=99)) == 4  # others have no direction


def test_similar_lines_without_an_answer() -> None:
    with pytest.raises(EmbeddingsError, match="'zebra' cannot be compared"):
        similar_lines(DocumentVectors(VECTORS), "zebra", LINES)
    with pytest.raises(EmbeddingsError, match="choose mean"):
        similar_lines(DocumentVectors(VECTORS, "sif"), "the dog", ["the cat", "the cat"])


@pytest.mark.parametrize("name", ["embed", "similar-lines"])
def test_the_command_line_knows_all_weightings(name: str) -> None:
    (option,) = [option for option in options(name) if option.name == "weighting"]
    assert tuple(option.type.choices) == WEIGHTINGS  # type: ignore[attr-defined]
