"""Small language models with random weights, made without training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from wordkit.lm.config import ModelConfig
from wordkit.lm.model import LanguageModel
from wordkit.lm.network import LanguageModelNetwork
from wordkit.text import Corpus, Vocabulary

WORDS = ("the", "<unk>", "<eos>", "N", "cat", "dog", "sat", "ran", ",", ".", "mat", "n't")


def vocabulary_of(words: int = len(WORDS)) -> Vocabulary:
    """Some words, ``<unk>`` and ``<eos>`` among them, with falling counts."""
    names = [*WORDS, *(f"w{i}" for i in range(len(WORDS), words))][:words]
    return Vocabulary(names, np.arange(words, 0, -1) * 3)


def random_model(
    *, words: int = len(WORDS), seed: int = 3, scale: float = 0.8, text: Any = None, **config: Any
) -> LanguageModel:
    """A model whose weights are drawn evenly from −scale to scale.

    Args:
        words: V.
        seed: of the weights.
        scale: their range: the larger it is, the surer the model.
        text: how its text became words; None: as the defaults say.
        config: the fields of :class:`wordkit.lm.config.ModelConfig`.
    """
    shape = ModelConfig(**{"hidden": 6, "dropout": 0.5, **config})
    network = LanguageModelNetwork(shape, words, [4, 8] if shape.adaptive else None)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-scale, scale, generator=generator)
    metadata = {"made_by": "a test"} | ({} if text is None else {"text": text})
    return LanguageModel(network, vocabulary_of(words), metadata)


def uniform_model(**config: Any) -> LanguageModel:
    """A model to which all words are equally probable."""
    model = random_model(tied=False, **config)
    with torch.no_grad():
        for parameter in model.network.output.parameters():
            parameter.zero_()
    return model


def corpus_of(text: str) -> Corpus:
    """The words of lines, as they stand, without line ends."""
    return Corpus.from_sentences(line.split() for line in text.splitlines())


SHAPES: dict[str, dict[str, Any]] = {
    "lstm": {},
    "two layers": {"layers": 2, "residual": True},
    "untied": {"tied": False, "dim": 5},
    "projected": {"dim": 4, "last_hidden": 7, "layers": 2},
    "adaptive": {"tied": False, "adaptive": True},
    "mixture": {"softmaxes": 3, "dim": 5},
    "rnn": {"cell": "rnn"},
    "relu": {"cell": "rnn", "activation": "relu"},
    "gru": {"cell": "gru"},
    "peephole": {"cell": "peephole", "layers": 2},
    "transformer": {"arch": "transformer", "heads": 3, "layers": 2, "memory_length": 3},
    "projected transformer": {
        "arch": "transformer",
        "heads": 1,
        "dim": 5,
        "feed_forward": 7,
        "memory_length": 50,
    },
}
"""Shapes of every kind of network, by name."""
