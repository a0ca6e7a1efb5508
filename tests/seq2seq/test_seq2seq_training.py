"""Training: what is learnt, what is reported, when it ends, and which model is kept."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

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
from wordkit.recurrent.answering import answering
from wordkit.runtime import Report
from wordkit.seq2seq.batches import batch_of, encode, epoch_batches
from wordkit.seq2seq.checkpoint import read_checkpoint
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.decoding import DecodingConfig
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.model_file import save_seq2seq
from wordkit.seq2seq.pairs import Pair
from wordkit.seq2seq.train import train_seq2seq
from wordkit.seq2seq.training import PairMaterial, Seq2SeqTraining, fingerprint
from wordkit.seq2seq.transforming import evaluate_pairs, transform, write_all
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.training.config import USUAL_RATES, Optimizer, Schedule
from wordkit.training.optimizers import Updater
from wordkit.training.run import TrainingRun
from wordkit.training.state import Tally

LARGER = replace(SMALL, hidden=32, dim=16)
THOROUGH = replace(QUICK, batch=32, epochs=12, lr=3e-2)


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return toy_pairs(90, reversed_text)


@pytest.fixture(scope="module")
def valid() -> list[Pair]:
    return toy_pairs(40, reversed_text, seed=2)


def training_of(run: TrainingRun[Seq2SeqModel]) -> Seq2SeqTraining:
    training = run._job.loop
    assert isinstance(training, Seq2SeqTraining)
    return training


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
        batch = batch_of(encoded, [row], reverse=model.config.reverse)
        with answering(model.network):
            state = model.network.start(torch.from_numpy(batch.sources))
            features = model.network.decode(torch.from_numpy(batch.inputs), state).features
            log_p = model.network.log_probabilities(features).double()
        total -= float(log_p.gather(1, torch.from_numpy(batch.targets)).sum())
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
    score = evaluate_pairs(run.result(), others[:150]).result()
    assert score.exact_match > 0.95 and score.error_rate < 0.03
    assert run._job.loop is not None and run._job.loop.network.precision == "fp32"


def test_words_are_learnt_too() -> None:
    """Their order is turned around, and they are written with a space between."""
    letters = toy_texts(600, letters="abc")
    pairs = [Pair(" ".join(f"w{c}" for c in text), " ".join(text[::-1])) for text in letters]
    model = trained(pairs[:500], replace(LARGER, unit="word"), THOROUGH).result()
    assert evaluate_pairs(model, pairs[500:]).result().exact_match > 0.9
    [[answer]] = transform(model, ["wa  wb wc"])
    assert answer.text == "c b a"


@pytest.mark.parametrize("optimizer", get_args(Optimizer))
def test_all_optimizers_learn(pairs: list[Pair], optimizer: Optimizer) -> None:
    lr = min(USUAL_RATES[optimizer], 2.0)
    reports = trainings(trained(pairs, SMALL, replace(QUICK, optimizer=optimizer, lr=lr)))
    assert reports[-1].figures["loss"] < reports[0].figures["loss"] - 0.05


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
    units = len(training_of(run).material.target_vocabulary)
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


@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.3, "bucket": 1}])
def test_the_loss_that_is_reported_is_exact(
    pairs: list[Pair], valid: list[Pair], settings: dict[str, Any]
) -> None:
    """And without what smoothing adds: each pair by itself comes to the same."""
    config = replace(QUICK, **settings)
    run = trained(pairs, SMALL, config, valid=valid)
    next(run), next(run)  # nothing is there before the first batch
    training = training_of(run)
    encoded, expected = training.material.encoded_train, training.state.tally
    for epoch in range(config.epochs or 0):
        order = epoch_batches(
            encoded, config.batch, seed=config.seed, epoch=epoch, bucket=config.bucket
        )
        assert {row for rows in order for row in rows.tolist()} == set(range(len(pairs)))
        for rows in order[1:] if epoch == 0 else order:
            expected = expected.plus(
                *loss_of(training.finished(), [pairs[row] for row in rows.tolist()])
            )
            report = next(run)
            while report.stage != "training":
                report = next(run)
            assert report.figures["loss"] == pytest.approx(expected.mean, rel=1e-5)
        assert expected.tokens == sum(len(pair.target) + 1 for pair in pairs)
        assert report.done == (epoch + 1) * len(pairs)
        expected = Tally()
    model = run.result()
    looks = model.metadata["training"]["validations"]
    assert [look["epochs"] for look in looks] == [1, 2, 3]
    loss, count = loss_of(model, valid)
    least = min(look["perplexity"] for look in looks)
    assert math.exp(loss / count) == pytest.approx(least, rel=1e-5)


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
    last = [r.figures["loss"] for r in steps if r.done % 90 == 0]
    assert [v.train_loss for v in training_of(run).state.validations] == pytest.approx(last)
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
    last = training_of(run).figures["valid_exact"]
    assert last > 0.1 and len(set(exact)) > 1
    best = min(training_of(run).state.validations, key=lambda v: v.loss)
    assert best.epochs == 5, "the last one"
    assert evaluate_pairs(run.result(), valid).result().exact_match == last


def test_pairs_are_told_apart_by_their_digest() -> None:
    one = [Pair("a", "b"), Pair("c", "d")]
    others = [
        [Pair("c", "d"), Pair("a", "b")],
        [Pair("a", "b")],
        [Pair("a", "bc"), Pair("", "d")],
        [Pair("b", "a"), Pair("c", "d")],
        [Pair("a", "b\nc\td")],
    ]
    assert fingerprint(one) == fingerprint(list(one))
    assert fingerprint(one) not in {fingerprint(other) for other in others}
    assert fingerprint([Pair("a\tb", "c")]) != fingerprint([Pair("a", "b\tc")])
    assert fingerprint([Pair("\ud800", "c")]) != fingerprint([Pair("\ud801", "c")])


# --- led by what it writes itself -----------------------------------------------------------------


def untrained(
    share: float, *, unk: float = 0.0, dropout: float = 0.5
) -> tuple[Seq2SeqTraining, Seq2SeqModel]:
    """A training with random weights, that has not begun, and its model."""
    model = random_model(replace(SMALL, dropout=dropout), scale=1.2)
    with torch.no_grad():
        model.network.bias[model.target_vocabulary.id("<unk>")] = unk
    pairs = [Pair(text, "WXYZ"[: len(text)] * 3) for text in toy_texts(30)]
    material = PairMaterial("char", model.source_vocabulary, model.target_vocabulary, pairs)
    config = replace(QUICK, teacher_forcing=share)
    return Seq2SeqTraining(model.network, material, config), model


@pytest.mark.parametrize("unk", [0.0, 50.0])
def test_without_a_lead_it_is_fed_what_it_writes(unk: float) -> None:
    """The greedy answer, without dropout, and never ``<unk>``."""
    training, model = untrained(0.0, unk=unk)
    training.model.train()
    encoded = training.material.encoded_train
    batch = batch_of(encoded, range(30), reverse=False)
    sources, inputs, _ = training._on_device(batch)
    mixed = training._led_less(sources, inputs)
    assert training.model.training, "as before"
    assert (mixed[0] == encoded.eos_id).all()
    written = write_all(model, encoded, DecodingConfig(max_length=len(inputs)))
    compared = 0
    for column, row in enumerate(batch.rows.tolist()):
        [answer], fed = written[row], mixed[1:, column].tolist()
        expected = [*answer.ids, encoded.eos_id] if answer.ended else list(answer.ids)
        assert fed[: len(expected)] == expected[: len(fed)]
        compared += len(expected)
    assert compared > 60
    assert not torch.equal(mixed, inputs)


def test_the_lead_is_given_by_its_share() -> None:
    training, _ = untrained(1.0)
    batch = batch_of(training.material.encoded_train, range(30), reverse=False)
    sources, inputs, _ = training._on_device(batch)
    assert torch.equal(training._led_less(sources, inputs), inputs)
    half, _ = untrained(0.5)
    mixed = half._led_less(sources, inputs)
    assert torch.equal(mixed[0], inputs[0])
    led = float((mixed == inputs)[1:].double().mean())
    assert 0.45 < led < 0.9, "some are right by chance"


def test_a_share_that_is_not_led_has_an_effect(pairs: list[Pair]) -> None:
    plain = trained(pairs).result()
    other = trained(pairs, SMALL, replace(QUICK, teacher_forcing=0.5)).result()
    assert not torch.equal(plain.network.bias, other.network.bias)


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
    step, steps = Updater.step, iter(range(10**6))

    def step_and_come(updater: Updater, lr: float) -> None:
        step(updater, lr)
        if next(steps) == 12 * 4 + 1:
            signal.raise_signal(signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(Updater, "step", step_and_come)
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
    assert not best.network.training and best.network.precision == "fp32"


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
    assert training_of(run).figures["valid_exact"] == 0, "<unk> is not taken for the letter"
    assert training_of(run).material.encoded_train.sources.unknown == 2
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
    assert all(torch.isfinite(w).all() for w in checkpoint.saved.group("weights").values())
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


# --- what cannot be trained -----------------------------------------------------------------------


def test_too_little_memory_is_an_error_and_no_kill(
    pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ResourceError):  # the weights are counted, not made
        trained(pairs, Seq2SeqConfig(hidden=100_000, layers=32))
    monkeypatch.setattr("wordkit.training.run.available_memory", lambda: 1 << 20)
    says = r"a model for texts of up to 4 and 4 units, 16 side by side, .* needs .* GiB"
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
    with pytest.raises(VocabularyError, match="no letter is left: none is seen 1000 times"):
        trained(pairs, SMALL, replace(QUICK, min_count=1000))
    with pytest.raises(ConfigError, match="device must be one of"):
        train_seq2seq(pairs, device="tpu")


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


def test_one_process_alone_trains(pairs: list[Pair], monkeypatch: pytest.MonkeyPatch) -> None:
    from wordkit.training.processes import Processes

    monkeypatch.setattr("wordkit.training.run.join_processes", lambda device: Processes(0, 2))
    with pytest.raises(ConfigError, match="trained by one process"):
        trained(pairs).result()


def test_weights_are_averaged_from_when_validation_stalls(
    too_few: tuple[list[Pair], list[Pair]],
) -> None:
    few, other = too_few
    config = replace(OVERDONE, optimizer="asgd", lr=2.0, averaging_patience=2, epochs=20)
    run = trained(few, replace(SMALL, attention="none"), config, valid=other)
    for _ in run:
        pass
    training = training_of(run)
    assert training.average is not None and training.average.count > 1
    losses = [validation.loss for validation in training.state.validations]
    loss, units = loss_of(run.result(), other)
    assert loss / units == pytest.approx(min(losses), rel=1e-5)
