"""The settings of training that all networks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from wordkit.config import Settings, change, setting
from wordkit.errors import ConfigError

__all__ = [
    "USUAL_RATES", "LearningConfig", "Optimizer", "Precision", "Schedule", "change_training",
    "check_validation",
]  # fmt: skip

C = TypeVar("C", bound="LearningConfig")

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


@dataclass(frozen=True)
class LearningConfig(Settings):
    """The settings of training any network."""

    batch: int = setting(20, "Sequences per batch (B).", at_least=1)
    epochs: int | None = setting(
        40,
        "Passes through the training data.",
        none="as many as max_minutes allows",
        at_least=1,
        main=True,
    )
    max_minutes: float | None = setting(
        None,
        "Limit of the training time in minutes, which the schedule is fitted to. None: no limit.",
        above=0,
        main=True,
    )
    optimizer: Optimizer = setting(
        "adamw",
        "Optimizer. asgd is SGD whose weights are averaged as soon as validation stops improving, "
        "Merity et al. 2018.",
    )
    lr: float = setting(5e-3, "Maximum learning rate.", above=0)
    momentum: float = setting(
        0.9,
        "Momentum of the optimizers momentum and nesterov.",
        at_least=0,
        below=1,
        only_with={"optimizer": ("momentum", "nesterov")},
    )
    beta2: float = setting(
        0.999,
        "Decay of the mean of squared gradients in adam and adamw.",
        at_least=0,
        below=1,
        only_with={"optimizer": ("adam", "adamw")},
    )
    weight_decay: float = setting(
        0.0,
        "Weight decay: an L2 penalty, decoupled from the gradient in adamw.",
        at_least=0,
        group="Regularization",
    )
    schedule: Schedule = setting(
        "onecycle",
        "Learning-rate schedule. plateau: times decay when validation stops improving; step: times "
        "decay after every decay_every epochs; exponential: times decay after each epoch beyond "
        "decay_after; inverse: in proportion to 1 / (1 + decay * epochs); cosine; onecycle: up "
        "during warmup, then down, Smith 2018.",
    )
    decay: float = setting(
        0.5,
        "Decay factor of the schedules plateau, step and exponential, decay rate of inverse.",
        above=0,
        only_with={"schedule": ("plateau", "step", "exponential", "inverse")},
    )
    decay_after: int = setting(
        0,
        "Epochs before the schedules step and exponential begin to decay.",
        at_least=0,
        only_with={"schedule": ("step", "exponential")},
    )
    decay_every: int = setting(
        1,
        "Epochs between the decays of the schedule step.",
        at_least=1,
        only_with={"schedule": ("step",)},
    )
    warmup: float = setting(
        0.2,
        "Fraction of the training that is warm-up in the schedules onecycle and cosine.",
        at_least=0,
        at_most=1,
        only_with={"schedule": ("onecycle", "cosine")},
    )
    clip_norm: float | None = setting(
        1.0, "Clip the norm of all gradients together to this.", none="no clipping", above=0
    )
    clip_value: float | None = setting(
        None, "Clip each value of a gradient to this size.", none="no clipping", above=0
    )
    label_smoothing: float = setting(
        0.0,
        "Label smoothing: probability moved from the target to all words uniformly.",
        at_least=0,
        below=1,
        group="Regularization",
    )
    patience: int | None = setting(
        None,
        "Validations without improvement before early stopping.",
        none="no early stopping",
        at_least=1,
    )
    averaging_patience: int = setting(
        5,
        "Validations without improvement before asgd begins to average.",
        at_least=1,
        only_with={"optimizer": ("asgd",)},
    )
    average: bool = setting(
        False,
        "Validate and keep the exponential moving average of the weights. Kingma and Ba 2015, "
        "section 7.2.",
        only_with={
            "optimizer": ("adamw", "adam", "sgd", "momentum", "nesterov", "adagrad", "rmsprop")
        },
    )
    average_decay: float = setting(
        0.999,
        "Decay of the average at each step; less in the first ones.",
        at_least=0,
        below=1,
        only_with={"average": (True,)},
    )
    precision: Precision = setting(
        "auto",
        "Precision of matrix products. bf16 accumulates in fp32; auto is bf16 where the processor "
        "or device has instructions for it.",
        group="Running",
    )
    seed: int = setting(
        1, "Seed of the random numbers.", at_least=0, at_most=2**32 - 1, group="Running"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epochs is None and self.max_minutes is None:
            raise ConfigError(
                "epochs and max_minutes cannot both be None: the training needs an end"
            )

    @property
    def has_sparse_rows(self) -> bool:
        """True if parameters can be updated by sparse rows with these settings."""
        return self.clip_value is None and (
            self.optimizer == "adamw" or (self.optimizer == "adam" and not self.weight_decay)
        )


def change_training(config: C, settings: Mapping[str, Any], update: Callable[..., C] = change) -> C:
    """Replace some settings; another optimizer without a rate gets its usual one.

    Raises:
        ConfigError: one is out of its range, or has no effect.
    """
    optimizer = settings.get("optimizer", config.optimizer)
    if optimizer != config.optimizer and optimizer in USUAL_RATES:
        settings = {"lr": USUAL_RATES[optimizer], **settings}
    return update(config, **settings)


def check_validation(settings: Mapping[str, Any], *, valid: bool, hold_out: float | None) -> None:
    """Check that it is clear what to validate on, and that settings of validation have an effect.

    Args:
        settings: those that are given for the training.
        valid: True where there are data to validate on.
        hold_out: the fraction of the training data to validate on; None: none is given.

    Raises:
        ConfigError: both are given, or a setting of validation where there is none.
    """
    if valid and hold_out:
        raise ConfigError("valid and hold_out both say what to validate on; give one")
    if valid or hold_out != 0:
        return
    for name in ("patience", "averaging_patience", "schedule"):
        value = settings.get(name)
        if value == "plateau" or (value is not None and name != "schedule"):
            raise ConfigError(f"{name} {value} needs validation, and hold_out 0 leaves none")
