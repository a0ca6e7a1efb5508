"""Training: what it comes to, when it ends, and which model is kept."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812
from toy_language import QUICK, SMALL, WORDS, least_loss, toy_corpus, toy_text, trained

from wordkit.errors import ConfigError, DivergenceError, ResourceError, TextError
from wordkit.lm.checkpoint import read_checkpoint
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.model_file import save_language_model
from wordkit.lm.scoring import perplexity
from wordkit.lm.train import LanguageModelRun, train_language_model
from wordkit.lm.training import Training
from wordkit.runtime import Report
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.text import Corpus


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return toy_corpus(900)


@pytest.fixture(scope="module")
def valid() -> Corpus:
    return toy_corpus(150, seed=2)


def training_of(run: LanguageModelRun) -> Training:
    training = run._job.training
    assert training is not None
    return training


def loss_of(model: LanguageModel, text: Corpus) -> float:
    return math.log(perplexity(model, text).result().perplexity)


def weights_of(model: LanguageModel) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.module.named_parameters()}


def trainings(run: LanguageModelRun) -> list[Report]:
    return [report for report in run if report.stage == "training"]


# --- what is learnt -------------------------------------------------------------------------------


@pytest.mark.parametrize("softmax", ["exact", "sampled", "adaptive"])
def test_the_entropy_of_a_language_is_reached(softmax: Any) -> None:
    """And not gone below: what is reported cannot be better than who knows the language."""
    more = {"samples": 5, "exact_fraction": 0.3} if softmax == "sampled" else {}
    config = replace(QUICK, batch=20, steps=10, epochs=5, lr=3e-2, softmax=softmax, **more)
    reports = trainings(run := trained(toy_corpus(8_000), SMALL, config))
    words = toy_text(4000, seed=7)
    loss = loss_of(run.result(), toy_corpus(4000, seed=7))
    beyond = 0.2 if softmax == "sampled" else 0.1  # with five samples its gradients are rough
    assert least_loss(words) - 0.005 < loss < least_loss(words) + beyond
    assert reports[-1].figures["loss"] == pytest.approx(loss, abs=0.12)
    counts = np.bincount(words) / len(words)
    assert loss < -(counts * np.log(counts)).sum() - 0.3, "far better than by frequency alone"


@pytest.mark.parametrize("cell", ["rnn", "gru", "peephole"])
def test_other_cells_learn_too(cell: Any) -> None:
    config = replace(QUICK, batch=20, steps=10, epochs=4, lr=3e-2)
    run = trained(toy_corpus(6_000), replace(SMALL, cell=cell), config)
    words = toy_text(2000, seed=7)
    assert loss_of(run.result(), toy_corpus(2000, seed=7)) < least_loss(words) + 0.2


@pytest.mark.parametrize(
    ("optimizer", "lr"),
    [("sgd", 4.0), ("momentum", 0.5), ("nesterov", 0.5), ("adagrad", 0.1), ("rmsprop", 0.01),
     ("adam", 0.03), ("asgd", 4.0)],
)  # fmt: skip
def test_all_optimizers_learn(corpus: Corpus, optimizer: Any, lr: float) -> None:
    reports = trainings(trained(corpus, SMALL, replace(QUICK, optimizer=optimizer, lr=lr)))
    assert reports[-1].figures["loss"] < reports[0].figures["loss"] - 0.3


@pytest.mark.parametrize("softmax", ["exact", "sampled"])
def test_at_first_all_words_are_equally_probable(corpus: Corpus, softmax: Any) -> None:
    """So the first loss is that of choosing among all words, however it is trained on."""
    first = next(trained(corpus, SMALL, replace(QUICK, softmax=softmax)))
    V = WORDS + 2
    assert math.exp(first.figures["loss"]) == pytest.approx(V, rel=0.02)


def test_sampling_ends_and_what_is_reported_is_exact(corpus: Corpus) -> None:
    config = replace(QUICK, epochs=2, softmax="sampled", samples=3, exact_fraction=0.5)
    run = trained(corpus, SMALL, config)
    reported = 0
    was_sampled = []
    report = next(run)
    training = training_of(run)
    while report.done < report.total:  # type: ignore[operator]
        state, share = training.state, training.share
        before, position = state.tally, state.position
        window = training._tracks.window(position, config.steps)
        carried = state.carried or training.model.start_state(config.batch)
        with torch.no_grad():
            top = training.model.eval()(window.inputs, carried).top
            logits = top @ training.model.output.T + training.model.bias
            loss = F.cross_entropy(
                logits.flatten(0, 1), window.targets.flatten(), ignore_index=-1, reduction="sum"
            )
        report = next(run)
        if state.position and state.tally.tokens > before.tokens:
            reported += 1
            assert state.tally.loss - before.loss == pytest.approx(float(loss), rel=1e-4)
        was_sampled.append(training.updater.by_rows)
        assert was_sampled[-1] == (share < 0.5)
    assert was_sampled[0] and not was_sampled[-1]
    assert reported > 15, "all of the exact ending"


def test_reports_tell_how_far_it_is(corpus: Corpus, valid: Corpus) -> None:
    reports = list(trained(corpus, SMALL, QUICK, valid=valid))
    steps = [report for report in reports if report.stage == "training"]
    tokens = 901  # with the line end
    assert [r.done for r in steps] == sorted({r.done for r in steps})
    assert {r.total for r in steps} == {3 * tokens} and steps[-1].done == 3 * tokens
    assert {r.unit for r in steps} == {"tokens"}
    epochs = [r.figures["epoch"] for r in steps]
    assert sorted(set(epochs)) == [1, 2, 3] and epochs == sorted(epochs)
    assert [r.figures["epoch"] for r in steps if r.done <= tokens] == [1] * epochs.count(1)
    assert "valid_perplexity" not in steps[0].figures and "valid_perplexity" in steps[-1].figures
    stages = [r.stage for r in reports]
    looks = [
        i for i in range(1, len(stages)) if stages[i - 1 : i + 1] == ["training", "validating"]
    ]
    assert len(looks) == 3, "one after each epoch"
    assert reports[-1].stage == "validating"


def test_one_seed_gives_one_file(corpus: Corpus, valid: Corpus, tmp_path: Path) -> None:
    shape = replace(SMALL, dropout=0.2, word_dropout=0.1, weight_drop=0.2)
    config = replace(QUICK, softmax="sampled", samples=4, vary_steps=True)
    contents = []
    for seed in (1, 1, 2):
        run = trained(corpus, shape, replace(config, seed=seed), valid=valid, threads=2)
        save_language_model(run.result(), tmp_path / "model")
        contents.append((tmp_path / "model").read_bytes())
    assert contents[0] == contents[1] != contents[2]


# --- validation -----------------------------------------------------------------------------------


def test_the_best_model_is_kept_and_not_the_last(corpus: Corpus) -> None:
    """A language learnt from a few words too well: validation gets worse as training goes on."""
    few, other = toy_corpus(60), toy_corpus(300, seed=3)
    config = replace(QUICK, batch=2, epochs=25, lr=5e-2, schedule="constant")
    model = trained(few, SMALL, config, valid=other).result()
    seen = [v["perplexity"] for v in model.metadata["training"]["validations"]]
    assert len(seen) == 25
    best = seen.index(min(seen))
    assert 0 < best < 24 and seen[-1] > 1.2 * seen[best]
    assert model.metadata["training"]["valid_perplexity"] == seen[best]
    assert perplexity(model, other).result().perplexity == pytest.approx(seen[best], rel=1e-6)
    shorter = trained(few, SMALL, replace(config, epochs=best + 1), valid=other).result()
    for name, weight in weights_of(shorter).items():
        assert torch.equal(weight, weights_of(model)[name]), name

    stopped = trained(few, SMALL, replace(config, patience=2), valid=other).result()
    early = [v["perplexity"] for v in stopped.metadata["training"]["validations"]]
    assert early == seen[: len(early)] and len(early) < 25
    best_early = early.index(min(early))
    assert len(early) == best_early + 3, "after two that were no better"


def test_without_a_text_to_validate_on_the_last_model_is_kept(corpus: Corpus) -> None:
    run = trained(corpus)
    model = run.result()
    assert model.metadata["training"]["validations"] == []
    assert model.metadata["training"]["valid_perplexity"] is None
    assert model.metadata["training"]["epochs"] == 3


def test_validation_changes_nothing(corpus: Corpus, valid: Corpus) -> None:
    """It leaves the random numbers, the state and the mode as they were."""
    shape = replace(SMALL, dropout=0.3)
    run = trained(corpus, shape, QUICK, valid=valid)
    last = trainings(run)[-1]
    plain = trained(corpus, shape)
    assert trainings(plain)[-1].figures["loss"] == last.figures["loss"]
    final = training_of(plain).model.state_dict()
    for name, weight in training_of(run).state.best.items():
        if min(training_of(run).state.validations, key=lambda v: v.loss).epochs == 3:
            assert torch.equal(weight, final[name]), name


def test_the_rate_falls_when_validation_stalls() -> None:
    few, other = toy_corpus(60), toy_corpus(300, seed=3)
    config = replace(QUICK, batch=2, epochs=16, schedule="plateau", decay=0.5)
    run = trained(few, SMALL, config, valid=other)
    rates = {r.figures["epoch"]: r.figures["lr"] for r in run if r.stage == "training"}
    losses = [v.loss for v in training_of(run).state.validations]
    expected, rate = {}, config.lr
    for epoch in range(16):
        expected[epoch + 1.0] = rate
        if epoch and losses[epoch] >= min(losses[:epoch]):
            rate *= 0.5
    assert rates == pytest.approx(expected)
    assert rates[16] < rates[1]


def test_weights_are_averaged_from_when_validation_stalls() -> None:
    few, other = toy_corpus(60), toy_corpus(300, seed=3)
    config = replace(
        QUICK, batch=2, epochs=30, optimizer="asgd", lr=4.0, schedule="constant",
        averaging_patience=2,
    )  # fmt: skip
    run = trained(few, SMALL, config, valid=other)
    seen: list[dict[str, torch.Tensor]] = []
    began = None
    weights: dict[str, torch.Tensor] = {}
    for report in run:
        training = training_of(run)
        if report.stage == "training":
            if training.average is not None and began is None:
                began = len(training.state.validations)
                seen.append(weights)  # those at the validation that began it
            weights = {n: p.detach().clone() for n, p in training.model.named_parameters()}
            if began is not None:
                seen.append(weights)
    assert began is not None
    losses = [v.loss for v in training.state.validations]
    stalled = [
        n for n in range(len(losses))
        if n > 2 and losses[n] > min(losses[: n - 2]) and losses[n] >= min(losses[:n])
    ]  # fmt: skip
    assert began == stalled[0] + 1, "worse than the best of all but the last two before it"
    assert training.average is not None
    for name, mean in training.average.mean.items():
        expected = torch.stack([each[name] for each in seen]).mean(0)
        torch.testing.assert_close(mean, expected, rtol=1e-4, atol=1e-5)
    model = run.result()
    best = losses.index(min(losses))
    assert perplexity(model, other).result().perplexity == pytest.approx(
        math.exp(losses[best]), rel=1e-6
    )


# --- penalties and lengths of windows -------------------------------------------------------------


def test_lengths_of_windows_are_drawn_and_the_rate_goes_with_them(corpus: Corpus) -> None:
    config = replace(QUICK, vary_steps=True, steps=12, schedule="constant", epochs=2, batch=2)
    run = trained(toy_corpus(3000), SMALL, config)
    lengths, rates = [], []
    before = 0
    for report in run:
        lengths.append((report.done - before) / 2)
        rates.append(report.figures["lr"] / config.lr * 12)
        before = report.done
    whole = [n for n, rate in zip(lengths, rates, strict=True) if n == rate]
    assert len(whole) > 0.9 * len(lengths), "all but the last of an epoch"
    assert min(rates) >= 5 and len(set(whole)) > 8
    assert 10 < np.mean(whole) < 13


@pytest.mark.parametrize("field", ["activation_penalty", "temporal_penalty", "label_smoothing"])
def test_penalties_have_an_effect(corpus: Corpus, field: str) -> None:
    plain = trained(corpus).result()
    other = trained(corpus, SMALL, replace(QUICK, **{field: 0.5})).result()
    assert not torch.equal(plain.module.output, other.module.output)


# --- ends -----------------------------------------------------------------------------------------


def test_the_minutes_are_kept(valid: Corpus) -> None:
    """The schedule is fitted to them: the rate has gone up, and down to nothing at the end."""
    config = replace(QUICK, epochs=None, max_minutes=2.5 / 60)
    trained(toy_corpus(400), SMALL, QUICK, valid=valid).result()  # whatever is compiled, is now
    began = time.monotonic()
    run = trained(toy_corpus(900), SMALL, config, valid=valid)
    reports = trainings(run)
    assert 2.0 < time.monotonic() - began < 4.0
    rates = [r.figures["lr"] for r in reports]
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(config.lr, rel=0.02)
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[-1] < 0.05 * config.lr
    assert run.result().metadata["training"]["validations"]


def test_epochs_may_end_before_the_minutes(corpus: Corpus) -> None:
    model = trained(corpus, SMALL, replace(QUICK, epochs=2, max_minutes=5)).result()
    assert model.metadata["training"]["epochs"] == 2


@pytest.mark.parametrize("clip", [None, 1.0])
def test_divergence_says_what_to_do_and_leaves_the_last_checkpoint(
    corpus: Corpus, tmp_path: Path, clip: float | None
) -> None:
    """The first epoch goes well, the rate of the second is beyond all bounds."""
    config = replace(
        QUICK, optimizer="sgd", lr=0.5, schedule="step", decay=1e32, clip_norm=clip, epochs=3
    )
    path = tmp_path / "checkpoint"
    run = trained(corpus, SMALL, config, checkpoint=CheckpointPlan(path, 1e-9))
    reports: list[Report] = []
    with pytest.raises(DivergenceError) as caught:
        reports.extend(run)
    message = str(caught.value)
    assert "in epoch 2," in message and "lower lr, to 0.12 say" in message and "\n" not in message
    assert ("clip" in message) == (clip is None)
    assert reports[-1].done < 2 * 901
    checkpoint = read_checkpoint(path)
    assert checkpoint.state.seen > 0
    assert all(torch.isfinite(w).all() for w in checkpoint.saved.group("weights").values())
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


def test_weights_that_are_no_numbers_are_never_kept(corpus: Corpus) -> None:
    """The last step of all may be the one that goes wrong; no window after it would tell."""
    config = replace(QUICK, optimizer="sgd", lr=3e38, weight_decay=100, clip_norm=None, epochs=1)
    run = trained(toy_corpus(39), SMALL, replace(config, schedule="constant"))
    assert next(run).total == 40, "one window, whose loss is good"
    with pytest.raises(DivergenceError, match="diverged after 40 tokens, .* lower lr"):
        run.result()


# --- what cannot be trained -----------------------------------------------------------------------


def test_too_little_memory_is_an_error_and_no_kill(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wordkit.training.run.available_memory", lambda: 1 << 20)
    with pytest.raises(ResourceError, match=r"a model of 12 words .* needs .* GiB") as caught:
        trained(corpus)
    assert "\n" not in str(caught.value)


def test_memory_is_asked_for_by_size(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights are counted, not made: what would not fit takes no memory to find out."""
    shape = replace(SMALL, hidden=100_000, layers=32)
    with pytest.raises(ResourceError):
        trained(corpus, shape)


