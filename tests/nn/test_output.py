"""Output layers: logits, loss and probabilities that agree, with torch and with each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from nn.test_recurrent import drawn
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from wordkit.errors import ConfigError
from wordkit.nn.mixture import MixtureOutputLayer
from wordkit.nn.output import AdaptiveOutputLayer, OutputLayer, default_cutoffs

F_, B, T = 6, 3, 4  # features, sequences, steps


def tied(words: int, dim: int) -> OutputLayer:
    layer = OutputLayer(F_, words, nn.Parameter(torch.empty(words, dim)))
    return drawn(layer)  # type: ignore[no-any-return]


LAYERS: dict[str, Callable[[int], Any]] = {
    "own": lambda V: drawn(OutputLayer(F_, V)),
    "tied": lambda V: tied(V, F_),
    "projected": lambda V: tied(V, 4),
    "adaptive": lambda V: drawn(AdaptiveOutputLayer(F_, V, [4, V // 2])),
    "mixture": lambda V: drawn(MixtureOutputLayer(F_, V, 3)),
}


def case(V: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(4)
    features = torch.randn(T, B, F_, generator=random).requires_grad_()
    targets = torch.randint(V, (T, B), generator=random)
    targets[-1, 2] = -1
    return features, targets


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("V", [12, 300])  # with all logits at once, and in chunks
def test_loss_and_probabilities_agree(name: str, V: int) -> None:
    layer, (features, targets) = LAYERS[name](V), case(V)
    table = layer.log_probs(features)
    assert table.shape == (T, B, V) and not table.requires_grad
    torch.testing.assert_close(table.exp().sum(-1), torch.ones(T, B))
    found = layer.target_log_probs(features, targets)
    present = targets >= 0
    assert not found.requires_grad and not found[~present].any()
    torch.testing.assert_close(found[present], table[present, targets[present]])
    torch.testing.assert_close(layer.loss(features, targets), -found.sum())
    nothing = layer.loss(features, torch.full_like(targets, -1))
    nothing.backward()
    assert nothing == 0 and features.grad is not None and not features.grad.any()


@pytest.mark.parametrize("name", ["own", "tied", "projected"])
@pytest.mark.parametrize("V", [12, 300])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_softmax_is_torchs(name: str, V: int, smoothing: float) -> None:
    layer, (features, targets) = LAYERS[name](V), case(V)
    assert (layer.projection is not None) == (name == "projected")
    hidden = features if layer.projection is None else features @ layer.projection.T
    logits = hidden @ layer.weight.T + layer.bias
    torch.testing.assert_close(layer.logits(features), logits)
    expected = F.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="sum",
        label_smoothing=smoothing,
    )  # fmt: skip
    loss = layer.loss(features, targets, smoothing)
    torch.testing.assert_close(loss, expected)
    leaves = [features, *layer.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad(loss, leaves), torch.autograd.grad(expected, leaves), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("V", [12, 300])
def test_inside_an_autocast_losses_are_near_and_in_float32(name: str, V: int) -> None:
    layer, (features, targets) = LAYERS[name](V), case(V)
    with torch.autocast("cpu", torch.bfloat16):
        loss = layer.loss(features, targets)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, layer.loss(features, targets), rtol=5e-3, atol=0)


def test_tied_weights_are_one_parameter_that_is_projected_to() -> None:
    embedding = nn.Parameter(torch.empty(12, 4))
    layer = OutputLayer(F_, 12, embedding)
    assert layer.weight is embedding
    assert layer.projection is not None and layer.projection.shape == (4, F_)
    with torch.no_grad():
        drawn(layer)
    features, targets = case(12)
    negatives, log_expected = torch.randperm(12), torch.zeros(12)
    loss = layer.sampled_loss(features, targets, negatives, log_expected)
    torch.testing.assert_close(loss, layer.loss(features, targets))


@pytest.mark.parametrize("is_tied", [False, True])
@pytest.mark.parametrize("chunk", [1, 1000, 1 << 22])
def test_the_mixture_is_that_of_yang_et_al(
    is_tied: bool, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Softmax by softmax, with the gradients of plain autograd."""
    monkeypatch.setattr("wordkit.nn.mixture._CHUNK_LOGITS", chunk)
    V, K = 40, 4
    weights = nn.Parameter(torch.empty(V, 5)) if is_tied else None
    layer, (features, targets) = drawn(MixtureOutputLayer(F_, V, K, weights)), case(V)
    prior = torch.softmax(features @ layer.prior.T, -1)
    p: Any = 0
    for k, matrix in enumerate(layer.latent.chunk(K)):
        hidden = torch.tanh(features @ matrix.T + layer.latent_bias.chunk(K)[k])
        p = p + prior[..., k, None] * torch.softmax(hidden @ layer.weight.T + layer.bias, -1)
    torch.testing.assert_close(layer.log_probs(features), p.log())
    loss, expected = (
        layer.loss(features, targets),
        F.nll_loss(p.log().flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="sum"),
    )
    torch.testing.assert_close(loss, expected)
    leaves = [features, *layer.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad(loss, leaves), torch.autograd.grad(expected, leaves), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigError, match="label_smoothing must be 0 with a mixture"):
        layer.loss(features, targets, 0.1)


@pytest.mark.parametrize("width", [1, 3, 40])
def test_adaptive_clusters_are_wide_enough_for_any_width(width: int) -> None:
    layer = drawn(AdaptiveOutputLayer(width, 1000, [50, 300, 600]))
    assert layer.cutoffs == [50, 300, 600]
    torch.testing.assert_close(
        layer.log_probs(torch.randn(2, 3, width)).exp().sum(-1), torch.ones(2, 3)
    )


@pytest.mark.parametrize("words", [2, 3, 99, 1000, 10_000, 100_000])
def test_default_cutoffs(words: int) -> None:
    cutoffs = default_cutoffs(10**9 // np.arange(1, words + 1))
    assert [0, *cutoffs, words] == sorted({0, *cutoffs, words})
    assert AdaptiveOutputLayer(4, words).cutoffs == cutoffs


@pytest.mark.parametrize("cutoffs", [[], [0, 5], [5, 5], [7, 3], [10]])
def test_bad_cutoffs(cutoffs: list[int]) -> None:
    with pytest.raises(ConfigError, match=r"cutoffs must ascend from 1 to 9, not \["):
        AdaptiveOutputLayer(4, 10, cutoffs)
    with pytest.raises(ConfigError, match="at least 2 words, not 1"):
        default_cutoffs(np.ones(1, np.int64))
