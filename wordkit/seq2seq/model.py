"""A sequence to sequence model: the network with the units that it reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wordkit.errors import ConfigError, VocabularyError
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.network import Seq2SeqNetwork
from wordkit.text.vocabulary import EOS, UNK, Vocabulary

__all__ = ["Seq2SeqModel"]

_MOST_UNITS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Seq2SeqModel:
    """A network with the vocabularies of both sides.

    Raises:
        VocabularyError: a vocabulary lacks ``<unk>`` or ``<eos>``, or has another number of units
            than the network.
        ConfigError: the length of the longest target cannot be.
    """

    network: Seq2SeqNetwork

    source_vocabulary: Vocabulary
    """What is read: characters or words, with ``<unk>`` and ``<eos>``."""

    target_vocabulary: Vocabulary
    """What is written."""

    longest_target: int
    """The most units of a target in training: a guide to when what is written gets too long."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """How the model was made, in values that JSON can hold."""

    def __post_init__(self) -> None:
        sides = (
            ("source", self.source_vocabulary, self.network.encoder.embedding),
            ("target", self.target_vocabulary, self.network.decoder.embedding),
        )
        for side, vocabulary, vectors in sides:
            if UNK not in vocabulary or EOS not in vocabulary:
                raise VocabularyError(f"the {side} vocabulary needs {UNK} and {EOS}")
            if len(vocabulary) != len(vectors):
                raise VocabularyError(
                    f"the network has {len(vectors)} {side} units, and the vocabulary "
                    f"{len(vocabulary)}; give the one that it was made for"
                )
        longest = self.longest_target
        if type(longest) is not int or not 1 <= longest <= _MOST_UNITS:
            raise ConfigError(
                f"longest_target must be from 1 to {_MOST_UNITS}, not {longest!r:.50}"
            )

    @property
    def config(self) -> Seq2SeqConfig:
        """The shape of the network."""
        return self.network.config
