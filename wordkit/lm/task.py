"""The training of a language model: truncated back-propagation through time, from text to model.

T steps, B sequences of a batch, V words. After Mikolov et al. (2010), Zaremba, Sutskever and
Vinyals (2014) and Merity, Keskar and Socher (2018), whose settings are presets.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wordkit.decoding.scoring import measure_perplexity
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, TextError
from wordkit.lm.config import ModelConfig, TrainingConfig, with_softmax
from wordkit.lm.data import TextWindows, TokenStream, Window, check_units, words_to_model
from wordkit.lm.initialization import initialize, start_embeddings, start_from
from wordkit.lm.model import LanguageModel
from wordkit.lm.network import LanguageModelNetwork, LanguageModelState
from wordkit.nn.initialization import check_dimensions
from wordkit.nn.network import detach, device_of, map_state
from wordkit.nn.output import default_cutoffs
from wordkit.nn.sampled_softmax import NegativeSampler
from wordkit.runtime import Report, Run, versions
from wordkit.runtime.processes import Processes
from wordkit.storage import LANGUAGE_MODEL_CHECKPOINT
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.text import Corpus, Vocabulary
from wordkit.text.corpus import UNTOLD
from wordkit.text.tokenizers import unit_of
from wordkit.text.vocabulary import UNK
from wordkit.training.checkpoint import TrainingCheckpoint, read_training, resumed_metadata
from wordkit.training.finetuning import check_shape, join_vocabularies
from wordkit.training.run import TrainingRun, check_network_memory, decided
from wordkit.training.task import BatchLoss, Metrics

__all__ = [
    "Checkpoint",
    "LanguageModelTask",
    "iter_train_language_model",
    "read_checkpoint",
]

_MEASURED_EVERY = 50  # windows, where what is minimized is not the exact loss
_VALIDATION_COST = 1.5  # times that of training, for a token: one stream, in full precision

Checkpoint = TrainingCheckpoint[ModelConfig, TrainingConfig]


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

    unit, checkpoint_kind = "tokens", LANGUAGE_MODEL_CHECKPOINT

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
        self.vocabularies = {"": vocabulary}
        self.leaves_unused = network.config.adaptive  # a window may lack the words of a cluster
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
        """Return the windows of an epoch, from one on."""
        if start == 0:
            self._hidden = None
        generator = None
        if self.config.vary_steps:
            generator = np.random.default_rng([self.config.seed, epoch])
        return self._windows.epoch(start, generator)

    def loss(self, batch: Window, fraction: float) -> BatchLoss:
        """Return the loss of a window, whose initial state is the last of the one before."""
        config, network = self.config, self.network
        state = self._hidden
        if state is None:
            state = network.initial_state(self._windows.sequences)
        inputs, targets = (part.to(self._device, non_blocking=True) for part in
                           (batch.inputs, batch.targets))  # fmt: skip
        sampler = self._sampler if fraction < 1 - config.exact_fraction else None
        row_wise = sampler is not None and config.has_sparse_rows
        network.sparse_gradients = row_wise and self.processes.count == 1
        hidden, state = network.hidden(inputs, state)
        features = network.output_dropout(hidden)
        self._hidden = detach(state)
        exact: Tensor | None = None
        if sampler is not None:
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
        output = network.output
        words = {network.embedding, output.weight, output.bias} if row_wise else set()
        # DistributedDataParallel takes the mean over the processes, not the sum
        objective = loss * (self.processes.count / batch.tokens) + self._penalty(features, hidden)
        return BatchLoss(
            objective,
            exact,
            tokens=batch.tokens,
            units=batch.tokens,
            lr_scale=len(inputs) / config.steps if config.vary_steps else 1.0,
            sparse=[p for p in words if p.requires_grad],
        )

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
        if self._valid is None:
            raise TextError("there is no text to validate on; give one")
        scoring = Run(measure_perplexity(self.network, self._valid, first=self._valid.eos_id))
        for report in scoring:
            yield Report("validating", report.done, report.total, report.unit)
        return Metrics(scoring.result().cross_entropy)

    def model(self, network: nn.Module, summary: Mapping[str, Any]) -> LanguageModel:
        """Return the language model with this network."""
        metadata = {**self.metadata, "training": dict(summary)}
        return LanguageModel(network, self.vocabulary, metadata)  # type: ignore[arg-type]

    def record(self) -> dict[str, Any]:
        """Return settings and texts, for a checkpoint."""
        settings = {"model": asdict(self.network.config), "config": asdict(self.config)}
        return {**settings, "about": dict(self.metadata)}

    def state_dict(self) -> dict[str, Any]:
        """Return the hidden state of all processes, and the state of the sampler."""
        sampler = {} if self._sampler is None else {"sampler": self._sampler.generator.get_state()}
        # of float32, as the files of checkpoints know no bfloat16
        hidden = map_state(lambda part: self.processes.gather(part.float()), self._hidden)
        return {"hidden": hidden, "done": self._done, **sampler}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave; this process takes its part of the sequences."""
        local, device = self.processes.local_part, self._device
        self._hidden = map_state(lambda part: local(part).to(device), state["hidden"])
        self._done = int(state["done"])
        if self._sampler is not None:
            self._sampler.generator.set_state(state["sampler"])


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint, and check all of it.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, of another kind, or of an older version.
    """
    return read_training(path, ModelConfig, TrainingConfig, kind=LANGUAGE_MODEL_CHECKPOINT)


def iter_train_language_model(
    corpus: Corpus,
    model: ModelConfig | None = None,
    config: TrainingConfig | None = None,
    *,
    valid: Corpus | None = None,
    embeddings: Embeddings | None = None,
    init: LanguageModel | None = None,
    device: str = "auto",
    threads: int | None = None,
    checkpoint: CheckpointPlan | None = None,
    resume: Checkpoint | None = None,
) -> TrainingRun[LanguageModel]:
    """Train a language model.

    The same texts, settings and seed on one machine give the same model, unless the clock ends the
    training (``config.max_minutes``), or other processes keep the cores busy while ``threads`` is
    None: sums over another number of threads are rounded differently.

    Args:
        corpus: the training text; the vocabulary is made from it alone, and of the words of
            ``init``.
        model: the shape of the model; None: the defaults, or that of ``init``.
        config: how it is trained; None: the defaults.
        valid: a text to validate on, after each epoch; the best model by it is the one kept. None:
            the model is kept as it is in the end.
        embeddings: input embeddings to start from, of the model's dimensions, matched by word.
        init: a model to start from, of the same shape: its words stay, and those of the text join
            them, but with an adaptive softmax, whose clusters are fixed.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: of the CPU; None: all cores, but fewer while other processes keep them busy.
        checkpoint: where to keep the state of the training, and how often.
        resume: a checkpoint of a training on the same texts with the same settings.

    Returns:
        A run that reports the stages of counting, where embeddings are counted, ``training``
        (tokens done; as figures the ``epoch``, the ``epochs`` done, the ``loss``, exact, in nats a
        token over this epoch, the ``lr`` and, once known, the ``valid_perplexity``) and
        ``validating``, whose last report has the same figures anew.

    Raises:
        TextError: a text is empty, or the training text shorter than a window.
        ConfigError: a setting is invalid, or differs from that of ``resume``, or the checkpoints
            would replace another file or an unfinished training.
        ResourceError: there is too little memory, or no such device.
        DivergenceError: the loss is no finite number any more (in the run).
        StorageError: a checkpoint cannot be written.
    """
    model = model or (ModelConfig() if init is None else init.config)
    config = config or TrainingConfig()
    config, device = decided(
        config, device, checkpoint, resume, read_checkpoint, LANGUAGE_MODEL_CHECKPOINT
    )
    model = config.shaped(model)
    if init is not None and embeddings is not None:
        raise ConfigError("init and embeddings both say what to start from; give one")
    if init is not None and not isinstance(init.network, LanguageModelNetwork):
        raise ConfigError("init is an adapted model; give one of the models that it is of")
    if init is not None:
        check_units(corpus, init.text_settings)
    vocabulary = _words(corpus, model, config, init) if resume is None else resume.vocabulary
    config = with_softmax(config, model, len(vocabulary), device)
    metadata = _metadata(corpus, valid, config)
    if init is not None:
        metadata["init"] = {
            "words": len(init.vocabulary),
            "new_words": len(vocabulary) - len(init.vocabulary),
            "unknown_words": sum(vocabulary.get(word) is None for word in corpus.vocabulary),
            "cutoffs": init.network.output.cutoffs,
        }
    metadata |= resumed_metadata(resume, model, config, metadata, ("corpus", "valid"))
    cutoffs = metadata["init"]["cutoffs"] if "init" in metadata else None
    if model.adaptive and cutoffs is None:
        cutoffs = default_cutoffs(vocabulary.counts)
    if embeddings is not None:
        check_dimensions(embeddings, model.width_in)
    check_network_memory(
        f"a model of {len(vocabulary):,} words",
        lambda: LanguageModelNetwork(model, len(vocabulary)),
        "raise the minimum count, cap the vocabulary, or lower hidden or dim",
    )
    stream = TokenStream(corpus, vocabulary)
    valid_stream = None if valid is None else TokenStream(valid, vocabulary, corpus.settings)
    TextWindows(stream, config.batch, config.steps)  # raises where the text is too short

    def make_task(processes: Processes) -> Generator[Report, None, LanguageModelTask]:
        network = LanguageModelNetwork(model, len(vocabulary), cutoffs)
        if resume is None and init is not None:
            start_from(network, vocabulary, init, words_to_model(corpus, min_count=1))
        elif resume is None:
            initialize(network, vocabulary, torch.Generator().manual_seed(config.seed))
            known = yield from start_embeddings(network, vocabulary, corpus, embeddings, threads)
            if known is not None:
                metadata["embeddings"] = {"known": known, "words": len(vocabulary)}
        network.embedding.requires_grad_(not config.freeze_embeddings)
        return LanguageModelTask(
            network.to(device), vocabulary, stream, valid_stream, config, metadata, processes
        )

    return TrainingRun(make_task, device, threads, checkpoints=checkpoint, resume=resume)


def _words(
    corpus: Corpus, model: ModelConfig, config: TrainingConfig, init: LanguageModel | None
) -> Vocabulary:
    """Return the words of the text, joined with those of the model to start from."""
    limits: dict[str, Any] = {"min_count": config.min_count, "max_size": config.max_vocabulary}
    if init is None:
        return words_to_model(corpus, **limits)
    check_shape(init.config, asdict(model))
    if model.adaptive:
        return init.vocabulary
    if config.min_count is None:
        is_word = unit_of(corpus.settings) == "word" and UNK not in corpus.vocabulary
        limits["min_count"] = 2 if is_word else 1
    return join_vocabularies(init.vocabulary, words_to_model(corpus, min_count=1), **limits)


def _metadata(corpus: Corpus, valid: Corpus | None, config: TrainingConfig) -> dict[str, Any]:
    """Return the metadata of the model: the same for equal runs, so without times."""
    text = {name: corpus.settings.get(name, value) for name, value in UNTOLD.items()}
    return {
        "made_by": "wordkit train-lm",
        "text": {name: value for name, value in text.items() if value is not None},
        "settings": asdict(config),
        "corpus": _record(corpus),
        "valid": None if valid is None else _record(valid),
        "versions": versions("torch", "numpy", "numba"),
    }


def _record(corpus: Corpus) -> dict[str, Any]:
    """Return the identity of a corpus without the pieces of bpe, which ``text`` has."""
    settings = {name: value for name, value in corpus.settings.items() if name != "bpe"}
    return {**corpus.record, "settings": settings}
