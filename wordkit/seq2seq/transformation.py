"""Transformation of texts: the answers of a model, and its attention.

Notation: S units of a source, T units of an answer.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from wordkit.decoding.beam import BeamConfig, beam_search
from wordkit.decoding.steps import Hypothesis, decode, sampler
from wordkit.errors import ConfigError, TextError, WordkitWarning, counted, missing_hint
from wordkit.nn.network import device_of, inference, select
from wordkit.runtime import available_memory, require_memory
from wordkit.seq2seq.batches import (
    EncodedPairs,
    EncodedTexts,
    Ids,
    PairBatch,
    encode,
    pad,
    sorted_batches,
)
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.memory import decoding_bytes
from wordkit.seq2seq.model import Seq2SeqModel, SequenceModel
from wordkit.seq2seq.pairs import joined, normalized_pairs, units_of
from wordkit.text.detokenizer import token_texts
from wordkit.text.normalization import normalized
from wordkit.text.vocabulary import EOS, UNK

__all__ = [
    "Alignment", "Answer", "align", "as_answer", "batches_that_fit", "decode_all",
    "decode_states", "encode_pairs", "parts_that_fit", "read_sources", "stripped_texts",
    "transform", "transform_groups", "warn_of_unknown",
]  # fmt: skip

_GROUP = 4096  # sources that are sorted by length together
_EXTRA_UNITS = 10  # of an answer, beyond twice the longest target


class Answer(NamedTuple):
    """The answer of a model to a source."""

    text: str

    log_probability: float
    """log p of the text and its end, natural."""

    score: float
    """The score that answers are ranked by: log p over a norm of the length."""


def transform(
    model: Seq2SeqModel, texts: str | Iterable[str], config: DecodingConfig | None = None
) -> Iterator[list[Answer]]:
    """Yield the answers to each text, best first, or as drawn, in the order of the texts.

    Args:
        model: what is asked.
        texts: read as they are needed, some thousands at a time, or one text; white space around
            each is stripped. A blank text has no answers.
        config: how. What is drawn for a text depends on the seed and on its number among those
            that are not blank.

    Raises:
        TextError: a text is no string.
        ResourceError: a text is too long for the memory that is free.

    Warns:
        WordkitWarning: the model does not know a character or word, and reads ``<unk>`` instead.
    """
    remaining = iter([texts] if isinstance(texts, str) else texts)
    groups = iter(lambda: list(itertools.islice(remaining, _GROUP)), [])
    return itertools.chain.from_iterable(transform_groups(model, groups, config))


def transform_groups(
    model: Seq2SeqModel, groups: Iterable[Sequence[str]], config: DecodingConfig | None = None
) -> Iterator[list[list[Answer]]]:
    """Transform groups of texts lazily: each is read after the answers to the one before."""
    config = config or DecodingConfig()
    read, answered, known = 0, 0, set[str]()
    for group in [groups] if isinstance(groups, str) else groups:
        group = [group] if isinstance(group, str) else group
        texts = stripped_texts(model, group, first=read + 1)
        encoded = encode_pairs(model, [(text, "") for text in texts if text])
        warn_of_unknown(encoded.sources, known)
        found = iter(decode_all(model, encoded, config, first=answered))
        yield [
            [as_answer(model, hypothesis, config, text) for hypothesis in next(found)]
            if text
            else []
            for text in texts
        ]
        read, answered = read + len(texts), answered + len(encoded)


def stripped_texts(model: Seq2SeqModel, texts: Iterable[str], *, first: int = 1) -> list[str]:
    """Return texts in the model's normal form, without white space around them.

    Raises:
        TextError: one is no string; ``first`` is the number of the first one.
    """
    texts = [*texts]
    for number, text in enumerate(texts, first):
        if not isinstance(text, str):
            hint = missing_hint(text)
            raise TextError(f"text {number} must be a string, not {text!r:.50}{hint}")
    return [normalized(text.strip(), model.config.normalize) for text in texts]


def warn_of_unknown(texts: EncodedTexts, known: set[str]) -> None:
    """Warn of units of texts that the model does not know, but for those known already."""
    new = [unit for unit in texts.unknown_units if unit not in known]
    if new:
        known.update(new)
        named = ", ".join(f"{unit!r:.60}" for unit in new)
        warnings.warn(
            f"the model does not know {named}, and reads {UNK} instead",
            WordkitWarning,
            stacklevel=3,
        )


def as_answer(
    model: SequenceModel, hypothesis: Hypothesis, config: DecodingConfig, source: str = ""
) -> Answer:
    """Return a hypothesis as text; its source is asked for only where ``<unk>`` was generated."""
    text = joined(_units(model, source, hypothesis), model.config.unit)
    return Answer(text, hypothesis.log_probability, hypothesis.score(config.length_penalty))


def _units(model: SequenceModel, source: str, hypothesis: Hypothesis) -> list[str]:
    """Return the units of an answer, with units of the source where ``<unk>`` was generated."""
    vocabulary = model.vocabularies[-1]
    units = list(vocabulary.decode(np.array(hypothesis.ids, int)))
    steps = [step for step, id_ in enumerate(hypothesis.ids) if id_ == vocabulary.unk_id]
    if steps and isinstance(model, Seq2SeqModel):  # others never generate it
        read = units_of(source, model.config.unit, model.bpe)
        is_unknown = np.array([unit == EOS or unit not in model.source_vocabulary for unit in read])
        weights = np.where(is_unknown, _attention(model, source, hypothesis.ids), -1)
        for step in steps:
            units[step] = read[int(weights[step].argmax())]
    return units


def encode_pairs(model: Seq2SeqModel, pairs: Iterable[tuple[str, str]]) -> EncodedPairs:
    """Look up the ids of pairs in the normal form of a model; a target may be empty."""
    return encode(
        normalized_pairs(pairs, model.config.normalize),
        model.source_vocabulary,
        model.target_vocabulary,
        model.config.unit,
        model.bpe,
    )


def decode_all(
    model: Seq2SeqModel, encoded: EncodedPairs, config: DecodingConfig, *, first: int = 0,
    count: int | None = None,
) -> list[list[Hypothesis]]:  # fmt: skip
    """Return the hypotheses for each source.

    Args:
        model: what is asked.
        encoded: the sources.
        config: how. ``<unk>`` is generated where it is to be replaced alone.
        first: number of the first source, which its random numbers depend on.
        count: how many sources; None: all.

    Raises:
        ConfigError: unknown units are to be copied, and the model has no attention.
        ResourceError: a source is too long for the memory that is free.
    """
    if config.copy_unknown and model.config.attention == "none":
        raise ConfigError("copy_unknown needs a model with attention, and this one has none")
    found = dict[int, list[Hypothesis]]()
    copies = (encoded.sources.unknown_counts > 0) & config.copy_unknown
    for rows in batches_that_fit(model, encoded, config, count):
        for part in filter(len, (rows[~copies[rows]], rows[copies[rows]])):
            _, state = read_sources(model, encoded, part)
            numbers, writes_unk = (first + part).tolist(), bool(copies[part[0]])
            hypotheses = decode_states(model, state, numbers, config, writes_unk=writes_unk)
            found.update(zip(part.tolist(), hypotheses, strict=True))
    return [found[row] for row in range(len(found))]


def read_sources(
    model: Seq2SeqModel, encoded: EncodedPairs, rows: Ids
) -> tuple[PairBatch, DecoderState]:
    """Return the batch of some pairs, and the state of the decoder after their sources."""
    batch, network = pad(encoded, rows, reverse=model.config.reverse), model.network
    with inference(network):
        return batch, network.encode(batch.sources.to(device_of(network)), batch.lengths)


def decode_states(
    model: SequenceModel, state: DecoderState, numbers: Sequence[int], config: DecodingConfig,
    *, writes_unk: bool = False,
) -> list[list[Hypothesis]]:  # fmt: skip
    """Return the hypotheses for each state of a batch.

    Args:
        model: what is asked.
        state: before the first step; its latent variable is drawn anew from its distribution, where
            it has one and the units are drawn.
        numbers: of the sequences, which their random numbers depend on.
        config: how.
        writes_unk: whether ``<unk>`` may be generated.
    """
    network, vocabulary = model.network, model.vocabularies[-1]
    B, n, device = len(numbers), config.alternatives, device_of(network)
    eos, unk = vocabulary.id(EOS), torch.tensor([vocabulary.id(UNK)], device=device)
    banned = None if writes_unk else unk
    max_length = config.max_length or 2 * getattr(model, model.LONGEST) + _EXTRA_UNITS
    if not config.sample:
        search = BeamConfig(config.beam, max_length, n, config.length_penalty, eos, banned)
        return beam_search(network, eos, state, B, search)
    generators = [
        np.random.default_rng([config.seed, each, number])
        for each in numbers for number in range(n)
    ]  # fmt: skip
    state = select(state, torch.arange(B, device=device).repeat_interleave(n))
    if state.distribution is not None:
        Z = state.distribution.mean.shape[1]
        noise = np.stack([each.standard_normal(Z, np.float32) for each in generators])
        z = state.distribution.sample(torch.from_numpy(noise).to(device))
        state = state._replace(latent=z, distribution=None)
    drawn = decode(
        network, eos, state, B * n, rule=sampler(config, generators), max_length=max_length,
        banned=banned, eos=eos,
    )  # fmt: skip
    return [drawn[start : start + n] for start in range(0, B * n, n)]


def batches_that_fit(
    model: Seq2SeqModel, encoded: EncodedPairs, config: DecodingConfig, count: int | None = None
) -> Iterator[Ids]:
    """Yield the rows of each batch, shortest sources first: as many as are asked for and fit."""

    def needed(rows: Ids) -> int:
        longest = int(encoded.sources.lengths[rows].max())
        words = len(model.target_vocabulary)
        return len(rows) * decoding_bytes(model.config, longest, config.hypotheses, words)

    for rows in sorted_batches(encoded, max(1, config.batch // config.hypotheses), count):
        yield from parts_that_fit(rows, needed, lambda row: int(encoded.sources.lengths[row]))


def parts_that_fit(
    rows: Ids, needed: Callable[[Ids], int], length: Callable[[int], int]
) -> Iterator[Ids]:
    """Yield parts of a batch that fit into memory, one after the other.

    Args:
        rows: of the batch.
        needed: returns the bytes that rows take.
        length: returns the units of the text of a row, for messages.

    Raises:
        ResourceError: a row does not fit by itself.
    """
    free = available_memory()
    while len(rows):
        size = len(rows)
        while size > 1 and needed(rows[:size]) > free:
            size //= 2
        what = f"a text of {counted(length(int(rows[0])), 'unit')} needs"
        require_memory(what, needed(rows[:size]), "shorten it, or ask for fewer hypotheses", free)
        yield rows[:size]
        rows = rows[size:]


class Alignment(NamedTuple):
    """The attention of each step of the decoder."""

    source: tuple[str, ...]
    """S units, in the order of the text."""

    written: tuple[str, ...]
    """T units."""

    weights: npt.NDArray[np.float32]
    """Shape (T, S): the attention weights for each unit; each row sums to 1. Where the context is
    input of the next step, the first unit is written without any, and its row is 0."""


def align(model: Seq2SeqModel, text: str, head: int | None = None) -> Alignment:
    """Return the greedy answer to a text, and the attention weights of each of its units.

    Args:
        model: with attention.
        text: white space around it is stripped.
        head: of the last layer of a Transformer, from 1 on; None: the mean of all.

    Raises:
        ConfigError: the model has no attention, or no such head.
        TextError: the text is empty.

    Warns:
        WordkitWarning: the model does not know a character or word, and reads ``<unk>`` instead.
    """
    config = model.config
    if config.attention == "none":
        raise ConfigError("the model has no attention; train one with an attention other than none")
    heads = config.heads if config.arch == "transformer" else 1
    if head is not None and not 1 <= head <= heads:
        raise ConfigError(f"head must be from 1 to {heads} for this model, not {head}")
    text = normalized(text.strip(), config.normalize)
    if not text:
        raise TextError("there is no text to align; give one")
    encoded = encode_pairs(model, [(text, "")])
    warn_of_unknown(encoded.sources, set())
    [[answer]] = decode_all(model, encoded, DecodingConfig())
    weights = _attention(model, text, answer.ids, head)
    written = _units(model, text, answer)
    read = token_texts(units_of(text, config.unit, model.bpe), config.unit)
    return Alignment(tuple(read), tuple(token_texts(written, config.unit)), weights)


def _attention(
    model: Seq2SeqModel, text: str, ids: tuple[int, ...], head: int | None = None
) -> npt.NDArray[np.float32]:
    """Return the attention weights, (T, S), with which an answer to a text is written."""
    network, encoded = model.network, encode_pairs(model, [(text, "")])
    batch, state = read_sources(model, encoded, np.array([0]))
    found = [np.zeros(len(batch.sources), np.float32)]
    with inference(network):
        for id_ in (encoded.eos_id, *ids):
            _, state = network(torch.tensor([[id_]], device=device_of(network)), state)
            if state.weights is not None:
                heads = state.weights[0].cpu().view(-1, len(batch.sources))  # (A, S)
                found.append(np.asarray(heads.mean(0) if head is None else heads[head - 1]))
    first = int(state.context is None)  # else a unit is written with the weights of the step before
    return np.stack(found)[first : first + len(ids), :: -1 if model.config.reverse else 1].copy()
