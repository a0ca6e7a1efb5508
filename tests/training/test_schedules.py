"""Learning rates, beside torch's schedulers where it has one of the kind."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from wordkit.lm.config import TrainingConfig
from wordkit.training.pace import Pace
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


def config_of(**settings: Any) -> TrainingConfig:
    return TrainingConfig(**{"lr": 0.3, **settings})


def test_constant() -> None:
    config = config_of(schedule="constant")
    assert {learning_rate(config, share, 10 * share) for share in (0, 0.3, 1)} == {0.3}


@pytest.mark.parametrize("every", [1, 2, 3])
def test_step(every: int) -> None:
    config = config_of(schedule="step", decay=0.4, decay_every=every)
    expected = rates_of_torch(lambda o: lr_scheduler.StepLR(o, every, gamma=0.4), 0.3, 8)
    for epoch, part in itertools.product(range(8), (0.0, 0.99)):
        assert learning_rate(config, 0.5, epoch + part) == pytest.approx(expected[epoch])


def test_step_and_exponential_wait() -> None:
    for schedule in ("step", "exponential"):
        config = config_of(schedule=schedule, decay=0.5, decay_after=3)
        rates = [learning_rate(config, 0.5, epoch) for epoch in range(6)]
        assert rates == pytest.approx([0.3, 0.3, 0.3, 0.3, 0.15, 0.075])


def test_exponential() -> None:
    config = config_of(schedule="exponential", decay=0.7)
    expected = rates_of_torch(lambda o: lr_scheduler.ExponentialLR(o, 0.7), 0.3, 8)
    assert [learning_rate(config, 0.5, epoch + 0.5) for epoch in range(8)] == pytest.approx(
        expected
    )


def test_inverse_time() -> None:
    config = config_of(schedule="inverse", decay=0.5)
    rates = [learning_rate(config, 0.5, epochs) for epochs in (0, 1, 2.5)]
    assert rates == pytest.approx([0.3, 0.2, 0.3 / 2.25])


def test_cosine() -> None:
    config, n = config_of(schedule="cosine", warmup=0.0), 50
    expected = rates_of_torch(lambda o: lr_scheduler.CosineAnnealingLR(o, n), 0.3, n + 1)
    assert [learning_rate(config, i / n, 0) for i in range(n + 1)] == pytest.approx(
        expected, abs=1e-9
    )


def test_cosine_warms_up_in_proportion() -> None:
    config = config_of(schedule="cosine", warmup=0.4)
    rates = [learning_rate(config, share, 0) for share in (0, 0.1, 0.2, 0.4, 0.7, 1)]
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
    """As torch's, which is told of losses: here the training counts how often they stalled."""
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


# --- how much is done -----------------------------------------------------------------------------


@pytest.mark.parametrize("total", [3, 10, 49, 500])
def test_a_whole_epoch_is_not_lost_in_rounding(total: int) -> None:
    """At the start of epoch n, n epochs are done, and the rate of ``step`` falls at once."""
    pace = Pace(TrainingConfig(epochs=total))
    for epoch in range(total):
        share = pace.share(float(epoch))
        assert int(pace.epochs_for_schedule(float(epoch), share)) == epoch


def test_epochs_are_shortened_to_the_minutes() -> None:
    pace = Pace(TrainingConfig(epochs=10, max_minutes=1), spent=30)
    share = pace.share(1.0)
    assert share == pytest.approx(0.5, abs=0.01)
    assert pace.epochs_for_schedule(1.0, share) == pytest.approx(5, abs=0.1)
    assert pace.share(9.0) == pytest.approx(0.9), "what is reached first ends it"
    assert pace.share(1.0, reserve=20) == pytest.approx(0.75, abs=0.01)
    assert pace.share(1.0, reserve=120) == 1
    assert Pace(TrainingConfig(epochs=None, max_minutes=1), 90).share(0.1) == 1
