"""What holds for the training of a language model and of a sequence model alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lm.toy_language import toy_text
from seq2seq.toy_pairs import Pair, toy_pairs
from training.real_tasks import DIALOGUE, LM, SEQ2SEQ, TASKS, Training, assert_same

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, FormatError, ResourceError
from wordkit.text import Corpus, Vocabulary

NOISY = {"dropout": 0.3, "word_dropout": 0.1, "weight_drop": 0.2, "layers": 2}
SAMPLED = {"softmax": "sampled", "samples": 3, "exact_fraction": 0.4}
BOTH_WAYS = {"hidden": 12, "dropout": 0.3, "layers": 2, "directions": "concat"}
NEW_WORDS = replace(LM, text=Corpus.from_sentences([f"w{n}", "emu", "emu"] for n in toy_text(80)))
NEW_UNITS = replace(SEQ2SEQ, text=toy_pairs(70, characters="abcde", seed=4))
CASES: dict[str, Training] = {
    "lm, sampled": LM.with_(NOISY, SAMPLED),
    "lm, tied, sampled": LM.with_({"hidden": 8, "tied": True}, SAMPLED),
    "lm, momentum, sampled": LM.with_({}, {**SAMPLED, "optimizer": "momentum", "lr": 0.3}),
    "lm, drawn steps": LM.with_({**NOISY, "cell": "gru"}, {"vary_steps": True}),
    "lm, adaptive": LM.with_({}, {"softmax": "adaptive"}),
    "lm, transformer": LM.with_(
        {"arch": "transformer", "heads": 2, "layers": 2, "memory_length": 11, "dropout": 0.3},
        {**SAMPLED, "precision": "bf16", "schedule": "cosine"},
    ),
    "lm, frozen": LM.with_({"cell": "peephole"}, {"freeze_embeddings": True, "patience": 1}),
    "lm, fine-tuned": NEW_WORDS,
    "lm, fine-tuned, adaptive": NEW_WORDS.with_({"adaptive": True}, {"softmax": "adaptive"}),
    "seq2seq, fine-tuned": NEW_UNITS,
    "seq2seq, latent": SEQ2SEQ.with_(
        {"latent": 3, "dropout": 0.2},
        {"teacher_forcing": 0.7, "bag_of_words": 0.5, "label_smoothing": 0.1},
    ),
    "seq2seq, half of the teacher": SEQ2SEQ.with_(BOTH_WAYS, {"teacher_forcing": 0.5}),
    "seq2seq, smoothed": SEQ2SEQ.with_(
        {**BOTH_WAYS, "attention": "additive", "context_to": "input"},
        {"bucket": 1, "label_smoothing": 0.1, "weight_decay": 0.01},
    ),
    "seq2seq, transformer": SEQ2SEQ.with_(
        {"arch": "transformer", "cell": "lstm", "hidden": 12, "heads": 3, "dropout": 0.3},
        {"label_smoothing": 0.1, "precision": "bf16"},
    ),
    "seq2seq, averaged in bf16": SEQ2SEQ.with_(
        {"cell": "lstm", "attention": "none", "peeky": True, "dropout": 0.2},
        {"optimizer": "asgd", "lr": 2.0, "schedule": "constant", "averaging_patience": 1,
         "epochs": 5, "precision": "bf16"},
    ),
    "dialogue, half of the teacher": DIALOGUE.with_(
        {**BOTH_WAYS, "attention_to": "both"}, {"teacher_forcing": 0.5, "bucket": 2}
    ),
    "dialogue, latent, smoothed in bf16": DIALOGUE.with_(
        {"arch": "vhred", "latent": 3, "context_turns": 2, "cell": "lstm", "dropout": 0.3},
        {"label_smoothing": 0.1, "precision": "bf16", "batch_tokens": 40, "kl_annealing": 0.8},
    ),
}  # fmt: skip


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> Training:
    return TASKS[request.param]


@pytest.fixture
def checkpoint(task: Training, tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    task.stop(path, 3)
    return path


@pytest.mark.parametrize("name", CASES)
def test_a_resumed_training_equals_one_undisturbed(name: str, tmp_path: Path) -> None:
    """Stopped within an epoch, before and in a validation, and near the end."""
    training, options = CASES[name], {}
    if name == "lm, frozen":
        options["embeddings"] = Embeddings(Vocabulary(["w1", "w2"]), np.ones((2, 12), np.float32))
    elif "fine-tuned" in name:
        before = replace(training, text=(LM if training.kind == LM.kind else SEQ2SEQ).text)
        options["init"] = before.with_({}, {"epochs": 1}).run().result()
    later = options if "adaptive" in name else {**options, "init": None}
    whole = training.run(**options)
    reports = list(whole)
    expected = whole.result()
    first = [report.stage for report in reports].index("validating")
    for place in (first, first + 1, len(reports) - 5):
        path = tmp_path / f"{place}"
        training.stop(path, place, **options)
        run = training.resumed(path, **later)
        steps = [report for report in run if report.stage == "training" and report.done]
        assert_same(run.result(), expected)
        assert steps == [r for r in reports[place:] if r.stage == "training"][-len(steps) :]
        resumed = training.read(path)
        assert resumed.model == expected.config
        if training.kind == LM.kind:
            assert resumed.vocabulary == expected.vocabulary


@pytest.mark.parametrize("name", ["lm, sampled", "seq2seq, half of the teacher"])
def test_one_seed_gives_one_file(name: str, tmp_path: Path) -> None:
    contents = []
    for seed in (1, 1, 2):
        run = CASES[name].with_({}, {"seed": seed, "epochs": 2}).run(threads=2)
        run.result().save(tmp_path / "model")
        contents.append((tmp_path / "model").read_bytes())
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_validation_changes_nothing(task: Training, precision: str) -> None:
    """It leaves the random numbers, the mode and the precision as they were."""
    task = task.with_({"dropout": 0.3}, {"precision": precision})
    lasts = []
    for options in ({}, {"valid": () if task.text is SEQ2SEQ.text else None}):
        steps = [report for report in task.run(**options) if report.stage == "training"]
        lasts.append(steps[-1].figures["loss"])
    assert lasts[0] == lasts[1]


def test_what_was_left_to_the_machine_stays_as_it_was_decided(
    task: Training, tmp_path: Path
) -> None:
    """On a machine that would decide otherwise, too."""
    sampled = SAMPLED if task is LM else {}
    auto = {"softmax": "auto"} if task is LM else {}
    decided, path = task.with_({}, {**sampled, "precision": "bf16"}), tmp_path / "checkpoint"
    decided.stop(path, 5)
    left = decided.with_({}, {**auto, "precision": "auto"})
    assert_same(left.resumed(path).result(), decided.run().result())


@pytest.mark.parametrize(
    ("model", "training", "says"),
    [
        ({"hidden": 13}, {}, r"begun with hidden \d+, and cannot resume with 13"),
        ({}, {"lr": 0.1}, r"begun with lr 0\.02, and cannot resume with 0\.1"),
        ({}, {"seed": 2}, "begun with seed 1, and cannot resume with 2"),
    ],
)
def test_other_settings(
    task: Training, checkpoint: Path, model: Any, training: Any, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        task.with_(model, training).resumed(checkpoint)


def test_other_texts(task: Training, checkpoint: Path) -> None:
    others = [task.valid] if task is LM else [
        task.text[:-1], task.text[::-1], [*task.text[:-1], Pair("abc", "cba")]
    ]  # fmt: skip
    for other in others:
        with pytest.raises(ConfigError, match=r"on another text \((corpus|pairs)"):
            replace(task, text=other).resumed(checkpoint)
    with pytest.raises(ConfigError, match=r"on another text \(valid"):
        task.resumed(checkpoint, valid=task.text)


def test_files_that_are_no_checkpoints(task: Training, tmp_path: Path) -> None:
    task.with_({}, {"epochs": 1}).run().result().save(tmp_path / "model")
    for path in (tmp_path / "model", _other_checkpoint(task, tmp_path)):
        with pytest.raises(FormatError, match="holds a .*, not"):
            task.read(path)


def _other_checkpoint(task: Training, folder: Path) -> Path:
    path = folder / "other"
    (SEQ2SEQ if task is LM else LM).stop(path, 3)
    return path


def test_models_that_do_not_fit_into_memory(task: Training) -> None:
    """The weights are counted, not made: what would not fit takes no memory to find out."""
    with pytest.raises(
        ResourceError, match=r"^training a model .* needs .* GiB .*; .*hidden"
    ) as caught:
        task.with_({"hidden": 100_000, "layers": 32}, {}).run()
    assert "\n" not in str(caught.value)


def test_devices(task: Training) -> None:
    with pytest.raises(ConfigError, match="device must be one of"):
        type(task).run(replace(task, trained=_on("tpu", task)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_cuda_learns_what_the_cpu_does(task: Training) -> None:
    """To 1 %, as cuDNN rounds the products of recurrent layers to TF32."""
    found = []
    for device in ("cpu", "cuda"):
        run = replace(task, trained=_on(device, task)).with_({"dropout": 0.0}, {}).run(threads=1)
        found.append([*run][-1].figures)
    assert found[1] == pytest.approx(found[0], rel=0.01, nan_ok=True)


def _on(device: str, task: Training) -> Any:
    from wordkit.lm import iter_train_language_model
    from wordkit.seq2seq import iter_train_seq2seq

    train = iter_train_language_model if task is LM else iter_train_seq2seq
    return lambda *arguments, **more: train(*arguments, device=device, **more)
