"""The twin itself: its loss against word probabilities, its steps against numeric gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from twin import Block, Random, Step

Doubles = npt.NDArray[np.float64]

V, D = 13, 5
CONTEXTS = {"one word": [3], "repeated": [4, 1, 4, 4], "with the target": [2, 6]}
LABELLED = {  # rows of the output with labels, by loss and number of targets
    "ns, a negative twice": ([2, 5, 5], [1, 0, 0]),
    "ns, two tiles": ([2, 5, 0, 1, 9, 9, 0, 12, 3, 0], [1] + [0] * 9),
    "hs": ([11, 4, 2, 0], [1, 0, 0, 1]),
    "hs, two tiles": (list(range(11, -1, -1)), [1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 0]),
    "softmax": (list(range(V)), [int(row == 2) for row in range(V)]),
}


def random_weights() -> tuple[Doubles, Doubles]:
    random = np.random.default_rng(7)
    return random.normal(size=(V, D)), random.normal(size=(V, D))


def numeric_gradient(
    step: Step | Block, inputs: Doubles, outputs: Doubles
) -> tuple[Doubles, Doubles]:
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
@pytest.mark.parametrize(
    ("arch", "true_gradient"), [("cbow", True), ("cbow", False), ("skipgram", True)]
)
def test_a_step_goes_down_the_gradient(
    arch: str, true_gradient: bool, labelled: str, context: str
) -> None:
    targets, labels = LABELLED[labelled]
    step = Step(arch, labelled.split(",")[0], CONTEXTS[context], targets, labels)
    take = functools.partial(step.take, true_gradient=true_gradient)
    assert_goes_down(step, take, factor=1 if true_gradient else len(step.context))


@pytest.mark.parametrize("negatives", [[4, 1, 4, 9, 0, 2, 12, 3], [5, 1] * 8, [2] * 8])
def test_a_block_goes_down_the_gradient(negatives: list[int]) -> None:
    block = Block([2, 5, 2, 7, 6], [[3, 1], [4, 4], [2, 5], [], [1]], negatives, negative=5)
    assert_goes_down(block, block.take)


def assert_goes_down(step: Step | Block, take: Callable[..., float], factor: int = 1) -> None:
    inputs, outputs = random_weights()
    by_input, by_output = numeric_gradient(step, inputs, outputs)
    new_inputs, new_outputs = inputs.copy(), outputs.copy()
    lr = 1e-7  # so small that it does not matter what is changed first
    take(new_inputs, new_outputs, lr)
    np.testing.assert_allclose((inputs - new_inputs) / lr, factor * by_input, atol=1e-5)
    np.testing.assert_allclose((outputs - new_outputs) / lr, by_output, atol=1e-5)
    assert np.abs(by_input).max() > 0.01 and np.abs(by_output).max() > 0.01


def test_random_numbers_are_those_of_splitmix64() -> None:
    random = Random(0)  # the first outputs from seed 0, as the generator's authors print them
    assert [random.next() for _ in range(3)] == [
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
        0x06C45D188009454F,
    ]
