"""Train a recurrent language model, from a corpus to a model."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

import torch

from wordkit import __version__
from wordkit.checkpoints import CheckpointKeeper, CheckpointPlan
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, ResourceError, TextError
from wordkit.lm.batches import Tracks
from wordkit.lm.checkpoint import Checkpoint, save_checkpoint
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.losses import default_cutoffs
from wordkit.lm.model import RecurrentModel
from wordkit.lm.optimizers import steps_by_rows
from wordkit.lm.processes import Processes, join_processes
from wordkit.lm.recurrence import supports_bf16
from wordkit.lm.starting_weights import (
    Coverage,
    check_dimensions,
    counted_vectors,
    put_vectors,
    start_weights,
)
from wordkit.lm.stream import TokenStream, words_to_model
from wordkit.lm.training import Material, Training
from wordkit.runtime import Report, Run, available_memory, choose_device, thread_count
from wordkit.text import Corpus

__all__ = ["LanguageModelRun", "resolved", "train_language_model"]

_SAMPLED_FROM = {"cpu": 4, "cuda": 100, "mps": 100}
"""Words, as multiples of the samples, from which a sampled softmax pays, by device."""

_FEWEST_FOR_COUNTS = 4  # times as many words as dimensions, for vectors by counting
_BESIDES = 128 << 20  # bytes for all that does not grow with the model


class LanguageModelRun(Run[LanguageModel]):
    """The run of a training: iterate over it for reports; it knows the best model so far."""

    def __init__(self, job: _Job) -> None:
        super().__init__(job.run())
        self._job = job

    @property
    def coverage(self) -> Coverage | None:
        """How many words started from given vectors; None where none were given, or not yet."""
        return self._job.coverage

    @property
    def rate(self) -> float | None:
        """Tokens trained on a second, all in all; None before the first."""
        training = self._job.training
        if training is None or not training.state.words:
            return None
        return training.state.words / training.state.seconds

    @property
    def has_learnt(self) -> bool:
        """Whether there is a model that has been trained for a while."""
        training = self._job.training
        return training is not None and training.state.words > 0

    @property
    def has_validated(self) -> bool:
        """Whether there is a model that validation has found the best so far."""
        training = self._job.training
        return training is not None and bool(training.state.best)

    def best(self) -> LanguageModel:
        """The model with the best validation so far, or as it is where there was none yet.

        Raises:
            ConfigError: the training has not begun.
        """
        if self._job.training is None:
            raise ConfigError("the training has not begun; there is no model yet")
        return self._job.training.best()


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
        done; as figures the ``epoch``, the ``loss``, exact, in nats a word over this epoch, the
        ``lr`` and, once known, the ``valid_perplexity``) and ``validating``.

    Raises:
        TextError: a text is empty, or the training text shorter than a window.
        ConfigError: a setting does not fit, or is another one than that of ``resume``.
        ResourceError: there is too little memory, or no such device.
        DivergenceError: the loss is no finite number any more (in the run).
        StorageError: a checkpoint cannot be written.
    """
    model, config = model or ModelConfig(), config or TrainingConfig()
    device = choose_device(device)
    if config.softmax == "adaptive":
        model = replace(model, adaptive=True, tied=False)
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
        _check_same(resume, model, config, material)
    _check_memory(model, len(vocabulary))
    job = _Job(corpus, material, model, config, embeddings, device, threads, checkpoint, resume)
    job.check()
    return LanguageModelRun(job)


def resolved(config: TrainingConfig, model: ModelConfig, words: int, device: str) -> TrainingConfig:
    """The settings with a decision in the place of each ``auto``.

    Args:
        config: the settings.
        model: what is trained.
        words: of its vocabulary.
        device: ``cpu``, ``cuda`` or ``mps``.
    """
    if config.precision == "auto":
        can = supports_bf16() if device == "cpu" else device == "cuda" and _cuda_has_bf16()
        config = replace(config, precision="bf16" if can else "fp32")
    if config.softmax == "auto":
        pays = words >= _SAMPLED_FROM[device] * config.samples
        may = not config.label_smoothing and steps_by_rows(config) and not model.adaptive
        config = replace(config, softmax="sampled" if pays and may else "exact")
    return config


