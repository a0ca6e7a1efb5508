"""A model and a training that fit the text and the time: the default of wordkit train-lm.

In a limited time a small model sees the text more often, and a large one learns more from each
word. What is best in between was found by trying: see :data:`WORDS_A_SQUARE`.

N tokens of the text, V words, H the width of the model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import replace

import torch

from wordkit.errors import counted
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.presets import Preset
from wordkit.runtime import Report, Run, choose_device, thread_count

__all__ = ["fitted_preset"]

MINUTES = 5.0
"""Minutes that a training takes where nothing else is said."""

WORDS_A_SQUARE = 55.0
"""Tokens to train on for each unit of H², of a single LSTM layer with tied vectors. On the Penn
Treebank widths of 208 (1 minute), 304 and 368 (6 minutes) did better than wider ones."""

_LEAST, _MOST, _UNIT = 64, 1024, 16  # of H, which is a multiple of the last
_BATCH, _WINDOWS = 48, 20  # tracks at most; windows of an epoch at least, where the text is short
_PROBED = 256  # H of the model that is timed
_WARM_UP, _PROBE_STEPS, _PROBE_SECONDS = 2, 8, 1.0  # steps that do not count; least of all
_READY = 0.93  # share of the time that is left for training beside validation


def fitted_preset(
    tokens: int,
    words: int,
    *,
    minutes: float | None = None,
    epochs: int | None = None,
    hidden: int | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> Run[Preset]:
    """The settings that learn most from a text in the time there is.

    Where ``minutes`` limits the training, a small model is timed for a moment, to know what this
    machine can do in them.

    Args:
        tokens: N.
        words: V.
        minutes: that the training may take; None: 5, or as many as ``epochs`` take.
        epochs: times to go through the text; None: as often as the minutes allow.
        hidden: H, where it is chosen already; None: what fits.
        device: as for :func:`wordkit.lm.train_language_model`.
        threads: of the CPU; None: all cores.
    """
    if minutes is None and epochs is None:
        minutes = MINUTES
    training = _training(tokens, minutes, epochs)
    return Run(_fit(tokens, words, training, hidden, choose_device(device), threads))


def _training(tokens: int, minutes: float | None, epochs: int | None) -> TrainingConfig:
    """The settings of the training but for the rate, with as many tracks as the text allows."""
    batch = min(max(tokens // (TrainingConfig.steps * _WINDOWS), 1), _BATCH)
    return TrainingConfig(batch=batch, epochs=epochs, max_minutes=minutes)


def _fit(
    tokens: int,
    words: int,
    training: TrainingConfig,
    hidden: int | None,
    device: str,
    threads: int | None,
) -> Generator[Report, None, Preset]:
    minutes, epochs = training.max_minutes, training.epochs
    most = math.inf if epochs is None else float(epochs * tokens)
    seen, width = most, _width(most) if hidden is None else hidden
    if minutes is not None:
        yield Report("timing", 0, 1)
        speed = _probe(words, training, device, threads)
        yield Report("timing", 1, 1)

        def possible(width: int) -> float:
            return min(most, 60 * _READY * minutes * speed / _work(width, words, training))

        while hidden is None and width > _LEAST and possible(width) < WORDS_A_SQUARE * width**2:
            width -= _UNIT
        seen = possible(width)
    model = ModelConfig(
        hidden=width,
        dropout=_dropout(seen / tokens),
        forget_bias=1.0,
        start_embeddings="counts",
        unigram_bias=True,
    )
    limit = "" if minutes is None else f" in {counted(minutes, 'minute')}"
    return Preset(
        f"fitted to {counted(tokens, 'token')} of {counted(words, 'word')} "
        f"for about {seen / tokens:.1f} epochs{limit}",
        model,
        replace(training, lr=_rate(width)),
    )


def _width(seen: float) -> int:
    """H for so many tokens to train on."""
    ideal = math.sqrt(min(seen, 1e12) / WORDS_A_SQUARE)
    return min(max(int(ideal / _UNIT) * _UNIT, _LEAST), _MOST)


def _dropout(epochs: float) -> float:
    """The share to drop, the more the more often the text is seen."""
    return round(min(max(0.06 + 0.11 * math.log2(max(epochs, 0.25)), 0.0), 0.5), 2)


def _rate(hidden: int) -> float:
    """The highest learning rate: wide models want lower ones."""
    return float(f"{8e-3 * math.sqrt(208 / hidden):.2g}")


def _work(hidden: int, words: int, config: TrainingConfig) -> float:
    """Multiplications for a token, forward and backward, in an LSTM of this width."""
    sampled = (1 - config.exact_fraction) * min(
        config.samples, words
    ) + config.exact_fraction * words
    return 3 * (8 * hidden**2 + sampled * hidden) + _BESIDES


_BESIDES = 4e5  # what else a token costs, in multiplications


def _probe(words: int, config: TrainingConfig, device: str, threads: int | None) -> float:
    """Multiplications a second that training does here."""
    from wordkit.lm.model import RecurrentModel
    from wordkit.lm.step import Plan, TrainingStep
    from wordkit.lm.train import resolved
    from wordkit.recurrent.layer import detached
    from wordkit.training.optimizers import Updater

    before = torch.get_num_threads()
    torch.set_num_threads(thread_count(threads))
    generator = torch.Generator().manual_seed(1)
    shape = ModelConfig(hidden=_PROBED, dropout=0.2)
    words = min(words, 20_000)
    config = resolved(config, shape, words, device)
    model = RecurrentModel(shape, words)
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, -0.05, 0.05, generator=generator)
    model.to(device).train()
    model.precision = config.precision
    updater = Updater(model, config, by_rows=False)
    step = TrainingStep(model, config, None, updater)
    ids = torch.randint(words, (config.steps, config.batch), generator=generator).to(device)
    state, best, taken = model.start_state(config.batch), math.inf, 0
    began = start = time.monotonic()
    while taken < _PROBE_STEPS or start - began < _PROBE_SECONDS:
        if taken == _WARM_UP:  # what is compiled and set up at first does not count
            began, best = time.monotonic(), math.inf
        start = time.monotonic()
        updater.clear()
        objective, _, state = step(ids, ids, state, 1 / ids.numel(), Plan(False, False))
        objective.backward()
        updater.step(1e-6)
        state = detached(state)
        float(objective.detach())
        best, taken = min(best, time.monotonic() - start), taken + 1
    torch.set_num_threads(before)
    exact = TrainingConfig(exact_fraction=1.0)
    return ids.numel() * _work(_PROBED, words, exact) / best
