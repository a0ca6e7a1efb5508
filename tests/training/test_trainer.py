"""The loop: what is kept, when it ends, and what it says on the way."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from training.toy_task import PAIRS, ToyTask, config_of, trained, trainer_of

from wordkit.errors import ConfigError, DivergenceError, LostProcessError, ResourceError
from wordkit.nn.network import uses_bf16
from wordkit.runtime import Report
from wordkit.runtime.processes import Processes
from wordkit.training import run as run_module
from wordkit.training import trainer as trainer_module
from wordkit.training.run import TrainingRun, check_network_memory, chosen_precision
from wordkit.training.task import BatchLoss


def weights_of(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in network.named_parameters()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


class Clock:
    """Time that passes by the second in each batch, and by three in each validation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, task: ToyTask) -> None:
        self.now = 0.0
        monkeypatch.setattr(trainer_module.time, "monotonic", lambda: self.now)
        for name, seconds in (("loss", 1.0), ("validate", 3.0)):
            monkeypatch.setattr(task, name, self.timed(getattr(task, name), seconds))

    def timed(self, function: Callable[..., Any], seconds: float) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.now += seconds
            return function(*arguments)

        return call


# --- reports --------------------------------------------------------------------------------------


def test_reports_tell_how_far_it_is() -> None:
    reports = list(run := trained(task=ToyTask([2.0, 1.5, 1.7])))
    stages = [stage for stage, _ in itertools.groupby(report.stage for report in reports)]
    assert stages == ["preparing", *["training", "validating"] * 3]
    steps = [report for report in reports if report.stage == "training"]
    assert [r.done for r in steps] == list(range(10, 121, 10))
    assert {(r.total, r.unit) for r in steps} == {(120, "pairs")}
    assert [r.figures["epoch"] for r in steps] == [1] * 4 + [2] * 4 + [3] * 4
    assert steps[4].figures["epochs"] == pytest.approx(1.25)
    assert "valid_perplexity" not in steps[0].figures
    assert steps[-1].figures["valid_perplexity"] == pytest.approx(math.exp(1.5))
    assert reports[-1].figures["valid_perplexity"] == pytest.approx(math.exp(1.7))
    assert reports[-1].figures["number"] == 3 and run.figures == {"number": 2.0}
    assert reports[-1].figures["seen"] == 120
    _, summary = run.result()
    assert summary["pairs"] == 120 and summary["epochs"] == 3
    assert [v["epochs"] for v in summary["validations"]] == [1, 2, 3]
    assert summary["valid_perplexity"] == pytest.approx(math.exp(1.5))


def test_the_reported_loss_is_the_exact_mean_over_the_epoch() -> None:
    task = ToyTask(dropout=0.0)
    found: list[BatchLoss] = []
    loss = task.loss
    task.loss = lambda *a: found.append(loss(*a)) or found[-1]  # type: ignore[method-assign, func-returns-value]
    reports = [r for r in trained(task=task) if r.stage == "training"]
    for n, report in enumerate(reports):
        epoch = found[n - n % 4 : n + 1]
        expected = sum(float(each.loss) for each in epoch) / (10 * len(epoch))  # type: ignore[arg-type]
        assert report.figures["loss"] == pytest.approx(expected)


def test_a_loss_that_is_not_known_is_not_counted() -> None:
    task = ToyTask()
    loss, numbers = task.loss, itertools.count()

    def sometimes(*arguments: Any) -> BatchLoss:
        found = loss(*arguments)
        exact = found.loss if next(numbers) % 2 else None
        return BatchLoss(found.objective, exact, 10, 10, lr_scale=0.5)

    task.loss = sometimes  # type: ignore[method-assign]
    reports = [r for r in trained(task=task) if r.stage == "training"]
    assert math.isnan(reports[0].figures["loss"]) and math.isfinite(reports[1].figures["loss"])
    assert {r.figures["lr"] for r in reports} == {0.25}, "the scale of the task"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_precision_is_an_autocast_around_the_loss(precision: str) -> None:
    task, seen = ToyTask(), []
    loss = task.loss

    def watched(*arguments: Any) -> BatchLoss:
        seen.append(uses_bf16(task.hidden_state) and task.network.training)
        return loss(*arguments)

    task.loss = watched  # type: ignore[method-assign]
    trained(config_of(precision=precision), task).result()
    assert set(seen) == {precision == "bf16"}


