"""Decoding of sources: the hypotheses of a model, batch by batch, as fits into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch

from wordkit.decoding.beam import BeamConfig, beam_search
from wordkit.decoding.steps import Hypothesis, decode, sampler
from wordkit.errors import ConfigError, counted
from wordkit.nn.network import device_of, inference, select
from wordkit.runtime import available_memory, require_memory
from wordkit.seq2seq.batches import EncodedPairs, Ids, PairBatch, encode, pad, sorted_batches
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.memory import decoding_bytes
from wordkit.seq2seq.model import Seq2SeqModel, SequenceModel
from wordkit.seq2seq.pairs import normalized_pairs
from wordkit.text.vocabulary import EOS, UNK

__all__ = [
    "batches_that_fit", "decode_all", "decode_states", "encode_pairs", "parts_that_fit",
    "read_sources",
]  # fmt: skip

_EXTRA_UNITS = 10  # of an answer, beyond twice the longest target


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
