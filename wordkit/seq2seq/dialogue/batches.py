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
        """Return the units of the longest turn twice, the turns of a batch and of a dialogue."""
        counts = np.sort(np.diff(self.starts))[::-1]
        longest = max(self.sources.longest, self.targets.longest)
        return longest, longest, int(counts[:batch].sum()), int(counts.max(initial=0))

    def pairs_of(self, dialogues: Ids) -> Ids:
        """Return the pairs of some dialogues, one dialogue after the other."""
        ranges = [np.arange(self.starts[d], self.starts[d + 1]) for d in dialogues.tolist()]
        return np.concatenate(ranges) if ranges else np.zeros(0, np.int64)

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

    steps: tuple[Tensor, ...]
    """The turns that the context RNN reads at each of K steps, (C,); sequences that have ended are
    left out, the shortest ones come last."""

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
    """Return the batch of some pairs, in their order.

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
    counts = np.zeros_like(begins)  # of the turns of each sequence
    np.maximum.at(counts, sequence, rows - first + 1)
    order = np.argsort(-counts, kind="stable")
    begins, counts = begins[order], counts[order]
    column = np.argsort(order)[sequence]
    at_step = [begins[: int((counts > step).sum())] + step for step in range(counts[0])]
    read = np.unique(np.concatenate(at_step))
    by_length = np.argsort(-encoded.sources.lengths[read], kind="stable")
    place = np.argsort(by_length)  # longest turns first, as layers like it

    def places(turns: Ids) -> Tensor:
        return torch.from_numpy(place[np.searchsorted(read, turns)])

    offsets = np.cumsum([0, *map(len, at_step)])
    steps = np.arange(len(at_step))[:, None]
    known = np.where(steps <= rows - first, offsets[:-1, None] + column, 0)
    history = History(
        places(rows),
        tuple(map(places, at_step)),
        torch.from_numpy(offsets[rows - first] + column),
        torch.from_numpy(known),
        torch.from_numpy(rows - first + 1),
    )
    sources = pad_sources(encoded, read[by_length], reverse=reverse)
    return DialogueBatch(*sources, *pad_targets(encoded, rows), history)