# --- what is kept ---------------------------------------------------------------------------------


def test_the_best_weights_are_kept_and_patience_ends_the_training() -> None:
    losses = [3.0, 2.0, 2.5, 2.1, 2.2, 2.3]
    kept, summary = trained(config_of(epochs=6), ToyTask(losses)).result()
    assert len(summary["validations"]) == 6
    shorter, _ = trained(config_of(epochs=2), ToyTask(losses)).result()
    assert same(weights_of(kept), weights_of(shorter))
    early, summary = trained(config_of(epochs=6, patience=2), ToyTask(losses)).result()
    assert len(summary["validations"]) == 4 and same(weights_of(early), weights_of(kept))


def test_without_validation_the_last_weights_are_kept() -> None:
    task = ToyTask()
    task.validation_cost = 0.0
    network, summary = trained(task=task).result()
    assert summary["validations"] == [] and summary["valid_perplexity"] is None
    assert same(weights_of(network), weights_of(task.network))


def test_the_best_model_so_far_has_a_network_of_its_own() -> None:
    task, plain = ToyTask([2.0, 3.0, 4.0]), ToyTask([2.0, 3.0, 4.0])
    run = trained(task=task)
    with pytest.raises(ConfigError, match="not begun"):
        run.best()
    assert not run.has_learnt and run.rate is None
    for report in run:
        if report.stage == "training":
            network, _ = run.best()
            assert network is not task.network and not network.training
            assert task.network.training, "that goes on"
            assert all(p.grad is None for p in network.parameters())
            with torch.no_grad():
                network.embedding.add_(1)
            assert run.has_validated == bool(trainer_of(run).state.validations)
    trained(task=plain).result()
    assert same(weights_of(task.network), weights_of(plain.network))
    assert run.has_learnt and (run.rate or 0) > 0


def test_the_rate_falls_with_each_validation_that_is_no_better() -> None:
    losses = [3.0, 2.0, 2.5, 1.9, 1.9, 1.8]
    run = trained(config_of(epochs=6, schedule="plateau", decay=0.5), ToyTask(losses))
    rates = [r.figures["lr"] for r in run if r.stage == "training"][::4]
    assert rates == pytest.approx([0.5, 0.5, 0.5, 0.25, 0.25, 0.125])


def test_weights_are_averaged_from_when_validation_is_worse_than_before() -> None:
    """Than the best but for the last two before it, as in Merity et al. (2018)."""
    losses = [3.0, 2.0, 2.4, 2.3, 2.1, 2.2, 1.0, 5.0]
    config = config_of(epochs=8, optimizer="asgd", averaging_patience=2, patience=4)
    run = trained(config, task := ToyTask(losses))
    seen: list[dict[str, torch.Tensor]] = []
    began, before = None, weights_of(task.network)
    for report in run:
        if report.stage == "training":
            average = trainer_of(run).average
            if average is not None and began is None:
                began, seen = report.done, [before]
            before = weights_of(task.network)
            seen.append(before)
            if report.done == 7 * PAIRS:
                expected = seen[:]
    assert began == 5 * PAIRS + 10, "2.1 is worse than 2.0; 2.3 is not worse than 3.0"
    kept, summary = run.result()
    assert len(summary["validations"]) == 8, "patience counts anew from there"
    for name, weight in weights_of(kept).items():  # the mean at the seventh, the best of all
        mean = torch.stack([each[name] for each in expected]).mean(0)
        torch.testing.assert_close(weight, mean, rtol=1e-5, atol=1e-6)
    assert not torch.equal(kept.weight, task.network.weight), "it is trained on without it"


