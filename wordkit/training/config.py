"""How a network is trained, whatever it is: the settings, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from wordkit.config import (
    check_above,
    check_choice,
    check_least,
    check_range,
    check_seed,
    check_share,
)
from wordkit.errors import ConfigError

__all__ = ["USUAL_RATES", "LearningConfig", "Optimizer", "Precision", "Schedule"]

Optimizer = Literal[
    "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "asgd"
]  # fmt: skip
Schedule = Literal[
    "constant", "plateau", "step", "exponential", "inverse", "cosine", "onecycle"
]  # fmt: skip
Precision = Literal["auto", "fp32", "bf16"]

USUAL_RATES: Mapping[str, float] = {
    "sgd": 20.0, "momentum": 2.0, "nesterov": 2.0, "asgd": 30.0,
    "adagrad": 0.1, "rmsprop": 1e-3, "adam": 5e-3, "adamw": 5e-3,
}  # fmt: skip
"""Learning rates that are a good start, with clipped gradients, by optimizer."""

_LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class LearningConfig:
    """How the weights of a network are learnt."""

    batch: int = 20
    """B, the tracks that the text is laid out in, side by side: at least 1."""

    epochs: int | None = 40
    """Times that the text is gone through, at least 1; None: as ``max_minutes`` allows."""

    max_minutes: float | None = None
    """Minutes that the whole training may take, above 0; the schedule is fitted to them. None: no
    limit."""

    optimizer: Optimizer = "adamw"
    """``sgd``, ``momentum``, ``nesterov``, ``adagrad``, ``rmsprop``, ``adam``, ``adamw``, or
    ``asgd``: SGD whose weights are averaged as soon as validation stalls (Merity et al. 2018)."""

    lr: float = 5e-3
    """The learning rate at its highest, above 0."""

    momentum: float = 0.9
    """Of ``momentum`` and ``nesterov``, from 0 to below 1."""

    beta2: float = 0.999
    """Share of the squares of earlier gradients that ``adam`` and ``adamw`` keep at each step, from
    0 to below 1."""

    weight_decay: float = 0.0
    """Share of each weight taken away at each step, times the learning rate (L2 for all but
    ``adamw``); at least 0."""

    schedule: Schedule = "onecycle"
    """How the learning rate goes on: ``constant``; ``plateau``, times ``decay`` when validation
    stops improving; ``step``, times ``decay`` after every ``decay_every`` epochs; ``exponential``,
    times ``decay`` after each epoch beyond ``decay_after``; ``inverse``, in inverse proportion to
    1 + ``decay`` × epochs; ``cosine``; ``onecycle``, up for the share ``warmup`` and down for the
    rest (Smith 2018)."""

    decay: float = 0.5
    """Of the schedules ``plateau``, ``step``, ``exponential`` and ``inverse``, above 0."""

    decay_after: int = 0
    """Epochs before ``step`` and ``exponential`` begin to lower the rate, at least 0."""

    decay_every: int = 1
    """Epochs between the steps of ``step``, at least 1."""

    warmup: float = 0.2
    """Share of the training in which ``onecycle`` and ``cosine`` raise the rate, from 0 to 1."""

    clip_norm: float | None = 1.0
    """Gradients longer than this, all together, are cut to it, above 0; None: they are not."""

    clip_value: float | None = None
    """Each value of a gradient is cut to this size, above 0; None: it is not."""

    label_smoothing: float = 0.0
    """Share of the probability that the target gives to all words alike; from 0 to below 1."""

    patience: int | None = None
    """Validations without a better one until the training stops, at least 1; None: it goes on."""

    averaging_patience: int = 5
    """Validations that ``asgd`` waits for a better one before it averages, at least 1."""

    precision: Precision = "auto"
    """Numbers in matrix products: ``fp32``, ``bf16`` (sums stay fp32), or ``auto``: bf16 where the
    processor or device has instructions for it."""

    seed: int = 1
    """Where the random numbers start: from 0 to 2^32 − 1."""

    def __post_init__(self) -> None:
        check_choice(
            self,
            optimizer=get_args(Optimizer),
            schedule=get_args(Schedule),
            precision=get_args(Precision),
        )
        check_least(
            self, batch=1, epochs=1, decay_after=0, decay_every=1, patience=1,
            averaging_patience=1, weight_decay=0,
        )  # fmt: skip
        check_seed(self)
        check_above(self, "max_minutes", "lr", "decay", "clip_norm", "clip_value")
        check_share(self, "momentum", "beta2", "label_smoothing")
        check_range(self, 0, 1, "warmup")
        if self.seed > _LARGEST_SEED:
            raise ConfigError(f"seed must be at most {_LARGEST_SEED}, not {self.seed}")
        if self.epochs is None and self.max_minutes is None:
            raise ConfigError(
                "epochs and max_minutes cannot both be None: the training needs an end"
            )
