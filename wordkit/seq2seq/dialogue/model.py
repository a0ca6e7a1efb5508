"""A dialogue model: the network, its vocabulary, its metadata, and its file."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wordkit.config import change
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.dialogue.config import DialogueConfig
from wordkit.seq2seq.dialogue.network import DialogueNetwork
from wordkit.seq2seq.model import SequenceModel
from wordkit.storage import DIALOGUE_MODEL
from wordkit.text import Vocabulary

if TYPE_CHECKING:
    from wordkit.seq2seq.dialogue.chat import Chat

__all__ = ["DialogueModel", "load_dialogue_model", "save_dialogue_model"]


@dataclass(frozen=True, eq=False, repr=False)
class DialogueModel(SequenceModel):
    """A network that answers, with its vocabulary."""

    KIND, COMMAND, LONGEST = DIALOGUE_MODEL, "wordkit train-dialogue", "longest_turn"
    CONFIG, NETWORK, PREFIXES = DialogueConfig, DialogueNetwork, ("",)

    network: DialogueNetwork
    """The network."""

    vocabulary: Vocabulary
    """Words or characters of the turns, with ``<unk>`` and ``<eos>``."""

    longest_turn: int
    """Units of the longest turn in training: a guide to how long an answer may get."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The origin of the model, in values that JSON can hold; with the unit ``bpe`` its pieces."""

    @property
    def config(self) -> DialogueConfig:
        """The shape of the network."""
        return self.network.config

    def decoding(self, given: Collection[str] = ()) -> DecodingConfig:
        """Return how a chat decodes: greedily; with a latent variable for a draw of it each time.

        Args:
            given: names of settings that are given; with ``sample``, ``beam`` or those of sampling
                among them, the latent variable is drawn only if they say so.
        """
        chosen = {"sample", "beam", "temperature", "top_k", "top_p"} & {*given}
        draws = self.config.latent is not None and not chosen
        return DecodingConfig(sample=True, top_k=1) if draws else DecodingConfig()

    def chat(self, **settings: Any) -> Chat:
        """Begin a conversation.

        Args:
            settings: fields of :class:`wordkit.seq2seq.DecodingConfig`, such as ``beam=5`` or
                ``sample=True, top_p=0.9, seed=3``, instead of those of :meth:`decoding`.

        Raises:
            ConfigError: a setting is out of its range, or has no effect.
        """
        from wordkit.seq2seq.dialogue.chat import Chat

        return Chat(self, change(self.decoding(settings), **settings))

    def answer(self, dialogues: Iterable[Iterable[str]], **settings: Any) -> list[str]:
        """Return the best next turn of each dialogue.

        Args:
            dialogues: the turns of each so far, one at least.
            settings: fields of :class:`wordkit.seq2seq.DecodingConfig`; a latent variable is its
                mean, unless ``sample`` says otherwise.

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


def save_dialogue_model(model: DialogueModel, path: str | os.PathLike[str]) -> None:
    """Write a model to a file: see :meth:`wordkit.seq2seq.model.SequenceModel.save`."""
    model.save(path)


def load_dialogue_model(path: str | os.PathLike[str], device: str = "cpu") -> DialogueModel:
    """Load the model of a file: see :meth:`wordkit.seq2seq.model.SequenceModel.load`."""
    return DialogueModel.load(path, device)