@pytest.mark.parametrize("validates", [True, False])
def test_a_moving_average_is_validated_and_kept(validates: bool) -> None:
    task = ToyTask()
    if not validates:
        task.validation_cost = 0.0
    run = trained(config_of(epochs=2, average=True, average_decay=0.9), task)
    mean, count = weights_of(task.network), 0
    for report in run:
        if report.stage == "training":
            count += 1
            decay = min(0.9, (1 + count) / (10 + count))
            for name, weight in weights_of(task.network).items():
                mean[name] = decay * mean[name] + (1 - decay) * weight
    kept, summary = run.result()
    assert len(summary["validations"]) == (2 if validates else 0)
    for name, weight in weights_of(kept).items():
        torch.testing.assert_close(weight, mean[name], rtol=1e-4, atol=1e-6)
    assert not torch.equal(kept.weight, task.network.weight), "it is trained on without it"


# --- time -----------------------------------------------------------------------------------------


def test_the_schedule_is_fitted_to_the_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    task = ToyTask()
    clock = Clock(monkeypatch, task)
    config = config_of(epochs=None, max_minutes=4, schedule="onecycle", warmup=0.25)
    reports = [r for r in trained(config, task) if r.stage == "training"]
    assert 225 <= clock.now <= 241
    rates = [r.figures["lr"] for r in reports]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert max(rates) == pytest.approx(0.5, rel=0.01) and rates[-1] < 0.01
    assert 0.2 < top / len(rates) < 0.3
    assert task.validated == 5, "a twentieth of the time, and one at the end"


def test_what_is_reached_first_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for minutes, epochs, done in ((5.0, 2, 2.0), (0.5, 50, None)):
        task = ToyTask()
        Clock(monkeypatch, task)
        config = config_of(epochs=epochs, max_minutes=minutes, schedule="step", decay=0.9)
        run = trained(config, task)
        reports = [r for r in run if r.stage == "training"]
        _, summary = run.result()
        if done is not None:
            assert summary["epochs"] == done
        else:  # the epochs of the schedule are those of the whole, shortened
            assert summary["epochs"] < 8
            assert reports[-1].figures["lr"] < 0.5 * 0.9**40


