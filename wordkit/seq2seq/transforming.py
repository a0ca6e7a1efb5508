"""From texts to texts: what a model answers, how good that is, and what it looked at.

Letters: S units of a source, T units of what is written.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from wordkit.errors import ConfigError, ResourceError, TextError, WordkitWarning, counted
from wordkit.evaluation import Example, TransductionScore, edit_distance
from wordkit.nn.config import full_name
from wordkit.recurrent.answering import answering
from wordkit.recurrent.cells import CELLS
from wordkit.runtime import Report, Run, available_memory
from wordkit.seq2seq.batches import EncodedPairs, batch_of, encode, in_order_batches
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.decoding import DecodingConfig, Hypothesis, beam_search
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.pairs import Pair, joined, units_of
from wordkit.text.vocabulary import UNK

__all__ = [
    "Alignment",
    "Answer",
    "align",
    "answer_bytes",
    "evaluate_pairs",
    "transform",
    "transform_groups",
    "write_all",
]

_AT_ONCE = 4096  # sources that are sorted by length together
_LONGER = 10  # units that may be written beyond twice those of the longest target


class Answer(NamedTuple):
    """What a model writes for a source."""

    text: str

    log_probability: float
    """Of the text and its end, natural."""

    score: float
    """What answers are ranked by: log p in relation to the length."""


def transform(
    model: Seq2SeqModel, texts: Iterable[str], config: DecodingConfig | None = None
) -> Iterator[list[Answer]]:
    """What the model writes for each text, best first, in the order of the texts.

    Args:
        model: what writes.
        texts: read as they are needed, some thousands at a time; white space around one is no part
            of it.
        config: how.

    Raises:
        TextError: a text is empty.
        ResourceError: a text is too long for the memory that is free.

    Warns:
        WordkitWarning: the model does not know a character or word, and reads ``<unk>`` there.
    """
    remaining = iter(texts)
    groups = iter(lambda: list(itertools.islice(remaining, _AT_ONCE)), [])
    return itertools.chain.from_iterable(transform_groups(model, groups, config))


def transform_groups(
    model: Seq2SeqModel, groups: Iterable[Sequence[str]], config: DecodingConfig | None = None
) -> Iterator[list[list[Answer]]]:
    """As :func:`transform`, for groups of texts: the next is asked for when one is answered."""
    config = config or DecodingConfig()
    before = 0
    told: set[str] = set()
    for group in groups:
        some = [text.strip() for text in group]
        for number, text in enumerate(some, before + 1):
            if not text:
                raise TextError(f"text {number} is empty; give each a text")
        before += len(some)
        encoded = _encoded(model, [(text, "") for text in some])
        _tell_unknown(encoded, told)
        yield [
            [_answer(model, found, config) for found in answers]
            for answers in write_all(model, encoded, config)
        ]


def _tell_unknown(encoded: EncodedPairs, told: set[str]) -> None:
    """Warn of what the model does not know, each unit once."""
    new = [unit for unit in encoded.sources.unknown_units if unit not in told]
    if new:
        told.update(new)
        named = ", ".join(map(repr, new))
        warnings.warn(
            f"the model does not know {named}, and reads {UNK} there", WordkitWarning, stacklevel=3
        )


def _answer(model: Seq2SeqModel, found: Hypothesis, config: DecodingConfig) -> Answer:
    text = joined(model.target_vocabulary.decode(np.array(found.ids, int)), model.config.unit)
    return Answer(text, found.log_probability, found.score(config.length_penalty))


def _encoded(model: Seq2SeqModel, pairs: Iterable[tuple[str, str]]) -> EncodedPairs:
    return encode(
        [Pair(*pair) for pair in pairs],
        model.source_vocabulary,
        model.target_vocabulary,
        model.config.unit,
    )


def write_all(
    model: Seq2SeqModel, encoded: EncodedPairs, config: DecodingConfig
) -> list[list[Hypothesis]]:
    """What the model writes for each source.

    Raises:
        ResourceError: a source is too long for the memory that is free.
    """
    network, most = model.network, config.max_length
    if most is None:
        most = 2 * model.longest_target + _LONGER
    eos = encoded.eos_id
    banned = torch.tensor([model.target_vocabulary.id(UNK)], device=network.device)
    found: list[list[Hypothesis]] = [[] for _ in range(len(encoded))]
    for rows in _batches(model, encoded, config):
        batch = batch_of(encoded, rows, reverse=model.config.reverse)
        with answering(network):
            state = network.start(torch.from_numpy(batch.sources).to(network.device))
            answers = beam_search(network, state, eos, banned, most, config)
        for row, answer in zip(batch.rows.tolist(), answers, strict=True):
            found[row] = answer
    return found


def answer_bytes(config: Seq2SeqConfig, longest: int) -> int:
    """Bytes that one pair of this length takes in a layer of the encoder, without gradients."""
    gates = CELLS[full_name(config.cell, config.activation)].gates
    sides = 1 if config.directions == "one" else 2
    return 4 * longest * (2 * gates * config.hidden + 4 * config.width) * sides


def _hypothesis_bytes(model: Seq2SeqModel, longest: int) -> int:
    """Bytes that a hypothesis takes whose source is of this length, twice while beams change."""
    config = model.config
    looked_at = 0 if config.attention == "none" else 2 * longest  # values and keys
    carried = 2 * config.layers + 2
    return 2 * (4 * config.width * (looked_at + carried) + 16 * len(model.target_vocabulary))


def _batches(
    model: Seq2SeqModel, encoded: EncodedPairs, config: DecodingConfig
) -> Iterator[npt.NDArray[np.int64]]:
    """The rows of each batch, shortest sources first: as many as were asked for and will fit.

    Raises:
        ResourceError: one source alone does not fit.
    """
    for rows in in_order_batches(encoded, max(1, config.batch // config.beam)):
        free, start = available_memory(), 0
        while start < len(rows):
            stop = len(rows)
            while stop - start > 1 and _needed(model, encoded, rows[start:stop], config) > free:
                stop = start + (stop - start) // 2
            needed = _needed(model, encoded, rows[start:stop], config)
            if needed > free:
                longest = int(encoded.sources.lengths[rows[start]])
                raise ResourceError(
                    f"a text of {counted(longest, 'unit')} needs {needed / 2**30:.1f} GiB of memory"
                    f", and {free / 2**30:.1f} GiB are free; shorten it, or lower beam"
                )
            yield rows[start:stop]
            start = stop


def _needed(
    model: Seq2SeqModel, encoded: EncodedPairs, rows: npt.NDArray[np.int64], config: DecodingConfig
) -> int:
    """Bytes that these sources take, side by side."""
    longest = int(encoded.sources.lengths[rows].max())
    each = answer_bytes(model.config, longest) + config.beam * _hypothesis_bytes(model, longest)
    return len(rows) * each


def evaluate_pairs(
    model: Seq2SeqModel,
    pairs: Sequence[Pair],
    config: DecodingConfig | None = None,
    *,
    examples: int = 5,
) -> Run[TransductionScore]:
    """How well the model writes the targets of pairs.

    Args:
        model: what writes.
        pairs: one at least.
        config: how it writes.
        examples: of right and of wrong answers, so many of each, the first ones.

    Raises:
        ConfigError: there is no pair.
    """
    if not pairs:
        raise ConfigError("there is no pair to evaluate on; give one at least")
    return Run(_evaluated(model, pairs, config or DecodingConfig(), examples))


def _evaluated(
    model: Seq2SeqModel, pairs: Sequence[Pair], config: DecodingConfig, examples: int
) -> Generator[Report, None, TransductionScore]:
    unit = model.config.unit
    right: list[Example] = []
    wrong: list[Example] = []
    matches = edits = units = unknown = 0
    for start in range(0, len(pairs), _AT_ONCE):
        yield Report("transforming", start, len(pairs), "pairs")
        some = pairs[start : start + _AT_ONCE]
        encoded = _encoded(model, some)
        unknown += encoded.sources.unknown
        for pair, answers in zip(some, write_all(model, encoded, config), strict=True):
            written = _answer(model, answers[0], config).text
            target = units_of(pair.target, unit)
            distance = edit_distance(target, units_of(written, unit))
            edits, units, matches = edits + distance, units + len(target), matches + (not distance)
            known = wrong if distance else right
            if len(known) < examples:
                known.append(Example(pair.source, pair.target, written))
    yield Report("transforming", len(pairs), len(pairs), "pairs")
    return TransductionScore(len(pairs), matches, edits, units, unknown, tuple(right), tuple(wrong))


class Alignment(NamedTuple):
    """What each step of the decoder looked at."""

    source: tuple[str, ...]
    """S units, in the order of the text."""

    written: tuple[str, ...]
    """T units."""

    weights: npt.NDArray[np.float32]
    """Shape (T, S): what was looked at for each unit; each row sums to 1. Where it goes into the
    next step, nothing was yet looked at for the first unit, and its row is 0."""


def align(model: Seq2SeqModel, text: str) -> Alignment:
    """What the model writes for a text, greedily, and what it looks at with each unit.

    Args:
        model: with attention.
        text: white space around it is no part of it.

    Raises:
        ConfigError: the model has no attention.
        TextError: the text is empty.

    Warns:
        WordkitWarning: the model does not know a character or word, and reads ``<unk>`` there.
    """
    network, config = model.network, model.config
    if config.attention == "none":
        raise ConfigError(
            "the model has no attention to look at; train one with an attention other than none"
        )
    text = text.strip()
    if not text:
        raise TextError("there is no text to align; give one")
    encoded = _encoded(model, [(text, "")])
    _tell_unknown(encoded, set())
    [[found]] = write_all(model, encoded, DecodingConfig())
    sources = torch.from_numpy(batch_of(encoded, [0], reverse=config.reverse).sources)
    inputs = torch.tensor([encoded.eos_id, *found.ids]).unsqueeze(1)
    with answering(network):
        state = network.start(sources.to(network.device))
        decoded = network.decode(inputs.to(network.device), state)
    weights = decoded.weights
    if weights is None:
        raise ConfigError("the model has no attention to look at")
    places = weights[0, : len(found.ids)].cpu().numpy()
    if network.decoder.feeds_context and len(places):  # what was seen goes into the next step
        places = np.concatenate([np.zeros_like(places[:1]), places[:-1]])
    if config.reverse:
        places = places[:, ::-1].copy()
    written = model.target_vocabulary.decode(np.array(found.ids, int))
    return Alignment(tuple(units_of(text, config.unit)), tuple(written), places)
