"""Learning-rate schedules."""

from __future__ import annotations

import math

from wordkit.training.config import LearningConfig

__all__ = ["learning_rate"]

_ONECYCLE_START = 1 / 25  # of the maximum rate


def learning_rate(
    config: LearningConfig, fraction: float, epochs: float, *, plateaus: int = 0
) -> float:
    """Return the learning rate at a moment of the training.

    Args:
        config: the schedule and its settings.
        fraction: of the training that is done, from 0 to 1.
        epochs: done, fractions included.
        plateaus: how often validation has found no improvement.
    """
    beyond = max(0, math.floor(epochs) - config.decay_after)
    match config.schedule:
        case "plateau":
            return config.lr * config.decay**plateaus
        case "step":
            return config.lr * config.decay ** (beyond // config.decay_every)
        case "exponential":
            return config.lr * config.decay**beyond
        case "inverse":
            return config.lr / (1 + config.decay * epochs)
        case "cosine":
            return config.lr * _warmup_cosine(config, fraction, start=0.0, linear=True)
        case "onecycle":
            return config.lr * _warmup_cosine(config, fraction, start=_ONECYCLE_START, linear=False)
    return config.lr


def _warmup_cosine(config: LearningConfig, fraction: float, *, start: float, linear: bool) -> float:
    """Return the factor that goes from ``start`` up to 1 over the warm-up, then down to 0."""
    fraction = min(max(fraction, 0.0), 1.0)
    if fraction < config.warmup:
        risen = fraction / config.warmup
        rise = risen if linear else (1 - math.cos(math.pi * risen)) / 2
        return start + (1 - start) * rise
    fallen = (fraction - config.warmup) / (1 - config.warmup) if config.warmup < 1 else 1.0
    return (1 + math.cos(math.pi * fallen)) / 2
