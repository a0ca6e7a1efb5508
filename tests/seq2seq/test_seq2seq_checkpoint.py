"""Going on from a checkpoint: to the same numbers as if nothing had happened."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from seq2seq.toy_pairs import QUICK, SMALL, reversed_text, toy_pairs, trained

from wordkit.errors import ConfigError, FormatError, WordkitError
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.pairs import Pair
from wordkit.seq2seq.task import read_checkpoint
from wordkit.storage import SEQ2SEQ_CHECKPOINT, is_of_kind
from wordkit.storage.checkpoints import CheckpointPlan

NOISY = replace(SMALL, hidden=12, dropout=0.3, layers=2, directions="concat")
CASES: dict[str, tuple[Seq2SeqConfig, Seq2SeqTrainingConfig]] = {
    "adam, half led": (NOISY, replace(QUICK, teacher_forcing=0.5)),
    "adamw, drawn from all, smoothed": (
        replace(NOISY, attention="additive", context_to="input"),
        replace(QUICK, optimizer="adamw", bucket=1, label_smoothing=0.1, weight_decay=0.01),
    ),
    "momentum in bf16": (
        replace(SMALL, cell="lstm", attention="none", peeky=True, dropout=0.2),
        replace(QUICK, optimizer="momentum", lr=0.3, precision="bf16", schedule="exponential"),
    ),
    "asgd": (
        replace(NOISY, attention="none"),
        replace(
            QUICK, optimizer="asgd", lr=2.0, schedule="constant", averaging_patience=1, epochs=6,
            teacher_forcing=0.8,
        ),
    ),
    "plateau": (
        replace(SMALL, cell="peephole", reverse=True),
        replace(QUICK, schedule="plateau", optimizer="adagrad", lr=0.5, epochs=4),
    ),
    "until it stalls": (
        replace(SMALL, cell="rnn", tied=True), replace(QUICK, optimizer="rmsprop", patience=1)
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return toy_pairs(70, reversed_text)


@pytest.fixture(scope="module")
def valid() -> list[Pair]:
    return toy_pairs(40, str.upper, seed=2)  # which what is learnt does not help with for long


def assert_same(one: Seq2SeqModel, other: Seq2SeqModel) -> None:
    assert one.metadata == other.metadata
    weights = zip(one.network.named_parameters(), other.network.parameters(), strict=True)
    for (name, a), b in weights:
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
    name: str, pairs: list[Pair], valid: list[Pair], tmp_path: Path
) -> None:
    """Wherever it is stopped: within an epoch, at its border, in validation, at the end."""
    shape, config = CASES[name]
    whole = trained(pairs, shape, config, valid=valid)
    reports = list(whole)
    stages = [report.stage for report in reports]
    expected = whole.result()
    training = whole._trainer
    assert training is not None
    if name == "asgd":
        assert training.average is not None
    borders = [i for i in range(1, len(stages)) if stages[i] != stages[i - 1]]
    places = {
        2, 3 * len(stages) // 4, borders[0], borders[0] + 1, borders[1], borders[-1] - 1,
        len(stages) - 1, len(stages),
    }  # fmt: skip
    for place in sorted(places):
        path = tmp_path / f"{place}"
        stopped(path, place, pairs, shape, config, valid=valid)
        run = trained(pairs, shape, config, valid=valid, resume=read_checkpoint(path))
        rest = list(run)
        assert_same(run.result(), expected)
        steps = [report for report in rest[1:] if report.stage == "training"]
        assert steps == [report for report in reports[place:] if report.stage == "training"]


def test_a_run_may_be_stopped_again_and_again(
    pairs: list[Pair], valid: list[Pair], tmp_path: Path
) -> None:
    shape, config = CASES["adam, half led"]
    path = tmp_path / "checkpoint"
    for _ in range(5):
        stopped(path, 3, pairs, shape, config, valid=valid)
    resume = read_checkpoint(path)
    assert 0 < resume.state.seen <= 2 * 5 * 16
    run = trained(pairs, shape, config, valid=valid, resume=resume)
    assert_same(run.result(), trained(pairs, shape, config, valid=valid).result())


def test_checkpoints_on_the_way_change_nothing(
    pairs: list[Pair], valid: list[Pair], tmp_path: Path
) -> None:
    plan = CheckpointPlan(tmp_path / "checkpoint", 1e-9)
    run = trained(pairs, NOISY, checkpoint=plan, valid=valid)
    for _ in range(3):
        next(run)
    assert is_of_kind(plan.path, SEQ2SEQ_CHECKPOINT), "it is written as soon as it is due"
    assert_same(run.result(), trained(pairs, NOISY, valid=valid).result())
    ended = read_checkpoint(plan.path)
    assert ended.state.ended
    assert_same(trained(pairs, NOISY, valid=valid, resume=ended).result(), run.result())


def test_a_run_that_has_ended_can_go_on_for_more_epochs(pairs: list[Pair], tmp_path: Path) -> None:
    """With a rate that does not depend on the number of epochs, as if it had been so from first."""
    config = replace(QUICK, schedule="constant")
    path = tmp_path / "checkpoint"
    trained(pairs, SMALL, config, checkpoint=CheckpointPlan(path)).result()
    longer = replace(config, epochs=5)
    run = trained(pairs, SMALL, longer, resume=read_checkpoint(path))
    assert_same(run.result(), trained(pairs, SMALL, longer).result())


def test_seconds_spent_are_counted_on(pairs: list[Pair], tmp_path: Path) -> None:
    config = replace(QUICK, epochs=None, max_minutes=10)
    path = tmp_path / "checkpoint"
    stopped(path, 3, pairs, SMALL, config)
    checkpoint = read_checkpoint(path)
    checkpoint.saved.state["loop"]["seconds"] = 599.0  # type: ignore[index]
    run = trained(pairs, SMALL, config, resume=checkpoint)
    next(run), next(run)
    assert run._trainer is not None and run._trainer._fraction() > 0.99
    run.close()


# --- what cannot go on ----------------------------------------------------------------------------


@pytest.fixture
def checkpoint(pairs: list[Pair], tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    stopped(path, 3, pairs, SMALL, QUICK)
    return path


@pytest.mark.parametrize(
    ("model", "training", "says"),
    [
        ({"hidden": 13}, {}, "begun with hidden 24, and cannot resume with 13"),
        ({"attention": "none"}, {}, "begun with attention dot, and cannot resume with none"),
        ({}, {"lr": 0.1}, "begun with lr 0.02, and cannot resume with 0.1"),
        (
            {},
            {"teacher_forcing": 0.5},
            "begun with teacher_forcing 1.0, and cannot resume with 0.5",
        ),
        ({}, {"seed": 2}, "begun with seed 1, and cannot resume with 2"),
    ],
)
def test_another_training(
    checkpoint: Path, pairs: list[Pair], model: Any, training: Any, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        trained(
            pairs,
            replace(SMALL, **model),
            replace(QUICK, **training),
            resume=read_checkpoint(checkpoint),
        )


def test_other_pairs(checkpoint: Path, pairs: list[Pair], valid: list[Pair]) -> None:
    resume = read_checkpoint(checkpoint)
    for others in (pairs[:-1], pairs[::-1], [*pairs[:-1], Pair("abc", "cba")]):
        with pytest.raises(ConfigError, match=r"on another text \(pairs"):
            trained(others, resume=resume)
    with pytest.raises(ConfigError, match=r"on another text \(valid"):
        trained(pairs, valid=valid, resume=resume)


def test_another_device(checkpoint: Path, pairs: list[Pair]) -> None:
    resume = read_checkpoint(checkpoint)
    state = {**resume.saved.state, "device": "cuda"}
    resume = replace(resume, saved=replace(resume.saved, state=state))
    with pytest.raises(ConfigError, match="began on device cuda, and cannot be resumed on cpu"):
        trained(pairs, resume=resume).result()


def test_damage_is_found(checkpoint: Path) -> None:
    content = checkpoint.read_bytes()
    for place in (len(content) // 3, len(content) // 2, len(content) - 5):
        data = bytearray(content)
        data[place] ^= 1
        checkpoint.write_bytes(data)
        with pytest.raises(FormatError) as caught:
            read_checkpoint(checkpoint)
        assert "\n" not in str(caught.value) and str(checkpoint) in str(caught.value)
    data = bytearray(content)
    data[-5] ^= 1
    checkpoint.write_bytes(data)
    with pytest.raises(FormatError, match="is corrupted: its content does not have the digest"):
        read_checkpoint(checkpoint)
    for size in (0, 7, 8, 100, len(content) // 2, len(content) - 1):
        checkpoint.write_bytes(content[:size])
        with pytest.raises(WordkitError) as error:
            read_checkpoint(checkpoint)
        assert "\n" not in str(error.value)
