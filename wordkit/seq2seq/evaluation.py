"""Evaluation of sequence models: exact matches, error rate, and the likelihood of targets.

Notation: S units of a source, T units of a target.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import numpy as np

from wordkit.config import check_number
from wordkit.errors import ConfigError
from wordkit.evaluation import Example, TransductionScore, edit_distance
from wordkit.evaluation.bleu import measure_translation
from wordkit.nn.network import device_of
from wordkit.runtime import Report, Run
from wordkit.seq2seq.batches import EncodedPairs
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.decoding import batches_that_fit, decode_all, encode_pairs, read_sources
from wordkit.seq2seq.likelihood import (
    TargetLikelihoods,
    normal_noise,
    target_likelihoods,
    total_likelihood,
)
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.pairs import Pair, normalized_pairs, units_of
from wordkit.seq2seq.transformation import as_answer

__all__ = ["iter_evaluate_pairs"]

_MAX_CELLS = 1 << 25  # numbers of features or attention weights of a batch
_GROUP = 4096  # pairs that are sorted by length together


def iter_evaluate_pairs(
    model: Seq2SeqModel,
    pairs: Sequence[Pair],
    config: DecodingConfig | None = None,
    *,
    examples: int = 5,
    samples: int = 10,
) -> Run[TransductionScore]:
    """Measure how well a model writes the targets of pairs.

    Args:
        model: what is asked.
        pairs: one at least.
        config: how.
        examples: how many right and how many wrong answers to give, the first ones.
        samples: draws of the latent variable for the bound of the likelihood of each target.

    Raises:
        ConfigError: there is no pair, or ``samples`` is below 1.
    """
    if not pairs:
        raise ConfigError("there is no pair to evaluate on; give one at least")
    check_number("samples", samples)
    return Run(_evaluate(model, pairs, config or DecodingConfig(), examples, samples))


def _evaluate(
    model: Seq2SeqModel, pairs: Sequence[Pair], config: DecodingConfig, examples: int,
    samples: int,
) -> Generator[Report, None, TransductionScore]:  # fmt: skip
    unit = model.config.unit
    right, wrong, texts = list[Example](), list[Example](), list[tuple[str, str]]()
    matches = edits = units = unknown = 0
    likelihoods = list[TargetLikelihoods]()
    for start in range(0, len(pairs), _GROUP):
        yield Report("transforming", start, len(pairs), "pairs")
        group = normalized_pairs(pairs[start : start + _GROUP], model.config.normalize)
        encoded = encode_pairs(model, group)
        unknown += encoded.sources.unknown
        found = decode_all(model, encoded, config, first=start)
        likelihoods += _likelihoods(model, encoded, samples, first=start)
        for pair, answers in zip(group, found, strict=True):
            written = as_answer(model, answers[0], config, pair.source).text
            texts.append((written, pair.target))
            target = units_of(pair.target, unit, model.bpe)
            distance = edit_distance(target, units_of(written, unit, model.bpe))
            edits, units, matches = edits + distance, units + len(target), matches + (not distance)
            known = wrong if distance else right
            if len(known) < examples:
                known.append(Example(pair.source, pair.target, written))
    yield Report("transforming", len(pairs), len(pairs), "pairs")
    translation = None if unit == "char" else measure_translation(*zip(*texts, strict=True))
    drawn = None if model.config.latent is None else samples
    return TransductionScore(
        len(pairs), matches, edits, units, unknown, tuple(right), tuple(wrong), translation,
        total_likelihood(likelihoods, units + len(pairs), drawn),
    )  # fmt: skip


def _likelihoods(
    model: Seq2SeqModel, encoded: EncodedPairs, samples: int, first: int
) -> Iterator[TargetLikelihoods]:
    """Yield the likelihoods of the targets of pairs, those of a batch together."""
    network, latent = model.network, model.config.latent
    device = device_of(network)
    for rows in batches_that_fit(model, encoded, DecodingConfig()):
        S = int(encoded.sources.lengths[rows].max())
        T = int(encoded.targets.lengths[rows].max()) + 1
        size = max(_MAX_CELLS // (T * (S + model.config.width_out)), 1)
        for part in np.split(rows, range(size, len(rows), size)):
            (batch, state), noise = read_sources(model, encoded, part), None
            if latent is not None:
                noise = normal_noise(samples, first + part, latent).to(device)
            inputs, targets = batch.inputs.to(device), batch.targets.to(device)
            yield target_likelihoods(network, state, inputs, targets, noise)
