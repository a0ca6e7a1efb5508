"""The twin itself: its loss against word probabilities, its steps against numeric gradients."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from twin import Random, Step

Doubles = npt.NDArray[np.float64]

V, D = 13, 5
CONTEXTS = {"one word": [3], "some": [4, 1, 7], "repeated": [4, 1, 4, 4], "with the target": [2, 6]}
LABELLED = {  # rows of the output with labels, by loss and number of targets
    "ns": ([2, 5, 0], [1, 0, 0]),
    "ns, a negative twice": ([2, 5, 5], [1, 0, 0]),
    "ns, two tiles": ([2, 5, 0, 1, 9, 9, 0, 12, 3, 0], [1] + [0] * 9),
    "hs": ([11, 4, 2, 0], [1, 0, 0, 1]),
    "hs, two tiles": (list(range(11, -1, -1)), [1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 0]),
    "softmax": (list(range(V)), [int(row == 2) for row in range(V)]),
    "softmax of six words": (list(range(6)), [int(row == 2) for row in range(6)]),
}


def step_of(arch: str, labelled: str, context: str) -> Step:
    targets, labels = LABELLED[labelled]
    return Step(arch, labelled.split(",")[0].split()[0], CONTEXTS[context], targets, labels)


def random_weights() -> tuple[Doubles, Doubles]:
    random = np.random.default_rng(7)
    return random.normal(size=(V, D)), random.normal(size=(V, D))


def numeric_gradient(step: Step, inputs: Doubles, outputs: Doubles) -> tuple[Doubles, Doubles]:
    """The derivative of the written-out loss by every weight, by central differences."""
    h = 1e-5
    gradients = (np.zeros_like(inputs), np.zeros_like(outputs))
    for matrix, gradient in zip((inputs, outputs), gradients, strict=True):
        for place in np.ndindex(*matrix.shape):
            losses = []
            for value in (matrix[place] + h, matrix[place] - h):
                kept, matrix[place] = matrix[place], value
                losses.append(step.written_out_loss(inputs, outputs))
                matrix[place] = kept
            gradient[place] = (losses[0] - losses[1]) / (2 * h)
    return gradients


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("labelled", LABELLED)
@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
def test_a_step_goes_down_the_gradient(arch: str, labelled: str, context: str) -> None:
    step = step_of(arch, labelled, context)
    inputs, outputs = random_weights()
    by_input, by_output = numeric_gradient(step, inputs, outputs)
    new_inputs, new_outputs = inputs.copy(), outputs.copy()
    lr = 1e-7  # so small that it does not matter what is changed first
    step.take(new_inputs, new_outputs, lr, true_gradient=True)
    np.testing.assert_allclose((inputs - new_inputs) / lr, by_input, atol=1e-5)
    np.testing.assert_allclose((outputs - new_outputs) / lr, by_output, atol=1e-5)
    assert np.abs(by_input).max() > 0.01 and np.abs(by_output).max() > 0.01


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("labelled", LABELLED)
def test_the_gradient_of_word2vec_lacks_the_share(labelled: str, context: str) -> None:
    step = step_of("cbow", labelled, context)
    inputs, outputs = random_weights()
    true_inputs, true_outputs = inputs.copy(), outputs.copy()
    old_inputs, old_outputs = inputs.copy(), outputs.copy()
    step.take(true_inputs, true_outputs, 0.1, true_gradient=True)
    step.take(old_inputs, old_outputs, 0.1, true_gradient=False)
    C = len(step.context)
    np.testing.assert_allclose(old_inputs - inputs, C * (true_inputs - inputs), atol=1e-12)
    np.testing.assert_array_equal(old_outputs, true_outputs)


@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
def test_losses_at_a_glance(arch: str) -> None:
    """With outputs of zero, everything is as likely as everything else."""
    inputs, outputs = np.ones((V, D)), np.zeros((V, D))
    context = [1, 2, 3]
    predictions = 3 if arch == "skipgram" else 1
    ns = Step(arch, "ns", context, [0, 5, 6], [1, 0, 0]).written_out_loss(inputs, outputs)
    assert ns == pytest.approx(predictions * 3 * math.log(2))
    hs = Step(arch, "hs", context, [0, 5], [1, 0]).written_out_loss(inputs, outputs)
    assert hs == pytest.approx(predictions * 2 * math.log(2))
    labels = [1] + [0] * (V - 1)
    softmax = Step(arch, "softmax", context, range(V), labels).written_out_loss(inputs, outputs)
    assert softmax == pytest.approx(predictions * math.log(V))


def test_the_full_softmax_is_a_distribution() -> None:
    inputs, outputs = random_weights()
    losses = [
        Step("cbow", "softmax", [1, 4], range(V), [int(row == word) for row in range(V)])
        for word in range(V)
    ]
    shares = [math.exp(-step.written_out_loss(inputs, outputs)) for step in losses]
    assert sum(shares) == pytest.approx(1)


def test_random_numbers_are_those_of_splitmix64() -> None:
    random = Random(0)  # the first outputs from seed 0, as the generator's authors print them
    assert [random.next() for _ in range(3)] == [
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
        0x06C45D188009454F,
    ]


def test_negatives_follow_the_table() -> None:
    table = [2**32 - 1, 2**30 | 2 << 32, 2**32 - 1]  # 0 with 1/3, 1 with 1/12, 2 with 7/12
    random = Random(5)
    words = [random.negative(-1, table) for _ in range(12_000)]
    np.testing.assert_allclose(np.bincount(words) / 1000, [4, 1, 7], atol=0.3)
    words = [random.negative(2, table) for _ in range(10_000)]
    np.testing.assert_allclose(np.bincount(words) / 1000, [8, 2], atol=0.3)
