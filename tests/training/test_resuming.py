"""Checkpoints: a resumed training comes to the same numbers as one undisturbed, to the last bit."""

from __future__ import annotations

import itertools
import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training.toy_task import (
    KIND,
    PAIRS,
    Model,
    ToyTask,
    config_of,
    read,
    trained,
    trainer_of,
)  # fmt: skip

from wordkit.errors import ConfigError, DivergenceError, FormatError
from wordkit.storage import read_tensors
from wordkit.storage.checkpoint_file import (
    check_same_settings,
    check_same_texts,
    write_checkpoint_file,
)
from wordkit.training.checkpoint import FREE_TO_CHANGE
from wordkit.training.config import LearningConfig
from wordkit.training.run import TrainingRun

CASES: dict[str, tuple[dict[str, Any], bool]] = {
    "sgd": ({"schedule": "exponential"}, False),
    "momentum": ({"optimizer": "momentum", "schedule": "plateau"}, False),
    "nesterov": ({"optimizer": "nesterov", "schedule": "step"}, False),
    "adagrad": ({"optimizer": "adagrad", "schedule": "inverse"}, False),
    "rmsprop": ({"optimizer": "rmsprop", "lr": 0.01, "schedule": "cosine"}, False),
    "adam": ({"optimizer": "adam", "lr": 0.1, "weight_decay": 0.1, "clip_value": 0.1}, False),
    "adamw": ({"optimizer": "adamw", "lr": 0.1, "schedule": "onecycle"}, False),
    "sparse rows": ({"optimizer": "adamw", "lr": 0.1}, True),
    "averaged": ({"optimizer": "asgd", "lr": 4.0, "averaging_patience": 1, "epochs": 5}, False),
    "moving average": ({"average": True, "average_decay": 0.9}, False),
    "patience": ({"lr": 3.0, "patience": 1, "epochs": 5}, False),
    "bf16": ({"precision": "bf16"}, False),
}


def made(name: str) -> tuple[LearningConfig, ToyTask]:
    settings, sparse = CASES[name]
    return config_of(**settings), ToyTask(sparse=sparse, dropout=0.3)


def assert_same(one: Model, other: Model) -> None:
    assert one[1] == other[1]
    for (name, a), b in zip(one[0].named_parameters(), other[0].parameters(), strict=True):
        assert torch.equal(a, b), name


def stop(run: TrainingRun[Model], number: int) -> None:
    """Run for so many reports, and stop."""
    for _ in itertools.islice(run, number):
        pass
    run.close()


