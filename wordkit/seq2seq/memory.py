"""The memory that a sequence-to-sequence model takes, in training and in decoding.

Notation: S units of the source, T units of the target, B pairs of a batch.
"""

from __future__ import annotations

from wordkit.nn.config import full_name
from wordkit.nn.recurrent import GATES
from wordkit.seq2seq.batches import EncodedPairs
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.network import Seq2SeqNetwork
from wordkit.training.run import check_network_memory

__all__ = ["GRADIENT_FACTOR", "batch_bytes", "check_training_memory", "decoding_bytes"]

GRADIENT_FACTOR = 3
"""Memory that a batch takes in training, over that which it takes without gradients."""


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
    model: Seq2SeqConfig, words: tuple[int, int], train: EncodedPairs, valid: EncodedPairs,
    config: Seq2SeqTrainingConfig,
) -> None:  # fmt: skip
    """Raise before the work if the model cannot be trained in the free memory."""
    trained = config.batch
    if config.batch_tokens is not None:
        trained = max(config.batch_tokens // int(train.longer_sides.max()), 1)
    needed, S, T, B = max(
        (factor * batch_bytes(model, *shape), *shape)
        for encoded, factor, batch in (
            (train, GRADIENT_FACTOR, trained), (valid, 1, config.batch)
        )
        for shape in [(encoded.sources.longest, encoded.targets.longest, min(batch, len(encoded)))]
    )  # fmt: skip
    check_network_memory(
        f"a model for texts of up to {S:,} and {T:,} units, in batches of {B},",
        lambda: Seq2SeqNetwork(model, *words),
        "leave out the longest texts, or lower batch or hidden",
        extra=needed,
    )


def batch_bytes(model: Seq2SeqConfig, S: int, T: int, B: int) -> int:
    """Return the bytes that a batch takes, without gradients."""
    steps = S + T + (0 if model.latent is None else T)  # the posterior reads the target too
    needed = B * model.layers * _answer_bytes(model, steps)
    if model.arch != "transformer" and model.attention != "none":
        needed += 4 * B * S * T * (model.width_of_attention if model.attention == "additive" else 1)
    return needed
