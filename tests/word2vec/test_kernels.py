"""The compiled training loop against its twin, with every setting and in every corner."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numba
import numpy as np
import pytest
from chunk_cases import ALWAYS, MODELS, Case, Sentences, assert_equals_twin, random_sentences
from hypothesis import given, settings
from hypothesis import strategies as st
from twin import Random

from wordkit.word2vec.kernels.logistic import gradients_of_sigmoid, gradients_of_softmax
from wordkit.word2vec.kernels.random import mixed
from wordkit.word2vec.kernels.tiles import WIDTH

models = pytest.mark.parametrize(("arch", "gradient", "loss"), MODELS)


NGRAMS = [[0, 1, 2], [2, 3], [], [4], [0, 0, 5], [1, 4], [6, 7, 8, 9, 10], [3], [2], [], [7]]
"""Of each of eleven words; some have no other row than their own, some one twice."""


def settings_of(words: int) -> dict[str, Any]:
    """As many words: as many targets of the full softmax, and a tree as deep as it can be."""
    return {"words": words, "window": 3, "counts": [2 ** (words - i) for i in range(words)]}


@models
@pytest.mark.parametrize(
    "options",
    [
        *({"dim": dim} for dim in (1, 16, 17, 300)),
        *({"window": window, "dynamic": window == 2} for window in (1, 2, 20)),
        *({"negative": negative, "rates": (0.01, 0.005)} for negative in (1, 7, 8, 64)),
        *(settings_of(words) for words in (2, 8, 9, 40)),
        *({"copied": copied} for copied in (1, 11)),
        *({"ngrams": NGRAMS, "window": window} for window in (1, 20)),
        {"ngrams": NGRAMS, "copied": 4, "dynamic": False, "window": 3, "dim": 17},
        {"ngrams": [[]] * 11},
    ],
    ids=lambda options: f"{options!r:.30}",
)
def test_any_setting(arch: str, gradient: str, loss: str, options: dict[str, Any]) -> None:
    text = random_sentences(120, options.get("words", 11))
    predictions = assert_equals_twin(Case(text, arch=arch, gradient=gradient, loss=loss, **options))
    assert predictions > 80
    if not options.get("dynamic", True):
        assert predictions == predictions_of(text, arch, options["window"])


def predictions_of(sentences: Sentences, arch: str, window: int) -> int:
    """Pairs of centre and context word, or centres with any, in windows of full length."""
    pairs = [
        min(place, window) + min(len(line) - 1 - place, window)
        for line in sentences
        for place in range(len(line))
    ]
    return sum(pairs) if arch == "skipgram" else sum(n > 0 for n in pairs)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    words = draw(st.integers(2, 20))
    ids = st.integers(0, words - 1)
    sentences = draw(st.lists(st.lists(ids, max_size=25), max_size=6))
    tokens = sum(map(len, sentences))
    start = draw(st.integers(0, tokens))
    arch, gradient, loss = draw(st.sampled_from(MODELS))
    chance = st.sampled_from([0, 1, 2**20, 2**31, 2**32 - 2**30, ALWAYS])
    window, negative = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    # where the same few rows come again and again in a step, large steps make small errors grow
    most = min(0.1, 1 / (window * negative))
    rates = st.sampled_from([(most, 0.0), (most / 2, most / 2), (most / 100, most)])
    return Case(
        sentences,
        words,
        draw(st.integers(1, 40)),
        arch,
        gradient,
        loss,
        window,
        negative,
        draw(st.booleans()),
        draw(st.lists(chance, min_size=words, max_size=words)),
        (start, draw(st.integers(start, tokens))),
        draw(rates),
        draw(st.integers(0, 2**64 - 1)),
        sorted(draw(st.lists(st.integers(0, 10**9), min_size=words, max_size=words)))[::-1],
        ngrams=draw(
            st.just([])
            | st.lists(
                st.lists(st.integers(0, 30), max_size=4, unique=True),
                min_size=words,
                max_size=words,
            )
        ),
    )


@given(cases())
@settings(max_examples=100)
def test_anything(case: Case) -> None:
    assert_equals_twin(case)


@given(st.integers(0, 2**64 - 2))
def test_random_numbers_are_those_of_the_twin(counter: int) -> None:
    assert mixed(np.uint64(counter + 1)) == Random(counter).next()


# --- what is read --------------------------------------------------------------------------------


@models
def test_nothing_to_predict(arch: str, gradient: str, loss: str) -> None:
    nothing: list[Sentences] = [[], [[], [], []], [[1], [2]], [[0], [], [0]]]
    for sentences in nothing:
        case = Case(sentences, 11, 10, arch, gradient, loss)
        before = case.weights.input.copy(), case.weights.output.copy()
        assert case.run() == (0, 0)
        np.testing.assert_array_equal(case.weights.input, before[0])
        np.testing.assert_array_equal(case.weights.output, before[1])


LONG = np.random.default_rng(1).integers(0, 30, 18_000).tolist()


@pytest.mark.parametrize("window", [1, 20, 1000])
@pytest.mark.parametrize("length", [8192, 8300, 12_193, 18_000])
def test_windows_of_very_long_sentences_are_whole(length: int, window: int) -> None:
    sentences = [LONG[:length], LONG[:3]]
    case = Case(sentences, 30, 1, "skipgram", loss="hs", window=window, dynamic=False)
    if window == 1000:  # four words in five are skipped, so that this does not take long
        case.chances = [ALWAYS if word % 5 == 0 else 0 for word in range(30)]
        sentences = [[word for word in line if word % 5 == 0] for line in sentences]
    assert case.run()[1] == predictions_of(sentences, "skipgram", window)


@pytest.mark.parametrize("loss", ["ns", "hs"])
@pytest.mark.parametrize("kept", [0, 3, 7, 60])
def test_a_very_long_sentence_of_which_little_is_kept(kept: int, loss: str) -> None:
    """So little that what is read at a time may be less than a window."""
    line = [0] * 40_000
    for place in np.linspace(0, 39_999, kept, dtype=int).tolist():
        line[place] = 1 + place % 10
    case = Case([line, [4, 5, 6]], 11, loss=loss, window=5, chances=[0] + [ALWAYS] * 10)
    assert_equals_twin(case)


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_a_chunk_may_begin_and_end_within_a_sentence(loss: str) -> None:
    sentences = [[1, 2, 3, 4, 5], [], [6, 7, 8], [9, 1, 2, 3]]
    for part in itertools.combinations(range(13), 2):
        assert_equals_twin(Case(sentences, loss=loss, part=part, window=3))


@models
def test_subsampling_comes_before_windows(arch: str, gradient: str, loss: str) -> None:
    sentences = [[1, 0, 0, 0, 2, 3], [0, 0], [0, 4, 0], [5, 0, 1, 2, 0]]
    case = Case(
        sentences, 11, 10, arch, gradient, loss, 2, chances=[0] + [ALWAYS] * 10, dynamic=False
    )
    kept = [[word for word in line if word] for line in sentences]
    assert assert_equals_twin(case) == predictions_of(kept, arch, 2)


# --- negatives -----------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
@pytest.mark.parametrize("counts", [[9, 1], [10**12, 1, 1], [3, 3, 3, 3], [9, 5, 1]])
def test_the_centre_is_never_its_own_negative(arch: str, counts: list[int]) -> None:
    """Each word predicts itself surely and no other: were it a negative, that would cost 30."""
    V = len(counts)
    sentences = [[word] * 50 for word in range(V)]
    case = Case(sentences, V, V, arch, negative=7, rates=(0.0, 0.0), counts=counts, dynamic=False)
    case.weights.input[:] = 60 * np.eye(V) - 30
    case.weights.output[:] = np.eye(V)
    loss, predictions = case.run()
    assert predictions == predictions_of(sentences, arch, 5)
    assert loss == pytest.approx(0, abs=1e-6 * predictions)


# --- losses --------------------------------------------------------------------------------------


@models
def test_losses_are_exact(arch: str, gradient: str, loss: str) -> None:
    """No inner product is cut off, however large, and no table rounds."""
    case = Case([[0, 1]], 2, 1, arch, gradient, loss, 1, 1, dynamic=False, rates=(0.0, 0.0))
    case.weights.input[:] = 1
    for z in (0.0, 1e-4, 1.0, 5.9, -16.0, 86.0, -88.0, 104.0, -200.0, 5000.0, -5000.0):
        case.weights.output[:, 0] = [z, -z][: len(case.weights.output)]
        up, down = np.logaddexp(0, z), np.logaddexp(0, -z)
        exact = {  # each word is predicted once, from the other
            "ns": 2 * up + 2 * down,
            "hs": up + down,
            "softmax": np.logaddexp(0, 2 * z) + np.logaddexp(0, -2 * z),
        }[loss]
        assert case.run() == (pytest.approx(exact, rel=1e-6), 2), z


@models
@pytest.mark.parametrize(("window", "negative"), [(5, 5), (20, 20), (300, 100)])
def test_the_loss_of_zero_outputs(
    arch: str, gradient: str, loss: str, window: int, negative: int
) -> None:
    """It is that of even probabilities, however many predictions a step makes."""
    counts = [2**30 >> i // 2 for i in range(30)]  # all negatives of a block are hardly one word
    line = list(range(30)) * 20
    case = Case(
        [line], 30, 3, arch, gradient, loss, window, negative, rates=(0.0, 0.0), counts=counts
    )
    case.weights.output[:] = 0
    depth = float(np.diff(case.arguments()[3].starts).mean()) if loss == "hs" else 0.0
    found, predictions = case.run()
    each = {
        "ns": (negative + 1) * math.log(2), "hs": depth * math.log(2), "softmax": math.log(30)
    }  # fmt: skip
    assert found / predictions == pytest.approx(each[loss], rel=0.02 if loss == "hs" else 1e-6)


NUMBERS = st.floats(-1000, 1000, width=32) | st.floats(-10, 10, width=32)


@numba.njit
def call_gradients_of_sigmoid(
    table: Any, row: Any, at: Any, labels: Any, weights: Any, rate: Any, losses: Any
) -> None:
    gradients_of_sigmoid(table, row, at, labels, weights, rate, losses)


@given(st.lists(NUMBERS, min_size=WIDTH, max_size=WIDTH), st.integers(0, 2**WIDTH - 1))
def test_gradients_of_sigmoid(z: list[float], bits: int) -> None:
    labels = np.array([bits >> lane & 1 for lane in range(WIDTH)] * 2, dtype=np.float32)
    weights = np.array([0] * WIDTH + [1, 0.6] * (WIDTH // 2 - 1) + [1, 0], dtype=np.float32)
    table = np.zeros((2, 2 * WIDTH), dtype=np.float32)
    table[1, WIDTH:] = z
    found = np.zeros(WIDTH, dtype=np.float32)
    call_gradients_of_sigmoid(table, 1, WIDTH, labels, weights, np.float32(0.5), found)
    exact = np.array(z, dtype=np.float64)
    sigmoid = np.exp(-np.logaddexp(0, -exact))
    expected = 0.5 * weights[WIDTH:] * (labels[WIDTH:] - sigmoid)
    np.testing.assert_allclose(table[1, WIDTH:], expected, atol=1e-7)
    assert not table[0].any() and not table[1, :WIDTH].any()
    losses = weights[WIDTH:] * (np.logaddexp(0, exact) - labels[WIDTH:] * exact)
    np.testing.assert_allclose(found, losses, rtol=1e-6, atol=1e-6)


@given(st.integers(1, 40), st.data())
def test_gradients_of_softmax(targets: int, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 3))
    lists = st.lists(NUMBERS, min_size=targets, max_size=targets)
    z = np.array([data.draw(lists) for _ in range(rows)])
    label = data.draw(st.integers(0, targets - 1))
    count = -(-targets // WIDTH)  # the targets lie in so many tiles, as even as can be
    places = [
        WIDTH * tile + lane
        for tile in range(count)
        for lane in range(targets * (tile + 1) // count - targets * tile // count)
    ]
    table = np.zeros((rows, count * WIDTH), dtype=np.float32)
    table[:, places] = z
    loss = gradients_of_softmax(table, rows, targets, label, 0.5)
    log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    expected = 0.5 * ((np.arange(targets) == label) - np.exp(log_p))
    np.testing.assert_allclose(table[:, places], expected, atol=1e-6)
    assert loss == pytest.approx(-log_p[:, label].sum(), rel=1e-6, abs=1e-6)
