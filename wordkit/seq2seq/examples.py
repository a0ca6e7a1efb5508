"""The kinds of training examples: pairs of texts, and (in ``dialogue``) dialogues."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wordkit.seq2seq.batches import encode
from wordkit.seq2seq.config import Seq2SeqTrainingConfig
from wordkit.seq2seq.model import SequenceModel
from wordkit.seq2seq.pairs import Pair, fingerprint, normalized_pairs, split_pairs
from wordkit.seq2seq.task import Seq2SeqTask
from wordkit.training.checkpoint import TrainingCheckpoint, read_training

__all__ = ["PAIRS", "ExampleKind"]


@dataclass(frozen=True)
class ExampleKind:
    """A kind of training examples: pairs of texts, or dialogues; and what learns from them."""

    name: str
    """Plural noun for the examples, and their key in the metadata of a model."""

    one: str
    """One of them, in messages."""

    task: type[Seq2SeqTask]
    config: type[Seq2SeqTrainingConfig]

    encode: Callable[..., Any]
    """Takes examples, the vocabularies, the unit and its pieces."""

    normalized: Callable[..., list[Any]]
    """Takes examples and the normal form."""

    split: Callable[..., tuple[list[Any], list[Any]]]
    """Takes examples, a fraction and a seed."""

    pairs: Callable[..., Sequence[Pair]] = lambda examples: examples
    """Returns the pairs that settings are fitted to."""

    @property
    def model(self) -> type[SequenceModel]:
        """The class of its models."""
        return self.task.model_type

    def read_checkpoint(self, path: str | os.PathLike[str]) -> TrainingCheckpoint[Any, Any]:
        """Read a checkpoint: see :func:`wordkit.seq2seq.read_checkpoint`."""
        return read_training(
            path, self.model.CONFIG, self.config, kind=self.task.checkpoint_kind,
            prefixes=self.model.PREFIXES, unit=self.task.unit.removesuffix("s"),
        )  # fmt: skip

    def record(self, examples: Sequence[Any]) -> dict[str, Any]:
        """Return the identity of examples, for the metadata."""
        turns = {} if self.name == "pairs" else {"turns": sum(map(len, examples))}
        return {"fingerprint": fingerprint(examples), self.name: len(examples), **turns}


PAIRS = ExampleKind(
    "pairs", "pair", Seq2SeqTask, Seq2SeqTrainingConfig, encode, normalized_pairs, split_pairs
)
