"""Mappings that a small network can learn, and small models with random weights."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.network import Seq2SeqNetwork
from wordkit.seq2seq.pairs import Pair
from wordkit.seq2seq.training import iter_train_seq2seq
from wordkit.text import Vocabulary
from wordkit.training.run import TrainingRun

CHARACTERS = "abcd"

SMALL = Seq2SeqConfig(hidden=24, dim=8, cell="gru")
QUICK = Seq2SeqTrainingConfig(batch=16, epochs=3, lr=2e-2, precision="fp32")


def toy_texts(count: int, seed: int = 1, most: int = 4, characters: str = CHARACTERS) -> list[str]:
    """Texts of 1 to so many characters."""
    chooser = random.Random(seed)
    return ["".join(chooser.choices(characters, k=chooser.randint(1, most))) for _ in range(count)]


def toy_pairs(
    count: int, mapping: Callable[[str], str] = str.upper, seed: int = 1, **more: Any
) -> list[Pair]:
    """Texts and what a mapping makes of them."""
    return [Pair(text, mapping(text)) for text in toy_texts(count, seed, **more)]


def reversed_text(text: str) -> str:
    return text[::-1]


def trained(
    pairs: list[Pair],
    model: Seq2SeqConfig = SMALL,
    config: Seq2SeqTrainingConfig = QUICK,
    *,
    threads: int = 1,
    **more: Any,
) -> TrainingRun[Seq2SeqModel]:
    """A training on the CPU, not yet begun."""
    return iter_train_seq2seq(pairs, model, config, device="cpu", threads=threads, **more)


def vocabulary_of(characters: str) -> Vocabulary:
    """Characters, ``<unk>`` and ``<eos>``, with falling counts."""
    names = ["<eos>", *characters[:1], "<unk>", *characters[1:]]
    return Vocabulary(names, np.arange(len(names), 0, -1) * 3)


def random_model(
    config: Seq2SeqConfig = SMALL,
    *,
    characters: str = CHARACTERS,
    written: str = "WXYZ",
    seed: int = 3,
    scale: float = 0.7,
    longest_target: int = 4,
    dtype: torch.dtype = torch.float32,
) -> Seq2SeqModel:
    """A model whose weights are drawn evenly from −scale to scale.

    Args:
        config: its shape.
        characters: that it reads.
        written: characters that it writes.
        seed: of the weights.
        scale: their range: the larger it is, the surer the model.
        longest_target: half of what it may write, less 5.
        dtype: of the weights.
    """
    source, target = vocabulary_of(characters), vocabulary_of(written)
    network = Seq2SeqNetwork(config, len(source), len(target)).to(dtype)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            drawn = torch.empty(parameter.shape).uniform_(-scale, scale, generator=generator)
            parameter.copy_(drawn)
    network.eval()
    return Seq2SeqModel(network, source, target, longest_target, {"made_by": "a test"})
