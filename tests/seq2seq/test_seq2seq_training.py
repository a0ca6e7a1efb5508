"""Training: what is learnt, what is reported, when it ends, and which model is kept."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from seq2seq.toy_pairs import (
    QUICK,
    SMALL,
    random_model,
    reversed_text,
    toy_pairs,
    toy_texts,
    trained,
)

from wordkit.errors import ConfigError, DivergenceError, ResourceError, TextError, VocabularyError
from wordkit.nn.network import inference
from wordkit.runtime import Report, Run
from wordkit.seq2seq.batches import encode, epoch_batches, pad
from wordkit.seq2seq.config import DecodingConfig, Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.model import Seq2SeqModel, save_seq2seq
from wordkit.seq2seq.pairs import Pair
from wordkit.seq2seq.task import Seq2SeqTask, iter_train_seq2seq, read_checkpoint
from wordkit.seq2seq.transformation import iter_evaluate_pairs, transform
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.training.config import Schedule
from wordkit.training.run import TrainingRun
from wordkit.training.trainer import Trainer

LARGER = replace(SMALL, hidden=32, dim=16)
THOROUGH = replace(QUICK, batch=32, epochs=12, lr=3e-2)


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return toy_pairs(90, reversed_text)


@pytest.fixture(scope="module")
def valid() -> list[Pair]:
    return toy_pairs(40, reversed_text, seed=2)


def training_of(run: TrainingRun[Seq2SeqModel]) -> Trainer[Seq2SeqModel]:
    assert run._trainer is not None
    return run._trainer


def weights_of(model: Seq2SeqModel) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.network.named_parameters()}


def assert_same_weights(one: Seq2SeqModel, other: Seq2SeqModel) -> None:
    for name, weight in weights_of(one).items():
        assert torch.equal(weight, weights_of(other)[name]), name


def trainings(run: TrainingRun[Seq2SeqModel]) -> list[Report]:
    """But for the first one, before the first batch."""
    return [report for report in run if report.stage == "training" and report.done]


def loss_of(model: Seq2SeqModel, pairs: list[Pair]) -> tuple[float, int]:
    """Nats of the targets, each pair by itself, and how many units they have."""
    encoded = encode(pairs, model.source_vocabulary, model.target_vocabulary, model.config.unit)
    total, units = 0.0, 0
    for row in range(len(pairs)):
        batch = pad(encoded, np.array([row]), reverse=model.config.reverse)
        with inference(model.network):
            state = model.network.encode(batch.sources, batch.lengths)
            features, _ = model.network(batch.inputs, state)
            log_p = model.network.output.log_probs(features)[:, 0].double()
        total -= float(log_p.gather(1, batch.targets).sum())
        units += len(batch.targets)
    return total, units


# --- what is learnt -------------------------------------------------------------------------------

LEARNT: dict[str, tuple[Callable[[str], str], Seq2SeqConfig, dict[str, Any]]] = {
    "a copy, by attention": (str, LARGER, {}),
    "the reverse, without attention": (reversed_text, replace(LARGER, attention="none"), {}),
    "capitals, additive": (
        str.upper, replace(LARGER, cell="lstm", attention="additive", context_to="input"), {}
    ),
    "the reverse, both ways": (
        reversed_text, replace(LARGER, directions="concat", attention="general", tied=True), {}
    ),
    "capitals, read from the end, peeky": (
        str.upper, replace(LARGER, reverse=True, peeky=True, attention="none"), {}
    ),
    "a copy, half led": (str, LARGER, {"teacher_forcing": 0.5}),
    "a copy, smoothed": (str, LARGER, {"label_smoothing": 0.1}),
    "a copy, in bf16": (str, LARGER, {"precision": "bf16"}),
}  # fmt: skip


@pytest.mark.parametrize("name", LEARNT)
def test_mappings_are_learnt(name: str) -> None:
    mapping, shape, settings = LEARNT[name]
    pairs, others = (toy_pairs(800, mapping, seed=seed, letters="abc") for seed in (1, 2))
    run = trained(pairs, shape, replace(THOROUGH, **settings))
    score = iter_evaluate_pairs(run.result(), others[:150]).result()
    assert score.exact_match > 0.95 and score.error_rate < 0.03


def test_words_are_learnt_too() -> None:
    """Their order is turned around, and they are written with a space between."""
    letters = toy_texts(600, letters="abc")
    pairs = [Pair(" ".join(f"w{c}" for c in text), " ".join(text[::-1])) for text in letters]
    model = trained(pairs[:500], replace(LARGER, unit="word"), THOROUGH).result()
    assert iter_evaluate_pairs(model, pairs[500:]).result().exact_match > 0.9
    [[answer]] = transform(model, ["wa  wb wc"])
    assert answer.text == "c b a"


@pytest.mark.parametrize("schedule", get_args(Schedule))
def test_all_schedules_lead_to_the_end(
    pairs: list[Pair], valid: list[Pair], schedule: Schedule
) -> None:
    config = replace(QUICK, schedule=schedule, epochs=2)
    reports = trainings(trained(pairs, SMALL, config, valid=valid))
    assert reports[-1].done == 2 * len(pairs)
    assert all(0 <= report.figures["lr"] <= config.lr for report in reports)
    assert (reports[-1].figures["lr"] < config.lr) == (schedule not in ("constant", "plateau"))


def test_at_first_all_units_are_about_equally_probable(pairs: list[Pair]) -> None:
    run = trained(pairs, replace(SMALL, start_scale=0.05))
    first = trainings(run)[0]
    units = len(run.result().target_vocabulary)
    assert math.exp(first.figures["loss"]) == pytest.approx(units, rel=0.05)


def test_one_seed_gives_one_file(pairs: list[Pair], valid: list[Pair], tmp_path: Path) -> None:
    shape = replace(SMALL, dropout=0.2, attention="additive", directions="sum")
    config = replace(QUICK, teacher_forcing=0.7, label_smoothing=0.1)
    contents = []
    for seed in (1, 1, 2):
        run = trained(pairs, shape, replace(config, seed=seed), valid=valid, threads=2)
        save_seq2seq(run.result(), tmp_path / "model")
        contents.append((tmp_path / "model").read_bytes())
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
@pytest.mark.parametrize("attention", ["none", "dot"])
def test_reading_from_the_end_is_reading_texts_that_are_turned_around(
    cell: Any, attention: Any
) -> None:
    """From the start: the same weights come of it, where the letters have the same ids."""
    shape = replace(SMALL, cell=cell, attention=attention)
    pairs = [Pair(text, "xyz") for text in ("abc", "abab", "bca", "cab", "a", "acaba")]
    turned = [Pair(pair.source[::-1], pair.target) for pair in pairs]
    plain = trained(pairs, shape).result()
    backwards = trained(turned, replace(shape, reverse=True)).result()
    assert plain.source_vocabulary == backwards.source_vocabulary
    assert_same_weights(plain, backwards)
    expected = list(transform(plain, [pair.source for pair in pairs]))
    assert list(transform(backwards, [pair.source for pair in turned])) == expected


# --- what is reported -----------------------------------------------------------------------------


def test_reports_tell_how_far_it_is(pairs: list[Pair], valid: list[Pair]) -> None:
    reports = list(run := trained(pairs, SMALL, QUICK, valid=valid))
    assert (reports[0].stage, reports[0].done, reports[0].total) == ("training", 0, None)
    steps = [report for report in reports[1:] if report.stage == "training"]
    assert [r.done for r in steps] == sorted({r.done for r in steps})
    assert {r.total for r in steps} == {270} and steps[-1].done == 270
    assert {r.unit for r in reports} == {"pairs"}
    epochs = [r.figures["epoch"] for r in steps]
    assert epochs == sorted(epochs) and set(epochs) == {1, 2, 3}
    assert "valid_exact" not in steps[0].figures
    exact = steps[-1].figures["valid_exact"]
    assert 0 <= exact <= 1 and "valid_perplexity" in steps[-1].figures
    assert reports[-1].stage == "validating" and reports[-1].done == 40
    model = run.result()
    assert model.longest_target == 4
    about = model.metadata
    assert about["made_by"] == "wordkit train-seq2seq"
    assert about["settings"]["batch"] == 16 and about["settings"]["precision"] == "fp32"
    assert (about["pairs"]["pairs"], about["valid"]["pairs"]) == (90, 40)
    assert about["training"]["pairs"] == 270


def test_the_share_of_exact_answers_is_that_of_an_evaluation(valid: list[Pair]) -> None:
    pairs = toy_pairs(300, reversed_text)
    run = trained(pairs, SMALL, replace(THOROUGH, epochs=5), valid=valid)
    exact = [report.figures["valid_exact"] for report in run if "valid_exact" in report.figures]
    last = training_of(run).state.figures["valid_exact"]
    assert last > 0.1 and len(set(exact)) > 1
    best = min(training_of(run).state.validations, key=lambda v: v["loss"])
    assert best["epochs"] == 5, "the last one"
    assert iter_evaluate_pairs(run.result(), valid).result().exact_match == last


# --- exact sums and teacher forcing ---------------------------------------------------------------


def task_of(model: Seq2SeqModel, pairs: list[Pair], **settings: Any) -> Seq2SeqTask:
    vocabularies = model.source_vocabulary, model.target_vocabulary
    encoded = encode(pairs, *vocabularies, model.config.unit)
    return Seq2SeqTask(model.network, vocabularies, encoded, pairs, replace(QUICK, **settings), {})


def test_losses_are_exact_whatever_is_minimised() -> None:
    """Also without what smoothing adds: each pair by itself comes to the same."""
    model = random_model()
    pairs = [Pair(text, "WXYZ"[: len(text)]) for text in toy_texts(40)]
    task = task_of(model, pairs, label_smoothing=0.3)
    batches = list(task.batches(0, 0))
    found = [task.loss(batch, 0.0) for batch in batches]
    expected, tokens = loss_of(model, pairs)
    total = sum(float(each.loss) for each in found if each.loss is not None)
    assert total == pytest.approx(expected, rel=1e-5)
    assert sum(each.tokens for each in found) == tokens
    assert sum(each.units for each in found) == 40
    assert float(found[0].objective.detach()) * found[0].tokens != pytest.approx(
        float(found[0].loss)
    )
    validating = Run(task.validate())
    assert list(validating)[-1].done == 40
    assert validating.result().loss == pytest.approx(expected / tokens, rel=1e-5)


@pytest.mark.parametrize("unk", [0.0, 50.0])
def test_without_teacher_forcing_it_is_fed_its_own_predictions(unk: float) -> None:
    """The greedy answer, without dropout, and never ``<unk>``."""
    model = random_model(replace(SMALL, dropout=0.5), scale=1.2)
    with torch.no_grad():
        model.network.output.bias[model.target_vocabulary.id("<unk>")] = unk
    pairs = [Pair(text, "WXYZ"[: len(text)] * 3) for text in toy_texts(30)]
    fed = {}
    for fraction in (0.0, 0.5, 1.0):
        task = task_of(model, pairs, teacher_forcing=fraction, batch=30)
        model.network.train()
        given: list[torch.Tensor] = []
        handle = model.network.register_forward_pre_hook(lambda m, args: given.append(args[0]))  # noqa: B023
        [batch] = task.batches(0, 0)
        task.loss(batch, 0.0)
        handle.remove()
        assert model.network.training
        fed[fraction], inputs = given[-1], batch.pairs.inputs
    assert torch.equal(fed[1.0], inputs)
    assert 0.45 < float((fed[0.5] == inputs)[1:].double().mean()) < 0.95
    [rows] = epoch_batches(encode(pairs, model.source_vocabulary, model.target_vocabulary, "char"),
                           30, seed=1, epoch=0)  # fmt: skip
    config = DecodingConfig(max_length=len(inputs))
    answers = list(transform(model, [pairs[row].source for row in rows], config))
    for column, [answer] in enumerate(answers):
        ids = [model.target_vocabulary.id(unit) for unit in answer.text]
        assert fed[0.0][1:, column].tolist()[: len(ids)] == ids[: len(inputs) - 1]


def test_a_share_that_is_not_led_has_an_effect(pairs: list[Pair]) -> None:
    plain = trained(pairs).result()
    other = trained(pairs, SMALL, replace(QUICK, teacher_forcing=0.5)).result()
    assert not torch.equal(plain.network.output.bias, other.network.output.bias)


# --- validation -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def too_few() -> tuple[list[Pair], list[Pair]]:
    """Pairs without a rule, that can only be learnt by heart, and others."""
    texts = (toy_texts(count, seed=seed, most=5) for count, seed in
             ((16, 1), (16, 2), (60, 3), (60, 4)))  # fmt: skip
    few, few_targets, others, other_targets = texts
    return list(map(Pair, few, few_targets)), list(map(Pair, others, other_targets))


OVERDONE = replace(QUICK, batch=4, epochs=16, lr=3e-2, schedule="constant")


def test_the_best_model_is_kept_and_not_the_last(too_few: tuple[list[Pair], list[Pair]]) -> None:
    few, other = too_few
    shape = replace(SMALL, attention="none")
    model = trained(few, shape, OVERDONE, valid=other).result()
    seen = [v["perplexity"] for v in model.metadata["training"]["validations"]]
    assert len(seen) == 16
    best = seen.index(min(seen))
    assert 0 < best < 15 and seen[-1] > 1.1 * seen[best]
    assert model.metadata["training"]["valid_perplexity"] == seen[best]
    loss, units = loss_of(model, other)
    assert math.exp(loss / units) == pytest.approx(seen[best], rel=1e-5)
    shorter = trained(few, shape, replace(OVERDONE, epochs=best + 1), valid=other).result()
    assert_same_weights(shorter, model)

    stopped = trained(few, shape, replace(OVERDONE, patience=2), valid=other).result()
    early = [v["perplexity"] for v in stopped.metadata["training"]["validations"]]
    assert early == seen[: len(early)] and len(early) < 16
    assert len(early) == early.index(min(early)) + 3, "after two that were no better"


def test_without_pairs_to_validate_on_the_last_model_is_kept(pairs: list[Pair]) -> None:
    about = trained(pairs).result().metadata["training"]
    assert about["validations"] == [] and about["valid_perplexity"] is None
    assert about["epochs"] == 3


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_validation_changes_nothing(pairs: list[Pair], valid: list[Pair], precision: Any) -> None:
    """It leaves the random numbers, the mode and the precision as they were."""
    shape = replace(SMALL, dropout=0.3)
    config = replace(QUICK, precision=precision, teacher_forcing=0.8)
    last = trainings(trained(pairs, shape, config, valid=valid))[-1]
    plain = trainings(trained(pairs, shape, config))[-1]
    assert plain.figures["loss"] == last.figures["loss"]


def test_ctrl_c_keeps_the_best_model(
    too_few: tuple[list[Pair], list[Pair]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It comes within an epoch, long after the best validation."""
    few, other = too_few
    shape = replace(SMALL, attention="none")
    expected = trained(few, shape, OVERDONE, valid=other).result()
    step, steps = Trainer._step, iter(range(10**6))

    def step_and_come(trainer: Any, batch: Any, fraction: float) -> None:
        step(trainer, batch, fraction)
        if next(steps) == 12 * 4 + 1:
            signal.raise_signal(signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(Trainer, "_step", step_and_come)
    path = tmp_path / "checkpoint"
    run = trained(few, shape, OVERDONE, valid=other, checkpoint=CheckpointPlan(path))
    assert not run.has_learnt and not run.has_validated
    try:
        with pytest.raises(KeyboardInterrupt):
            run.result()
    finally:
        signal.signal(signal.SIGINT, handler)
    assert run.has_learnt and run.has_validated
    assert read_checkpoint(path).state.seen == 12 * 16 + 8
    best = run.best()
    assert_same_weights(best, expected)
    assert not best.network.training


def test_before_it_has_begun_there_is_no_model(pairs: list[Pair]) -> None:
    with pytest.raises(ConfigError, match="has not begun"):
        trained(pairs).best()


# --- vocabularies ---------------------------------------------------------------------------------


def test_rare_units_are_unknown(valid: list[Pair]) -> None:
    pairs = [*toy_pairs(200), Pair("aXb", "AxB"), Pair("cX", "Cx")]
    config = replace(THOROUGH, epochs=6, min_count=3)
    run = trained(pairs, SMALL, config, valid=[Pair("aXb", "AxB")])
    model = run.result()
    assert "X" not in model.source_vocabulary and "x" not in model.target_vocabulary
    assert training_of(run).state.figures["valid_exact"] == 0, "<unk> is not taken for the letter"
    for [answer] in transform(model, ["aXb", "XXX"]):
        assert set(answer.text) <= set("ABCD")


def test_vocabularies_have_their_limit(pairs: list[Pair]) -> None:
    model = trained(pairs, SMALL, replace(QUICK, max_vocabulary=4)).result()
    for vocabulary in (model.source_vocabulary, model.target_vocabulary):
        assert len(vocabulary) == 4 and {"<unk>", "<eos>"} <= set(vocabulary)


def test_vocabularies_are_those_of_the_training_pairs_alone(pairs: list[Pair]) -> None:
    model = trained(pairs, valid=[Pair("αβ", "γ")]).result()
    assert set(model.source_vocabulary) == {"<unk>", "<eos>", *"abcd"}
    assert model.longest_target == 4


# --- ends -----------------------------------------------------------------------------------------


def test_the_minutes_are_kept(pairs: list[Pair], valid: list[Pair]) -> None:
    """The schedule is fitted to them: the rate has gone up, and down to nothing at the end."""
    config = replace(QUICK, epochs=None, max_minutes=1.5 / 60)
    trained(pairs, SMALL, replace(QUICK, epochs=1)).result()  # whatever is compiled, is now
    run = trained(pairs, SMALL, config, valid=valid)
    rates = [report.figures["lr"] for report in trainings(run)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[-1] < 0.5 * max(rates)
    assert run.result().metadata["training"]["validations"]


@pytest.mark.parametrize("clip", [None, 5.0])
def test_divergence_says_what_to_do_and_leaves_the_last_checkpoint(
    pairs: list[Pair], tmp_path: Path, clip: float | None
) -> None:
    """The first epoch goes well, the rate of the second is beyond all bounds."""
    config = replace(
        QUICK, optimizer="sgd", lr=0.5, schedule="step", decay=1e32, clip_norm=clip, epochs=3
    )
    path = tmp_path / "checkpoint"
    run = trained(pairs, replace(SMALL, cell="rnn", activation="relu"), config,
                  checkpoint=CheckpointPlan(path, 1e-9))  # fmt: skip
    with pytest.raises(DivergenceError) as caught:
        run.result()
    message = str(caught.value)
    assert "in epoch 2," in message and "lower lr, to 0.12 say" in message and "\n" not in message
    assert "pairs" in message and ("clip" in message) == (clip is None)
    checkpoint = read_checkpoint(path)
    assert checkpoint.state.seen > 0
    assert all(torch.isfinite(w).all() for w in checkpoint.saved.state["network"].values())
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


# --- what cannot be trained -----------------------------------------------------------------------


def test_too_little_memory_is_an_error_and_no_kill(
    pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ResourceError):  # the weights are counted, not made
        trained(pairs, Seq2SeqConfig(hidden=100_000, layers=32))
    monkeypatch.setattr("wordkit.training.run.available_memory", lambda: 1 << 20)
    says = r"a model for texts of up to 4 and 4 units, in batches of 16, .* needs .* GiB"
    with pytest.raises(ResourceError, match=says) as caught:
        trained(pairs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("attention", ["none", "dot", "additive"])
@pytest.mark.parametrize("where", ["train", "valid"])
def test_a_text_beyond_all_memory_is_found_before_the_work(
    pairs: list[Pair], where: str, attention: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wordkit.training.run.available_memory", lambda: 1 << 30)
    shape = replace(SMALL, attention=attention)
    trained(pairs, shape)
    long = [Pair("ab" * 300_000, "AB")]
    says = "of up to 600,000 and .* needs .* leave out the longest texts"
    with pytest.raises(ResourceError, match=says):
        trained([*pairs, *long] if where == "train" else pairs, shape,
                valid=long * 16 if where == "valid" else [])  # fmt: skip


@pytest.mark.parametrize("unit", ["char", "word"])
def test_an_empty_source_is_found_before_the_work(pairs: list[Pair], unit: Any) -> None:
    empty = [Pair("a", "b"), Pair("", "x")]
    shape = replace(SMALL, unit=unit)
    with pytest.raises(TextError, match="the source of pair 2 is empty"):
        trained(empty, shape)
    with pytest.raises(TextError, match="the source of pair 2 is empty"):
        trained(pairs, shape, valid=empty)


def test_what_cannot_be_trained_on(pairs: list[Pair]) -> None:
    with pytest.raises(TextError, match="there is no pair to train on"):
        trained([])
    with pytest.raises(VocabularyError, match="no character is left: none is seen 1000 times"):
        trained(pairs, SMALL, replace(QUICK, min_count=1000))
    with pytest.raises(ConfigError, match="device must be one of"):
        iter_train_seq2seq(pairs, device="tpu")


def test_a_target_may_be_empty() -> None:
    """That nothing is to be written can be learnt like all else."""
    pairs = [Pair(text, "" if "a" in text else "yes") for text in toy_texts(300)]
    model = trained(pairs, SMALL, THOROUGH).result()
    [[nothing], [something]] = transform(model, ["bab", "bcb"])
    assert (nothing.text, something.text) == ("", "yes")


def test_what_auto_stands_for_is_said(pairs: list[Pair]) -> None:
    config = Seq2SeqTrainingConfig(epochs=1, batch=30)
    model = trained(pairs, SMALL, config).result()
    assert model.metadata["settings"]["precision"] in ("fp32", "bf16")
