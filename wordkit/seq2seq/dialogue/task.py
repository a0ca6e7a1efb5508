"""The training of a dialogue model: every turn but the first is written from those before.

Each dialogue of a batch is read once, and all its next turns are trained on together.

Notation: T steps of a turn, M next turns of a batch, F features.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wordkit.decoding.steps import Hypothesis
from wordkit.nn.network import split
from wordkit.seq2seq.batches import Ids, PairBatch, epoch_batches
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.dialogue.batches import EncodedDialogues, pad_dialogues
from wordkit.seq2seq.dialogue.decoding import decode_turns
from wordkit.seq2seq.dialogue.model import DialogueModel
from wordkit.seq2seq.dialogue.network import DialogueNetwork
from wordkit.seq2seq.task import Seq2SeqTask, without_padding
from wordkit.storage import DIALOGUE_CHECKPOINT

__all__ = ["DialogueTask"]

_SHORTEST = 0.55  # of the longest in a group: less means more padding, more means more calls
_SAMPLE = 1000  # next turns that a validation decodes, to count exact matches


class DialogueTask(Seq2SeqTask):
    """A dialogue model and its dialogues, as the trainer sees them: see :class:`Seq2SeqTask`."""

    unit, checkpoint_kind, model_type = "turns", DIALOGUE_CHECKPOINT, DialogueModel
    network: DialogueNetwork
    _train: EncodedDialogues
    _valid: EncodedDialogues

    def _rows(self, epoch: int) -> list[Ids]:
        config = self.config
        found = epoch_batches(
            self._train.wholes, config.batch, seed=config.seed, epoch=epoch,
            bucket=config.bucket, tokens=config.batch_tokens,
        )  # fmt: skip
        return [self._train.pairs_of(dialogues) for dialogues in found]

    def _own(self, rows: Ids) -> Ids:
        _, number = np.unique(self._train.firsts[rows], return_inverse=True)
        return np.flatnonzero(number % self.processes.count == self.processes.rank)

    def _pad(self, encoded: Any, rows: Ids) -> PairBatch:
        shape = self.network.config
        return pad_dialogues(encoded, rows, reverse=shape.reverse, context_turns=shape.window)

    def _encode(self, pairs: Any) -> DecoderState:
        sources = pairs.sources.to(self._device)
        return self.network.encode_dialogues(sources, pairs.lengths, pairs.history)

    def _features(
        self, inputs: Tensor, targets: Tensor, state: DecoderState
    ) -> tuple[Tensor, Tensor]:
        """Return the features, (1, N, F), of turns that are written with others of their length."""
        sizes, features, found = _group_sizes((targets >= 0).sum(0)), [], []
        parts = torch.split(inputs, sizes, 1), torch.split(targets, sizes, 1), split(state, sizes)
        for ids, right, before in zip(*parts, strict=True):
            steps = max(int((right >= 0).sum(0).max()), 1)
            features.append(self.network(ids[:steps], before)[0].flatten(0, 1))
            found.append(right[:steps].flatten())
        return without_padding(torch.cat(features).unsqueeze(0), torch.cat(found).unsqueeze(0))

    def _valid_rows(self) -> Iterable[Ids]:
        return self._valid.batches(self.config.batch)

    def _answers(self) -> list[list[Hypothesis]]:
        rows = np.arange(min(len(self._valid), _SAMPLE))
        return decode_turns(self.model(self.network, {}), self._valid, rows, DecodingConfig())


def _group_sizes(lengths: Tensor) -> list[int]:
    """Return how many turns to write at a time, which are sorted, so that lengths are similar."""
    if lengths.device.type != "cpu":
        return [len(lengths)]
    sizes, longest = [0], int(lengths[0])
    for length in lengths.tolist():
        if length < _SHORTEST * longest:
            sizes, longest = [*sizes, 0], length
        sizes[-1] += 1
    return sizes