def _check_output(model: ModelConfig, config: TrainingConfig) -> None:
    """Check that the output layer can be trained in this way."""
    if model.adaptive and config.softmax == "sampled":
        raise ConfigError("softmax must be adaptive with an adaptive model, not sampled")
    if model.adaptive and config.label_smoothing:
        raise ConfigError(
            f"label_smoothing must be 0 with an adaptive softmax, not {config.label_smoothing}"
        )


def _cuda_has_bf16() -> bool:
    return bool(torch.cuda.is_bf16_supported())


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
        "versions": {
            "wordkit": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "numba")},
        },
    }


def _record(corpus: Corpus) -> dict[str, Any]:
    return {
        "fingerprint": corpus.fingerprint,
        "tokens": corpus.tokens,
        "sentences": corpus.sentences,
        "settings": dict(corpus.settings),
    }


_AFTERWARDS = ("epochs", "max_minutes", "patience")  # settings that may change on the way


def _check_same(
    then: Checkpoint, model: ModelConfig, config: TrainingConfig, material: Material
) -> None:
    """Check that a checkpoint is of this training."""
    for text in ("corpus", "valid"):
        before, now = (about[text] or {} for about in (then.about, material.about))
        if before.get("fingerprint") != now.get("fingerprint"):
            raise ConfigError(
                f"the checkpoint is of a training with another text ({text}); give the same texts, "
                "preprocessed in the same way"
            )
    old: Mapping[str, Any] = {**asdict(then.model), **asdict(then.training)}
    new = {**asdict(model), **asdict(config)}
    for name, value in new.items():
        if value != old[name] and name not in _AFTERWARDS:
            raise ConfigError(
                f"the training was begun with {name} {old[name]}, and cannot go on with {value}; "
                f"leave {name} as it was, or start again"
            )


def _check_memory(model: ModelConfig, words: int) -> None:
    """Find out before the work whether weights, gradients and what the optimizer keeps will fit.

    Raises:
        ResourceError: they do not.
    """
    with torch.device("meta"):
        size = sum(p.numel() for p in RecurrentModel(model, words).parameters())
    needed, free = 4 * 5 * size + _BESIDES, available_memory()
    if needed > free:
        raise ResourceError(
            f"a model of {words:,} words and {size:,} weights needs {needed / 2**30:.1f} GiB of "
            f"memory to train, and {free / 2**30:.1f} GiB are free; raise the minimum count, cap "
            "the vocabulary, or lower hidden or dim"
        )


def _threads(threads: int | None) -> int:
    """Threads of this process: all cores, shared with the other processes of this machine."""
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if threads is None else 1
    return max(thread_count(threads) // beside, 1)


@dataclass
class _Job:
    """From settings to a training that runs."""

    corpus: Corpus
    material: Material
    model: ModelConfig
    config: TrainingConfig
    embeddings: Embeddings | None
    device: str
    threads: int | None
    plan: CheckpointPlan | None
    resume: Checkpoint | None
    training: Training | None = None
    coverage: Coverage | None = None

    def check(self) -> None:
        """Find out before the work what would be in its way."""
        Tracks(self.material.train, self.config.batch, self.config.steps)
        if self.plan is not None:
            CheckpointKeeper(self.plan, lambda path: None)
        if self.embeddings is not None:
            check_dimensions(self.embeddings, self.model.width_in)

    def run(self) -> Generator[Report, None, LanguageModel]:
        """Prepare, and train to the end; what is interrupted writes a checkpoint first."""
        before = torch.get_num_threads()
        torch.set_num_threads(_threads(self.threads))
        try:
            processes = join_processes(self.device)
            training = yield from self._prepare(processes)
            self.training = training
            keeper = CheckpointKeeper(
                self.plan if processes.rank == 0 else None,
                lambda path: save_checkpoint(path, training),
            )
            try:
                return (yield from training.run(keeper))
            except (KeyboardInterrupt, SystemExit, GeneratorExit):
                if processes.count == 1:  # one of several cannot ask the others now
                    keeper.save()
                raise
        finally:
            torch.set_num_threads(before)

    def _prepare(self, processes: Processes) -> Generator[Report, None, Training]:
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
        training = Training(model, self.material, self.config, processes, spent)
        if self.resume is not None:
            self.resume.restore(training)
        return training

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
