"""Pairs as ids, and the batches that they are trained and measured in.

Notation: N pairs, B pairs of a batch, S steps of their sources, T steps of their targets.

::

    sources   c  a  b  ·  ·         inputs   <eos>  x      y      <eos>  <eos>
              d  e  f  a  b                  <eos>  x      y      z      x
                                    targets  x      y      <eos>  ·      ·
                                             x      y      z      x      <eos>

(drawn with a row for each pair; in memory the steps come first.) All are padded at the end.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wordkit.errors import TextError, VocabularyError, WordkitWarning, counted
from wordkit.seq2seq.pairs import Pair, check_unit, units_of
from wordkit.text.bpe import BytePairEncoding
from wordkit.text.detokenizer import Unit
from wordkit.text.vocabulary import EOS, UNK, Vocabulary

__all__ = [
    "EncodedPairs", "EncodedTexts", "PairBatch", "encode", "epoch_batches", "pad", "pad_sources",
    "pad_targets", "sorted_batches", "warn_of_unseen",
]  # fmt: skip

_NO_TARGET = -1  # after the end of a shorter target
_MAX_NAMED = 10  # unknown units that are kept for a report

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EncodedTexts:
    """The ids of N texts, concatenated."""

    ids: npt.NDArray[np.int32]
    """The units of all; ``<unk>`` for those that are not in the vocabulary."""

    offsets: Ids
    """Shape (N + 1,): text n is ``ids[offsets[n]:offsets[n + 1]]``."""

    unknown_counts: Ids
    """Shape (N,): the units of each that are not in the vocabulary."""

    unknown_units: tuple[str, ...]
    """The first few of those, each once."""

    def __getitem__(self, number: int) -> npt.NDArray[np.int32]:
        return self.ids[self.offsets[number] : self.offsets[number + 1]]

    @cached_property
    def lengths(self) -> Ids:
        """The units of each text, shape (N,)."""
        return np.diff(self.offsets)

    @property
    def unknown(self) -> int:
        """Units, of all texts together, that are not in the vocabulary."""
        return int(self.unknown_counts.sum())

    @property
    def longest(self) -> int:
        """The units of the longest text."""
        return int(self.lengths.max(initial=0))

    def padded(self, rows: Ids, padding: int) -> Ids:
        """Return texts by number, (T, B), padded at the end to the longest of them."""
        lengths = self.lengths[rows]
        steps = np.arange(lengths.max())[:, None]
        is_inside = steps < lengths
        ids = np.full(is_inside.shape, padding, dtype=np.int64)
        ids[is_inside] = self.ids[(self.offsets[rows] + steps)[is_inside]]
        return ids


@dataclass(frozen=True)
class EncodedPairs:
    """The ids of N pairs."""

    sources: EncodedTexts
    """Sources, as ids of the source vocabulary."""

    targets: EncodedTexts
    """Targets, as ids of the target vocabulary, without ``<eos>``."""

    eos_id: int
    """``<eos>`` in the target vocabulary."""

    SIDES: ClassVar[Mapping[str, str]] = {"sources": "sources", "targets": "targets"}
    """The fields that hold all texts, by what messages call them."""

    def __len__(self) -> int:
        return len(self.sources.lengths)

    def batch_shape(self, batch: int, tokens: int | None = None) -> tuple[int, ...]:
        """Return the units of the longest source and target, and the pairs of a batch, at most."""
        if tokens is not None:
            batch = max(tokens // int(self.longer_sides.max()), 1)
        return self.sources.longest, self.targets.longest, min(batch, len(self))

    @cached_property
    def longer_sides(self) -> Ids:
        """The units of the source or of the target and ``<eos>``, whichever are more, (N,)."""
        return np.maximum(self.sources.lengths, self.targets.lengths + 1)


def encode(
    pairs: Sequence[Pair], source_vocabulary: Vocabulary, target_vocabulary: Vocabulary, unit: Unit,
    bpe: BytePairEncoding | None = None,
) -> EncodedPairs:  # fmt: skip
    """Look up the ids of pairs.

    Args:
        pairs: a target may be empty, where it is not known; a source may not.
        source_vocabulary, target_vocabulary: with ``<unk>`` and ``<eos>`` each.
        unit: of the texts.
        bpe: the pieces of the unit ``bpe``.

    Raises:
        ConfigError: there is no such unit.
        TextError: a source holds no unit.
        VocabularyError: a vocabulary holds no ``<unk>`` or no ``<eos>``.
    """
    sources = _encode([pair.source for pair in pairs], source_vocabulary, unit, bpe)
    targets = _encode([pair.target for pair in pairs], target_vocabulary, unit, bpe)
    if len(pairs) and not sources.lengths.all():
        number = int(np.argmin(sources.lengths)) + 1
        raise TextError(f"the source of pair {number} is empty; give it a text")
    return EncodedPairs(sources, targets, target_vocabulary.id(EOS))


def _encode(
    texts: Sequence[str], vocabulary: Vocabulary, unit: Unit, bpe: BytePairEncoding | None
) -> EncodedTexts:
    check_unit(unit)
    if vocabulary.unk_id is None or vocabulary.eos_id is None:
        raise VocabularyError(f"the vocabulary of a sequence model needs {UNK} and {EOS}")
    known = {word: i for i, word in enumerate(vocabulary) if word != EOS}
    pieces: Sequence[Sequence[str]] = texts
    if unit != "char":
        pieces = [units_of(text, unit, bpe) for text in texts]
    offsets = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces)), out=offsets[1:])
    units: Sequence[str] = "".join(texts) if unit == "char" else list(chain.from_iterable(pieces))
    ids = np.fromiter(map(known.get, units, repeat(-1)), np.int32, len(units))
    is_unknown = ids == -1
    ids[is_unknown] = vocabulary.unk_id
    names: dict[str, None] = {}  # a set that keeps its order
    for index in np.flatnonzero(is_unknown).tolist():
        names[units[index]] = None
        if len(names) == _MAX_NAMED:
            break
    before = np.concatenate([[0], np.cumsum(is_unknown)])
    return EncodedTexts(ids, offsets, np.diff(before[offsets]), tuple(names))


def warn_of_unseen(valid: EncodedPairs) -> None:
    """Warn of units of the validation pairs that the training pairs lack."""
    for side, name in valid.SIDES.items():
        texts: EncodedTexts = getattr(valid, name)
        if texts.unknown:
            named = ", ".join(f"{unit!r:.60}" for unit in texts.unknown_units)
            warnings.warn(
                f"the {side} to validate on hold {counted(texts.unknown, 'unit')} unknown to the "
                f"model, such as {named}",
                WordkitWarning,
                stacklevel=4,
            )


@dataclass(frozen=True)
class PairBatch:
    """A batch of pairs."""

    sources: Tensor
    """Shape (S, B), int64."""

    lengths: Tensor
    """Lengths of the sources, shape (B,), int64."""

    inputs: Tensor
    """Shape (T, B), int64: ``<eos>``, which a target begins after, and its units; ``<eos>``
    at padding."""

    targets: Tensor
    """Shape (T, B), int64: the units and ``<eos>``; −1 at padding."""


def pad(encoded: EncodedPairs, rows: Ids, *, reverse: bool) -> PairBatch:
    """Return the batch of some pairs, in their order.

    Args:
        encoded: all pairs.
        rows: which of them, shape (B,), at least one.
        reverse: read sources from their ends, so that the first unit comes last (Sutskever et
            al. 2014, section 3.3).
    """
    sources = pad_sources(encoded, rows, reverse=reverse)
    return PairBatch(*sources, *pad_targets(encoded, rows))


def pad_sources(encoded: EncodedPairs, rows: Ids, *, reverse: bool) -> tuple[Tensor, Tensor]:
    """Return the sources of :func:`pad`, (S, B), and their lengths."""
    lengths = encoded.sources.lengths[rows]
    sources = encoded.sources.padded(rows, 0)
    if reverse:
        steps = np.arange(len(sources))[:, None]
        sources = np.take_along_axis(sources, (lengths - 1 - steps) % len(sources), 0)
    return torch.from_numpy(sources), torch.from_numpy(lengths)


def pad_targets(encoded: EncodedPairs, rows: Ids) -> tuple[Tensor, Tensor]:
    """Return the inputs and the targets of :func:`pad`, (T, B) each."""
    eos, ends = encoded.eos_id, encoded.targets.lengths[rows]
    targets = encoded.targets.padded(rows, _NO_TARGET)
    targets = np.concatenate([targets, np.full((1, len(rows)), _NO_TARGET)])
    inputs = np.concatenate([np.full((1, len(rows)), eos), targets[:-1]])
    inputs[inputs == _NO_TARGET] = eos
    targets[ends, np.arange(len(rows))] = eos
    return torch.from_numpy(inputs), torch.from_numpy(targets)


def epoch_batches(
    encoded: EncodedPairs, batch: int, *, seed: int, epoch: int, bucket: int = 1,
    tokens: int | None = None,
) -> list[Ids]:  # fmt: skip
    """Return the rows of each batch of an epoch: every pair once, drawn anew in each epoch.

    Pairs are shuffled; each run of ``bucket`` batches is sorted by length and cut, so that little
    of a batch is padding; then the batches are shuffled.

    Args:
        encoded: all pairs.
        batch: B, at least 1; the batch of what is left over at the end is smaller.
        seed, epoch: at least 0 each; the same ones give the same batches.
        bucket: batches that are sorted together, at least 1, which sorts nothing across batches.
        tokens: in place of ``batch``: as many pairs as have this many units, of the side that has
            more, with padding; one at least.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(encoded))
    if tokens is not None and len(order):
        batch = max(int(tokens / encoded.longer_sides.mean()), 1)
    run = np.arange(len(order)) // (batch * bucket)
    order = order[np.lexsort((*_lengths(encoded, order), run))]
    if tokens is None:
        batches = _cut(order, batch)
    else:
        batches = []
        for start in range(0, len(order), batch * bucket):
            batches += _cut_by_tokens(order[start : start + batch * bucket], encoded, tokens)
    return [batches[i] for i in random.permutation(len(batches)).tolist()]


