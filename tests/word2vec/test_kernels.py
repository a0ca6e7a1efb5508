"""The compiled training loop against its twin, with every setting and in every corner."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from chunk_cases import ALWAYS, MODELS, Case, Sentences, assert_equals_twin, random_sentences
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.word2vec import kernels

TEXT = random_sentences(120, 11)
models = pytest.mark.parametrize(("arch", "gradient", "loss"), MODELS)


@models
@pytest.mark.parametrize("dim", [1, 2, 15, 16, 17, 50, 100, 300])
def test_any_dim(arch: str, gradient: str, loss: str, dim: int) -> None:
    assert assert_equals_twin(Case(TEXT, 11, dim, arch, gradient, loss)) > 80


@models
@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize("window", [1, 2, 5, 20])
def test_any_window(arch: str, gradient: str, loss: str, window: int, dynamic: bool) -> None:
    case = Case(TEXT, 11, 17, arch, gradient, loss, window=window, dynamic=dynamic)
    predictions = assert_equals_twin(case)
    if not dynamic:
        assert predictions == predictions_of(TEXT, arch, window)


@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
@pytest.mark.parametrize("negative", [1, 2, 5, 6, 7, 8, 15, 16, 20, 64])
def test_any_number_of_negatives(arch: str, negative: int) -> None:
    assert_equals_twin(Case(TEXT, 11, arch=arch, negative=negative))


@models
@pytest.mark.parametrize("words", [2, 3, 8, 9, 16, 17, 40])
def test_any_number_of_words(arch: str, gradient: str, loss: str, words: int) -> None:
    """Full softmax has as many targets as words; the counts make the tree as deep as it can be."""
    counts = [2 ** (words - i) for i in range(words)]
    text = random_sentences(120, words)
    case = Case(text, words, arch=arch, gradient=gradient, loss=loss, window=3, counts=counts)
    assert assert_equals_twin(case) > 80


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
    )


@given(cases())
@settings(deadline=None, max_examples=150)
def test_anything(case: Case) -> None:
    assert_equals_twin(case)


# --- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize("sentences", [[], [[]], [[], [], []], [[1], [2]], [[0], [], [0]]])
@models
def test_nothing_to_predict(arch: str, gradient: str, loss: str, sentences: Sentences) -> None:
    case = Case(sentences, 11, 10, arch, gradient, loss)
    before = case.weights.input.copy(), case.weights.output.copy()
    assert case.run() == (0, 0)
    np.testing.assert_array_equal(case.weights.input, before[0])
    np.testing.assert_array_equal(case.weights.output, before[1])


LONG = np.random.default_rng(1).integers(0, 30, 18_000).tolist()


@pytest.mark.parametrize("window", [1, 5, 20, 1000])
@pytest.mark.parametrize("length", [8192, 8300, 12_193, 18_000])
def test_windows_of_very_long_sentences_are_whole(length: int, window: int) -> None:
    sentences = [LONG[:length], LONG[:3]]
    case = Case(sentences, 30, 1, "skipgram", loss="hs", window=window, dynamic=False)
    if window == 1000:  # four words in five are skipped, so that this does not take long
        case.chances = [ALWAYS if word % 5 == 0 else 0 for word in range(30)]
        sentences = [[word for word in line if word % 5 == 0] for line in sentences]
    assert case.run()[1] == predictions_of(sentences, "skipgram", window)


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_a_very_long_sentence(loss: str) -> None:
    case = Case([[3, 1], LONG], 30, 4, "cbow", loss=loss, window=3, negative=1)
    assert assert_equals_twin(case, tolerance=3e-4) == 18_002


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
    whole = Case(sentences, loss=loss, dynamic=False).run()[1]
    cut = [Case(sentences, loss=loss, dynamic=False, part=part) for part in ((0, 5), (5, 12))]
    assert sum(case.run()[1] for case in cut) == whole, "cuts between sentences change nothing"


@models
def test_words_left_out_are_removed_before_windows_are_laid(
    arch: str, gradient: str, loss: str
) -> None:
    sentences = [[1, 0, 0, 0, 2, 3], [0, 0], [0, 4, 0], [5, 0, 1, 2, 0]]
    case = Case(
        sentences, 11, 10, arch, gradient, loss, 2, chances=[0] + [ALWAYS] * 10, dynamic=False
    )
    predictions = assert_equals_twin(case)
    kept = [[word for word in line if word] for line in sentences]
    assert predictions == predictions_of(kept, arch, 2)
    if loss != "ns":  # no random number matters: the same, bit for bit, as without them
        same = Case(kept, 11, 10, arch, gradient, loss, 2, dynamic=False, rates=(0.05, 0.05))
        case = Case(**{**vars_of(case), "rates": (0.05, 0.05)})
        assert same.run() == case.run()
        np.testing.assert_array_equal(same.weights.input, case.weights.input)
        np.testing.assert_array_equal(same.weights.output, case.weights.output)


def vars_of(case: Case) -> dict[str, Any]:
    """What a case was made of."""
    return {name: value for name, value in vars(case).items() if name != "weights"}


@models
@pytest.mark.parametrize("line", [[1] * 9, [1, 2] * 6, [3, 3, 3, 1, 3, 3]])
def test_words_that_are_repeated_in_a_window(
    arch: str, gradient: str, loss: str, line: list[int]
) -> None:
    case = Case([line] * 3, 11, 10, arch, gradient, loss, rates=(0.1, 0.1), dynamic=False)
    assert_equals_twin(case)


def test_the_learning_rate_falls_from_sentence_to_sentence() -> None:
    """It is the one where the sentence ends."""
    for loss in ("ns", "hs", "softmax"):
        assert_equals_twin(Case([[1, 2, 3]] * 9, loss=loss, rates=(0.4, 0.01)))
    still = Case([[1, 2, 3]], rates=(0.4, 0.0))
    before = still.weights.input.copy()
    still.run()
    np.testing.assert_array_equal(still.weights.input, before)


# --- negatives -----------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
@pytest.mark.parametrize("counts", [[9, 1], [10**9, 1], [10**12, 1, 1], [3, 3, 3, 3], [9, 5, 1]])
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


def test_negatives_come_as_often_as_their_counts_say() -> None:
    """A negative costs log(1 + e^z), here a whole number by which it is known."""
    counts = [1000, 900, 300, 100, 10]
    shares = np.array(counts[1:]) ** 0.75 / (np.array(counts[1:]) ** 0.75).sum()
    costs = np.array([0, 1, 100, 0, 0])[1:]
    case = Case([[0] * 3000], 5, 1, negative=6, rates=(0.0, 0.0), counts=counts)
    case.weights.input[:] = 1
    case.weights.output[:, 0] = [50, np.log(np.e - 1), 100, -50, -50]
    loss, predictions = case.run()
    assert loss / predictions / 6 == pytest.approx(float(shares @ costs), rel=0.03)


# --- losses --------------------------------------------------------------------------------------

Z = [0.0, 1e-4, 0.3, 1.0, 5.9, 6.1, 16.0, 30.0, 86.0, 88.0, 90.0, 104.0, 200.0, 5000.0]


@pytest.mark.parametrize("z", Z)
@pytest.mark.parametrize("sign", [1, -1])
@models
def test_losses_are_exact(arch: str, gradient: str, loss: str, sign: int, z: float) -> None:
    """No inner product is cut off, however large, and no table rounds."""
    case = Case([[0, 1]], 2, 1, arch, gradient, loss, 1, 1, dynamic=False, rates=(0.0, 0.0))
    case.weights.input[:] = 1
    case.weights.output[:, 0] = [sign * z, -sign * z][: len(case.weights.output)]
    up, down = np.logaddexp(0, z), np.logaddexp(0, -z)
    exact = {  # each word is predicted once, from the other
        "ns": 2 * up + 2 * down,
        "hs": up + down,
        "softmax": np.logaddexp(0, 2 * z) + np.logaddexp(0, -2 * z),
    }[loss]
    found, predictions = case.run()
    assert predictions == 2
    assert found == pytest.approx(exact, rel=1e-6)


@models
@pytest.mark.parametrize(("window", "negative"), [(5, 5), (20, 20), (64, 64), (300, 100)])
def test_the_first_loss_is_that_of_ignorance(
    arch: str, gradient: str, loss: str, window: int, negative: int
) -> None:
    """With outputs of zero nothing is known, however many predictions a step makes."""
    counts = [2**30 >> i for i in range(30)]
    line = list(range(30)) * 20
    case = Case(
        [line], 30, 3, arch, gradient, loss, window, negative, rates=(0.0, 0.0), counts=counts
    )
    case.weights.output[:] = 0
    targets = case._arguments()[3]
    found, predictions = case.run()
    if loss == "hs":
        depths = np.diff(targets.starts)
        per_word = float(depths.mean()) * math.log(2)
        assert found / predictions == pytest.approx(per_word, rel=0.02)
    else:
        each = (negative + 1) * math.log(2) if loss == "ns" else math.log(30)
        assert found / predictions == pytest.approx(each, rel=1e-6)


# --- random numbers ------------------------------------------------------------------------------


@given(st.integers(0, 2**64 - 2))
@settings(deadline=None)
def test_random_numbers_are_those_of_the_twin(counter: int) -> None:
    from twin import Random

    assert kernels.mixed(np.uint64(counter + 1)) == Random(counter).next()
