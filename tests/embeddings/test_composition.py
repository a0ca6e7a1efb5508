"""Vectors of words outside the vocabulary, composed of those of their n-grams."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from fasttext_files import buckets_of

from wordkit.embeddings import Embeddings, load_embeddings, save_embeddings
from wordkit.embeddings.composition import Subwords
from wordkit.errors import EmbeddingsError, FormatError, UnknownWordError
from wordkit.evaluation import WordPair, WordPairs, evaluate_similarity
from wordkit.text.subwords import NGrams

WORDS = ["walk", "walking", "talk", "日本語", "</s>", "a"]
D = 6


def subwords_of(words: list[str]) -> Subwords:
    """Random vectors for the buckets of some words."""
    ngrams = NGrams(3, 5, 200)
    buckets = np.unique(ngrams.buckets_of(words)[0])
    matrix = np.random.default_rng(3).normal(size=(len(buckets), D)).astype(np.float32)
    return Subwords(ngrams, matrix, buckets)


@pytest.fixture
def subwords() -> Subwords:
    return subwords_of(WORDS)


@pytest.fixture
def vectors(subwords) -> Embeddings:
    own = np.random.default_rng(4).normal(size=(len(WORDS), D)).astype(np.float32)
    return Embeddings(WORDS, subwords.compose(WORDS, own), subwords=subwords)


def mean_of_ngrams(subwords: Subwords, word: str):
    rows = dict(zip(subwords.buckets.tolist(), subwords.matrix, strict=True))
    found = [rows[b] for b in buckets_of(word, 3, 5, 200) if b in rows]
    return np.mean(found, axis=0) if found else None


def test_a_word_is_its_own_vector_with_those_of_its_ngrams(subwords):
    own = np.random.default_rng(4).normal(size=(len(WORDS), D)).astype(np.float32)
    for word, row, composed in zip(WORDS, own, subwords.compose(WORDS, own), strict=True):
        n = len(buckets_of(word, 3, 5, 200))
        assert n or word == "</s>"
        grams = n * mean_of_ngrams(subwords, word) if n else 0
        np.testing.assert_allclose(composed, (row + grams) / (n + 1), rtol=1e-5, atol=1e-6)


def test_other_words_are_composed(vectors, subwords):
    for word in ("walked", "talking", "日本人"):
        assert word not in vectors and vectors.composes(word)
        np.testing.assert_allclose(vectors[word], mean_of_ngrams(subwords, word), rtol=1e-5)
    assert not vectors.composes("walk")
    assert vectors.mean_vector("walk walked qqq") == pytest.approx(
        (vectors["walk"] + vectors["walked"]) / 2, rel=1e-5
    )
    for word in ("qqq", ""):
        assert mean_of_ngrams(subwords, word) is None and not vectors.composes(word)
    with pytest.raises(UnknownWordError, match="'qqq' is not in the vocabulary"):
        vectors.most_similar(["walked", "qqq"])
    assert Embeddings(WORDS, vectors.vectors).composes("walked") is False


def test_nearest_words_are_exact_and_of_the_vocabulary(vectors):
    vector = vectors["walked"]
    cosines = vectors.vectors @ vector / (vectors.norms * np.linalg.norm(vector))
    found = vectors.most_similar("walked", n=10)
    assert [word for word, _ in found] == [WORDS[i] for i in np.argsort(-cosines)]
    assert [score for _, score in found] == pytest.approx(sorted(cosines, reverse=True), abs=1e-6)
    assert vectors.similarity("walked", "talk") == pytest.approx(cosines[2], abs=1e-6)
    by_vector = vectors.most_similar([vectors["walk"], vector], n=3)
    assert [w for w, _ in vectors.most_similar(["walk", "walked"], n=2)] == [
        word for word, _ in by_vector if word != "walk"
    ][:2]
    assert vectors.analogy("walked", "walk", "talk")[0].word not in ("walk", "talk")
    assert vectors.doesnt_match(["walk", "walked", "日本人"]) in ("walk", "walked", "日本人")


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("packing", ["", ".gz"])
@pytest.mark.parametrize("dense", [False, True])
def test_native_files_keep_them_mapped(tmp_path, vectors, subwords, precision, packing, dense):
    if dense:  # as fastText's own files are
        rows = subwords.rows_of(np.arange(200, dtype=np.int32))
        matrix = np.where(rows[:, None] >= 0, subwords.matrix[rows], 1)
        subwords = Subwords(subwords.ngrams, matrix.astype(np.float32))
        vectors = Embeddings(WORDS, vectors.vectors, subwords=subwords)
    path = tmp_path / f"vectors.safetensors{packing}"
    save_embeddings(vectors, path, precision=precision)
    read = load_embeddings(path)
    read.check()
    assert read.subwords.ngrams == subwords.ngrams
    assert read.subwords.matrix.dtype == {"fp32": "f4", "fp16": "f2", "int8": "i1"}[precision]
    assert not read.subwords.matrix.flags.writeable
    error = {"fp32": 0, "fp16": 1e-3, "int8": 3e-2}[precision]
    for word in ("walk", "walked", "日本人"):
        np.testing.assert_allclose(read[word], vectors[word], atol=error, rtol=error / 10)
    if packing == "":
        base = read.subwords.matrix
        while isinstance(base.base, np.ndarray):
            base = base.base
        assert isinstance(base, np.memmap)
    again = tmp_path / "again.safetensors"
    save_embeddings(read, again, precision=precision)
    if packing == "" and precision != "int8":  # whose scales are found anew
        assert again.read_bytes() == path.read_bytes()
    few = load_embeddings(path, limit=1)
    assert few.words == ("walk",) and few.composes("walking")


def test_other_processes_and_copies_have_them_too(tmp_path, vectors):
    save_embeddings(vectors, tmp_path / "v.safetensors")
    mapped = load_embeddings(tmp_path / "v.safetensors")
    for given in (vectors, mapped, mapped.without_weights(), copy.deepcopy(vectors)):
        sent = pickle.loads(pickle.dumps(given))  # noqa: S301 - our own
        np.testing.assert_array_equal(sent["walked"], vectors["walked"])


def test_vectors_of_ngrams_that_do_not_fit(tmp_path, vectors, subwords):
    with pytest.raises(EmbeddingsError, match="6 dimensions need as many of n-grams, not"):
        Embeddings(WORDS, vectors.vectors, subwords=replace(subwords, matrix=np.ones((9, 5), "f4")))
    for bad, message in (
        (replace(subwords, matrix=subwords.matrix[:-1]), "do not fit their buckets"),
        (replace(subwords, buckets=subwords.buckets[::-1].copy()), "do not fit their buckets"),
        (replace(subwords, buckets=None), "do not fit their buckets"),
        (replace(subwords, matrix=np.full_like(subwords.matrix, np.nan)), "not all finite"),
    ):
        path = tmp_path / "vectors.safetensors"
        save_embeddings(Embeddings(WORDS, vectors.vectors, subwords=bad), path)
        with pytest.raises(FormatError, match=message):
            load_embeddings(path).check()
    with pytest.raises(FormatError, match="the vector of an n-gram is not finite"):
        load_embeddings(path).most_similar("walked")


def test_scores_use_every_pair_and_count_those_composed(vectors):
    pairs = WordPairs("few", (
        WordPair("walk", "walking", 9), WordPair("walked", "talk", 5), WordPair("日本人", "a", 1),
        WordPair("walks", "talked", 4), WordPair("qqq", "a", 1),
    ))  # fmt: skip
    score = evaluate_similarity(vectors, pairs)
    assert (score.used, score.skipped, score.composed) == (4, 1, 3)
    cosines = [vectors.similarity(pair.a, pair.b) for pair in pairs.pairs[:4]]
    order = np.argsort(np.argsort(cosines))
    expected = np.corrcoef(order, [3, 2, 0, 1])[0, 1]
    assert score.spearman == pytest.approx(expected)
    alone = evaluate_similarity(Embeddings(WORDS, vectors.vectors), pairs)
    assert (alone.used, alone.skipped, alone.composed) == (1, 4, 0)
