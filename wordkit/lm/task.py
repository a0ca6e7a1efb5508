"""The training of a language model: truncated back-propagation through time, from text to model.

T steps, B sequences of a batch, V words. After Mikolov et al. (2010), Zaremba, Sutskever and
Vinyals (2014) and Merity, Keskar and Socher (2018), whose settings are presets.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wordkit.config import change, from_record
from wordkit.decoding.scoring import measure_perplexity
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, TextError
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.data import TextWindows, TokenStream, Window, words_to_model
from wordkit.lm.initialization import (
    check_dimensions,
    count_embeddings,
    initialize,
    set_embeddings,
)
from wordkit.lm.model import LanguageModel
from wordkit.lm.network import LanguageModelNetwork, LanguageModelState
from wordkit.nn.network import detach, device_of, map_state
from wordkit.nn.output import AdaptiveOutputLayer, OutputLayer, default_cutoffs
from wordkit.nn.sampled_softmax import NegativeSampler
from wordkit.runtime import Report, Run, choose_device
from wordkit.storage import LANGUAGE_MODEL_CHECKPOINT, check_writable
from wordkit.storage.checkpoints import CheckpointPlan, check_same_settings, check_same_texts
from wordkit.text import Corpus, Vocabulary
from wordkit.training.checkpoint import SavedTraining, as_format_error, read_training, save_training
from wordkit.training.distributed import Processes
from wordkit.training.optimizers import supports_sparse_rows
from wordkit.training.run import (
    FREE_TO_CHANGE,
    TrainingRun,
    as_decided,
    check_memory,
    chosen_precision,
    versions,
)
from wordkit.training.state import LoopState
from wordkit.training.task import BatchLoss, Metrics
from wordkit.training.trainer import Trainer

__all__ = [
    "Checkpoint",
    "LanguageModelTask",
    "check_resumption",
    "iter_train_language_model",
    "read_checkpoint",
    "resolved",
]

_MEASURED_EVERY = 50  # windows, where what is minimised is not the exact loss
_MIN_STEPS = 5  # of a window whose length is drawn
_HALVED = 0.05  # fraction of such windows that are drawn around half of the steps
_VALIDATION_COST = 1.5  # times that of training, for a token: one stream, in full precision
_SAMPLED_FROM = {"cpu": 4, "cuda": 100, "mps": 100}
"""Words, as multiples of the samples, from which a sampled softmax pays, by device."""
_MIN_WORDS_TO_COUNT = 4  # times as many words as dimensions, for embeddings by counting


class LanguageModelTask:
    """A language model and its text, as the trainer sees them.

    Args:
        network: on its device, with its initial weights.
        vocabulary: of the model.
        train, valid: the text to train on, and one to validate on.
        config: the settings, in which nothing is ``auto`` any more.
        metadata: of the model.
        processes: that train together.
    """

    unit = "tokens"

    @property
    def leaves_unused(self) -> bool:
        """True with an adaptive softmax: a window may lack the words of a cluster."""
        return isinstance(self.network.output, AdaptiveOutputLayer)

    def __init__(
        self,
        network: LanguageModelNetwork,
        vocabulary: Vocabulary,
        train: TokenStream,
        valid: TokenStream | None,
        config: TrainingConfig,
        metadata: Mapping[str, Any],
        processes: Processes | None = None,
    ) -> None:
        self.network, self.vocabulary, self.config = network, vocabulary, config
        self.metadata, self.processes = metadata, processes or Processes()
        self.size, self._valid = len(train), valid
        self.validation_cost = 0.0 if valid is None else _VALIDATION_COST * len(valid)
        self._windows = TextWindows(
            train, config.batch, config.steps,
            rank=self.processes.rank, processes=self.processes.count,
        )  # fmt: skip
        self._device = device_of(network)
        self._sampler: NegativeSampler | None = None
        if config.softmax == "sampled":
            self._sampler = NegativeSampler(
                vocabulary.counts, config.samples, config.seed, self._device
            )
        self._hidden: LanguageModelState | None = None
        self._done = 0  # windows

    def batches(self, epoch: int, start: int) -> Iterator[Window]:
        """Yield the windows of an epoch, from one on."""
        if start == 0:
            self._hidden = None
        generator = np.random.default_rng([self.config.seed, epoch])
        position = 0
        for number in itertools.count():
            if position >= len(self._windows):
                return
            steps = self._draw_steps(generator)
            if number >= start:
                yield self._windows.window(position, steps)
            position += steps

    def _draw_steps(self, generator: np.random.Generator) -> int:
        """Return the length of the next window (Merity et al. 2018, section 4.1)."""
        T = self.config.steps
        if not self.config.vary_steps:
            return T
        mean = T / 2 if generator.random() < _HALVED else T
        return max(_MIN_STEPS, int(generator.normal(mean, 5)))

    def loss(self, batch: Window, fraction: float) -> BatchLoss:
        """Return the loss of a window, whose initial state is the last of the one before."""
        config, network = self.config, self.network
        state = self._hidden
        if state is None:
            state = network.initial_state(self._windows.sequences)
        inputs, targets = (part.to(self._device, non_blocking=True) for part in
                           (batch.inputs, batch.targets))  # fmt: skip
        sampler = self._sampler if fraction < 1 - config.exact_fraction else None
        row_wise = sampler is not None and supports_sparse_rows(config)
        network.sparse_gradients = row_wise and self.processes.count == 1
        hidden, state = network.hidden(inputs, state)
        features = network.output_dropout(hidden)
        self._hidden = detach(state)
        exact: Tensor | None = None
        if sampler is not None and isinstance(network.output, OutputLayer):
            loss = network.output.sampled_loss(
                features, targets, sampler.draw(), sampler.log_expected,
                sparse=network.sparse_gradients,
            )  # fmt: skip
        else:
            loss = network.output.loss(features, targets, config.label_smoothing)
            exact = None if config.label_smoothing else loss.detach()
        if exact is None and self._done % _MEASURED_EVERY == 0:
            with torch.no_grad():
                exact = network.output.loss(features.detach(), targets)
        self._done += 1
        # DistributedDataParallel takes the mean over the processes, not the sum
        objective = loss * (self.processes.count / batch.tokens) + self._penalty(features, hidden)
        return BatchLoss(
            objective,
            exact,
            tokens=batch.tokens,
            units=batch.tokens,
            lr_scale=len(inputs) / config.steps if config.vary_steps else 1.0,
            sparse=self._word_parameters() if row_wise else (),
        )

    def _word_parameters(self) -> list[nn.Parameter]:
        """The trained parameters with a row for each word."""
        output = self.network.output
        of_output = [output.weight, output.bias] if isinstance(output, OutputLayer) else []
        return [p for p in {self.network.embedding, *of_output} if p.requires_grad]

    def _penalty(self, features: Tensor, hidden: Tensor) -> Tensor | float:
        """Return the penalties of activations and of their changes (Merity et al. 2017)."""
        penalty: Tensor | float = 0.0
        if self.config.activation_penalty:
            penalty = penalty + self.config.activation_penalty * features.square().mean()
        if self.config.temporal_penalty and len(hidden) > 1:
            penalty = penalty + self.config.temporal_penalty * hidden.diff(dim=0).square().mean()
        return penalty

    def validate(self) -> Generator[Report, None, Metrics]:
        """Measure the perplexity of the validation text."""
        eos, stream = self.vocabulary.eos_id, self._valid
        if stream is None or eos is None:
            raise TextError("there is no text to validate on; give one")
        scoring = Run(measure_perplexity(self.network, stream, first=eos))
        for report in scoring:
            yield Report("validating", report.done, report.total, report.unit)
        return Metrics(scoring.result().cross_entropy)

    def model(self, network: nn.Module, summary: Mapping[str, Any]) -> LanguageModel:
        """Return the language model with this network."""
        metadata = {**self.metadata, "training": dict(summary)}
        return LanguageModel(network, self.vocabulary, metadata)  # type: ignore[arg-type]

    def state_dict(self) -> dict[str, Any]:
        """Return the hidden state of all processes, and the state of the sampler."""
        sampler = {} if self._sampler is None else {"sampler": self._sampler.generator.get_state()}
        hidden = map_state(self.processes.gather, self._hidden)
        return {"hidden": hidden, "done": self._done, **sampler}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave; this process takes its part of the sequences."""
        own, device = self.processes.own, self._device
        self._hidden = map_state(lambda part: own(part).to(device), state["hidden"])
        self._done = int(state["done"])
        if self._sampler is not None:
            self._sampler.generator.set_state(state["sampler"])


