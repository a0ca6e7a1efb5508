"""Dialogues as ids, and the batches that they are trained, measured and answered in.

Notation: P pairs of a turn and the next one, M next turns of a batch, N turns before them, each of
which is read once, K steps of the context RNN, C sequences that it reads.

A sequence of the context RNN begins with the first turn that some next turns know, and goes on to
the last one that any of these knows. So without a limit of turns there is a sequence for each
dialogue, however many of its turns are asked for; with one there is a sequence for each beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from wordkit.seq2seq.batches import (
    EncodedPairs,
    EncodedTexts,
    Ids,
    PairBatch,
    encode,
    pad_sources,
    pad_targets,
)
from wordkit.seq2seq.dialogue.dialogues import turn_pairs
from wordkit.text.bpe import BytePairEncoding
from wordkit.text.detokenizer import Unit
from wordkit.text.vocabulary import Vocabulary

__all__ = ["DialogueBatch", "EncodedDialogues", "History", "encode_dialogues", "pad_dialogues"]


@dataclass(frozen=True)
class EncodedDialogues(EncodedPairs):
    """The ids of P pairs of a turn and the next one, dialogue by dialogue."""

    starts: Ids
    """Shape (D + 1,): dialogue d has the pairs ``starts[d]`` to ``starts[d + 1]``."""

    SIDES: ClassVar[Mapping[str, str]] = {"turns": "targets"}

    @cached_property
    def firsts(self) -> Ids:
        """The first pair of the dialogue of each pair, (P,)."""
        return np.repeat(self.starts[:-1], np.diff(self.starts))

    @cached_property
    def wholes(self) -> EncodedPairs:
        """The dialogues as pairs: all turns but the last, and all but the first, joined."""
        sources, targets = (_joined(each, self.starts) for each in (self.sources, self.targets))
        return EncodedPairs(sources, targets, self.eos_id)

    def batch_shape(self, batch: int, tokens: int | None = None) -> tuple[int, ...]:
        """Return the units of the longest turn before a next one, and of the longest next one.

        And the turns of a batch and of a dialogue, at most.
        """
        if tokens is not None:
            batch = max(tokens // int(self.wholes.longer_sides.max()), 1)
        counts = np.sort(np.diff(self.starts))[::-1]
        turns = int(counts[:batch].sum()), int(counts.max(initial=0))
        return self.sources.longest, self.targets.longest, *turns

    def pairs_of(self, dialogues: Ids) -> Ids:
        """Return the pairs of some dialogues, those with the longest next turns first."""
        ranges = [np.arange(self.starts[d], self.starts[d + 1]) for d in dialogues.tolist()]
        pairs = np.concatenate(ranges) if ranges else np.zeros(0, np.int64)
        return pairs[np.argsort(-self.targets.lengths[pairs], kind="stable")]

    def batches(self, size: int) -> Iterator[Ids]:
        """Yield the pairs of so many dialogues at a time, in order, all of them."""
        for start in range(0, len(self.starts) - 1, size):
            yield self.pairs_of(np.arange(start, min(start + size, len(self.starts) - 1)))


def _joined(texts: EncodedTexts, starts: Ids) -> EncodedTexts:
    before = np.concatenate([[0], np.cumsum(texts.unknown_counts)])
    return EncodedTexts(
        texts.ids, texts.offsets[starts], np.diff(before[starts]), texts.unknown_units
    )


def encode_dialogues(
    dialogues: Sequence[Sequence[str]], vocabulary: Vocabulary, unit: Unit,
    bpe: BytePairEncoding | None = None,
) -> EncodedDialogues:  # fmt: skip
    """Look up the ids of dialogues.

    Args:
        dialogues: the turns of each; the last may be empty, where it is not known.
        vocabulary, unit, bpe: as for :func:`wordkit.seq2seq.batches.encode`, of both sides.
    """
    pairs = encode(turn_pairs(dialogues), vocabulary, vocabulary, unit, bpe)
    starts = np.cumsum([0, *(max(len(dialogue) - 1, 0) for dialogue in dialogues)])
    return EncodedDialogues(pairs.sources, pairs.targets, pairs.eos_id, starts)


class History(NamedTuple):
    """The turns before each of M next turns."""

    last: Tensor
    """The turn right before each, (M,), among the N turns that are read."""

    steps: Tensor
    """The turns that the context RNN reads at each step, (K, C); sequences that have ended read
    their last turn again."""

    ends: Tensor
    """Which of the states of all steps, one after the other, each next turn begins from, (M,)."""

    known: Tensor
    """Which of the states are those after the turns that each next turn knows, (K, M), padded by
    the first one."""

    lengths: Tensor
    """How many turns each next turn knows, (M,)."""


@dataclass(frozen=True)
class DialogueBatch(PairBatch):
    """A batch of next turns, and the turns before: ``sources`` are N, ``targets`` are M."""

    history: History


def pad_dialogues(
    encoded: EncodedDialogues, rows: Ids, *, reverse: bool, context_turns: int | None
) -> DialogueBatch:
    """Return the batch of some pairs, in their order; the turns before, the longest first.

    Args:
        encoded: all dialogues.
        rows: the pairs whose next turn is asked for, (M,), at least one.
        reverse: as for :func:`wordkit.seq2seq.batches.pad`.
        context_turns: how many turns are known at most; None: all of the dialogue.
    """
    first = encoded.firsts[rows]
    if context_turns is not None:
        first = np.maximum(first, rows - context_turns + 1)
    begins, sequence = np.unique(first, return_inverse=True)
    last = np.zeros_like(begins)  # step of each sequence
    np.maximum.at(last, sequence, rows - first)
    steps = np.arange(last.max() + 1)[:, None]
    turns = begins + np.minimum(steps, last)
    read = np.unique(turns)
    by_length = np.argsort(-encoded.sources.lengths[read], kind="stable")
    place = np.argsort(by_length)
    states = np.arange(turns.size).reshape(turns.shape)
    history = History(*map(torch.from_numpy, (
        place[np.searchsorted(read, rows)],
        place[np.searchsorted(read, turns)],
        states[rows - first, sequence],
        np.where(steps <= rows - first, states[:, sequence], 0),
        rows - first + 1,
    )))  # fmt: skip
    sources = pad_sources(encoded, read[by_length], reverse=reverse)
    return DialogueBatch(*sources, *pad_targets(encoded, rows), history)
