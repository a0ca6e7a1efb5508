"""The chunked cross-entropy: torch's values and gradients, in chunks of any size, never whole."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd.profiler import profile
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.nn import cross_entropy
from wordkit.nn.cross_entropy import linear_cross_entropy, linear_target_log_probs

N, V, H = 37, 203, 12
Inputs = tuple[Tensor, Tensor, Tensor]


def case(dtype: torch.dtype = torch.float32, words: int = V) -> tuple[Inputs, Tensor]:
    """Hidden, weight and bias, and targets, of which two are missing."""
    random = torch.Generator().manual_seed(5)
    hidden, weight, bias = (
        torch.randn(shape, generator=random, dtype=dtype).requires_grad_()
        for shape in ((N, H), (words, H), (words,))
    )
    targets = torch.randint(words, (N,), generator=random)
    targets[[3, N - 1]] = -1
    return (hidden, weight, bias), targets


def twin(inputs: Any, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    return F.cross_entropy(
        F.linear(*inputs), targets, ignore_index=-1, reduction="sum", label_smoothing=smoothing
    )


def gradients(loss: Tensor, inputs: Any) -> tuple[Tensor, ...]:
    return torch.autograd.grad(0.3 * loss, inputs)


def distance(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("chunk", [None, 1, 5, N])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-14)])
def test_it_is_torchs(
    dtype: torch.dtype, tolerance: float, chunk: int | None, smoothing: float
) -> None:
    inputs, targets = case(dtype)
    loss = linear_cross_entropy(*inputs, targets, label_smoothing=smoothing, chunk=chunk)
    expected = twin(inputs, targets, smoothing)
    assert loss.dtype == dtype
    assert abs(loss - expected) <= tolerance * abs(expected)
    for ours, theirs in zip(gradients(loss, inputs), gradients(expected, inputs), strict=True):
        assert distance(ours, theirs) < tolerance


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk", [None, 5])
def test_in_bf16_it_is_near(chunk: int | None, smoothing: float) -> None:
    inputs, targets = case()
    with torch.autocast("cpu", torch.bfloat16):
        loss = linear_cross_entropy(*inputs, targets, label_smoothing=smoothing, chunk=chunk)
    expected = twin(inputs, targets, smoothing)
    assert loss.dtype == torch.float32
    assert 0 < abs(loss - expected) < 1e-3 * expected
    for ours, theirs in zip(gradients(loss, inputs), gradients(expected, inputs), strict=True):
        assert ours.dtype == torch.float32
        assert distance(ours, theirs) < 1e-2


def test_without_bias_and_with_gradients_of_some_only() -> None:
    (hidden, weight, bias), targets = case()
    linear_cross_entropy(hidden.detach(), weight, None, targets).backward()
    (expected,) = torch.autograd.grad(twin((hidden, weight), targets), [weight])
    assert weight.grad is not None and distance(weight.grad, expected) < 2e-6
    linear_cross_entropy(hidden.detach(), weight.detach(), bias, targets).backward()
    (expected,) = torch.autograd.grad(twin((hidden, weight, bias), targets), [bias])
    assert bias.grad is not None and distance(bias.grad, expected) < 2e-6
    with torch.no_grad():
        assert not linear_cross_entropy(hidden, weight, None, targets).requires_grad


@pytest.mark.parametrize("count", [0, N])
def test_no_targets_cost_nothing(count: int) -> None:
    (hidden, weight, bias), _ = case()
    inputs = hidden[:count], weight, bias
    loss = linear_cross_entropy(*inputs, torch.full((count,), -1))
    assert loss == 0
    assert not any(gradient.any() for gradient in gradients(loss, inputs))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_probabilities_that_underflow_keep_their_loss(smoothing: float) -> None:
    """exp(−200) is 0 in float32, and its logarithm is −200 all the same."""
    inputs, targets = case()
    with torch.no_grad():
        inputs[0].mul_(100)
    loss = linear_cross_entropy(*inputs, targets, label_smoothing=smoothing)
    expected = twin(inputs, targets, smoothing)
    assert (F.linear(*inputs).softmax(1).gather(1, targets.clamp(min=0)[:, None]) == 0).any()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    for ours, theirs in zip(gradients(loss, inputs), gradients(expected, inputs), strict=True):
        assert distance(ours, theirs) < 1e-4


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("bf16", [False, True])
def test_divergence_shows_in_the_loss(bad: float, bf16: bool) -> None:
    inputs, targets = case()
    with torch.no_grad():
        inputs[0][1, 2] = bad
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        assert not linear_cross_entropy(*inputs, targets).isfinite()


@pytest.mark.parametrize("bf16", [False, True])
def test_logits_are_never_held_whole(bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "_CHUNK_BYTES", 1 << 19)
    tokens, words, width = 1024, 2000, 16
    hidden = torch.randn(tokens, width, requires_grad=True)
    weight = torch.randn(words, width, requires_grad=True)
    targets = torch.arange(tokens) % words
    with profile(profile_memory=True) as made, torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        linear_cross_entropy(hidden, weight, None, targets).backward()
        linear_target_log_probs(hidden, weight, None, targets)
    largest = max(event.cpu_memory_usage for event in made.function_events)
    whole = tokens * words * (2 if bf16 else 4)
    assert whole / 100 < largest < whole / 2


@pytest.mark.parametrize("words", [2, 10_000, 100_000])
def test_chunks_cover_all_rows_once_within_their_memory(words: int) -> None:
    weight = torch.empty(words, 200, device="meta")
    for count in (0, 1, 699, 5000):
        parts = list(cross_entropy._chunks(count, weight, 2))
        assert [i for part in parts for i in range(part.start, part.stop)] == list(range(count))
        largest = max(part.stop - part.start for part in parts)
        assert largest * words * 2 <= max(1 << 28, weight.numel() * 4)


def test_one_backward_pass_only() -> None:
    inputs, targets = case()
    loss = linear_cross_entropy(*inputs, targets)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="one backward pass"):
        loss.backward()


def test_targets_that_are_no_words() -> None:
    inputs, targets = case()
    targets[4] = V
    for function in (linear_cross_entropy, linear_target_log_probs):
        with pytest.raises(IndexError, match=f"a target is {V}, but there are {V} words"):
            function(*inputs, targets)


@pytest.mark.parametrize("with_bias", [True, False])
def test_log_probabilities_of_targets(with_bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "_CHUNK_BYTES", 4 * V * 5)
    (hidden, weight, bias), targets = case()
    some = bias if with_bias else None
    table = F.linear(hidden, weight, some).log_softmax(1)
    found = linear_target_log_probs(hidden, weight, some, targets)
    present = targets >= 0
    assert not found.requires_grad and not found[~present].any()
    torch.testing.assert_close(found[present], table.detach()[present, targets[present]])
