"""Evaluation of dialogue models: perplexity of next turns, and scores of answers."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict

import numpy as np

from wordkit.config import check_number
from wordkit.decoding.config import SamplingConfig
from wordkit.errors import ConfigError
from wordkit.evaluation.bleu import measure_translation
from wordkit.evaluation.dialogue import DialogueScore, distinct
from wordkit.nn.network import device_of
from wordkit.runtime import Report, Run
from wordkit.seq2seq.batches import Ids
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.dialogue.batches import EncodedDialogues, encode_dialogues
from wordkit.seq2seq.dialogue.decoding import decode_turns, read_batches
from wordkit.seq2seq.dialogue.dialogues import Dialogue, normalized_dialogues
from wordkit.seq2seq.dialogue.model import DialogueModel
from wordkit.seq2seq.likelihood import TargetLikelihoods, normal_noise, target_likelihoods
from wordkit.seq2seq.pairs import units_of
from wordkit.seq2seq.transformation import as_answer

__all__ = ["iter_evaluate_dialogues"]

_BATCH = 64  # turns that are measured or answered together


def iter_evaluate_dialogues(
    model: DialogueModel,
    dialogues: Sequence[Dialogue],
    config: DecodingConfig | None = None,
    *,
    sampling: SamplingConfig | None = None,
    draws: int = 10,
    situations: int = 200,
    samples: int = 10,
) -> Run[DialogueScore]:
    """Measure how well a model predicts the turns of dialogues, and how it answers.

    Args:
        model: what is asked.
        dialogues: of two turns at least each; every turn but the first is predicted, and answered
            given the true turns before it.
        config: how answers are decoded, and at most how long draws are.
        sampling: of the draws; its seed is that of ``samples`` too.
        draws: answers to the same turns, of which the different ones are counted, at least 1.
        situations: turns to which so many answers are drawn, spread over all dialogues.
        samples: draws of the latent variable for the bound of the perplexity, where there is one.

    Raises:
        ConfigError: there is no dialogue, or a number is out of its range.
        ResourceError: a turn is too long for the memory that is free (in the run).
    """
    check_number("draws", draws)
    check_number("situations", situations)
    check_number("samples", samples)
    if not any(len(dialogue) > 1 for dialogue in dialogues):
        raise ConfigError("there is no dialogue of two turns to evaluate on; give one at least")
    config, sampling = config or DecodingConfig(), sampling or SamplingConfig()
    sampled = DecodingConfig(
        sample=True, alternatives=draws, max_length=config.max_length, **asdict(sampling)
    )
    return Run(_evaluate(model, dialogues, config, sampled, situations, samples))


def _evaluate(
    model: DialogueModel, dialogues: Sequence[Dialogue], config: DecodingConfig,
    sampled: DecodingConfig, situations: int, samples: int,
) -> Generator[Report, None, DialogueScore]:  # fmt: skip
    shape = model.config
    dialogues = normalized_dialogues(dialogues, shape.normalize)
    encoded = encode_dialogues(dialogues, model.vocabulary, shape.unit, model.bpe)
    targets = [turn for dialogue in dialogues for turn in dialogue[1:]]
    P, nats, kl = len(encoded), 0.0, 0.0
    written: list[str] = []
    for start in range(0, P, _BATCH):
        yield Report("answering", start, P, "turns")
        rows = np.arange(start, min(start + _BATCH, P))
        for part in _likelihoods(model, encoded, rows, samples, sampled.seed):
            nats, kl = nats - float(part.log_p.sum()), kl + float(part.kl.sum())
        found = decode_turns(model, encoded, rows, config)
        written += [as_answer(model, each[0], config).text for each in found]
    asked = np.unique(np.linspace(0, P - 1, min(situations, P)).round().astype(np.int64))
    different = 0
    for start in range(0, len(asked), _BATCH):
        yield Report("drawing", start, len(asked), "turns")
        found = decode_turns(model, encoded, asked[start : start + _BATCH], sampled)
        different += sum(len({each.ids for each in drawn}) for drawn in found)
    yield Report("drawing", len(asked), len(asked), "turns")
    units = [units_of(text, shape.unit, model.bpe) for text in written]
    has_bleu = shape.unit != "char" and any(len(text.split()) >= 4 for text in targets)
    return DialogueScore(
        turns=P,
        units=int(encoded.targets.lengths.sum()) + P,
        nats=nats,
        unknown=encoded.targets.unknown,
        right=sum(a.split() == b.split() for a, b in zip(written, targets, strict=True)),
        distinct_1=distinct(units, 1),
        distinct_2=distinct(units, 2),
        distinct_answers=different / len(asked),
        kl=None if shape.latent is None else kl / P,
        translation=measure_translation(written, targets) if has_bleu else None,
    )


def _likelihoods(
    model: DialogueModel, encoded: EncodedDialogues, rows: Ids, samples: int, seed: int
) -> Iterator[TargetLikelihoods]:
    """Yield the likelihoods of some next turns, batch by batch."""
    network, device, done = model.network, device_of(model.network), 0
    for batch, state in read_batches(model, encoded, rows):
        inputs, targets = batch.inputs.to(device), batch.targets.to(device)
        numbers, noise = rows[done : done + inputs.shape[1]], None
        if model.config.latent is not None:
            noise = normal_noise(samples, numbers, model.config.latent, seed).to(device)
        yield target_likelihoods(network, state, inputs, targets, noise)
        done += len(numbers)
