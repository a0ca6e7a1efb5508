"""Training: what is learnt, what is reported, when it ends, and which model is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

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

from wordkit.errors import ResourceError, TextError, VocabularyError
from wordkit.nn.network import inference
from wordkit.runtime import Report, Run
from wordkit.seq2seq.batches import encode, epoch_batches, pad
from wordkit.seq2seq.config import DecodingConfig, Seq2SeqConfig
from wordkit.seq2seq.evaluation import iter_evaluate_pairs
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.pairs import Pair
from wordkit.seq2seq.task import Seq2SeqTask
from wordkit.seq2seq.transformation import transform
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

TRANSFORMER = Seq2SeqConfig(arch="transformer", hidden=32, dim=32, heads=2, tied=True)
LEARNT: dict[str, tuple[Callable[[str], str], Seq2SeqConfig, dict[str, Any]]] = {
    "a copy, by attention, in bf16": (str, LARGER, {"precision": "bf16"}),
    "the reverse, half of the teacher": (
        reversed_text, replace(LARGER, attention="none"), {"teacher_forcing": 0.5}
    ),
    "capitals, additive": (
        str.upper, replace(LARGER, cell="lstm", attention="additive", context_to="input"), {}
    ),
    "the reverse, both ways, smoothed": (
        reversed_text, replace(LARGER, directions="concat", attention="general", tied=True),
        {"label_smoothing": 0.1},
    ),
    "the reverse, by a Transformer in bf16": (
        reversed_text, replace(TRANSFORMER, layers=2), {"precision": "bf16", "lr": 5e-3}
    ),
    "capitals, by a Transformer, half of the teacher": (
        str.upper, TRANSFORMER, {"teacher_forcing": 0.5, "lr": 5e-3}
    ),
    "capitals, read from the end, peeky": (
        str.upper, replace(LARGER, reverse=True, peeky=True, attention="none"), {}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEARNT)
def test_mappings_are_learnt(name: str) -> None:
    mapping, shape, settings = LEARNT[name]
    pairs, others = (
        toy_pairs(500, mapping, seed=seed, characters="abc", most=3) for seed in (1, 2)
    )
    run = trained(pairs, shape, replace(THOROUGH, **settings))
    score = iter_evaluate_pairs(run.result(), others[:150]).result()
    assert score.exact_match > 0.95 and score.error_rate < 0.03


def test_words_are_learnt_too() -> None:
    """Their order is reversed, and they are written with a space between."""
    characters = toy_texts(600, characters="abc")
    pairs = [Pair(" ".join(f"w{c}" for c in text), " ".join(text[::-1])) for text in characters]
    model = trained(pairs[:500], replace(LARGER, unit="word"), THOROUGH).result()
    assert iter_evaluate_pairs(model, pairs[500:]).result().exact_match > 0.9
    [[answer]] = transform(model, ["wa  wb wc"])
    assert answer.text == "c b a"


# --- what is reported -----------------------------------------------------------------------------


def test_reports_tell_how_far_it_is(pairs: list[Pair], valid: list[Pair]) -> None:
    reports = list(run := trained(pairs, SMALL, QUICK, valid=valid))
    assert (reports[0].stage, reports[0].done, reports[0].total) == ("training", 0, None)
    steps = [report for report in reports[1:] if report.stage == "training"]
    assert {r.total for r in steps} == {270} and {r.unit for r in reports} == {"pairs"}
    assert "valid_exact" not in steps[0].figures and 0 <= steps[-1].figures["valid_exact"] <= 1
    model = run.result()
    assert model.longest_target == 4
    about = model.metadata
    assert about["made_by"] == "wordkit train-seq2seq"
    assert about["settings"]["batch"] == 16 and about["settings"]["precision"] == "fp32"
    assert (about["pairs"]["pairs"], about["valid"]["pairs"]) == (90, 40)
    assert about["training"]["pairs"] == 270


def test_the_fraction_of_exact_answers_is_that_of_an_evaluation(valid: list[Pair]) -> None:
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
    encoded = encode(pairs, *model.vocabularies, model.config.unit)
    return Seq2SeqTask(
        model.network, model.vocabularies, encoded, encoded, replace(QUICK, **settings), {}
    )


@pytest.mark.parametrize("few_units", [1, 1000])
def test_losses_are_exact_whatever_is_minimized(
    few_units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also without what smoothing adds, and without padding in the softmax of many units: each pair
    by itself comes to the same."""
    monkeypatch.setattr("wordkit.seq2seq.task._MANY_UNITS", few_units)
    model = random_model()
    pairs = [Pair(text, "WXYZ"[: len(text)]) for text in toy_texts(40)]
    task = task_of(model, pairs, label_smoothing=0.3, batch=40)
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


