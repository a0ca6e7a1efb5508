"""Going on from a checkpoint: to the same numbers as if nothing had happened."""

from __future__ import annotations

import itertools
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_language import QUICK, SMALL, toy_corpus, trained

from wordkit.errors import ConfigError, FormatError
from wordkit.lm.checkpoint import is_checkpoint, read_checkpoint, save_checkpoint
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.model_file import save_language_model
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.text import Corpus

NOISY = replace(SMALL, dropout=0.3, word_dropout=0.1, weight_drop=0.2, layers=2)
CASES: dict[str, tuple[ModelConfig, TrainingConfig]] = {
    "adamw sampled": (NOISY, replace(QUICK, softmax="sampled", samples=3, exact_fraction=0.4)),
    "tied sampled": (
        ModelConfig(hidden=8), replace(QUICK, softmax="sampled", samples=3, exact_fraction=0.4)
    ),
    "sgd": (SMALL, replace(QUICK, optimizer="sgd", lr=2.0, schedule="exponential")),
    "momentum, sampled": (SMALL, replace(QUICK, optimizer="momentum", lr=0.3, softmax="sampled")),
    "asgd": (
        NOISY,
        replace(
            QUICK, optimizer="asgd", lr=30.0, schedule="constant", averaging_patience=1, epochs=7
        ),
    ),
    "varied steps": (NOISY, replace(QUICK, vary_steps=True, optimizer="rmsprop", lr=0.01)),
    "plateau": (
        replace(SMALL, cell="gru"),
        replace(QUICK, schedule="plateau", optimizer="adagrad", lr=0.5, epochs=4),
    ),
    "adaptive": (SMALL, replace(QUICK, softmax="adaptive")),
    "frozen": (
        replace(SMALL, cell="peephole"), replace(QUICK, freeze_embeddings=True, patience=1)
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return toy_corpus(400)


@pytest.fixture(scope="module")
def valid() -> Corpus:
    return toy_corpus(1100, seed=2)  # read in three pieces


def assert_same(one: LanguageModel, other: LanguageModel) -> None:
    assert one.metadata == other.metadata
    for (name, a), b in zip(one.module.named_parameters(), other.module.parameters(), strict=True):
        assert torch.equal(a, b), name


def stopped(path: Path, number: int, *arguments: Any, **more: Any) -> None:
    """Train on from the checkpoint, if there is one, and stop after so many reports."""
    resume = read_checkpoint(path) if path.exists() else None
    run = trained(*arguments, checkpoint=CheckpointPlan(path), resume=resume, **more)
    for _ in itertools.islice(run, number):
        pass
    run.close()


@pytest.mark.parametrize("name", CASES)
def test_a_run_that_is_gone_on_with_equals_one_undisturbed(
    name: str, corpus: Corpus, valid: Corpus, tmp_path: Path
) -> None:
    """Wherever it is stopped: in sampling and in its exact end, in validation, at any end."""
    shape, config = CASES[name]
    whole = trained(corpus, shape, config, valid=valid)
    stages = [report.stage for report in whole]
    expected = whole.result()
    if name == "asgd":
        assert whole._job.training is not None and whole._job.training.average is not None
    ends = [i for i in range(1, len(stages)) if stages[i] != stages[i - 1]]
    places = {1, len(stages) // 3, 3 * len(stages) // 4, ends[0], ends[0] + 1, ends[-1] - 1}
    for place in sorted(places):
        path = tmp_path / f"{place}"
        stopped(path, place, corpus, shape, config, valid=valid)
        run = trained(corpus, shape, config, valid=valid, resume=read_checkpoint(path))
        assert_same(run.result(), expected)


def test_a_run_may_be_stopped_again_and_again(
    corpus: Corpus, valid: Corpus, tmp_path: Path
) -> None:
    shape, config = CASES["adamw sampled"]
    path = tmp_path / "checkpoint"
    for _ in range(8):
        stopped(path, 5, corpus, shape, config, valid=valid)
    resume = read_checkpoint(path)
    assert 0 < resume.state.seen <= 40 * 5 * 8
    run = trained(corpus, shape, config, valid=valid, resume=resume)
    assert_same(run.result(), trained(corpus, shape, config, valid=valid).result())


def test_two_runs_may_go_on_from_what_was_read_once(
    corpus: Corpus, valid: Corpus, tmp_path: Path
) -> None:
    shape, config = CASES["asgd"]
    path = tmp_path / "checkpoint"
    stopped(path, 20, corpus, shape, config, valid=valid)
    resume = read_checkpoint(path)
    seen = resume.state.seen
    runs = [trained(corpus, shape, config, valid=valid, resume=resume) for _ in range(2)]
    assert_same(runs[0].result(), runs[1].result())
    assert resume.state.seen == seen


def test_what_is_left_to_the_machine_stays_as_it_was_decided(
    corpus: Corpus, tmp_path: Path
) -> None:
    """On a machine that would decide otherwise, too."""
    decided = replace(QUICK, precision="bf16", softmax="sampled", samples=3)
    path = tmp_path / "checkpoint"
    stopped(path, 10, corpus, SMALL, decided)
    left = replace(decided, precision="auto", softmax="auto")
    run = trained(corpus, SMALL, left, resume=read_checkpoint(path))
    assert_same(run.result(), trained(corpus, SMALL, decided).result())


def test_checkpoints_on_the_way_change_nothing(corpus: Corpus, tmp_path: Path) -> None:
    plan = CheckpointPlan(tmp_path / "checkpoint", 1e-9)
    run = trained(corpus, NOISY, QUICK, checkpoint=plan)
    next(run)
    next(run)
    assert is_checkpoint(plan.path), "it is written as soon as it is due"
    assert_same(run.result(), trained(corpus, NOISY).result())
    ended = read_checkpoint(plan.path)
    assert ended.state.epoch == 3
    assert_same(trained(corpus, NOISY, resume=ended).result(), run.result())


def test_a_run_that_has_ended_can_go_on_for_more_epochs(corpus: Corpus, tmp_path: Path) -> None:
    """With a rate that does not depend on the number of epochs, as if it had been so from first."""
    config = replace(QUICK, schedule="constant")
    path = tmp_path / "checkpoint"
    trained(corpus, SMALL, config, checkpoint=CheckpointPlan(path)).result()
    longer = replace(config, epochs=5)
    run = trained(corpus, SMALL, longer, resume=read_checkpoint(path))
    assert_same(run.result(), trained(corpus, SMALL, longer).result())


def test_seconds_spent_are_counted_on(corpus: Corpus, tmp_path: Path) -> None:
    config = replace(QUICK, epochs=None, max_minutes=10)
    path = tmp_path / "checkpoint"
    stopped(path, 3, corpus, SMALL, config)
    checkpoint = read_checkpoint(path)
    checkpoint.state.seconds = 599.0
    run = trained(corpus, SMALL, config, resume=checkpoint)
    next(run)
    assert run._job.training is not None and run._job.training.share > 0.99
    run.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_a_window_waits_for_its_end(
    number: signal.Signals, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the step of the weights, before the window is counted as done."""
    from wordkit.training.optimizers import Updater

    path = tmp_path / "checkpoint"
    step, steps = Updater.step, itertools.count()

    def step_and_come(updater: Updater, lr: float) -> None:
        step(updater, lr)
        if next(steps) == 4:
            signal.raise_signal(number)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    handler = signal.signal(number, stop)
    monkeypatch.setattr(Updater, "step", step_and_come)
    try:
        with pytest.raises(KeyboardInterrupt):
            trained(corpus, NOISY, QUICK, checkpoint=CheckpointPlan(path)).result()
    finally:
        signal.signal(number, handler)
    monkeypatch.undo()
    resume = read_checkpoint(path)
    assert resume.state.seen == 5 * 40
    assert_same(trained(corpus, NOISY, resume=resume).result(), trained(corpus, NOISY).result())


# --- what cannot go on ----------------------------------------------------------------------------


@pytest.fixture
def checkpoint(corpus: Corpus, tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    stopped(path, 3, corpus, SMALL, QUICK)
    return path


@pytest.mark.parametrize(
    ("model", "training", "says"),
    [
        ({"hidden": 13}, {}, "begun with hidden 12, and cannot go on with 13"),
        ({}, {"lr": 0.1}, "begun with lr 0.02, and cannot go on with 0.1"),
        ({}, {"seed": 2}, "begun with seed 1, and cannot go on with 2"),
    ],
)
def test_another_training(
    checkpoint: Path, corpus: Corpus, model: Any, training: Any, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        trained(
            corpus,
            replace(SMALL, **model),
            replace(QUICK, **training),
            resume=read_checkpoint(checkpoint),
        )


def test_another_text(checkpoint: Path, corpus: Corpus, valid: Corpus) -> None:
    resume = read_checkpoint(checkpoint)
    with pytest.raises(ConfigError, match=r"with another text \(corpus\)"):
        trained(toy_corpus(400, seed=9), resume=resume)
    with pytest.raises(ConfigError, match=r"with another text \(valid\)"):
        trained(corpus, valid=valid, resume=resume)


def test_another_device(checkpoint: Path, corpus: Corpus) -> None:
    resume = read_checkpoint(checkpoint)
    record = dict(resume.saved.record)
    record["counters"] = {**record["counters"], "device": "cuda"}
    resume = replace(resume, saved=replace(resume.saved, record=record))
    with pytest.raises(ConfigError, match="begun on device cuda, and cannot go on on cpu"):
        trained(corpus, resume=resume).result()


def test_files_that_are_no_checkpoints(checkpoint: Path, corpus: Corpus, tmp_path: Path) -> None:
    save_language_model(trained(corpus).result(), tmp_path / "model")
    assert not is_checkpoint(tmp_path / "model") and is_checkpoint(checkpoint)
    with pytest.raises(FormatError):
        read_checkpoint(tmp_path / "model")
    data = bytearray(checkpoint.read_bytes())
    data[-5] ^= 1
    checkpoint.write_bytes(data)
    with pytest.raises(FormatError, match="is damaged: its content does not have the digest"):
        read_checkpoint(checkpoint)
    checkpoint.write_bytes(data[:-100])
    with pytest.raises(FormatError):
        read_checkpoint(checkpoint)


def test_weights_that_are_no_numbers_do_not_replace_a_good_checkpoint(
    checkpoint: Path, corpus: Corpus
) -> None:
    from wordkit.errors import DivergenceError

    before = checkpoint.read_bytes()
    run = trained(corpus)
    next(run)
    assert run._job.training is not None
    with torch.no_grad():
        run._job.training.model.bias[0] = torch.nan
    with pytest.raises(DivergenceError):
        save_checkpoint(checkpoint, run._job.training)
    assert checkpoint.read_bytes() == before
