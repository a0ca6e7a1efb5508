"""A dialogue model: the network, its vocabulary, its metadata, and its file.

The file holds, beside the weights, the words and counts of the vocabulary, and as JSON the settings
of the network and the metadata.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wordkit.config import change, from_record
from wordkit.errors import ConfigError, VocabularyError, counted
from wordkit.nn.network_file import NetworkFile, save_network
from wordkit.runtime import choose_device
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.dialogue.config import DialogueConfig
from wordkit.seq2seq.dialogue.network import DialogueNetwork
from wordkit.storage import DIALOGUE_MODEL
from wordkit.text.bpe import BytePairEncoding
from wordkit.text.vocabulary import EOS, UNK, Vocabulary

if TYPE_CHECKING:
    from wordkit.seq2seq.dialogue.chat import Chat

__all__ = ["DialogueModel", "load_dialogue_model", "save_dialogue_model"]

_MAX_UNITS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class DialogueModel:
    """A network that answers, with its vocabulary.

    Raises:
        VocabularyError: the vocabulary lacks ``<unk>`` or ``<eos>``, or has another number of
            units than the network.
        ConfigError: the length of the longest turn cannot be.
    """

    network: DialogueNetwork
    """The network."""

    vocabulary: Vocabulary
    """Words or characters of the turns, with ``<unk>`` and ``<eos>``."""

    longest_turn: int
    """Units of the longest turn in training: a guide to how long an answer may get."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The origin of the model, in values that JSON can hold; with the unit ``bpe`` its pieces."""

    def __post_init__(self) -> None:
        if UNK not in self.vocabulary or EOS not in self.vocabulary:
            raise VocabularyError(f"the vocabulary of a dialogue model needs {UNK} and {EOS}")
        words = len(self.network.decoder.embedding)
        if len(self.vocabulary) != words:
            raise VocabularyError(
                f"the network has {words} units, and the vocabulary {len(self.vocabulary)}; give "
                "the one that it was made for"
            )
        _ = self.bpe  # raises where its pieces are corrupted
        longest = self.longest_turn
        if type(longest) is not int or not 1 <= longest <= _MAX_UNITS:
            raise ConfigError(f"longest_turn must be from 1 to {_MAX_UNITS}, not {longest!r:.50}")

    @cached_property
    def bpe(self) -> BytePairEncoding | None:
        """The pieces of the unit ``bpe``; None with other units."""
        if self.config.unit != "bpe":
            return None
        return BytePairEncoding.from_record(self.metadata.get("bpe"))

    @property
    def config(self) -> DialogueConfig:
        """The shape of the network."""
        return self.network.config

    def chat(self, **settings: Any) -> Chat:
        """Begin a conversation.

        Args:
            settings: fields of :class:`wordkit.seq2seq.DecodingConfig`, such as ``beam=5`` or
                ``sample=True, top_p=0.9, seed=3``.

        Raises:
            ConfigError: a setting is out of its range, or has no effect.
        """
        from wordkit.seq2seq.dialogue.chat import Chat

        return Chat(self, change(DecodingConfig(), **settings))

    def answer(self, dialogues: Iterable[Iterable[str]], **settings: Any) -> list[str]:
        """Return the best next turn of each dialogue.

        Args:
            dialogues: the turns of each so far, one at least.
            settings: as for :meth:`chat`.

        Raises:
            ConfigError: a setting is out of its range, or has no effect.
            TextError: a dialogue has no turn, or a turn is empty or no string.
            ResourceError: a turn is too long for the memory that is free.

        Warns:
            WordkitWarning: the model does not know a word, and reads ``<unk>``.
        """
        from wordkit.seq2seq.dialogue.chat import answers

        found = answers(self, dialogues, change(DecodingConfig(), **settings))
        return [each[0].text for each in found]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file: see :func:`save_dialogue_model`."""
        save_dialogue_model(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str = "cpu") -> DialogueModel:
        """Load the model of a file: see :func:`load_dialogue_model`."""
        return load_dialogue_model(path, device)

    def __repr__(self) -> str:
        config = self.config
        told = [
            f"{config.arch} of {config.shape}",
            f"{config.attention} attention".replace("none", "no"),
            f"{len(self.vocabulary):,} {'pieces' if config.unit == 'bpe' else config.unit + 's'}",
        ]
        made_of = self.metadata.get("dialogues")
        if isinstance(made_of, Mapping) and isinstance(made_of.get("dialogues"), int):
            told.append(counted(made_of["dialogues"], "dialogue"))
        return f"DialogueModel({', '.join(told)})"


def save_dialogue_model(model: DialogueModel, path: str | os.PathLike[str]) -> None:
    """Write a model to a file, atomically.

    Raises:
        ConfigError: JSON cannot hold the metadata.
        VocabularyError: the vocabulary has no counts.
        DivergenceError: a weight is not finite. Nothing is written.
        StorageError: the file cannot be written.
    """
    save_network(
        path,
        model.network,
        kind=DIALOGUE_MODEL,
        vocabularies={"": model.vocabulary},
        settings={"config": asdict(model.config), "longest_turn": model.longest_turn},
        metadata=model.metadata,
    )


def load_dialogue_model(path: str | os.PathLike[str], device: str = "cpu") -> DialogueModel:
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
    stored = NetworkFile(path, kind=DIALOGUE_MODEL, command="wordkit train-dialogue")
    (vocabulary,) = stored.vocabularies
    with stored.as_format_error():
        config = from_record(DialogueConfig, stored.settings.get("config"))
        network = stored.fill(lambda: DialogueNetwork(config, len(vocabulary)), device)
        longest: Any = stored.settings.get("longest_turn")
        return DialogueModel(network, vocabulary, longest, stored.metadata)
