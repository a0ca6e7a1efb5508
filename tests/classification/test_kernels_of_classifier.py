"""The kernels, against the formulas written out and gradients by differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.classification import kernels
from wordkit.classification.config import ClassifierConfig
from wordkit.classification.features import Features, TokenTable
from wordkit.text.tokenizers import get_tokenizer
from wordkit.word2vec.huffman import huffman_tree

K, R, D = 5, 12, 16
TREE = huffman_tree(np.array([9, 7, 4, 2, 1]))
RATES = np.linspace(0.5, 2, R).astype(np.float32)
WEIGHTS = np.array([1, 0.5, 2, 3, 1], np.float32)
LOSSES = {"softmax": kernels.SOFTMAX, "ova": kernels.OVA, "hs": kernels.HS}

Loss = Callable[[np.ndarray, list[int]], float]


def softmax(z: np.ndarray, labels: list[int]) -> float:
    logs = z - np.log(np.exp(z).sum())
    return -np.mean(WEIGHTS[labels]) * np.mean(logs[labels])


def ova(z: np.ndarray, labels: list[int]) -> float:
    sign = np.where(np.isin(np.arange(K), labels), 1, -1)
    return float((WEIGHTS * np.log1p(np.exp(-sign * z))).sum())


def hs(z: np.ndarray, labels: list[int]) -> float:
    total = 0.0
    for label in labels:
        path = slice(TREE.starts[label], TREE.starts[label + 1])
        sign = 1 - 2.0 * TREE.codes[path]
        total += WEIGHTS[label] * np.log1p(np.exp(-sign * z[TREE.nodes[path]])).sum()
    return total / len(labels)


@pytest.mark.parametrize("loss", [softmax, ova, hs])
@pytest.mark.parametrize("labels", [[0], [3], [1, 4]])
def test_a_step_goes_down_the_gradient(loss: Loss, labels: list[int]) -> None:
    random = np.random.default_rng(4)
    inputs = random.standard_normal((R, D)).astype(np.float32)
    output = random.standard_normal((K - (loss is hs), D)).astype(np.float32)
    rows, rate = np.array([7, 2, 2, 9], np.int32), 1e-2

    def objective(weights: np.ndarray) -> float:
        x, w = weights[: R * D].reshape(R, D), weights[R * D :].reshape(-1, D)
        return loss(w @ x[rows].mean(axis=0), labels)

    before = np.concatenate([inputs.ravel(), output.ravel()]).astype(np.float64)
    steps = 1e-5 * np.eye(len(before))
    gradient = [(objective(before + s) - objective(before - s)) / 2e-5 for s in steps]

    texts = kernels.Texts(
        rows, np.array([0, 4]), np.array(labels, np.int32), np.array([0, len(labels)]), RATES
    )  # fmt: skip
    number = LOSSES[loss.__name__]
    outputs = kernels.Outputs(number, WEIGHTS, TREE.starts, TREE.nodes, TREE.codes)
    lost = kernels.train(
        texts, np.zeros(1, np.int64), 0, 1, outputs, inputs, output, rate, rate, 0.0, np.uint64(1)
    )
    after = np.concatenate([inputs.ravel(), output.ravel()])
    # a row that a text holds twice takes both steps; the outputs' move is of second order
    expected = gradient * np.concatenate([np.repeat(RATES, D), np.ones(output.size)])
    assert (before - after) / rate == pytest.approx(expected, abs=5e-3)
    even = kernels.Outputs(number, np.ones(K, np.float32), *outputs[2:])
    first = inputs.copy()
    assert lost > 0
    kernels.train(
        texts, np.zeros(1, np.int64), 0, 1, even, first, output, 0.0, 0.0, 0.0, np.uint64(1)
    )
    assert np.array_equal(first, inputs), "a rate of 0 changes nothing"


def test_dropout_leaves_out_rows() -> None:
    inputs, output = np.ones((R, D), np.float32), np.zeros((2, D), np.float32)
    n = 2000
    texts = kernels.Texts(
        np.tile(np.arange(R, dtype=np.int32), n), R * np.arange(n + 1),
        np.zeros(n, np.int32), np.arange(n + 1), np.ones(R, np.float32),
    )  # fmt: skip
    none = np.zeros(0, np.int32)
    outputs = kernels.Outputs(0, np.ones(2, np.float32), np.zeros(1, np.int64), none, none)
    kernels.train(
        texts, np.arange(n), 0, n, outputs, inputs, output, 1e-3, 1e-3, 0.25, np.uint64(5)
    )
    moved = inputs[:, 0] - 1
    assert moved.min() > 0
    assert moved.max() / moved.min() < 1.2, "each row is left out as often"


def fnv(data: bytes) -> int:
    h = 2166136261
    for byte in data:
        h ^= byte if byte < 128 else byte | 0xFFFFFF00
        h = h * 16777619 % 2**32
    return h - 2**32 if h >= 2**31 else h


def buckets_by_hand(words: list[str], ngrams: int, buckets: int) -> list[int]:
    """The buckets of word n-grams, as fastText's ``Dictionary::addWordNgrams`` has them."""
    hashes, found = [fnv(word.encode()) for word in ["<s>", *words, "</s>"]], []
    for i in range(len(hashes)):
        h = hashes[i] % 2**64
        for j in range(i + 1, min(i + ngrams, len(hashes))):
            h = (h * 116049371 + hashes[j]) % 2**64
            found.append(h % buckets)
    return found


@given(st.lists(st.text("abñ漢.", min_size=1, max_size=4), max_size=6), st.integers(1, 4))
def test_rows_are_words_and_hashed_ngrams(words: list[str], ngrams: int) -> None:
    table = TokenTable(get_tokenizer(str.split, "none"))
    read = table.read([words, ["a"], words])
    config = ClassifierConfig(word_ngrams=ngrams, buckets=1000)
    features, rows = Features.of_texts(table, read, config)
    V = len(features.vocabulary)
    first = rows[:1].ids.tolist()
    names = [features.vocabulary.word(row) for row in first if row < V]
    assert names == [*words, "</s>"]
    found = [int(features.buckets[row - V]) for row in first if row >= V]
    assert sorted(found) == sorted(buckets_by_hand(words, ngrams, 1000))
    again = features.finder(table)(read)
    assert rows.ids.tolist() == again.ids.tolist()
    assert rows[2:].ids.tolist() == first


def test_character_ngrams_are_those_of_subword_vectors() -> None:
    table = TokenTable(get_tokenizer("whitespace"))
    read = table.read(["größe where", ""])
    config = ClassifierConfig(word_ngrams=1, subwords="3-4", buckets=10_000)
    features, rows = Features.of_texts(table, read, config)
    expected = set()
    for word in ("<größe>", "<where>"):
        for n in (3, 4):
            grams = (word[i : i + n] for i in range(len(word) - n + 1))
            expected |= {fnv(gram.encode()) % 2**32 % 10_000 for gram in grams}
    found = {int(features.buckets[r - len(features.vocabulary)]) for r in rows[:1].ids
             if r >= len(features.vocabulary)}  # fmt: skip
    assert expected <= found
    assert len(features.vocabulary) == 3


def test_rare_words_and_ngrams_are_left_out() -> None:
    table = TokenTable(get_tokenizer("whitespace"))
    read = table.read(["a b", "a b", "a c", "b c d"])
    config = ClassifierConfig(min_count=2, min_ngram_count=2)
    features, rows = Features.of_texts(table, read, config)
    assert {*features.vocabulary} == {"a", "b", "c", "</s>"}
    assert len(features.buckets) == 3  # <s> a, a b, b </s>
    assert rows.ids.max() < features.rows
