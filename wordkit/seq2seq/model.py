"""A sequence-to-sequence model: the network, both vocabularies, its metadata, and its file.

The file holds, beside the weights, the words and counts of both vocabularies, and as JSON the
settings of the network and the metadata.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy.typing as npt

from wordkit.config import change, from_record
from wordkit.errors import ConfigError, VocabularyError
from wordkit.nn.network_file import NetworkFile, save_network
from wordkit.runtime import choose_device
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.network import Seq2SeqNetwork
from wordkit.storage import SEQ2SEQ_MODEL, TensorFile
from wordkit.text.vocabulary import EOS, UNK, Vocabulary

__all__ = [
    "Seq2SeqModel",
    "load_seq2seq",
    "read_vocabularies",
    "save_seq2seq",
    "vocabulary_arrays",
]

_MAX_UNITS = 1_000_000_000
_ARRAYS = ("source_words", "source_counts", "target_words", "target_counts")


@dataclass(frozen=True, eq=False)
class Seq2SeqModel:
    """A network with the vocabularies of both sides.

    Raises:
        VocabularyError: a vocabulary lacks ``<unk>`` or ``<eos>``, or has another number of units
            than the network.
        ConfigError: the length of the longest target cannot be.
    """

    network: Seq2SeqNetwork
    """The network."""

    source_vocabulary: Vocabulary
    """Characters or words of the sources, with ``<unk>`` and ``<eos>``."""

    target_vocabulary: Vocabulary
    """Characters or words of the targets, with ``<unk>`` and ``<eos>``."""

    longest_target: int
    """Units of the longest target in training: a guide to how long an answer may get."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The origin of the model, in values that JSON can hold."""

    def __post_init__(self) -> None:
        sides = (
            ("source", self.source_vocabulary, self.network.encoder.embedding),
            ("target", self.target_vocabulary, self.network.decoder.embedding),
        )
        for side, vocabulary, embedding in sides:
            if UNK not in vocabulary or EOS not in vocabulary:
                raise VocabularyError(f"the {side} vocabulary needs {UNK} and {EOS}")
            if len(vocabulary) != len(embedding):
                raise VocabularyError(
                    f"the network has {len(embedding)} {side} units, and the vocabulary "
                    f"{len(vocabulary)}; give the one that it was made for"
                )
        longest = self.longest_target
        if type(longest) is not int or not 1 <= longest <= _MAX_UNITS:
            raise ConfigError(f"longest_target must be from 1 to {_MAX_UNITS}, not {longest!r:.50}")

    @property
    def config(self) -> Seq2SeqConfig:
        """The shape of the network."""
        return self.network.config

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file: see :func:`save_seq2seq`."""
        save_seq2seq(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str = "cpu") -> Seq2SeqModel:
        """Load the model of a file: see :func:`load_seq2seq`."""
        return load_seq2seq(path, device)

    def transform(self, lines: str | Iterable[str], **settings: Any) -> list[str]:
        """Return the best answer to each line.

        Args:
            lines: the texts to answer, or one.
            settings: fields of :class:`wordkit.seq2seq.DecodingConfig`, such as ``beam=5``.

        Raises:
            ConfigError: a setting is out of its range, or has no effect.
            TextError: a text is empty.
            ResourceError: a text is too long for the memory that is free.

        Warns:
            WordkitWarning: the model does not know a character or word, and reads ``<unk>``.
        """
        from wordkit.seq2seq.config import DecodingConfig
        from wordkit.seq2seq.transformation import transform

        answers = transform(self, lines, change(DecodingConfig(), **settings))
        return [best.text for best, *_ in answers]

    def __repr__(self) -> str:
        config, sides = self.config, (self.source_vocabulary, self.target_vocabulary)
        units = " and ".join(f"{len(vocabulary):,}" for vocabulary in sides)
        return (
            f"Seq2SeqModel({config.cell} {config.layers} x {config.hidden}, {units} {config.unit}s)"
        )


def save_seq2seq(model: Seq2SeqModel, path: str | os.PathLike[str]) -> None:
    """Write a model to a file, atomically.

    Raises:
        ConfigError: JSON cannot hold the metadata.
        VocabularyError: a vocabulary has no counts.
        DivergenceError: a weight is not finite. Nothing is written.
        StorageError: the file cannot be written.
    """
    save_network(
        path,
        model.network,
        kind=SEQ2SEQ_MODEL,
        arrays=vocabulary_arrays(model.source_vocabulary, model.target_vocabulary),
        settings={"config": asdict(model.config), "longest_target": model.longest_target},
        metadata=model.metadata,
    )


def load_seq2seq(path: str | os.PathLike[str], device: str = "cpu") -> Seq2SeqModel:
    """Load the model of a file, all of which is read and checked.

    Args:
        path: the file.
        device: where the network goes, as :func:`wordkit.runtime.choose_device` takes it.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, or of another kind.
        ConfigError: there is no device of this name.
        ResourceError: the machine has no such device, or the model does not fit into memory.
    """
    device = choose_device(device)
    stored = NetworkFile(path, kind=SEQ2SEQ_MODEL, command="wordkit train-seq2seq")
    vocabularies = read_vocabularies(stored.file)
    with stored.as_format_error():
        config = from_record(Seq2SeqConfig, stored.settings.get("config"))
        network = stored.fill(
            lambda: Seq2SeqNetwork(config, *map(len, vocabularies)), _ARRAYS, device
        )
        longest: Any = stored.settings.get("longest_target")
        return Seq2SeqModel(network, *vocabularies, longest, stored.metadata)


def vocabulary_arrays(source: Vocabulary, target: Vocabulary) -> dict[str, npt.NDArray[Any]]:
    """Return both vocabularies as arrays by name, as files keep them.

    Raises:
        VocabularyError: one has no counts.
    """
    _ = source.counts, target.counts  # raises where there are none
    return {
        f"{side}_{name}": array
        for side, vocabulary in (("source", source), ("target", target))
        for name, array in vocabulary.to_arrays().items()
    }


def read_vocabularies(file: TensorFile) -> tuple[Vocabulary, Vocabulary]:
    """Return the source and the target vocabulary of a file.

    Raises:
        FormatError: an array is missing or corrupted.
    """
    return Vocabulary.from_file(file, "source_"), Vocabulary.from_file(file, "target_")
