"""The memory that a sequence-to-sequence model takes, in training and in decoding.

Notation: S units of the source, T units of the target, B pairs of a batch.
"""

from __future__ import annotations

from collections.abc import Callable

from wordkit.nn.config import full_name
from wordkit.nn.recurrent import GATES
from wordkit.seq2seq.batches import EncodedPairs
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.network import Seq2SeqNetwork
from wordkit.training.run import check_network_memory

__all__ = ["check_training_memory", "decoding_bytes"]

_GRADIENT_FACTOR = 3  # memory of a batch in training, over that without gradients


def _answer_bytes(config: Seq2SeqConfig, longest: int) -> int:
    """Return the bytes that a pair of this length takes in a layer, without gradients."""
    if config.arch == "transformer":
        return 4 * longest * (10 * config.hidden + 2 * config.width_feed_forward)
    gates = GATES[full_name(config.cell, config.activation)]
    directions = 1 if config.directions == "one" else 2
    return 4 * longest * (2 * gates * config.hidden + 4 * config.width) * directions


def decoding_bytes(config: Seq2SeqConfig, longest: int, hypotheses: int, words: int) -> int:
    """Return the bytes to answer a source of this length; states are twice there as beams change.

    Args:
        config: the shape of the model.
        longest: S.
        hypotheses: followed at a time.
        words: of the targets.
    """
    remembered = 0 if config.attention == "none" else 2 * longest  # values and keys
    if config.arch == "transformer":  # of the source and of the answer, in each layer
        remembered = 4 * longest * config.layers
    states = 2 * config.layers + 2
    each = 2 * (4 * config.width * (remembered + states) + 16 * words)
    return _answer_bytes(config, longest) + hypotheses * each


def check_training_memory(
    model: Seq2SeqConfig, build: Callable[[], Seq2SeqNetwork], train: EncodedPairs,
    valid: EncodedPairs, config: Seq2SeqTrainingConfig, unit: str,
) -> None:  # fmt: skip
    """Raise before the work if the model cannot be trained in the free memory."""
    needed, longest, size = max(
        (factor * _batch_bytes(model, *shape), max(shape[:2]), shape[2])
        for shape, factor in (
            (train.batch_shape(config.batch, config.batch_tokens), _GRADIENT_FACTOR),
            (valid.batch_shape(config.batch), 1),
        )
    )
    check_network_memory(
        f"a model for {unit} of up to {longest:,} units, {size:,} in a batch,",
        build,
        f"leave out the longest {unit}, or lower batch or hidden",
        extra=needed,
    )


def _batch_bytes(model: Seq2SeqConfig, S: int, T: int, B: int, K: int = 0) -> int:
    """Return the bytes that a batch takes, without gradients; K turns are attended to."""
    steps = S + T + (0 if model.latent is None else T)  # the posterior reads the target too
    needed = B * model.layers * _answer_bytes(model, steps)
    if model.arch != "transformer" and model.attention != "none":
        needed += 4 * B * S * T
    attends_to_turns = getattr(model, "attends_to", "turn") != "turn"
    return needed + 4 * B * K * model.width * attends_to_turns
