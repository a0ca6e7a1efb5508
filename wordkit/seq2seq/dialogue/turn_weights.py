"""The attention of an answer to the turns before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from wordkit.errors import ConfigError
from wordkit.nn.network import device_of, inference
from wordkit.seq2seq.dialogue.batches import encode_dialogues, pad_dialogues
from wordkit.seq2seq.dialogue.model import DialogueModel
from wordkit.text.normalization import normalized

__all__ = ["TurnWeight", "turn_weights"]


class TurnWeight(NamedTuple):
    """A turn, and the attention to it."""

    turn: str

    weight: float
    """From 0 to 1; those of all turns that the model knows sum to 1."""


def turn_weights(model: DialogueModel, turns: Sequence[str], answer: str) -> list[TurnWeight]:
    """Return the attention to each turn, the mean over the units of an answer.

    Where the model attends to the units of the last turn too, their weights are part of its own.

    Args:
        model: that attends to turns.
        turns: those before, one at least.
        answer: the next one.

    Raises:
        ConfigError: the model does not attend to turns.
    """
    config = model.config
    if config.attention_to == "turn":
        raise ConfigError(
            "the model attends to no turn but the last; train one with attention_to turns or both"
        )
    texts = [normalized(text, config.normalize) for text in (*turns, answer)]
    encoded = encode_dialogues([texts], model.vocabulary, config.unit, model.bpe)
    batch = pad_dialogues(
        encoded, np.array([len(turns) - 1]), reverse=config.reverse, context_turns=config.window
    )
    network, device, found = model.network, device_of(model.network), []
    with inference(network):
        state = network.encode_dialogues(batch.sources.to(device), batch.lengths, batch.history)
        for unit in batch.inputs.to(device):  # <eos> and the answer
            _, state = network(unit.unsqueeze(0), state)
            if state.weights is not None:
                found.append(state.weights[0])
    weights = torch.stack(found).mean(0).tolist()
    known = int(batch.history.lengths[0])
    weights, of_units = weights[-known:], weights[:-known]
    weights[-1] += sum(of_units)
    return [*map(TurnWeight, turns[-known:], weights)]
