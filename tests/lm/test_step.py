"""What is minimised in a window, beside the same in a few lines of torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from models import random_model
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from wordkit.lm.config import TrainingConfig
from wordkit.lm.losses import SharedNegatives
from wordkit.lm.model import RecurrentModel
from wordkit.lm.step import Plan, TrainingStep

V, T, B = 12, 5, 3
DRAWN = torch.Generator().manual_seed(4)
INPUTS, TARGETS = (torch.randint(0, V, (T, B), generator=DRAWN) for _ in range(2))
TARGETS[-1, 2] = -1
WORDS = T * B - 1
EXACT = Plan(is_sampled=False, is_measured=False)


def network(**config: Any) -> RecurrentModel:
    return random_model(words=V, **{"dropout": 0.0, **config}).module


def taken(
    model: RecurrentModel, plan: Plan = EXACT, negatives: Any = None, **settings: Any
) -> tuple[Tensor, Tensor | None]:
    step = TrainingStep(model, TrainingConfig(**settings), negatives)
    objective, exact, _ = step(INPUTS, TARGETS, model.start_state(B), 1 / WORDS, plan)
    return objective, exact


def loss_by_torch(model: RecurrentModel, smoothing: float = 0.0, reduction: str = "sum") -> Tensor:
    top = model(INPUTS, model.start_state(B)).top
    logits = top @ model.output.T + model.bias
    return F.cross_entropy(
        logits.flatten(0, 1), TARGETS.flatten(),
        ignore_index=-1, label_smoothing=smoothing, reduction=reduction,
    )  # fmt: skip


def test_the_mean_over_all_targets_is_minimised_and_their_sum_reported() -> None:
    model = network()
    objective, exact = taken(model)
    torch.testing.assert_close(objective, loss_by_torch(model, reduction="mean"))
    torch.testing.assert_close(exact, loss_by_torch(model))
    objective.backward()
    ours = [p.grad for p in model.parameters()]
    model.zero_grad()
    loss_by_torch(model, reduction="mean").backward()
    for gradient, parameter in zip(ours, model.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-4, atol=1e-6)


def test_label_smoothing_is_trained_on_and_not_reported() -> None:
    model = network()
    objective, exact = taken(model, label_smoothing=0.2)
    torch.testing.assert_close(objective, loss_by_torch(model, 0.2, "mean"))
    assert exact is None, "it is not known"
    _, exact = taken(model, Plan(is_sampled=False, is_measured=True), label_smoothing=0.2)
    torch.testing.assert_close(exact, loss_by_torch(model))


def test_penalties_of_activations() -> None:
    model = network(output_dropout=0.5)

    def seeded() -> None:
        model.train()
        model.generator = torch.Generator().manual_seed(1)

    seeded()
    features = model(INPUTS, model.start_state(B))
    seeded()
    plain, _ = taken(model)
    alpha = 0.7 * features.top.pow(2).mean()
    beta = 0.3 * (features.raw[1:] - features.raw[:-1]).pow(2).mean()
    for settings, penalty in (
        ({"activation_penalty": 0.7}, alpha),
        ({"temporal_penalty": 0.3}, beta),
        ({"activation_penalty": 0.7, "temporal_penalty": 0.3}, alpha + beta),
    ):
        seeded()
        objective, exact = taken(model, **settings)
        torch.testing.assert_close(objective - plain, penalty)
        assert exact is not None, "and what is reported has none"
        torch.testing.assert_close(exact / WORDS, plain.detach())


def test_the_exact_loss_is_measured_beside_a_sampled_one() -> None:
    """With all words as samples they are nearly one: no word is left out, each counted once."""
    model = network()
    some, all_ = (SharedNegatives(np.arange(V, 0, -1), samples=n) for n in (3, V))
    objective, exact = taken(model, Plan(is_sampled=True, is_measured=True), some)
    torch.testing.assert_close(exact, loss_by_torch(model).detach())
    assert float(objective.detach()) != pytest.approx(float(exact) / WORDS, rel=1e-3)  # type: ignore[arg-type]
    _, exact = taken(model, Plan(is_sampled=True, is_measured=False), some)
    assert exact is None
    objective, exact = taken(model, Plan(is_sampled=True, is_measured=True), all_)
    assert exact is not None
    torch.testing.assert_close(objective.detach(), exact / WORDS)


def test_measuring_leaves_no_gradient() -> None:
    models = network(), network()
    for model, measured in zip(models, (True, False), strict=True):
        negatives = SharedNegatives(np.arange(V, 0, -1), samples=4)
        taken(model, Plan(is_sampled=True, is_measured=measured), negatives)[0].backward()
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)  # type: ignore[arg-type]
