"""Dialogues that a small network can learn, and small models with random weights."""

from __future__ import annotations

import random
from typing import Any

import torch
from seq2seq.toy_pairs import vocabulary_of

from wordkit.seq2seq.dialogue.config import DialogueConfig, DialogueTrainingConfig
from wordkit.seq2seq.dialogue.dialogues import Dialogue
from wordkit.seq2seq.dialogue.model import DialogueModel
from wordkit.seq2seq.dialogue.network import DialogueNetwork
from wordkit.seq2seq.dialogue.training import iter_train_dialogue
from wordkit.training.run import TrainingRun

SMALL = DialogueConfig(unit="char", hidden=24, dim=8, cell="gru", tied=False)
QUICK = DialogueTrainingConfig(batch=8, epochs=3, lr=2e-2, precision="fp32")


def toy_dialogues(count: int, seed: int = 1, characters: str = "abcd") -> list[Dialogue]:
    """The first turn is a character, others come between, and the last asks for the first."""
    chooser = random.Random(seed)
    found = []
    for _ in range(count):
        first = chooser.choice(characters)
        between = ["".join(chooser.choices("xyz", k=n)) for n in chooser.choices((1, 2, 3), k=2)]
        found.append((first, *between[: chooser.randint(0, 2)], "?", first))
    return found


def trained(
    dialogues: list[Dialogue],
    model: DialogueConfig = SMALL,
    config: DialogueTrainingConfig = QUICK,
    *,
    threads: int = 1,
    **more: Any,
) -> TrainingRun[DialogueModel]:
    """A training on the CPU, not yet begun."""
    return iter_train_dialogue(dialogues, model, config, device="cpu", threads=threads, **more)


def random_model(
    config: DialogueConfig = SMALL, *, characters: str = "abcdxyz?", seed: int = 3,
    scale: float = 0.7, dtype: torch.dtype = torch.float32,
) -> DialogueModel:  # fmt: skip
    """A model whose weights are drawn evenly from −scale to scale."""
    vocabulary = vocabulary_of(characters)
    network = DialogueNetwork(config, len(vocabulary)).to(dtype)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-scale, scale, generator=generator)
    network.eval()
    return DialogueModel(network, vocabulary, 4, {"made_by": "a test"})