# --- vocabularies ---------------------------------------------------------------------------------


def test_each_batch_draws_its_own_forced_steps(pairs: list[Pair]) -> None:
    """And the same ones when a resumed training begins with it."""
    task = task_of(random_model(), pairs, batch=30, teacher_forcing=0.5)
    drawn = [batch.forced for epoch in (0, 1) for batch in task.batches(epoch, 0)]
    steps = min(len(forced) for forced in drawn)
    assert len({forced[:steps].numpy().tobytes() for forced in drawn}) == len(drawn) == 6
    again = next(iter(task.batches(1, 2))).forced
    assert torch.equal(again, drawn[5])


def test_rare_units_are_unknown(valid: list[Pair]) -> None:
    pairs = [*toy_pairs(200), Pair("aXb", "AxB"), Pair("cX", "Cx")]
    config = replace(THOROUGH, epochs=6, min_count=3)
    run = trained(pairs, SMALL, config, valid=[Pair("aXb", "AxB")])
    model = run.result()
    assert "X" not in model.source_vocabulary and "x" not in model.target_vocabulary
    assert training_of(run).state.figures["valid_exact"] == 0, "<unk> is not taken for the letter"
    for [answer] in transform(model, ["aXb", "XXX"]):
        assert set(answer.text) <= set("ABCD")


@pytest.mark.parametrize(("form", "units"), [("nfc", {"\u00e9"}), ("none", {"e", "\u0301"})])
def test_pairs_are_normalized(form: Any, units: set[str]) -> None:
    pairs = [Pair("e\u0301", "e\u0301")] * 4
    model = trained(pairs, replace(SMALL, normalize=form), valid=pairs[:1]).result()
    for vocabulary in (model.source_vocabulary, model.target_vocabulary):
        assert set(vocabulary) == {"<unk>", "<eos>", *units}
    score = iter_evaluate_pairs(model, pairs).result()
    assert (score.units, score.unknown) == (4 * len(units), 0)


def test_vocabularies_have_their_limit(pairs: list[Pair]) -> None:
    model = trained(pairs, SMALL, replace(QUICK, max_vocabulary=4)).result()
    for vocabulary in (model.source_vocabulary, model.target_vocabulary):
        assert len(vocabulary) == 4 and {"<unk>", "<eos>"} <= set(vocabulary)


def test_vocabularies_are_those_of_the_training_pairs_alone(pairs: list[Pair]) -> None:
    model = trained(pairs, valid=[Pair("αβ", "γ")]).result()
    assert set(model.source_vocabulary) == {"<unk>", "<eos>", *"abcd"}
    assert model.longest_target == 4


# --- what cannot be trained -----------------------------------------------------------------------


@pytest.mark.parametrize("attention", ["none", "dot", "additive"])
@pytest.mark.parametrize("where", ["train", "valid"])
def test_a_text_beyond_all_memory_is_found_before_the_work(
    pairs: list[Pair], where: str, attention: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wordkit.runtime.memory.available_memory", lambda: 1 << 30)
    shape = replace(SMALL, attention=attention)
    trained([*pairs, *[Pair("ab" * 300, "AB" * 300)] * 64], shape)
    long = [Pair("ab" * 300_000, "AB")]
    says = "of up to 600,000 .* needs .* leave out the longest pairs"
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


def test_a_target_may_be_empty() -> None:
    """That nothing is to be written can be learnt like all else."""
    pairs = [Pair(text, "" if "a" in text else "yes") for text in toy_texts(300)]
    model = trained(pairs, SMALL, THOROUGH).result()
    [[nothing], [something]] = transform(model, ["bab", "bcb"])
    assert (nothing.text, something.text) == ("", "yes")
