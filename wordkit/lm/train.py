"""Train a recurrent language model, from a corpus to a model."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from dataclasses import asdict, replace
from typing import Any

import torch

from wordkit.config import change
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, TextError
from wordkit.lm.batches import Tracks
from wordkit.lm.checkpoint import Checkpoint, save_checkpoint
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.losses import default_cutoffs
from wordkit.lm.model import RecurrentModel
from wordkit.lm.starting_weights import (
    Coverage,
    check_dimensions,
    counted_vectors,
    put_vectors,
    start_weights,
)
from wordkit.lm.stream import TokenStream, words_to_model
from wordkit.lm.training import Material, Training
from wordkit.runtime import Report, choose_device
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.text import Corpus
from wordkit.training.optimizers import steps_by_rows
from wordkit.training.processes import Processes
from wordkit.training.run import (
    TrainingJob,
    TrainingRun,
    as_decided,
    check_memory,
    check_same_settings,
    check_same_texts,
    chosen_precision,
    versions,
)

__all__ = ["LanguageModelRun", "check_resumption", "resolved", "train_language_model"]

_SAMPLED_FROM = {"cpu": 4, "cuda": 100, "mps": 100}
"""Words, as multiples of the samples, from which a sampled softmax pays, by device."""

_FEWEST_FOR_COUNTS = 4  # times as many words as dimensions, for vectors by counting


class LanguageModelRun(TrainingRun[LanguageModel]):
    """The run of a training: iterate over it for reports; it knows the best model so far."""

    def __init__(self, job: _Job) -> None:
        super().__init__(job)
        self._language_job = job

    @property
    def coverage(self) -> Coverage | None:
        """How many words started from given vectors; None where none were given, or not yet."""
        return self._language_job.coverage


def train_language_model(
    corpus: Corpus,
    model: ModelConfig | None = None,
    config: TrainingConfig | None = None,
    *,
    valid: Corpus | None = None,
    embeddings: Embeddings | None = None,
    device: str = "auto",
    threads: int | None = None,
    checkpoint: CheckpointPlan | None = None,
    resume: Checkpoint | None = None,
) -> LanguageModelRun:
    """A language model of a text.

    The same texts, settings and seed on one machine give the same model, unless the clock ends
    the training (``config.max_minutes``).

    Args:
        corpus: the training text; the vocabulary is made from it alone.
        model: the shape of the model; None: the defaults.
        config: how it is trained; None: the defaults.
        valid: a text to validate on, after each epoch; the best model by it is the one kept. None:
            the model is kept as it is in the end.
        embeddings: word vectors to start from, of the model's dimensions, matched by word.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: of the CPU; None: all cores.
        checkpoint: where to keep the state of the training, and how often.
        resume: a checkpoint of a training on the same texts with the same settings, to go on from.

    Returns:
        A run that reports the stages of counting, where vectors are counted, ``training`` (tokens
        done; as figures the ``epoch``, the ``epochs`` done, in parts, the ``loss``, exact, in nats
        a word over this epoch, the ``lr`` and, once known, the ``valid_perplexity``) and
        ``validating``, whose last report has the same figures anew.

    Raises:
        TextError: a text is empty, or the training text shorter than a window.
        ConfigError: a setting does not fit, or is another one than that of ``resume``.
        ResourceError: there is too little memory, or no such device.
        DivergenceError: the loss is no finite number any more (in the run).
        StorageError: a checkpoint cannot be written.
    """
    model, config = model or ModelConfig(), config or TrainingConfig()
    device = choose_device(device)
    if resume is not None:
        config = as_decided(config, resume.training)
    model = _shaped(model, config)
    vocabulary = words_to_model(corpus, min_count=config.min_count, max_size=config.max_vocabulary)
    config = resolved(config, model, len(vocabulary), device)
    _check_output(model, config)
    material = Material(
        vocabulary,
        TokenStream(corpus, vocabulary),
        None if valid is None else TokenStream(valid, vocabulary),
        _about(corpus, valid, model, config),
    )
    if resume is not None:
        check_same_texts(resume.about, material.about, "corpus", "valid")
        check_resumption(resume, model, config)
    _check_memory(model, len(vocabulary))
    machine = device, threads, checkpoint
    return LanguageModelRun(_Job(corpus, material, model, config, embeddings, resume, machine))


def _shaped(model: ModelConfig, config: TrainingConfig) -> ModelConfig:
    """The model as its training asks for it."""
    is_adaptive = config.softmax == "adaptive"
    return replace(model, adaptive=True, tied=False) if is_adaptive else model


def check_resumption(checkpoint: Checkpoint, model: ModelConfig, config: TrainingConfig) -> None:
    """Check that a training goes on with the settings that it was begun with.

    Args:
        checkpoint: to go on from.
        model, config: the settings.

    Raises:
        ConfigError: one is another that may not change on the way.
    """
    config = as_decided(config, checkpoint.training)
    model = _shaped(model, config)
    check_same_settings(
        {**asdict(checkpoint.model), **asdict(checkpoint.training)},
        {**asdict(model), **asdict(config)},
    )


def resolved(config: TrainingConfig, model: ModelConfig, words: int, device: str) -> TrainingConfig:
    """The settings with a decision in the place of each ``auto``.

    Args:
        config: the settings.
        model: what is trained.
        words: of its vocabulary.
        device: ``cpu``, ``cuda`` or ``mps``.
    """
    config = replace(config, precision=chosen_precision(config.precision, device))
    if config.softmax == "auto":
        pays = words >= _SAMPLED_FROM[device] * config.samples
        may = not config.label_smoothing and steps_by_rows(config) and not model.adaptive
        config = change(config, softmax="sampled" if pays and may else "exact")
    return config


def _check_output(model: ModelConfig, config: TrainingConfig) -> None:
    """Check that the output layer can be trained in this way."""
    if model.adaptive and config.softmax == "sampled":
        raise ConfigError("softmax must be adaptive with an adaptive model, not sampled")
    if model.adaptive and config.label_smoothing:
        raise ConfigError(
            f"label_smoothing must be 0 with an adaptive softmax, not {config.label_smoothing}"
        )


def _about(
    corpus: Corpus, valid: Corpus | None, model: ModelConfig, config: TrainingConfig
) -> dict[str, Any]:
    """How the model is made: the same for equal runs, so without times."""
    settings = corpus.settings
    return {
        "made_by": "wordkit train-lm",
        "text": {
            "tokenizer": settings.get("tokenizer", "whitespace"),
            "numbers": settings.get("numbers", "keep"),
        },
        "settings": asdict(config),
        "corpus": _record(corpus),
        "valid": None if valid is None else _record(valid),
        "versions": versions(),
    }


def _record(corpus: Corpus) -> dict[str, Any]:
    return {
        "fingerprint": corpus.fingerprint,
        "tokens": corpus.tokens,
        "sentences": corpus.sentences,
        "settings": dict(corpus.settings),
    }


def _check_memory(model: ModelConfig, words: int) -> None:
    """Find out before the work whether the model can be trained in the memory that is free."""
    with torch.device("meta"):
        size = sum(p.numel() for p in RecurrentModel(model, words).parameters())
    remedy = "raise the minimum count, cap the vocabulary, or lower hidden or dim"
    check_memory(f"a model of {words:,} words", size, remedy)


class _Job(TrainingJob[LanguageModel]):
    """From settings to a language model that is trained.

    Args:
        corpus: that vectors may be counted in.
        material: the texts.
        model, config: the settings, with nothing ``auto`` in them.
        embeddings: to start from.
        resume: to go on from.
        machine: device, threads and checkpoints, see :class:`wordkit.training.run.TrainingJob`.
    """

    def __init__(
        self,
        corpus: Corpus,
        material: Material,
        model: ModelConfig,
        config: TrainingConfig,
        embeddings: Embeddings | None,
        resume: Checkpoint | None,
        machine: tuple[str, int | None, CheckpointPlan | None],
    ) -> None:
        Tracks(material.train, config.batch, config.steps)  # finds out whether the text is enough
        super().__init__(*machine)
        if embeddings is not None:
            check_dimensions(embeddings, model.width_in)
        self.corpus, self.material, self.model, self.config = corpus, material, model, config
        self.embeddings, self.resume = embeddings, resume
        self.training: Training | None = None
        self.coverage: Coverage | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint."""
        if self.training is not None:
            save_checkpoint(path, self.training)

    def prepare(self, processes: Processes) -> Generator[Report, None, Training]:
        """A training at its start, or where its checkpoint was."""
        began = time.monotonic()
        counts = self.material.vocabulary.counts
        cutoffs = default_cutoffs(counts) if self.model.adaptive else None
        model = RecurrentModel(self.model, len(counts), cutoffs)
        if self.resume is None:
            generator = torch.Generator().manual_seed(self.config.seed)
            start_weights(model, self.material.vocabulary, generator)
            yield from self._put_vectors(model)
        if self.config.freeze_embeddings:
            model.embedding.requires_grad_(False)
        model.to(self.device)
        spent = self.resume.state.seconds if self.resume else time.monotonic() - began
        self.training = Training(model, self.material, self.config, processes, spent)
        if self.resume is not None:
            self.resume.restore(self.training)
        return self.training

    def _put_vectors(self, model: RecurrentModel) -> Generator[Report, None, None]:
        """Let words start from given vectors, or from those counted in the text."""
        vocabulary, dim = self.material.vocabulary, self.model.width_in
        if self.embeddings is not None:
            self.coverage = put_vectors(model, vocabulary, self.embeddings)
        elif (
            self.model.start_embeddings == "counts" and len(vocabulary) >= _FEWEST_FOR_COUNTS * dim
        ):
            try:
                counted = yield from counted_vectors(self.corpus, vocabulary, dim, self.threads)
            except TextError:  # no two words in one line: all start at random
                return
            put_vectors(model, vocabulary, counted, scaled=True)
