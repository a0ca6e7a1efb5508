"""How the learning rate goes on over a training."""

from __future__ import annotations

import math

from wordkit.training.config import LearningConfig

__all__ = ["learning_rate"]

_COLD = 1 / 25  # of the highest rate: where one-cycle begins


def learning_rate(
    config: LearningConfig, share: float, epochs: float, *, plateaus: int = 0
) -> float:
    """The learning rate at a moment of the training.

    Args:
        config: the schedule and its settings.
        share: of the training that is done, from 0 to 1.
        epochs: done, in parts.
        plateaus: how often validation has stalled.
    """
    whole = math.floor(epochs)
    match config.schedule:
        case "plateau":
            return config.lr * config.decay**plateaus
        case "step":
            return config.lr * config.decay ** _steps(config, whole)
        case "exponential":
            return config.lr * config.decay ** max(0, whole - config.decay_after)
        case "inverse":
            return config.lr / (1 + config.decay * epochs)
        case "cosine":
            return config.lr * _rise_and_fall(config, share, cold=0.0, linear=True)
        case "onecycle":
            return config.lr * _rise_and_fall(config, share, cold=_COLD, linear=False)
    return config.lr


def _steps(config: LearningConfig, epochs: int) -> int:
    beyond = epochs - config.decay_after
    return max(0, beyond) // config.decay_every


def _rise_and_fall(config: LearningConfig, share: float, *, cold: float, linear: bool) -> float:
    """From ``cold`` up to 1 over the warm-up, then down to 0 as half a cosine."""
    share = min(max(share, 0.0), 1.0)
    if share < config.warmup:
        risen = share / config.warmup
        rise = risen if linear else (1 - math.cos(math.pi * risen)) / 2
        return cold + (1 - cold) * rise
    fallen = (share - config.warmup) / (1 - config.warmup) if config.warmup < 1 else 1.0
    return (1 + math.cos(math.pi * fallen)) / 2