@pytest.mark.parametrize("name", CASES)
def test_a_resumed_training_equals_one_undisturbed_wherever_it_was_stopped(
    name: str, tmp_path: Path
) -> None:
    """After each batch, between the end of an epoch and its validation, within one, at the end."""
    whole = trained(*made(name))
    reports = list(whole)
    expected = whole.result()
    if name == "averaged":
        assert trainer_of(whole).average is not None
    last = len(reports)
    places = range(2, last + 1) if name == "sgd" else {3, 5, 6, 8, 3 * last // 4, last - 3, last}
    for place in sorted(places):
        path = tmp_path / f"{place}"
        stop(trained(*made(name), path=path), place)
        run = trained(*made(name), resume=read(path))
        later = [r for r in run if r.stage == "training"]
        assert_same(run.result(), expected)
        seen = reports[place - 1].done if reports[place - 1].stage == "training" else None
        if seen is not None:  # a report that was not yet given is that of the next batch
            undisturbed = [r for r in reports[place:] if r.stage == "training"]
            assert [(r.done, r.figures) for r in later] == [
                (r.done, r.figures) for r in undisturbed
            ]


def test_it_may_be_stopped_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    for n in range(7):
        config, task = made("averaged")
        stop(trained(config, task, path=path, resume=read(path) if n else None), 4)
    assert 0 < read(path).state.seen < 5 * PAIRS
    assert_same(
        trained(*made("averaged"), resume=read(path)).result(), trained(*made("averaged")).result()
    )


def test_several_may_resume_what_was_read_once(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    stop(trained(*made("averaged"), path=path), 22)
    saved = read(path)
    seen = saved.state.seen
    models = [trained(*made("averaged"), resume=saved).result() for _ in range(2)]
    assert_same(*models)
    assert saved.state.seen == seen


def test_checkpoints_on_the_way_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    run = trained(*made("adamw"), path=path, every=1e-9)
    next(run), next(run), next(run)
    assert read(path).state.seen == 10, "it is written as soon as it is due"
    assert_same(run.result(), trained(*made("adamw")).result())
    ended = read(path)
    assert ended.state.ended and ended.state.epoch * PAIRS + ended.state.epoch_units == 3 * PAIRS
    assert_same(trained(*made("adamw"), resume=ended).result(), run.result())
    assert list(tmp_path.iterdir()) == [path]


def test_what_has_ended_may_be_resumed_for_more_epochs(tmp_path: Path) -> None:
    """With a rate that does not depend on their number, as if it had been so from the first."""
    path = tmp_path / "checkpoint"
    trained(path=path).result()
    longer = config_of(epochs=5)
    assert_same(trained(longer, resume=read(path)).result(), trained(longer).result())


def test_seconds_spent_are_counted_on(tmp_path: Path) -> None:
    path, config = tmp_path / "checkpoint", config_of(epochs=None, max_minutes=10)
    stop(trained(config, path=path), 3)
    saved = read(path)
    late = replace(saved.state, seconds=599.0).__dict__
    run = trained(config, resume=replace(saved, trainer={**saved.trainer, "loop": late}))
    assert len([r for r in run if r.stage == "training"]) < 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_within_a_batch_waits_for_its_end(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the step of the weights, before the batch is counted as done."""
    path, steps = tmp_path / "checkpoint", itertools.count()
    step = torch.optim.SGD.step

    def step_and_come(optimizer: torch.optim.SGD, *arguments: Any) -> None:
        step(optimizer, *arguments)
        if next(steps) == 4:
            signal.raise_signal(number)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    handler = signal.signal(number, interrupt)
    monkeypatch.setattr(torch.optim.SGD, "step", step_and_come)
    try:
        with pytest.raises(KeyboardInterrupt):
            trained(path=path).result()
    finally:
        signal.signal(number, handler)
    monkeypatch.undo()
    assert read(path).state.seen == 50
    assert_same(trained(resume=read(path)).result(), trained().result())


def test_weights_that_are_no_numbers_do_not_replace_a_good_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    run = trained(path=path)
    next(run), next(run)
    trainer_of(run).save_checkpoint()
    before = path.read_bytes()
    with torch.no_grad():
        trainer_of(run).network.weight[0, 0] = torch.inf  # type: ignore[index, operator]
    with pytest.raises(DivergenceError):
        run.close()
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


# --- what cannot be resumed -----------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    stop(trained(*made("adamw"), path=path), 3)
    return path


def test_another_device(path: Path) -> None:
    saved = read(path)
    saved = replace(saved, trainer={**saved.trainer, "device": "cuda"})
    with pytest.raises(ConfigError, match="began on device cuda, and cannot be resumed on cpu"):
        trained(*made("adamw"), resume=saved).result()


def test_every_bit_and_every_byte_counts(path: Path) -> None:
    whole = path.read_bytes()
    for place in range(64, len(whole), 101):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(FormatError) as caught:
            read(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    for size in range(0, len(whole), 301):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError):
            read(path)
    path.write_bytes(whole)
    with pytest.raises(FormatError, match="toy checkpoint"):
        read(path, "another kind")


def rewritten(path: Path, record: object) -> None:
    """Change what a checkpoint says of the training, with a digest that fits."""
    tensors = {n: np.array(t) for n, t in read_tensors(path, kind=KIND).tensors.items()}
    write_checkpoint_file(path, json.dumps(record), tensors, kind=KIND)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state.update(loop=7), "mapping"),
        (lambda state: state["loop"].update(strange=1), "strange"),
        (lambda state: state.update(task="tensor:none"), "no usable entry 'none'"),
    ],
)
def test_records_that_do_not_fit(path: Path, change: Any, says: str) -> None:
    record = json.loads(read_tensors(path, kind=KIND).metadata["training"])
    change(record["state"])
    rewritten(path, record)
    with pytest.raises(FormatError, match=f"is corrupted: .*{says}") as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("dropout"),
        lambda state: state["network"].update(weight=state["dropout"]),
        lambda state: state["optimizer"].update(state={"x": {}}),
    ],
)
def test_records_of_another_training(path: Path, change: Any) -> None:
    record = json.loads(read_tensors(path, kind=KIND).metadata["training"])
    change(record["state"])
    rewritten(path, record)
    with pytest.raises(FormatError, match="is corrupted") as caught:
        trained(*made("adamw"), resume=read(path)).result()
    assert "\n" not in str(caught.value)


def test_other_settings_and_texts() -> None:
    then = {"lr": 0.1, "epochs": 3, "patience": None}
    check_same_settings(then, {"lr": 0.1, "epochs": 9, "patience": 2}, may_change=FREE_TO_CHANGE)
    with pytest.raises(ConfigError, match=r"begun with lr 0\.1, and cannot resume with 0\.2"):
        check_same_settings(then, {"lr": 0.2})
    texts = {"corpus": {"fingerprint": "a"}, "valid": None}
    check_same_texts(texts, texts)
    for now, name in (({**texts, "corpus": {"fingerprint": "b"}}, "corpus"),
                      ({**texts, "valid": {"fingerprint": "a"}}, "valid")):  # fmt: skip
        with pytest.raises(ConfigError, match=rf"another text \({name}"):
            check_same_texts(texts, now)
