"""The settings of a training: given, of a preset or checkpoint, or fitted to text and time.

In a limited time a small model sees the text more often, and a large one learns more from each
token. The best size was found by experiment: see :data:`TOKENS_PER_SQUARE`.

N tokens of the text, V words, H hidden units.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any

import torch

from wordkit.config import change
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, counted
from wordkit.lm.config import ModelConfig, TrainingConfig, with_softmax
from wordkit.lm.data import words_to_model
from wordkit.lm.presets import PRESETS, Preset, get_preset
from wordkit.lm.task import Checkpoint
from wordkit.nn.initialization import check_dimensions
from wordkit.runtime import Report, Run, as_run, choose_device, thread_count
from wordkit.runtime.processes import join_processes, lost_process_error, torchrun_number
from wordkit.text import Corpus
from wordkit.text.detokenizer import UNIT_NOUNS, Unit
from wordkit.text.tokenizers import unit_of
from wordkit.training.checkpoint import check_resumption
from wordkit.training.finetuning import check_shape, fine_tuned, with_shape_of
from wordkit.training.presets import SettingsPlan

__all__ = ["TrainingPlan", "iter_fit_preset", "plan_training"]

MINUTES = 5.0
"""Minutes of a training without a limit of its own."""

TOKENS_PER_SQUARE = 55.0
"""Tokens to train on for each unit of H², of a single LSTM layer with tied vectors. On the Penn
Treebank widths of 208 (1 minute), 304 and 368 (6 minutes) did better than wider ones."""

_TRANSFORMER = "transformer-small"  # the preset that the architecture begins with

_MIN_HIDDEN, _MAX_HIDDEN, _HIDDEN_STEP = 64, 1024, 16
_MAX_BATCH, _MIN_WINDOWS = 48, 20  # sequences; windows of an epoch, where the text is short
_PROBE_HIDDEN = 256  # of the model that is timed
_WARM_UP, _PROBE_STEPS, _PROBE_SECONDS = 2, 8, 1.0  # uncounted steps; steps and seconds at least
_TRAINING_FRACTION = 0.93  # of the time, beside validation


class TrainingPlan(SettingsPlan):
    """The settings of a training, as far as they are known before its text is read."""

    @as_run
    def iter_fit(
        self, corpus: Corpus, *, device: str = "auto", threads: int | None = None
    ) -> Generator[Report, None, Preset]:
        """Return all settings, fitted to the training text where no preset has them."""
        if self.preset is not None:
            return self.preset
        given = self.training
        words = words_to_model(
            corpus, min_count=given.get("min_count"), max_size=given.get("max_vocabulary")
        )
        arch = self.model.get("arch") if self.init is None else self.init.arch
        if arch == "transformer":
            fitted = _small_transformer(corpus.tokens, given)
        else:
            fitted = yield from iter_fit_preset(
                corpus.tokens, len(words), unit=unit_of(corpus.settings), device=device,
                minutes=given.get("max_minutes"), epochs=given.get("epochs"), threads=threads,
                hidden=self.model.get("hidden") if self.init is None else self.init.hidden,
            )  # fmt: skip
        if self.init is not None:
            fitted = fine_tuned(fitted, self.init)
        return fitted.change(self.model, given, self.update)


def plan_training(
    model: Mapping[str, Any],
    training: Mapping[str, Any],
    *,
    preset: str | None = None,
    resume: Checkpoint | None = None,
    embeddings: Embeddings | None = None,
    init: ModelConfig | None = None,
    update: Callable[..., Any] = change,
) -> TrainingPlan:
    """Check the settings of a training before its text is read.

    Args:
        model, training: the settings that are given.
        preset: a name of :data:`wordkit.lm.PRESETS`; None: fitted settings.
        resume: the checkpoint to resume, whose settings a preset must have.
        embeddings: the vectors to start from, or the first of them.
        init: the shape of the model to start from, which is that of the new one.
        update: updates settings by those given, as :func:`wordkit.config.change` does.

    Raises:
        ConfigError: a setting is unknown, out of its range, has no effect, or does not go with the
            checkpoint or the vectors; or there is no such preset.
    """
    if embeddings is not None and init is not None:
        raise ConfigError("init and embeddings both say what to start from; give one")
    if embeddings is not None:
        model = {"dim": embeddings.dim, **model}
    known: Preset | None = None
    if preset is not None:
        known = get_preset(preset)
    elif resume is not None:
        known = Preset("resumed", resume.model, resume.training)
    start = known or Preset("", init or ModelConfig(), TrainingConfig())
    if known is None and init is None and model.get("arch") == "transformer":
        start = PRESETS[_TRANSFORMER]
    if init is not None:
        adaptive = {"adaptive": True} if training.get("softmax") == "adaptive" else {}
        check_shape(init, {**model, **adaptive})
        start = replace(start, model=with_shape_of(init, start.model))
    changed = start.change(model, training, update)
    if embeddings is not None:
        check_dimensions(embeddings, changed.model.width_in)
    if resume is not None:
        try:
            check_resumption(resume, changed.model, changed.training)
        except ConfigError as error:
            if preset is None:
                raise
            remedy = "or leave out preset: the checkpoint has all settings"
            raise ConfigError(f"{error}; {remedy}") from error
    return TrainingPlan(model, training, None if known is None else changed, init, update)


def iter_fit_preset(
    tokens: int,
    words: int,
    *,
    unit: Unit = "word",
    minutes: float | None = None,
    epochs: int | None = None,
    hidden: int | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> Run[Preset]:
    """Choose the settings that learn most from a text in the time there is.

    Where ``minutes`` limits the training, a small model is timed for a moment, to know what this
    machine can do in them; of several processes each times it, and all choose for their sum.

    Args:
        tokens: N.
        words: V.
        unit: the kind of the tokens.
        minutes: that the training may take; None: 5, or as many as ``epochs`` take.
        epochs: times to go through the text; None: as often as the minutes allow.
        hidden: H, where it is chosen already; None: what fits.
        device: as for :func:`wordkit.lm.iter_train_language_model`.
        threads: of the CPU; None: all cores.
    """
    if minutes is None and epochs is None:
        minutes = MINUTES
    training = _training(tokens, minutes, epochs)
    return Run(_fit(tokens, words, unit, training, hidden, choose_device(device), threads))


def _small_transformer(tokens: int, given: Mapping[str, Any]) -> Preset:
    """Return the preset for a Transformer in the time given, its batch as the text allows."""
    preset = PRESETS[_TRANSFORMER]
    steps, epochs = given.get("steps") or preset.training.steps, given.get("epochs")
    minutes = given.get("max_minutes") or (MINUTES if epochs is None else None)
    batch = _batch(tokens, steps, preset.training.batch)
    training = replace(preset.training, batch=batch, epochs=epochs, max_minutes=minutes)
    return Preset(f"{_TRANSFORMER}, for {counted(tokens, 'token')}", preset.model, training)


def _training(tokens: int, minutes: float | None, epochs: int | None) -> TrainingConfig:
    """Return the settings of the training but for the rate, its batch as the text allows."""
    batch = _batch(tokens, TrainingConfig.steps, _MAX_BATCH)
    return TrainingConfig(batch=batch, epochs=epochs, max_minutes=minutes)


def _batch(tokens: int, steps: int, most: int) -> int:
    """Return the sequences that the text allows, the same number for each process."""
    processes = torchrun_number("WORLD_SIZE", 1)
    return max(min(tokens // (steps * _MIN_WINDOWS), most) // processes, 1) * processes


def _fit(
    tokens: int,
    words: int,
    unit: Unit,
    training: TrainingConfig,
    hidden: int | None,
    device: str,
    threads: int | None,
) -> Generator[Report, None, Preset]:
    minutes, epochs = training.max_minutes, training.epochs
    max_tokens = math.inf if epochs is None else float(epochs * tokens)
    seen, width = max_tokens, _width(max_tokens) if hidden is None else hidden
    if minutes is not None:
        yield Report("timing", 0, 1)
        speed = _probe(words, training, device, threads)
        yield Report("timing", 1, 1)

        def possible(width: int) -> float:
            return min(
                max_tokens,
                60 * _TRAINING_FRACTION * minutes * speed / _work(width, words, training),
            )

        while (
            hidden is None
            and width > _MIN_HIDDEN
            and possible(width) < TOKENS_PER_SQUARE * width**2
        ):
            width -= _HIDDEN_STEP
        seen = possible(width)
    model = ModelConfig(
        hidden=width, dropout=_dropout(seen / tokens), forget_bias=1.0, start_embeddings="counts",
        unigram_bias=True,
    )  # fmt: skip
    limit = "" if minutes is None else f" in {counted(minutes, 'minute')}"
    return Preset(
        f"fitted to {counted(tokens, 'token')} of {counted(words, UNIT_NOUNS[unit])} "
        f"for about {seen / tokens:.1f} epochs{limit}",
        model,
        replace(training, lr=_rate(width)),
    )


def _width(seen: float) -> int:
    """Return H for a number of tokens to train on."""
    ideal = math.sqrt(min(seen, 1e12) / TOKENS_PER_SQUARE)
    return min(max(int(ideal / _HIDDEN_STEP) * _HIDDEN_STEP, _MIN_HIDDEN), _MAX_HIDDEN)


def _dropout(epochs: float) -> float:
    """Return the dropout probability, the higher the more often the text is seen."""
    return round(min(max(0.06 + 0.11 * math.log2(max(epochs, 0.25)), 0.0), 0.5), 2)


def _rate(hidden: int) -> float:
    """Return the maximum learning rate: wide models need lower ones."""
    return float(f"{8e-3 * math.sqrt(208 / hidden):.2g}")


def _work(hidden: int, words: int, config: TrainingConfig) -> float:
    """Return the multiplications for a token, forward and backward, in an LSTM of this width."""
    sampled = (1 - config.exact_fraction) * min(
        config.samples, words
    ) + config.exact_fraction * words
    return 3 * (8 * hidden**2 + sampled * hidden) + _FIXED_WORK


_FIXED_WORK = 4e5  # what else a token costs, in multiplications


def _probe(words: int, config: TrainingConfig, device: str, threads: int | None) -> float:
    """Return the multiplications per second that training does here, in all processes together."""
    before, processes = torch.get_num_threads(), join_processes(device)
    torch.set_num_threads(thread_count(threads))
    try:
        with lost_process_error(processes):
            speed = torch.tensor(_measure_speed(min(words, 20_000), config, device), device=device)
            return float(processes.all_reduce(speed))
    finally:
        torch.set_num_threads(before)


def _measure_speed(words: int, config: TrainingConfig, device: str) -> float:
    from wordkit.lm.network import LanguageModelNetwork
    from wordkit.nn.dropout import dropout_generator
    from wordkit.nn.network import detach
    from wordkit.training.optimizers import make_optimizer
    from wordkit.training.run import chosen_precision

    generator = torch.Generator().manual_seed(1)
    shape = ModelConfig(hidden=_PROBE_HIDDEN, dropout=0.2)
    config = with_softmax(config, shape, words, device)
    precision = chosen_precision(config.precision, device)
    network = LanguageModelNetwork(shape, words)
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, -0.05, 0.05, generator=generator)
    network.to(device).train()
    masks = torch.Generator(device).manual_seed(1)
    optimizer = make_optimizer(network, replace(config, lr=1e-6))
    ids = torch.randint(words, (config.steps, config.batch), generator=generator).to(device)
    state, best, taken = network.initial_state(config.batch), math.inf, 0
    began = start = time.monotonic()
    while taken < _PROBE_STEPS or start - began < _PROBE_SECONDS:
        if taken == _WARM_UP:  # what is compiled and set up at first does not count
            began, best = time.monotonic(), math.inf
        start = time.monotonic()
        optimizer.zero_grad()
        with (
            dropout_generator(masks),
            torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"),
        ):
            features, after = network(ids, state)
            loss = network.output.loss(features, ids) / ids.numel()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        state = detach(after)
        float(loss.detach())
        best, taken = min(best, time.monotonic() - start), taken + 1
    exact = TrainingConfig(softmax="sampled", exact_fraction=1.0)
    return ids.numel() * _work(_PROBE_HIDDEN, words, exact) / best
