"""Pairs as ids, and the batches that they are learned and measured in.

N pairs, B of them side by side, S steps of their sources, T of their targets.

::

    sources   ·  ·  c  a  b         inputs   <eos>  x      y      <eos>  <eos>
              d  e  f  a  b                  <eos>  x      y      z      x
                                    targets  x      y      <eos>  ·      ·
                                             x      y      z      x      <eos>

(drawn with a row for each pair; in memory the steps come first.) Sources are padded in front, so
that all end with the last step and an encoder's last state is that of the whole source; targets
are padded behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError, TextError, VocabularyError
from wordkit.seq2seq.pairs import Pair, Unit, check_unit
from wordkit.text.vocabulary import EOS, UNK, Vocabulary

__all__ = [
    "NOTHING",
    "EncodedPairs",
    "EncodedTexts",
    "Ids",
    "Longest",
    "PairBatch",
    "batch_of",
    "encode",
    "epoch_batches",
    "in_order_batches",
    "longest",
]

NOTHING = -1
"""The id where there is none: before a shorter source, behind a shorter target."""

_NAMED = 10  # unknown units that are kept for a report

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EncodedTexts:
    """The ids of N texts, one text behind the other."""

    ids: npt.NDArray[np.int32]
    """The units of all; ``<unk>`` for those that are not in the vocabulary."""

    offsets: Ids
    """Shape (N + 1,): text n is ``ids[offsets[n]:offsets[n + 1]]``."""

    unknown: int
    """Units, of all texts together, that are not in the vocabulary."""

    unknown_units: tuple[str, ...]
    """The first few of those, each once."""

    @cached_property
    def lengths(self) -> Ids:
        """The units of each text, shape (N,)."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True)
class EncodedPairs:
    """The ids of N pairs."""

    sources: EncodedTexts
    """In the ids of the source vocabulary."""

    targets: EncodedTexts
    """In the ids of the target vocabulary, without ``<eos>``."""

    eos_id: int
    """``<eos>`` in the target vocabulary."""

    def __len__(self) -> int:
        return len(self.sources)


def encode(
    pairs: Sequence[Pair], source_vocabulary: Vocabulary, target_vocabulary: Vocabulary, unit: Unit
) -> EncodedPairs:
    """Pairs as ids.

    Args:
        pairs: a target may be empty, where it is not known; a source may not.
        source_vocabulary, target_vocabulary: with ``<unk>`` and ``<eos>`` each.
        unit: what the texts are cut into.

    Raises:
        ConfigError: there is no such unit.
        TextError: a source holds no unit.
        VocabularyError: a vocabulary holds no ``<unk>`` or no ``<eos>``.
    """
    sources = _encode([pair.source for pair in pairs], source_vocabulary, unit)
    targets = _encode([pair.target for pair in pairs], target_vocabulary, unit)
    if len(pairs) and not sources.lengths.all():
        number = int(np.argmin(sources.lengths)) + 1
        raise TextError(f"the source of pair {number} is empty; give it a text")
    return EncodedPairs(sources, targets, target_vocabulary.id(EOS))


def _encode(texts: Sequence[str], vocabulary: Vocabulary, unit: Unit) -> EncodedTexts:
    check_unit(unit)
    if vocabulary.unk_id is None or vocabulary.eos_id is None:
        raise VocabularyError(f"the vocabulary of a model of pairs needs {UNK} and {EOS}")
    known = {word: i for i, word in enumerate(vocabulary) if word != EOS}
    pieces: Sequence[Sequence[str]] = texts if unit == "char" else [text.split() for text in texts]
    offsets = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces)), out=offsets[1:])
    units: Sequence[str] = "".join(texts) if unit == "char" else list(chain.from_iterable(pieces))
    ids = np.fromiter(map(known.get, units, repeat(NOTHING)), np.int32, len(units))
    is_unknown = ids == NOTHING
    ids[is_unknown] = vocabulary.unk_id
    names = _first_few(units[place] for place in np.flatnonzero(is_unknown).tolist())
    return EncodedTexts(ids, offsets, int(is_unknown.sum()), names)


def _first_few(units: Iterable[str]) -> tuple[str, ...]:
    """The first of these units, each once."""
    met: dict[str, None] = {}  # a set that keeps its order
    for unit in units:
        met[unit] = None
        if len(met) == _NAMED:
            break
    return tuple(met)


class Longest(NamedTuple):
    """The most units that a text has."""

    source: int
    """Of the sources."""

    target: int
    """Of the targets, ``<eos>`` not counted."""


def longest(encoded: EncodedPairs) -> Longest:
    """The lengths of the longest source and the longest target, which memory must hold."""
    return Longest(
        int(encoded.sources.lengths.max(initial=0)), int(encoded.targets.lengths.max(initial=0))
    )


