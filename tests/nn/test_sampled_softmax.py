"""The sampled softmax: exact with all words, its twin with some, and negatives as expected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from nn.test_cross_entropy import V, case, distance, gradients, twin
from torch import Tensor

from wordkit.nn.sampled_softmax import NegativeSampler, sampled_cross_entropy

ZIPF = 10**6 // np.arange(1, 1001)


def slow(inputs: Any, targets: Tensor, negatives: Tensor, log_expected: Tensor) -> Tensor:
    """Token by token: a softmax over the target and the negatives that are not it."""
    hidden, weight, bias = inputs
    loss = hidden.new_zeros(())
    for n, target in enumerate(targets.tolist()):
        if target >= 0:
            words = [target, *(word for word in negatives.tolist() if word != target)]
            logits = weight[words] @ hidden[n] + bias[words] - log_expected[words]
            loss = loss - logits.log_softmax(0)[0]
    return loss


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("bf16", "tolerance"), [(False, 2e-6), (True, 1e-2)])
def test_with_all_words_as_negatives_it_is_exact(
    bf16: bool, tolerance: float, sparse: bool
) -> None:
    """Each target is among the negatives once: so this is about accidental hits, too."""
    inputs, targets = case()
    expected = twin(inputs, targets)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = sampled_cross_entropy(
            *inputs, targets, torch.randperm(V), torch.zeros(V), sparse=sparse
        )
    assert loss.item() == pytest.approx(expected.item(), rel=max(tolerance / 5, 2e-6))
    found = gradients(loss, inputs)
    assert [gradient.is_sparse for gradient in found] == [False, sparse, sparse]
    for ours, theirs in zip(found, gradients(expected, inputs), strict=True):
        assert ours.dtype == torch.float32
        assert distance(ours.to_dense(), theirs) < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-13)])
def test_it_equals_its_twin(dtype: torch.dtype, tolerance: float) -> None:
    inputs, targets = case(dtype)
    random = torch.Generator().manual_seed(3)
    negatives = torch.randperm(V, generator=random)[:20]
    negatives[7] = targets[0]  # an accidental hit
    drawn = negatives, torch.randn(V, generator=random).to(dtype)
    with torch.no_grad():
        inputs[0][1] *= 1000  # probabilities that underflow
    loss, expected = sampled_cross_entropy(*inputs, targets, *drawn), slow(inputs, targets, *drawn)
    assert loss.item() == pytest.approx(expected.item(), rel=tolerance)
    for ours, theirs in zip(gradients(loss, inputs), gradients(expected, inputs), strict=True):
        assert distance(ours, theirs) < tolerance


def test_sparse_gradients_hold_the_rows_of_targets_and_negatives() -> None:
    inputs, targets = case()
    negatives = torch.randperm(V)[:9]
    found, expected = (
        gradients(
            sampled_cross_entropy(*inputs, targets, negatives, torch.zeros(V), sparse=sparse),
            inputs,
        )
        for sparse in (True, False)
    )
    touched = {*targets.clamp(min=0).tolist(), *negatives.tolist()}
    for ours, theirs in zip(found[1:], expected[1:], strict=True):
        torch.testing.assert_close(ours.to_dense(), theirs)
        assert set(ours.coalesce().indices()[0].tolist()) == touched
    assert torch.equal(found[0], expected[0])


def test_without_targets_it_costs_nothing() -> None:
    inputs, targets = case()
    loss = sampled_cross_entropy(
        *inputs, torch.full_like(targets, -1), torch.arange(9), torch.zeros(V)
    )
    assert loss == 0
    assert not any(gradient.any() for gradient in gradients(loss, inputs))


def test_gradients_tend_to_the_exact_ones_with_more_samples() -> None:
    inputs, targets = case(words=1000)
    with torch.no_grad():
        inputs[0].mul_(0.3)
        inputs[2].copy_(torch.from_numpy(np.log(ZIPF)))
    exact = gradients(twin(inputs, targets), inputs)
    distances = []
    for samples in (10, 100, 900):
        sampler = NegativeSampler(ZIPF, samples)
        means = [torch.zeros_like(part) for part in inputs]
        for _ in range(40):
            loss = sampled_cross_entropy(*inputs, targets, sampler.draw(), sampler.log_expected)
            for mean, gradient in zip(means, gradients(loss, inputs), strict=True):
                mean += gradient / 40
        distances.append([distance(m, e) for m, e in zip(means, exact, strict=True)])
    few, more, most = np.array(distances)
    assert (more < few / 2).all() and (most < more / 2).all() and (most < 0.02).all()


@pytest.mark.parametrize(("words", "samples"), [(50, 10), (50, 30), (400, 20)])
def test_words_are_drawn_as_often_as_expected(words: int, samples: int) -> None:
    sampler = NegativeSampler(ZIPF[:words], samples, seed=2)
    hits, draws = torch.zeros(words), 3000
    for _ in range(draws):
        negatives = sampler.draw()
        assert len(negatives.unique()) == samples
        hits[negatives] += 1
    expected = sampler.log_expected.exp()
    assert expected.sum().item() == pytest.approx(samples, rel=1e-4)
    deviation = (expected * (1 - expected) / draws).sqrt()
    # 1 − exp(−pτ) with a fixed τ is not exact where S is small: within 3 % and the noise
    assert ((hits / draws - expected).abs() < 5 * deviation + 0.03 * expected).all()


def test_draws_depend_on_the_generator_alone() -> None:
    one, other = NegativeSampler(ZIPF, 50, seed=3), NegativeSampler(ZIPF, 50, seed=4)
    one.draw()
    other.generator.set_state(one.generator.get_state())
    assert one.draw().equal(other.draw())
    assert not one.draw().equal(NegativeSampler(ZIPF, 50, seed=3).draw())


def test_as_many_negatives_as_words() -> None:
    sampler = NegativeSampler(np.array([5, 0, 1]), samples=10)
    assert sorted(sampler.draw().tolist()) == [0, 1, 2]
    assert not sampler.log_expected.any()
