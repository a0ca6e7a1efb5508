"""A sequence-to-sequence model: the network, both vocabularies, its metadata, and its file.

The file holds, beside the weights, the words and counts of the vocabularies, and as JSON the
settings of the network and the metadata.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from wordkit.config import change, from_record
from wordkit.errors import ConfigError, VocabularyError, counted
from wordkit.nn.network_file import NetworkFile, save_network
from wordkit.runtime import choose_device
from wordkit.seq2seq.config import DecodingConfig, Seq2SeqConfig
from wordkit.seq2seq.network import Seq2SeqNetwork
from wordkit.storage import SEQ2SEQ_MODEL
from wordkit.text.bpe import BytePairEncoding
from wordkit.text.vocabulary import EOS, UNK, Vocabulary

__all__ = ["Seq2SeqModel", "SequenceModel", "load_seq2seq", "save_seq2seq"]

M = TypeVar("M", bound="SequenceModel")

_MAX_UNITS = 1_000_000_000


class SequenceModel:
    """A network with its vocabularies: the base of models of pairs and of dialogues.

    Raises:
        VocabularyError: a vocabulary lacks ``<unk>`` or ``<eos>``, or has another number of units
            than the network.
        ConfigError: the length of the longest target cannot be.
    """

    KIND: ClassVar[str]
    """The kind that the metadata of its file names."""

    COMMAND: ClassVar[str]
    """The command that trains it, for messages."""

    CONFIG: ClassVar[type[Seq2SeqConfig]]
    NETWORK: ClassVar[Callable[..., Seq2SeqNetwork]]

    PREFIXES: ClassVar[tuple[str, ...]]
    """Prefixes of the names of its vocabularies, here and in the file."""

    LONGEST: ClassVar[str]
    """The name of its longest target."""

    network: Seq2SeqNetwork
    metadata: Mapping[str, Any]

    def __post_init__(self) -> None:
        embeddings = (self.network.encoder.embedding, self.network.decoder.embedding)
        sides = zip(self.PREFIXES, self.vocabularies, embeddings, strict=False)
        for side, vocabulary, embedding in sides:
            side = side.replace("_", " ")
            if UNK not in vocabulary or EOS not in vocabulary:
                raise VocabularyError(f"the {side}vocabulary needs {UNK} and {EOS}")
            if len(vocabulary) != len(embedding):
                raise VocabularyError(
                    f"the network has {len(embedding)} {side}units, and the vocabulary "
                    f"{len(vocabulary)}; give the one that it was made for"
                )
        _ = self.bpe  # raises where its pieces are corrupted
        longest = getattr(self, self.LONGEST)
        if type(longest) is not int or not 1 <= longest <= _MAX_UNITS:
            raise ConfigError(f"{self.LONGEST} must be from 1 to {_MAX_UNITS}, not {longest!r:.50}")

    @property
    def vocabularies(self) -> tuple[Vocabulary, ...]:
        """The vocabularies of the sources and of the targets, or the one of both."""
        return tuple(getattr(self, f"{prefix}vocabulary") for prefix in self.PREFIXES)

    @cached_property
    def bpe(self) -> BytePairEncoding | None:
        """The pieces of the unit ``bpe``; None with other units."""
        if self.config.unit != "bpe":
            return None
        return BytePairEncoding.from_record(self.metadata.get("bpe"))

    @property
    def config(self) -> Seq2SeqConfig:
        """The shape of the network."""
        return self.network.config

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, atomically.

        Raises:
            ConfigError: JSON cannot hold the metadata.
            VocabularyError: a vocabulary has no counts.
            DivergenceError: a weight is not finite. Nothing is written.
            StorageError: the file cannot be written.
        """
        save_network(
            path,
            self.network,
            kind=self.KIND,
            vocabularies=dict(zip(self.PREFIXES, self.vocabularies, strict=True)),
            settings={"config": asdict(self.config), self.LONGEST: getattr(self, self.LONGEST)},
            metadata=self.metadata,
        )

    @classmethod
    def load(cls: type[M], path: str | os.PathLike[str], device: str = "cpu") -> M:
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
        stored = NetworkFile(path, kind=cls.KIND, command=cls.COMMAND, prefixes=cls.PREFIXES)
        sizes = [len(vocabulary) for vocabulary in stored.vocabularies]
        with stored.as_format_error():
            config = from_record(cls.CONFIG, stored.settings.get("config"))
            network = stored.fill(lambda: cls.NETWORK(config, *sizes), device)
            longest = stored.settings.get(cls.LONGEST)
            return cls(network, *stored.vocabularies, longest, stored.metadata)  # type: ignore[call-arg]

    def __repr__(self) -> str:
        config = self.config
        units = " and ".join(f"{len(vocabulary):,}" for vocabulary in self.vocabularies)
        units += " pieces" if config.unit == "bpe" else f" {config.unit}s"
        told = [config.summary, units]
        for texts in ("pairs", "dialogues"):
            made_of = self.metadata.get(texts)
            if isinstance(made_of, Mapping) and isinstance(made_of.get(texts), int):
                told.append(counted(made_of[texts], texts.removesuffix("s")))
        made = self.metadata.get("made_by")
        told += [f"made by {made}"] if isinstance(made, str) else []
        return f"{type(self).__name__}({', '.join(told)})"


