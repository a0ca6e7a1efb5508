"""Resuming: to the same model as if nothing had happened, and only the same training."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lm.toy_language import QUICK, SMALL, toy_corpus, trained

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, FormatError
from wordkit.lm import LanguageModel, read_checkpoint
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.text import Corpus, Vocabulary

NOISY = replace(SMALL, dropout=0.3, word_dropout=0.1, weight_drop=0.2, layers=2)
SAMPLED = replace(QUICK, softmax="sampled", samples=3, exact_fraction=0.4)
CASES: dict[str, tuple[ModelConfig, TrainingConfig]] = {
    "sampled": (NOISY, SAMPLED),
    "tied, sampled": (ModelConfig(hidden=8), SAMPLED),
    "momentum, sampled": (SMALL, replace(SAMPLED, optimizer="momentum", lr=0.3)),
    "drawn steps": (replace(NOISY, cell="gru"), replace(QUICK, vary_steps=True)),
    "adaptive": (SMALL, replace(QUICK, softmax="adaptive")),
    "frozen, given": (
        replace(SMALL, cell="peephole"), replace(QUICK, freeze_embeddings=True, patience=1)
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return toy_corpus(200)


@pytest.fixture(scope="module")
def valid() -> Corpus:
    return toy_corpus(600, seed=2)  # read in two pieces


def assert_same(one: LanguageModel, other: LanguageModel) -> None:
    assert one.metadata == other.metadata
    for (name, a), b in zip(
        one.network.named_parameters(), other.network.parameters(), strict=True
    ):
        assert torch.equal(a, b), name


def stop(path: Path, number: int, *arguments: Any, **more: Any) -> None:
    """Train, and stop after so many reports."""
    run = trained(*arguments, checkpoint=CheckpointPlan(path), **more)
    for _ in itertools.islice(run, number):
        pass
    run.close()


@pytest.mark.parametrize("name", CASES)
def test_a_resumed_training_equals_one_undisturbed(
    name: str, corpus: Corpus, valid: Corpus, tmp_path: Path
) -> None:
    """Stopped in sampling and in its exact end, in validation, and at the end of an epoch."""
    shape, config = CASES[name]
    given = Embeddings(Vocabulary(["w1", "w2"]), np.ones((2, 12), np.float32))
    options = {"valid": valid, "embeddings": given if name == "frozen, given" else None}
    whole = trained(corpus, shape, config, **options)
    stages = [report.stage for report in whole]
    expected = whole.result()
    first = stages.index("validating")
    for place in (first, first + 1, len(stages) - 5):
        path = tmp_path / f"{place}"
        stop(path, place, corpus, shape, config, **options)
        resume = read_checkpoint(path)
        assert resume.model == expected.config and resume.vocabulary == expected.vocabulary
        assert_same(trained(corpus, shape, config, resume=resume, **options).result(), expected)


def test_what_was_left_to_the_machine_stays_as_it_was_decided(
    corpus: Corpus, tmp_path: Path
) -> None:
    """On a machine that would decide otherwise, too."""
    decided, path = replace(SAMPLED, precision="bf16"), tmp_path / "checkpoint"
    stop(path, 5, corpus, SMALL, decided)
    left = replace(decided, precision="auto", softmax="auto")
    run = trained(corpus, SMALL, left, resume=read_checkpoint(path))
    assert_same(run.result(), trained(corpus, SMALL, decided).result())


@pytest.fixture
def checkpoint(corpus: Corpus, tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    stop(path, 3, corpus, SMALL, QUICK)
    return path


@pytest.mark.parametrize(
    ("model", "training", "says"),
    [
        ({"hidden": 13}, {}, "begun with hidden 12, and cannot resume with 13"),
        ({}, {"lr": 0.1}, r"begun with lr 0\.02, and cannot resume with 0\.1"),
        ({}, {"seed": 2}, "begun with seed 1, and cannot resume with 2"),
    ],
)
def test_another_training(
    checkpoint: Path, corpus: Corpus, model: Any, training: Any, says: str
) -> None:
    shape, config = replace(SMALL, **model), replace(QUICK, **training)
    with pytest.raises(ConfigError, match=says):
        trained(corpus, shape, config, resume=read_checkpoint(checkpoint))


def test_another_text(checkpoint: Path, corpus: Corpus, valid: Corpus) -> None:
    resume = read_checkpoint(checkpoint)
    assert resume.state.seen == 120
    with pytest.raises(ConfigError, match=r"on another text \(corpus"):
        trained(toy_corpus(200, seed=9), resume=resume)
    with pytest.raises(ConfigError, match=r"on another text \(valid"):
        trained(corpus, valid=valid, resume=resume)


def test_files_that_are_no_checkpoints(checkpoint: Path, corpus: Corpus, tmp_path: Path) -> None:
    trained(corpus).result().save(tmp_path / "model")
    with pytest.raises(FormatError, match="holds a language model, not"):
        read_checkpoint(tmp_path / "model")
    data = bytearray(checkpoint.read_bytes())
    data[-5] ^= 1
    checkpoint.write_bytes(data)
    with pytest.raises(FormatError, match="is corrupted: its content does not have the digest"):
        read_checkpoint(checkpoint)
