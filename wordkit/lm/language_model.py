"""A language model: the network, its words, and how it was made.

V words, D length of a word's vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, VocabularyError
from wordkit.lm.config import ModelConfig
from wordkit.lm.inference import Ids
from wordkit.lm.model import RecurrentModel
from wordkit.text.tokenizers import Tokenizer, get_tokenizer, is_number
from wordkit.text.vocabulary import EOS, UNK, Vocabulary

__all__ = ["LanguageModel"]


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A network with its words.

    Raises:
        VocabularyError: the vocabulary lacks ``<unk>`` or ``<eos>``, or has another number of words
            than the network.
        ConfigError: the metadata tell of no text that words could be read from.
    """

    module: RecurrentModel
    """The network."""

    vocabulary: Vocabulary
    """V words with counts, ``<unk>`` and ``<eos>`` among them."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """How the model was made, in values that JSON can hold. ``text`` tells how the training text
    became words: ``tokenizer``, a name (``whitespace`` where it is not there), and ``numbers``,
    ``keep`` or ``N``."""

    def __post_init__(self) -> None:
        for word in (UNK, EOS):
            if word not in self.vocabulary:
                raise VocabularyError(f"a language model's vocabulary needs {word}")
        if len(self.vocabulary) != self.module.words:
            raise VocabularyError(
                f"the network has {self.module.words} words, and the vocabulary "
                f"{len(self.vocabulary)}; give the one that it was made for"
            )
        text = self.metadata.get("text", {})
        if not (isinstance(text, Mapping) and isinstance(text.get("tokenizer", ""), str)):
            raise ConfigError(f"text must tell a tokenizer and numbers, not {text!r:.50}")
        if self.numbers not in ("keep", "N"):
            raise ConfigError(f"numbers must be keep or N, not {self.numbers!r:.50}")

    @property
    def config(self) -> ModelConfig:
        """The shape of the network."""
        return self.module.config

    @property
    def tokenizer(self) -> Tokenizer:
        """The one that cut the training text into words.

        Raises:
            ConfigError: it was a function of the caller's, of which only the name is known.
        """
        return get_tokenizer(self._text("tokenizer", "whitespace"))

    @property
    def numbers(self) -> str:
        """``keep``, or ``N`` where numbers were written as that."""
        return str(self._text("numbers", "keep"))

    @property
    def unk_id(self) -> int:
        """The id of ``<unk>``."""
        return self.vocabulary.id(UNK)

    @property
    def eos_id(self) -> int:
        """The id of ``<eos>``."""
        return self.vocabulary.id(EOS)

    def tokens(self, text: str) -> list[str]:
        """The words of a text, cut as the training text was, with ``<eos>`` at each line break."""
        first, *others = text.split("\n")
        tokens = self._line_tokens(first)
        for line in others:
            tokens += [EOS, *self._line_tokens(line)]
        return tokens

    def _line_tokens(self, line: str) -> list[str]:
        found = self.tokenizer(line)
        if self.numbers == "N":
            return ["N" if is_number(word) else word for word in found]
        return list(found)

    def ids(self, tokens: Sequence[str]) -> Ids:
        """The ids of words, int64; ``<unk>`` for those that the model does not know."""
        return self.vocabulary.encode(tokens).astype(np.int64)

    def encode(self, text: str) -> Ids:
        """The ids of the words of a text, as :meth:`tokens` cuts them."""
        return self.ids(self.tokens(text))

    def embeddings(self) -> Embeddings:
        """The vectors of the words that go in, D values each, copied.

        Raises:
            EmbeddingsError: some of them are not finite.
        """
        vectors = self.module.embedding.detach().cpu().numpy().copy()
        made = {"made_from": "the embedding layer of a language model"}
        return Embeddings(
            self.vocabulary, vectors, metadata={**made, "language_model": dict(self.metadata)}
        )

    def _text(self, name: str, default: str) -> Any:
        return self.metadata.get("text", {}).get(name, default)