# --- a batch ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PairBatch:
    """Pairs side by side."""

    sources: Ids
    """Shape (S, B); ``NOTHING`` before shorter ones, so that all end with the last step."""

    source_lengths: Ids
    """Shape (B,), from 1 to S."""

    inputs: Ids
    """Shape (T, B): ``<eos>``, which a target begins after, and its units; ``<eos>`` behind."""

    targets: Ids
    """Shape (T, B): the units and ``<eos>``; ``NOTHING`` behind."""

    rows: Ids
    """Shape (B,): which pairs these are."""

    @property
    def tokens(self) -> int:
        """Targets in all pairs, each ``<eos>`` among them."""
        return int(np.count_nonzero(self.targets != NOTHING))


def batch_of(encoded: EncodedPairs, rows: npt.ArrayLike, *, reverse: bool) -> PairBatch:
    """These pairs side by side, those with the longest sources first.

    Args:
        encoded: all pairs.
        rows: which of them, shape (B,), at least one, in any order.
        reverse: read sources from their ends, so that the first unit comes last (Sutskever et
            al. 2014, "Sequence to sequence learning with neural networks", section 3.3).

    Raises:
        ConfigError: there is no row, or no such pair.
    """
    rows = np.array(rows, dtype=np.int64)
    if not rows.size or rows.min() < 0 or rows.max() >= len(encoded):
        raise ConfigError(f"rows must name one or more of {len(encoded)} pairs, from 0 on")
    rows = rows[np.argsort(-encoded.sources.lengths[rows], kind="stable")]
    lengths = encoded.sources.lengths[rows]
    S = int(lengths[0])
    from_end = np.arange(S - 1, -1, -1)[:, None]  # (S, 1), the last step is 0
    places = from_end if reverse else lengths - 1 - from_end
    sources = _gather(encoded.sources, rows, places, from_end < lengths)
    ends = encoded.targets.lengths[rows]
    steps = np.arange(int(ends.max()) + 1)[:, None]  # (T, 1)
    targets = _gather(encoded.targets, rows, steps, steps < ends)
    inputs = np.full_like(targets, encoded.eos_id)
    inputs[1:] = np.where(targets[:-1] == NOTHING, encoded.eos_id, targets[:-1])
    targets[ends, np.arange(len(rows))] = encoded.eos_id
    return PairBatch(sources, lengths, inputs, targets, rows)


def _gather(texts: EncodedTexts, rows: Ids, places: Ids, is_there: npt.NDArray[np.bool_]) -> Ids:
    """Units of texts, shape (T, B).

    Args:
        texts: all of them.
        rows: which, shape (B,).
        places: of the units in their texts, shape (T, B) or (T, 1).
        is_there: where there is one, shape (T, B); elsewhere is ``NOTHING``.
    """
    ids = np.full(is_there.shape, NOTHING, dtype=np.int64)
    ids[is_there] = texts.ids[(texts.offsets[rows] + places)[is_there]]
    return ids


# --- the batches of an epoch --------------------------------------------------------------------


def epoch_batches(
    encoded: EncodedPairs, batch: int, *, seed: int, epoch: int, bucket: int = 1
) -> list[Ids]:
    """The rows of each batch of an epoch: every pair once, drawn anew in each epoch.

    Pairs are shuffled; each run of ``bucket`` batches is put in the order of its lengths and cut,
    so that little of a batch is padding; then the batches are shuffled.

    Args:
        encoded: all pairs.
        batch: B, at least 1; the batch of what is left over at the end is smaller.
        seed, epoch: at least 0 each; the same ones give the same batches.
        bucket: batches that are sorted together, at least 1, which sorts nothing across batches.

    Raises:
        ConfigError: a number is out of its range.
    """
    _check_least(seed=(seed, 0), epoch=(epoch, 0), batch=(batch, 1), bucket=(bucket, 1))
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(encoded))
    run = np.arange(len(order)) // (batch * bucket)
    order = order[np.lexsort((*_lengths(encoded, order), run))]
    batches = _cut(order, batch)
    return [batches[i] for i in random.permutation(len(batches)).tolist()]


def in_order_batches(encoded: EncodedPairs, batch: int) -> list[Ids]:
    """The rows of each batch, shortest pairs first, every pair once.

    Args:
        encoded: all pairs.
        batch: B, at least 1; the last batch may be smaller.

    Raises:
        ConfigError: ``batch`` is below 1.
    """
    _check_least(batch=(batch, 1))
    return _cut(np.lexsort(_lengths(encoded, np.arange(len(encoded)))), batch)


def _check_least(**settings: tuple[int, int]) -> None:
    for name, (value, least) in settings.items():
        if value < least:
            raise ConfigError(f"{name} must be at least {least}, not {value}")


def _lengths(encoded: EncodedPairs, rows: Ids) -> tuple[Ids, Ids]:
    """What rows are sorted by, as ``np.lexsort`` takes it: the source's length counts first."""
    return encoded.targets.lengths[rows], encoded.sources.lengths[rows]


def _cut(order: Ids, batch: int) -> list[Ids]:
    return [order[start : start + batch] for start in range(0, len(order), batch)]