def test_texts_that_are_too_short(corpus: Corpus) -> None:
    with pytest.raises(TextError, match="the text has 901 tokens, .* takes 1,000"):
        trained(corpus, SMALL, replace(QUICK, batch=20, steps=50))
    with pytest.raises(TextError, match="holds no token"):
        trained(corpus, valid=Corpus.from_sentences([]))


def test_settings_that_cannot_go_together(corpus: Corpus) -> None:
    adaptive = ModelConfig(hidden=12, tied=False, adaptive=True)
    with pytest.raises(ConfigError, match="softmax must be adaptive"):
        trained(corpus, adaptive, replace(QUICK, softmax="sampled"))
    with pytest.raises(ConfigError, match="label_smoothing must be 0"):
        trained(corpus, adaptive, replace(QUICK, label_smoothing=0.1))
    with pytest.raises(ConfigError, match="device must be one of"):
        train_language_model(corpus, device="tpu")


def test_what_auto_stands_for(corpus: Corpus) -> None:
    """Sampling pays where there are many more words than samples; and it is said what was done."""
    auto = TrainingConfig(batch=5, steps=8, epochs=1, min_count=1)
    for samples, more, expected in (
        (2, {}, "sampled"),
        (500, {}, "exact"),
        (2, {"optimizer": "sgd", "lr": 0.1}, "exact"),
        (2, {"label_smoothing": 0.1}, "exact"),
    ):
        config = replace(auto, samples=samples, **more)
        settings = trained(corpus, SMALL, config).result().metadata["settings"]
        assert settings["softmax"] == expected, more
        assert settings["precision"] in ("fp32", "bf16")
