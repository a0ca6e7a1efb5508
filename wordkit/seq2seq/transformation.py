"""Transformation of texts: the answers of a model, and its attention.

Notation: S units of a source, T units of an answer.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from wordkit.decoding.steps import Hypothesis
from wordkit.errors import ConfigError, TextError, WordkitWarning, missing_hint
from wordkit.nn.network import device_of, inference
from wordkit.seq2seq.batches import EncodedTexts
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.decoding import decode_all, encode_pairs, read_sources
from wordkit.seq2seq.model import Seq2SeqModel, SequenceModel
from wordkit.seq2seq.pairs import joined, units_of
from wordkit.text.detokenizer import token_texts
from wordkit.text.normalization import normalized
from wordkit.text.vocabulary import EOS, UNK

__all__ = [
    "Alignment", "Answer", "align", "as_answer", "stripped_texts", "transform", "transform_groups",
    "warn_of_unknown",
]  # fmt: skip

_GROUP = 4096  # sources that are sorted by length together


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