def sorted_batches(encoded: EncodedPairs, batch: int, first: int | None = None) -> list[Ids]:
    """Return the rows of each batch, those of the shortest pairs first, every pair once.

    Args:
        encoded: all pairs.
        batch: B, at least 1; the last batch may be smaller.
        first: how many pairs, the first ones; None: all.
    """
    rows = np.arange(len(encoded))[:first]
    return _cut(np.lexsort(_lengths(encoded, rows)), batch)


def _lengths(encoded: EncodedPairs, rows: Ids) -> tuple[Ids, Ids]:
    """Sort keys for ``np.lexsort``: the source's length counts first."""
    return encoded.targets.lengths[rows], encoded.sources.lengths[rows]


def _cut(order: Ids, batch: int) -> list[Ids]:
    """Cut sorted rows into batches, the longest pair of each first, as layers like it."""
    return [order[start : start + batch][::-1] for start in range(0, len(order), batch)]


def _cut_by_tokens(order: Ids, encoded: EncodedPairs, tokens: int) -> list[Ids]:
    """Cut sorted rows into batches of at most so many units of a side, padding included."""
    starts, longest = [0], 0
    for row, length in enumerate(encoded.longer_sides[order].tolist()):
        longest = max(longest, length)
        if row > starts[-1] and longest * (row + 1 - starts[-1]) > tokens:
            starts.append(row)
            longest = length
    return [part[::-1] for part in np.split(order, starts[1:])]
