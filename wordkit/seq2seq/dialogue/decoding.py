"""Decoding of next turns: the hypotheses of a model, batch by batch, as fits into memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wordkit.decoding.steps import Hypothesis
from wordkit.errors import ConfigError
from wordkit.nn.network import device_of, inference
from wordkit.seq2seq.batches import Ids
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.decoding import decode_states, parts_that_fit
from wordkit.seq2seq.dialogue.batches import DialogueBatch, EncodedDialogues, pad_dialogues
from wordkit.seq2seq.dialogue.model import DialogueModel
from wordkit.seq2seq.memory import decoding_bytes

__all__ = ["decode_turns", "read_batches"]


def decode_turns(
    model: DialogueModel, encoded: EncodedDialogues, rows: Ids, config: DecodingConfig,
    *, numbers: Ids | None = None,
) -> list[list[Hypothesis]]:  # fmt: skip
    """Return the hypotheses for the next turn of each of some pairs.

    Args:
        model: that answers.
        encoded: the dialogues.
        rows: the pairs, ascending, so that dialogues that are asked for repeatedly are read once.
        config: how. ``<unk>`` is never generated.
        numbers: of the pairs, which their random numbers depend on; None: the pairs themselves.

    Raises:
        ConfigError: unknown units are to be copied.
        ResourceError: a turn is too long for the memory that is free.
    """
    if config.copy_unknown:
        raise ConfigError("copy_unknown has no effect with dialogues; leave it out")
    numbers = rows if numbers is None else numbers
    size = max(1, config.batch // config.hypotheses)
    found: list[list[Hypothesis]] = []
    for start in range(0, len(rows), size):
        for _, state in read_batches(model, encoded, rows[start : start + size], config.hypotheses):
            part = numbers[len(found) : len(found) + len(state.layers[0][0])].tolist()
            found += decode_states(model, state, part, config)
    return found


def read_batches(
    model: DialogueModel, encoded: EncodedDialogues, rows: Ids, hypotheses: int = 1
) -> Iterator[tuple[DialogueBatch, DecoderState]]:
    """Yield some pairs in batches that fit into memory, and the states that next turns begin from.

    Args:
        model: that reads the turns before, without gradients.
        encoded: the dialogues.
        rows: the pairs, ascending.
        hypotheses: that are followed for each.

    Raises:
        ResourceError: a turn is too long for the memory that is free.
    """
    config, network = model.config, model.network
    for part in parts_that_fit(
        rows,
        lambda part: _bytes(model, encoded, part, hypotheses),
        lambda row: _longest(encoded, np.array([row])),
    ):
        batch = pad_dialogues(encoded, part, reverse=config.reverse, context_turns=config.window)
        with inference(network):
            state = network.encode_dialogues(
                batch.sources.to(device_of(network)), batch.lengths, batch.history
            )
        yield batch, state


def _longest(encoded: EncodedDialogues, rows: Ids) -> int:
    """Return the units of the longest turn before some next turns, which ascend."""
    return int(encoded.sources.lengths[encoded.firsts[rows[0]] : rows[-1] + 1].max())


def _bytes(model: DialogueModel, encoded: EncodedDialogues, rows: Ids, hypotheses: int) -> int:
    read = int(rows[-1] + 1 - encoded.firsts[rows[0]])  # turns
    each = decoding_bytes(model.config, _longest(encoded, rows), hypotheses, len(model.vocabulary))
    return max(len(rows), read) * each