@dataclass(frozen=True, eq=False, repr=False)
class Seq2SeqModel(SequenceModel):
    """A network with the vocabularies of both sides."""

    KIND, COMMAND, LONGEST = SEQ2SEQ_MODEL, "wordkit train-seq2seq", "longest_target"
    CONFIG, NETWORK, PREFIXES = Seq2SeqConfig, Seq2SeqNetwork, ("source_", "target_")

    network: Seq2SeqNetwork
    """The network."""

    source_vocabulary: Vocabulary
    """Characters or words of the sources, with ``<unk>`` and ``<eos>``."""

    target_vocabulary: Vocabulary
    """Characters or words of the targets, with ``<unk>`` and ``<eos>``."""

    longest_target: int
    """Units of the longest target in training: a guide to how long an answer may get."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The origin of the model, in values that JSON can hold; with the unit ``bpe`` its pieces."""

    def transform(self, lines: str | Iterable[str], **settings: Any) -> list[str]:
        """Return the best answer to each line; an empty text for a blank one.

        Args:
            lines: the texts to answer, or one.
            settings: fields of :class:`wordkit.seq2seq.DecodingConfig`, such as ``beam=5``.

        Raises:
            ConfigError: a setting is out of its range, or has no effect.
            TextError: a text is no string.
            ResourceError: a text is too long for the memory that is free.

        Warns:
            WordkitWarning: the model does not know a character or word, and reads ``<unk>``.
        """
        from wordkit.seq2seq.transformation import transform

        answers = transform(self, lines, change(DecodingConfig(), **settings))
        return [found[0].text if found else "" for found in answers]

    def encode(self, texts: str | Iterable[str]) -> npt.NDArray[np.float32]:
        """Return the vector of each text, (N, Z): see :func:`wordkit.seq2seq.encode_texts`."""
        from wordkit.seq2seq.autoencoder import encode_texts

        return encode_texts(self, texts)

    def decode(self, vectors: npt.ArrayLike, **settings: Any) -> list[str]:
        """Return the text of each vector: see :func:`wordkit.seq2seq.decode_vectors`."""
        from wordkit.seq2seq.autoencoder import decode_vectors

        return decode_vectors(self, vectors, change(DecodingConfig(), **settings))

    def sample(self, n: int = 1, seed: int = 1, **settings: Any) -> list[str]:
        """Return texts of vectors drawn from the prior: see :func:`wordkit.seq2seq.sample_texts`.

        Args:
            n, seed: how many, and the seed of the random numbers.
            settings: fields of :class:`wordkit.seq2seq.DecodingConfig`.
        """
        from wordkit.seq2seq.autoencoder import sample_texts

        return sample_texts(self, n, seed, change(DecodingConfig(), **settings))

    def interpolate(self, first: str, second: str, n: int = 6, **settings: Any) -> list[str]:
        """Return texts between two texts: see :func:`wordkit.seq2seq.interpolate`."""
        from wordkit.seq2seq.autoencoder import interpolate

        return interpolate(self, first, second, n, change(DecodingConfig(), **settings))


def save_seq2seq(model: Seq2SeqModel, path: str | os.PathLike[str]) -> None:
    """Write a model to a file: see :meth:`wordkit.seq2seq.model.SequenceModel.save`."""
    model.save(path)


def load_seq2seq(path: str | os.PathLike[str], device: str = "cpu") -> Seq2SeqModel:
    """Load the model of a file: see :meth:`wordkit.seq2seq.model.SequenceModel.load`."""
    return Seq2SeqModel.load(path, device)
