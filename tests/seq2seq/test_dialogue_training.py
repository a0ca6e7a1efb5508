"""The training of dialogue models: what is learnt, measured, and refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seq2seq.test_dialogue_network import log_probs
from seq2seq.toy_dialogues import QUICK, SMALL, random_model, toy_dialogues, trained

import wordkit
from wordkit.errors import ConfigError, FormatError, ResourceError, TextError
from wordkit.runtime.processes import Processes
from wordkit.seq2seq import Seq2SeqModel
from wordkit.seq2seq.dialogue import DialogueModel
from wordkit.seq2seq.dialogue.batches import encode_dialogues
from wordkit.seq2seq.dialogue.task import DialogueTask

TRAIN, VALID = toy_dialogues(400), toy_dialogues(50, seed=2)


def exact(model: DialogueModel) -> float:
    """The fraction of last turns that are right."""
    found = model.answer([dialogue[:-1] for dialogue in VALID])
    return float(np.mean([a == d[-1] for a, d in zip(found, VALID, strict=True)]))


def test_what_was_said_before_is_remembered_by_hred_alone(tmp_path: Path) -> None:
    config = replace(QUICK, epochs=8)
    model = trained(TRAIN, SMALL, config, valid=VALID).result()
    assert exact(model) == 1.0
    plain = trained(TRAIN, replace(SMALL, arch="seq2seq"), config, valid=VALID).result()
    assert exact(plain) < 0.5
    model.save(tmp_path / "model")
    loaded = wordkit.load(tmp_path / "model")
    assert isinstance(loaded, DialogueModel)
    assert loaded.answer([d[:-1] for d in VALID]) == model.answer([d[:-1] for d in VALID])
    assert repr(loaded) == repr(model)
    with pytest.raises(FormatError, match="holds a dialogue model, not a sequence model"):
        Seq2SeqModel.load(tmp_path / "model")


@pytest.mark.parametrize("shape", [{}, {"attention_to": "both", "context_turns": 2}], ids=str)
def test_the_loss_is_that_of_each_turn_by_itself(shape: dict[str, Any]) -> None:
    config = replace(SMALL, tied=True, **shape)
    model = random_model(config)
    encoded = encode_dialogues(VALID, model.vocabulary, "char")
    log_p = log_probs(model, VALID, slice(None))
    total = -sum(
        float(log_p[step, turn, id_])
        for turn in range(len(encoded))
        for step, id_ in enumerate([*encoded.targets[turn].tolist(), encoded.eos_id])
    )
    tokens = int(encoded.targets.lengths.sum()) + len(encoded)
    for processes in (1, 3):
        losses, counts = 0.0, 0
        for rank in range(processes):
            task = DialogueTask(
                model.network, model.vocabularies, encoded, encoded, QUICK, {},
                Processes(rank, processes),
            )  # fmt: skip
            batches = list(task.batches(0, 0))
            found = [task.loss(batch, 0.0) for batch in batches]
            losses += sum(float(each.loss) for each in found if each.loss is not None)
            counts = sum(each.units for each in found)
        assert losses == pytest.approx(total, rel=1e-5) and counts == len(encoded)
    *_, metrics = _run(task.validate())
    assert metrics.loss == pytest.approx(total / tokens, rel=1e-5)


def _run(steps: Any) -> list[Any]:
    found = []
    while True:
        try:
            found.append(next(steps))
        except StopIteration as end:
            return [*found, end.value]


def test_words_of_new_dialogues_join_those_of_a_model() -> None:
    model = trained(TRAIN[:40]).result()
    more = trained([("aQ", "b"), ("c", "QQ")], SMALL, replace(QUICK, epochs=1), init=model).result()
    assert {*more.vocabulary} == {*model.vocabulary, "Q"}
    assert more.metadata["init"] == {"words": len(model.vocabulary), "new_words": 1}
    with pytest.raises(ConfigError, match="hidden must be that of the model to start from, 24"):
        trained(TRAIN, replace(SMALL, hidden=25), init=model)


def test_bad_input_is_refused_before_the_work() -> None:
    with pytest.raises(TextError, match="there is no dialogue of two turns to train on"):
        trained([("alone",)])
    for size in ({"batch": 1000}, {"batch_tokens": 100_001_000}):
        with pytest.raises(ResourceError, match="turns of up to 100,000 units.* leave out the lon"):
            trained([("a" * 100_000, "b")] * 1000, SMALL, replace(QUICK, **size))
    with pytest.raises(ConfigError, match="there is no setting 'hiden'; did you mean hidden"):
        wordkit.train_dialogue([("a", "b")] * 2, hiden=3)
    with pytest.raises(ConfigError, match="heads 2 has no effect with arch hred"):
        wordkit.train_dialogue([("a", "b")] * 2, heads=2)
    with pytest.raises(ConfigError, match="one of characters, words, bahdanau, not"):
        wordkit.train_dialogue([("a", "b")] * 2, preset="transformer-words")


def test_a_training_by_one_function(tmp_path: Path) -> None:
    path = tmp_path / "dialogues.txt"
    path.write_text("\n\n".join("\n".join(turns) for turns in TRAIN[:30]))
    settings = {"unit": "char", "hidden": 8, "epochs": 1, "device": "cpu", "threads": 1}
    of_file = wordkit.train_dialogue(path, progress=False, **settings)
    of_lists = wordkit.train_dialogue(TRAIN[:30], progress=False, **settings)
    assert of_file.metadata == of_lists.metadata
    assert 20 < of_file.metadata["dialogues"]["dialogues"] < 30, "some are held out"
    assert of_file.chat().say("a") == of_lists.chat().say("a")
