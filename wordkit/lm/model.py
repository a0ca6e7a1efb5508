"""A language model: the network, its vocabulary, its metadata, and its file.

V words, D dimensions of an embedding. The file holds, beside the weights, ``words`` and ``counts``
(V,) as a file of vectors does, and as JSON the settings of the network and the metadata.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, get_args

import numpy as np
import numpy.typing as npt

from wordkit.config import change, check_names, from_record
from wordkit.decoding.scoring import Learn
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, VocabularyError
from wordkit.lm.config import ModelConfig
from wordkit.lm.network import LanguageModelNetwork
from wordkit.nn.network import SequenceNetwork
from wordkit.nn.network_file import NetworkFile, save_network
from wordkit.runtime import choose_device
from wordkit.storage import LANGUAGE_MODEL
from wordkit.text.corpus import UNTOLD, origin
from wordkit.text.detokenizer import UNIT_NOUNS, Unit, detokenize
from wordkit.text.normalization import Case, Normalization
from wordkit.text.tokenizers import Tokenizer, is_number, tokenizer_of, unit_of
from wordkit.text.vocabulary import EOS, UNK, Vocabulary

if TYPE_CHECKING:
    from wordkit.evaluation import Perplexity
    from wordkit.lm.adaptation import AdaptedModel
    from wordkit.lm.generation import Prediction
    from wordkit.lm.scoring import LineScore
    from wordkit_corpora import Text

__all__ = ["LanguageModel", "Reading", "load_language_model", "save_language_model"]

Ids = npt.NDArray[np.int64]


class Reading(NamedTuple):
    """A network for a text, and the steps to read it in."""

    network: SequenceNetwork
    """The network, for this text alone where it learns from it."""

    steps: int | None = None
    """Words to read in one piece, each text after the one before; None: any number, and lines do
    not depend on each other."""

    learn: Learn | None = None
    """Trains the network on each piece after it was read; None: it is not trained."""


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A network with its vocabulary.

    Raises:
        VocabularyError: the vocabulary lacks ``<unk>`` or ``<eos>``, or has another number of words
            than the network.
        ConfigError: the metadata lack the settings of the text.
    """

    network: LanguageModelNetwork
    """The network."""

    vocabulary: Vocabulary
    """V words with counts, ``<unk>`` and ``<eos>`` among them."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The origin of the model, in values that JSON can hold. ``text`` records how the training text
    became tokens: ``tokenizer``, a name (default: ``whitespace``), ``numbers``, ``keep`` or ``N``,
    ``normalize``, the normal form of the text (default: ``none``), ``case``, ``keep`` or ``lower``
    (default: the tokenizer's), and ``bpe``, the pieces that it has learnt."""

    def __post_init__(self) -> None:
        for word in (UNK, EOS):
            if word not in self.vocabulary:
                raise VocabularyError(f"a language model's vocabulary needs {word}")
        if len(self.vocabulary) != self.network.words:
            raise VocabularyError(
                f"the network has {self.network.words} words, and the vocabulary "
                f"{len(self.vocabulary)}; give the one that it was made for"
            )
        text = self.metadata.get("text", {})
        if not (isinstance(text, Mapping) and isinstance(text.get("tokenizer", ""), str)):
            raise ConfigError(f"text must tell a tokenizer and numbers, not {text!r:.50}")
        numbers, forms, cases = ("keep", "N"), get_args(Normalization), (None, *get_args(Case))
        for name, known in (("numbers", numbers), ("normalize", forms), ("case", cases)):
            if (value := self.text_settings[name]) not in known:
                choices = ", ".join(filter(None, known))
                raise ConfigError(f"{name} must be one of {choices}, not {value!r:.50}")
        if text.get("tokenizer") == "bpe":
            _ = self.tokenizer  # raises where its pieces are corrupted

    def begin(self) -> Reading:
        """Return the network that reads a text, and how it does."""
        return Reading(self.network)

    @property
    def config(self) -> ModelConfig:
        """The shape of the network."""
        return self.network.config

    @property
    def text_settings(self) -> dict[str, Any]:
        """The settings by which text becomes tokens, those of the corpus that it was made from."""
        return {**UNTOLD, **self.metadata.get("text", {})}

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the training text.

        Raises:
            ConfigError: it was a function of the caller's, of which only the name is known.
        """
        return tokenizer_of(self.text_settings)

    @property
    def unit(self) -> Unit:
        """The unit of the text: characters, words, or pieces of words."""
        return unit_of(self.text_settings)

    @property
    def numbers(self) -> Literal["keep", "N"]:
        """``keep``, or ``N`` where numbers were written as that."""
        return cast('Literal["keep", "N"]', self.text_settings["numbers"])

    @property
    def unk_id(self) -> int:
        """The id of ``<unk>``."""
        return self.vocabulary.id(UNK)

    @property
    def eos_id(self) -> int:
        """The id of ``<eos>``."""
        return self.vocabulary.id(EOS)

    def tokens(self, text: str) -> list[str]:
        """Return the tokens of a text, cut as in training, with ``<eos>`` at each line break."""
        tokens: list[str] = []
        for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            words = self.tokenizer(line)
            if self.numbers == "N":
                words = ["N" if is_number(word) else word for word in words]
            tokens += [EOS, *words]
        return tokens[1:]

    def prompt_tokens(self, prompt: str | Sequence[str]) -> list[str]:
        """Return the tokens of a prompt, which may be text or tokens already."""
        if isinstance(prompt, str):
            return self.tokens(prompt) if prompt else []
        if not isinstance(prompt, Iterable) or not all(isinstance(p, str) for p in (*prompt,)):
            raise ConfigError(f"a prompt must be text or a list of tokens, not {prompt!r:.50}")
        return list(prompt)

    def detokenize(self, tokens: str | Iterable[str]) -> str:
        """Return the text of tokens; of characters and pieces the very text that gave them."""
        return detokenize([tokens] if isinstance(tokens, str) else tokens, self.unit)

    def ids(self, tokens: Sequence[str]) -> Ids:
        """Return the ids of words, int64; ``<unk>`` for those that the model does not know."""
        if self.unit != "word":
            ids = self.vocabulary.ids(tokens)
            return np.where(ids < 0, self.unk_id, ids).astype(np.int64)
        return self.vocabulary.encode(tokens).astype(np.int64)

    def encode(self, text: str) -> Ids:
        """Return the ids of the :meth:`tokens` of a text."""
        return self.ids(self.tokens(text))

    def embeddings(self) -> Embeddings:
        """Return the input embeddings, D values each, copied.

        Raises:
            EmbeddingsError: some of them are not finite.
        """
        vectors = self.network.embedding.detach().cpu().numpy().copy()
        made = {"made_from": "the embedding layer of a language model"}
        return Embeddings(
            self.vocabulary, vectors, metadata={**made, "language_model": dict(self.metadata)}
        )

    def save(self, path: str | os.PathLike[str], *, precision: str = "fp32") -> None:
        """Write the model to a file: see :func:`save_language_model`."""
        save_language_model(self, path, precision=precision)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str = "cpu") -> LanguageModel:
        """Load the model of a file: see :func:`load_language_model`."""
        return load_language_model(path, device)

    def __repr__(self) -> str:
        told = [self.config.shape, f"{len(self.vocabulary):,} {UNIT_NOUNS[self.unit]}s"]
        corpus, made = self.metadata.get("corpus"), self.metadata.get("made_by")
        told += origin(corpus.get("settings") if isinstance(corpus, Mapping) else None)
        told += [f"made by {made}"] if isinstance(made, str) else []
        return f"LanguageModel({', '.join(told)})"

    # --- questions ---------------------------------------------------------------------------

    def adapted(
        self, *others: LanguageModel, valid: Text | None = None, progress: bool | None = None,
        **settings: Any,
    ) -> AdaptedModel:  # fmt: skip
        """Return a model that adapts to what it reads: by a cache, or by learning from it.

        ::

            model.adapted(cache=2000, valid="valid.txt").perplexity("test.txt")

        Args:
            others: models with the same vocabulary, which answer together with this one.
            valid: a text to fit settings to that are not given: what :func:`wordkit.prepare` takes.
            progress: show a bar; None: in terminals and notebooks.
            settings: fields of :class:`wordkit.lm.AdaptationConfig`, such as ``cache=2000`` or
                ``dynamic=True``; and ``encoding``, ``errors`` and ``data_dir`` of files.

        Raises:
            WordkitError: as :func:`wordkit.lm.iter_adapt` says.
        """
        from wordkit.decoding.config import AdaptationConfig
        from wordkit.lm.adaptation import iter_adapt
        from wordkit.runtime.progress_bar import finish

        files = ("encoding", "errors", "data_dir")
        reading = {name: settings.pop(name) for name in files if name in settings}
        config = change(AdaptationConfig(), **settings)
        return finish(iter_adapt([self, *others], config, valid=valid, **reading), progress)

    def generate(self, prompt: str | Sequence[str] = "", **settings: Any) -> str:
        """Return a prompt and its continuation as text.

        Args:
            prompt: text, or its tokens; none: a new sentence is written.
            settings: fields of :class:`wordkit.lm.GenerationConfig`, such as ``words=40``,
                ``temperature=0.7`` or ``method="beam"``; without ``seed`` each call draws anew.

        Raises:
            ConfigError: a setting is out of its range, or has no effect.
            VocabularyError: the model knows no word of the prompt, or every word is banned.

        Warns:
            WordkitWarning: the model does not know some words of the prompt.
        """
        from wordkit.lm.generation import GenerationConfig, generate

        if settings.get("method", "sample") == "sample":
            settings = {"seed": secrets.randbelow(1 << 31), **settings}
        tokens = self.prompt_tokens(prompt)
        return self.detokenize(
            [*tokens, *generate(self, tokens, change(GenerationConfig(), **settings))]
        )

    def predict(self, tokens: str | Sequence[str] = "", n: int = 10) -> list[Prediction]:
        """Return the most probable next words: see :func:`wordkit.lm.predict`."""
        from wordkit.lm.generation import predict

        return predict(self, tokens, n)

    def score(self, lines: str | Iterable[str | Sequence[str]]) -> list[LineScore]:
        """Return the log-probabilities of lines: see :func:`wordkit.lm.score_lines`.

        Args:
            lines: texts or lists of tokens, or one text, which is never the name of a file: give
                ``open(name)`` for its lines.

        Raises:
            TextError: a line is no string and no list of tokens.
        """
        from wordkit.lm.scoring import score_lines

        return list(score_lines(self, lines))

    def perplexity(self, text: Text, *, progress: bool | None = None, **reading: Any) -> Perplexity:
        """Measure how well the model predicts a text.

        Args:
            text: what :func:`wordkit.prepare` takes, or a corpus; tokenized as in training.
            progress: show a bar; None: in terminals and notebooks.
            reading: ``encoding``, ``errors`` and ``data_dir`` of files.

        Raises:
            ConfigError: a name is unknown.
            WordkitError: the text cannot be read, or holds no token.
        """
        from wordkit.lm.scoring import iter_perplexity
        from wordkit.runtime.progress_bar import finish
        from wordkit_corpora import iter_read_corpus

        check_names(reading, ("encoding", "errors", "data_dir"))
        reader = iter_read_corpus(text, like=self.text_settings, eos=True, **reading)
        corpus = finish(reader, progress)
        return finish(iter_perplexity(self, corpus), progress)


def save_language_model(
    model: LanguageModel, path: str | os.PathLike[str], *, precision: str = "fp32"
) -> None:
    """Write a model to a file, atomically.

    Args:
        model: what to write.
        path: the file.
        precision: of its matrices, a name of ``wordkit.storage.PRECISIONS``: fp16 halves the
            file, int8 quarters it.

    Raises:
        ConfigError: JSON cannot hold the metadata, or there is no such precision, or the model is
            an adapted one.
        VocabularyError: the words have no counts.
        DivergenceError: a weight is not finite. Nothing is written.
        StorageError: the file cannot be written.
    """
    if not isinstance(model.network, LanguageModelNetwork):
        raise ConfigError("an adapted model has no file; save each of the models that it is of")
    save_network(
        path,
        model.network,
        kind=LANGUAGE_MODEL,
        vocabularies={"": model.vocabulary},
        settings={"config": asdict(model.config), "cutoffs": model.network.output.cutoffs},
        metadata=model.metadata,
        precision=precision,
    )


def load_language_model(path: str | os.PathLike[str], device: str = "cpu") -> LanguageModel:
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
    stored = NetworkFile(path, kind=LANGUAGE_MODEL, command="wordkit train-lm")
    [vocabulary] = stored.vocabularies
    with stored.as_format_error():
        config = from_record(ModelConfig, stored.settings.get("config"))
        cutoffs = _checked_cutoffs(stored.settings.get("cutoffs"), config)
        network = stored.fill(
            lambda: LanguageModelNetwork(config, len(vocabulary), cutoffs), device
        )
        return LanguageModel(network, vocabulary, stored.metadata)


def _checked_cutoffs(cutoffs: object, config: ModelConfig) -> list[int] | None:
    if not config.adaptive and cutoffs is None:
        return None
    if config.adaptive and isinstance(cutoffs, list) and all(type(c) is int for c in cutoffs):
        return cutoffs
    raise ConfigError(f"cutoffs cannot be {cutoffs!r:.50}")
