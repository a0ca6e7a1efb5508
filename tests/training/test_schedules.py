"""Learning rates, beside torch's schedulers where it has one of the kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from wordkit.training.config import LearningConfig
from wordkit.training.schedules import learning_rate


def rates_of_torch(make: Callable[[torch.optim.Optimizer], Any], lr: float, n: int) -> list[float]:
    """The rates of n steps (or epochs) by one of torch's schedulers."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr)
    scheduler = make(optimizer)
    rates = []
    for _ in range(n):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates


def config_of(**settings: Any) -> LearningConfig:
    return LearningConfig(**{"lr": 0.3, **settings})


@pytest.mark.parametrize(
    ("settings", "epochs", "expected"),
    [
        ({"schedule": "constant"}, (0, 3, 9), (1, 1, 1)),
        ({"schedule": "step", "decay_after": 3}, range(6), (1, 1, 1, 1, 0.5, 0.25)),
        ({"schedule": "exponential", "decay_after": 3}, range(6), (1, 1, 1, 1, 0.5, 0.25)),
        ({"schedule": "inverse"}, (0, 1, 2.5), (1, 1 / 1.5, 1 / 2.25)),
    ],
)
def test_rates_by_epochs(settings: Any, epochs: Any, expected: Any) -> None:
    config = config_of(**settings)
    rates = [learning_rate(config, 0.5, each) / 0.3 for each in epochs]
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize("every", [1, 2, 3])
def test_step_and_exponential_are_torchs(every: int) -> None:
    config = config_of(schedule="step", decay=0.4, decay_every=every)
    expected = rates_of_torch(lambda o: lr_scheduler.StepLR(o, every, gamma=0.4), 0.3, 8)
    for part in (0.0, 0.99):
        rates = [learning_rate(config, 0.5, epoch + part) for epoch in range(8)]
        assert rates == pytest.approx(expected)
    config = config_of(schedule="exponential", decay=0.7)
    expected = rates_of_torch(lambda o: lr_scheduler.ExponentialLR(o, 0.7), 0.3, 8)
    assert [learning_rate(config, 0.5, n + 0.5) for n in range(8)] == pytest.approx(expected)


def test_cosine() -> None:
    config, n = config_of(schedule="cosine", warmup=0.0), 50
    expected = rates_of_torch(lambda o: lr_scheduler.CosineAnnealingLR(o, n), 0.3, n + 1)
    rates = [learning_rate(config, i / n, 0) for i in range(n + 1)]
    assert rates == pytest.approx(expected, abs=1e-9)
    config = config_of(schedule="cosine", warmup=0.4)
    rates = [learning_rate(config, fraction, 0) for fraction in (0, 0.1, 0.2, 0.4, 0.7, 1)]
    assert rates == pytest.approx([0, 0.075, 0.15, 0.3, 0.15, 0])


@pytest.mark.parametrize("warmup", [0.1, 0.2, 0.5])
def test_onecycle(warmup: float) -> None:
    n = 2000
    config = config_of(schedule="onecycle", warmup=warmup)
    expected = rates_of_torch(
        lambda o: lr_scheduler.OneCycleLR(o, 0.3, total_steps=n, pct_start=warmup), 0.3, n
    )
    rates = [learning_rate(config, i / n, 0) for i in range(n)]
    assert rates == pytest.approx(expected, abs=0.3 * 5 / n / warmup), "torch counts from step 1"
    assert max(rates) == pytest.approx(0.3) and rates[0] == pytest.approx(0.3 / 25)
    assert learning_rate(config, 1.0, 0) == 0


@pytest.mark.parametrize("schedule", ["cosine", "onecycle"])
@pytest.mark.parametrize("warmup", [0.0, 1.0])
def test_no_warm_up_and_nothing_else(schedule: Any, warmup: float) -> None:
    config = config_of(schedule=schedule, warmup=warmup)
    rates = [learning_rate(config, i / 20, 0) for i in range(20)]
    assert rates == sorted(rates, reverse=warmup == 0)
    assert max(rates) <= 0.3


def test_plateau() -> None:
    """As torch's, which is told of losses, not of validations without improvement."""
    config = config_of(schedule="plateau", decay=0.25)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.3)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.25, patience=0, threshold=0)
    best, plateaus = float("inf"), 0
    for loss in (5.0, 4.0, 4.5, 4.2, 3.9, 3.95):
        scheduler.step(loss)
        plateaus += loss >= best
        best = min(best, loss)
        expected = float(optimizer.param_groups[0]["lr"])
        assert learning_rate(config, 0.5, 1, plateaus=plateaus) == pytest.approx(expected)
    assert plateaus == 3