@dataclass(frozen=True)
class Checkpoint:
    """A training that can be resumed."""

    vocabulary: Vocabulary
    model: ModelConfig
    training: TrainingConfig
    about: Mapping[str, Any]
    """The texts of the training, as in the metadata of the model."""

    saved: SavedTraining

    @property
    def state(self) -> LoopState:
        """The state of the loop."""
        return self.saved.loop


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint, and check all of it.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, of another kind, or of an older version.
    """
    saved = read_training(path, kind=LANGUAGE_MODEL_CHECKPOINT)
    vocabulary = Vocabulary.from_file(saved.file)
    with as_format_error(saved.file):
        return Checkpoint(
            vocabulary,
            from_record(ModelConfig, saved.about["model"]),
            from_record(TrainingConfig, saved.about["config"]),
            dict(saved.about["about"]),
            saved,
        )


def iter_train_language_model(
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
) -> TrainingRun[LanguageModel]:
    """Train a language model.

    The same texts, settings and seed on one machine give the same model, unless the clock ends
    the training (``config.max_minutes``).

    Args:
        corpus: the training text; the vocabulary is made from it alone.
        model: the shape of the model; None: the defaults.
        config: how it is trained; None: the defaults.
        valid: a text to validate on, after each epoch; the best model by it is the one kept. None:
            the model is kept as it is in the end.
        embeddings: input embeddings to start from, of the model's dimensions, matched by word.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: of the CPU; None: all cores.
        checkpoint: where to keep the state of the training, and how often.
        resume: a checkpoint of a training on the same texts with the same settings.

    Returns:
        A run that reports the stages of counting, where embeddings are counted, ``training``
        (tokens done; as figures the ``epoch``, the ``epochs`` done, the ``loss``, exact, in nats a
        token over this epoch, the ``lr`` and, once known, the ``valid_perplexity``) and
        ``validating``, whose last report has the same figures anew.

    Raises:
        TextError: a text is empty, or the training text shorter than a window.
        ConfigError: a setting is invalid, or differs from that of ``resume``.
        ResourceError: there is too little memory, or no such device.
        DivergenceError: the loss is no finite number any more (in the run).
        StorageError: a checkpoint cannot be written.
    """
    model, config = model or ModelConfig(), config or TrainingConfig()
    device = choose_device(device)
    if resume is not None:
        config = as_decided(config, resume.training)
    model = _with_softmax(model, config)
    vocabulary = words_to_model(corpus, min_count=config.min_count, max_size=config.max_vocabulary)
    config = resolved(config, model, len(vocabulary), device)
    about = _about(corpus, valid, config)
    if resume is not None:
        check_same_texts(resume.about, {name: about[name] for name in ("corpus", "valid")})
        check_resumption(resume, model, config)
    if embeddings is not None:
        check_dimensions(embeddings, model.width_in)
    _check_memory(model, len(vocabulary))
    streams = (
        TokenStream(corpus, vocabulary),
        None if valid is None else TokenStream(valid, vocabulary),
    )
    TextWindows(streams[0], config.batch, config.steps)  # raises where the text is too short
    if checkpoint is not None:
        check_writable(checkpoint.path)

    def prepare(processes: Processes) -> Generator[Report, None, Trainer[LanguageModel]]:
        began = time.monotonic()
        cutoffs = default_cutoffs(vocabulary.counts) if model.adaptive else None
        network, metadata = LanguageModelNetwork(model, len(vocabulary), cutoffs), dict(about)
        if resume is None:
            initialize(network, vocabulary, torch.Generator().manual_seed(config.seed))
            known = yield from _start_embeddings(network, vocabulary, corpus, embeddings, threads)
            metadata |= known
        elif "embeddings" in resume.about:
            metadata["embeddings"] = resume.about["embeddings"]
        network.embedding.requires_grad_(not config.freeze_embeddings)
        task = LanguageModelTask(
            network.to(device), vocabulary, *streams, config, metadata, processes
        )
        record = {"model": asdict(model), "config": asdict(config), "about": metadata}
        trainer: Trainer[LanguageModel] = Trainer(
            task,
            config,
            processes=processes,
            checkpoints=checkpoint,
            save=partial(
                save_training,
                kind=LANGUAGE_MODEL_CHECKPOINT,
                about=record,
                arrays=vocabulary.to_arrays(),
            ),
            seconds=time.monotonic() - began,
        )
        if resume is not None:
            trainer.resume(resume.saved)
        return trainer

    return TrainingRun(prepare, device, threads)


def _start_embeddings(
    network: LanguageModelNetwork,
    vocabulary: Vocabulary,
    corpus: Corpus,
    embeddings: Embeddings | None,
    threads: int | None,
) -> Generator[Report, None, dict[str, Any]]:
    """Start from given embeddings, or from those counted in the text; return their record."""
    dim = network.config.width_in
    if embeddings is not None:
        known = set_embeddings(network, vocabulary, embeddings)
        return {"embeddings": {"known": known, "words": len(vocabulary)}}
    is_counted = network.config.start_embeddings == "counts"
    if is_counted and len(vocabulary) >= _MIN_WORDS_TO_COUNT * dim:
        try:
            counted = yield from count_embeddings(corpus, vocabulary, dim, threads)
        except TextError:  # no two words in one line: all start at random
            return {}
        set_embeddings(network, vocabulary, counted, scaled=True)
    return {}


def _with_softmax(model: ModelConfig, config: TrainingConfig) -> ModelConfig:
    """The model as its training asks for it."""
    is_adaptive = config.softmax == "adaptive"
    return replace(model, adaptive=True, tied=False) if is_adaptive else model


def check_resumption(checkpoint: Checkpoint, model: ModelConfig, config: TrainingConfig) -> None:
    """Check that a training is resumed with the settings that it began with.

    Raises:
        ConfigError: one is another that may not change on the way.
    """
    config = as_decided(config, checkpoint.training)
    check_same_settings(
        {**asdict(checkpoint.model), **asdict(checkpoint.training)},
        {**asdict(_with_softmax(model, config)), **asdict(config)},
        may_change=FREE_TO_CHANGE,
    )


def resolved(config: TrainingConfig, model: ModelConfig, words: int, device: str) -> TrainingConfig:
    """Return the settings with a decision in the place of each ``auto``.

    Args:
        config: the settings.
        model: what is trained.
        words: of its vocabulary.
        device: ``cpu``, ``cuda`` or ``mps``.

    Raises:
        ConfigError: the output layer cannot be trained in this way.
    """
    config = replace(config, precision=chosen_precision(config.precision, device))
    if config.softmax == "auto":
        pays = words >= _SAMPLED_FROM[device] * config.samples
        may = not config.label_smoothing and supports_sparse_rows(config) and not model.adaptive
        config = change(config, softmax="sampled" if pays and may else "exact")
    if model.adaptive and config.softmax == "sampled":
        raise ConfigError("softmax must be adaptive with an adaptive model, not sampled")
    if model.adaptive and config.label_smoothing:
        raise ConfigError(
            f"label_smoothing must be 0 with an adaptive softmax, not {config.label_smoothing}"
        )
    return config


def _about(corpus: Corpus, valid: Corpus | None, config: TrainingConfig) -> dict[str, Any]:
    """The metadata of the model: the same for equal runs, so without times."""
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
    """Raise before the work if the model cannot be trained in the free memory."""
    with torch.device("meta"):
        size = sum(p.numel() for p in LanguageModelNetwork(model, words).parameters())
    remedy = "raise the minimum count, cap the vocabulary, or lower hidden or dim"
    check_memory(f"a model of {words:,} words", size, remedy)
