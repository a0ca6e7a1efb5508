"""Small trainings of a language model and of a sequence model, by one interface."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lm import toy_language as lm
from seq2seq import toy_dialogues as dialogue
from seq2seq import toy_pairs as seq2seq

from wordkit.lm import read_checkpoint as read_lm
from wordkit.seq2seq import read_checkpoint as read_seq2seq
from wordkit.seq2seq.dialogue import read_dialogue_checkpoint
from wordkit.storage import DIALOGUE_CHECKPOINT, LANGUAGE_MODEL_CHECKPOINT, SEQ2SEQ_CHECKPOINT
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.training.checkpoint import TrainingCheckpoint
from wordkit.training.run import TrainingRun


@dataclass(frozen=True)
class Training:
    """A text with a text to validate on, a shape and settings."""

    text: Any
    valid: Any
    shape: Any
    config: Any
    trained: Callable[..., TrainingRun[Any]]
    read: Callable[[Path], TrainingCheckpoint[Any, Any]]
    kind: str

    def with_(self, shape: Mapping[str, Any], config: Mapping[str, Any]) -> Training:
        """The same with other settings."""
        return replace(
            self, shape=replace(self.shape, **shape), config=replace(self.config, **config)
        )

    def run(self, path: Path | None = None, every: float = 300.0, **more: Any) -> TrainingRun[Any]:
        """A run that has not begun, with checkpoints where there is a path."""
        plan = None if path is None else CheckpointPlan(path, every)
        options = {"valid": self.valid, "checkpoint": plan, **more}
        return self.trained(self.text, self.shape, self.config, **options)

    def resumed(self, path: Path, **more: Any) -> TrainingRun[Any]:
        """A run resumed from a checkpoint."""
        return self.run(resume=self.read(path), **more)

    def stop(self, path: Path, number: int, **more: Any) -> None:
        """Train, and stop after so many reports."""
        run = self.run(path, **more)
        for _ in itertools.islice(run, number):
            pass
        run.close()


LM = Training(
    lm.toy_corpus(200), lm.toy_corpus(600, seed=2), lm.SMALL, lm.QUICK, lm.trained, read_lm,
    LANGUAGE_MODEL_CHECKPOINT,
)  # fmt: skip
SEQ2SEQ = Training(
    seq2seq.toy_pairs(70, seq2seq.reversed_text),
    seq2seq.toy_pairs(40, seq2seq.reversed_text, seed=2),
    seq2seq.SMALL, seq2seq.QUICK, seq2seq.trained, read_seq2seq, SEQ2SEQ_CHECKPOINT,
)  # fmt: skip
DIALOGUE = Training(
    dialogue.toy_dialogues(40), dialogue.toy_dialogues(20, seed=2), dialogue.SMALL,
    dialogue.QUICK, dialogue.trained, read_dialogue_checkpoint, DIALOGUE_CHECKPOINT,
)  # fmt: skip
TASKS = {"lm": LM, "seq2seq": SEQ2SEQ}


def assert_same(one: Any, other: Any) -> None:
    """Compare two models to the last bit."""
    assert one.metadata == other.metadata
    weights = zip(one.network.named_parameters(), other.network.parameters(), strict=True)
    for (name, a), b in weights:
        assert torch.equal(a, b), name