@pytest.mark.parametrize("epochs", [3, 10, 49])
def test_a_whole_epoch_is_not_lost_in_rounding(epochs: int) -> None:
    """At the start of epoch n, n epochs are done, and the rate of ``step`` falls at once."""
    config = config_of(epochs=epochs, schedule="step", decay=0.9)
    task = ToyTask()
    task.validation_cost = 0.0
    rates = [r.figures["lr"] for r in trained(config, task) if r.stage == "training"]
    assert rates == pytest.approx([0.5 * 0.9 ** (n // 4) for n in range(4 * epochs)])


# --- divergence -----------------------------------------------------------------------------------


@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_numbers_that_are_none_stop_it_before_the_step(clip: float | None, what: str) -> None:
    task = ToyTask([1.0] * 3)
    loss, numbers = task.loss, itertools.count()

    def wrong(*arguments: Any) -> BatchLoss:
        found, objective = loss(*arguments), task.network.embedding.sum()
        if next(numbers) == 5:
            nan = objective * math.nan if what == "loss" else (objective * 0).sqrt()
            return BatchLoss(found.objective + nan, found.loss, 10, 10)
        before.update(weights_of(task.network))
        return found

    task.loss = wrong  # type: ignore[method-assign]
    before: dict[str, torch.Tensor] = {}
    run = trained(config_of(clip_norm=clip), task)
    with pytest.raises(DivergenceError) as caught:  # noqa: PT012
        for report in run:
            after = weights_of(task.network)
            assert report.done <= 50
    message = str(caught.value)
    assert "diverged after 50 pairs, in epoch 2, at learning rate 0.5" in message
    assert "lower lr, to 0.12 say" in message and "\n" not in message
    assert ("clip gradients (clip_norm 1)" in message) == (clip is None)
    assert same(after, weights_of(task.network)), "the step was not taken"
    network, _ = run.best()
    assert all(torch.isfinite(p).all() for p in network.parameters())


def test_weights_that_the_last_step_made_infinite_are_never_kept() -> None:
    task = ToyTask()
    task.validation_cost = 0.0
    config = config_of(epochs=1, lr=3e38, clip_norm=None, weight_decay=100)
    task.batches = lambda epoch, start: iter([torch.arange(10)] * (1 - start))  # type: ignore[method-assign]
    task.size = 10
    with pytest.raises(DivergenceError, match="diverged after 10 pairs"):
        trained(config, task).result()


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_validation_without_a_number_stops_it(loss: float) -> None:
    """Where the last step of an epoch made weights that are finite, and too large."""
    run = trained(config_of(epochs=3), ToyTask([1.0, loss]))
    with pytest.raises(DivergenceError, match="diverged after 80 pairs"):
        run.result()
    assert run.best()[1]["valid_perplexity"] == pytest.approx(math.e)


# --- the run --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["end", "close", "Ctrl-C", "error", "cannot begin"])
def test_the_number_of_threads_is_restored(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, during = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        task = ToyTask()
        loss, numbers = task.loss, itertools.count()

        def watched(*arguments: Any) -> BatchLoss:
            during.append(torch.get_num_threads())
            if next(numbers) == 2 and way in ("Ctrl-C", "error"):
                raise KeyboardInterrupt if way == "Ctrl-C" else ValueError
            return loss(*arguments)

        task.loss = watched  # type: ignore[method-assign]
        run = trained(task=task)
        if way == "cannot begin":
            monkeypatch.setattr(trainer_module, "make_optimizer", lambda *_: 1 / 0)
        if way == "close":
            list(itertools.islice(run, 3))
            run.close()
        elif way == "end":
            run.result()
        else:
            with pytest.raises((KeyboardInterrupt, ValueError, ZeroDivisionError)):
                run.result()
        assert torch.get_num_threads() == 2 and set(during) <= {1}
    finally:
        torch.set_num_threads(before)


def test_a_lost_process_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "join_processes", lambda _: Processes(0, 2))

    def make_task(_: Processes) -> Any:
        yield Report("preparing", 0)
        raise RuntimeError("[enforce fail at gloo/transport.cc] Connection closed by peer")

    with pytest.raises(LostProcessError, match="from the last checkpoint") as caught:
        TrainingRun(make_task, "cpu", 1).result()
    assert "\n" not in str(caught.value)


def test_memory_is_asked_for_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(weights: int) -> Callable[[], torch.nn.Module]:
        return lambda: torch.nn.Linear(weights, 1, bias=False)

    monkeypatch.setattr("wordkit.runtime.memory.available_memory", lambda: 1 << 30)
    check_network_memory("a model", build(40_000_000), "buy some")
    with pytest.raises(
        ResourceError, match=r"^training a model and 60,000,000 weights .* 1\.2 GiB"
    ):
        check_network_memory("a model", build(60_000_000), "buy some")
    with pytest.raises(ResourceError, match="buy some$"):
        check_network_memory("a model", build(40_000_000), "buy some", extra=1 << 29)


def test_what_auto_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for fast in (True, False):
        monkeypatch.setattr(run_module, "is_bf16_fast", lambda fast=fast: fast)
        assert chosen_precision("auto", "cpu") == ("bf16" if fast else "fp32")
        assert chosen_precision("bf16", "cpu") == "bf16"
        assert chosen_precision("auto", "mps") == "fp32"
