"""The settings of the library as options of the command line; their defaults are the library's."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import click

__all__ = ["LEARNING", "LEARNING_USE", "SettingOptions", "Use"]

Use = Mapping[str, tuple[str, tuple[str, ...]]]
"""For fields that have a say with some choices only: the field of the choice, and those choices."""

F = TypeVar("F", bound=Callable[..., Any])

LEARNING = {
    "epochs": "Times to go through the text.",
    "max_minutes": "Minutes that the training may take; the schedule fits them.",
    "optimizer": "How gradients become steps.",
    "lr": "Learning rate at its highest.",
    "momentum": "Of momentum and nesterov.",
    "beta2": "Of adam and adamw.",
    "weight_decay": "Share of a weight taken away at a step, times the rate.",
    "schedule": "How the learning rate goes on.",
    "decay": "Factor of plateau, step and exponential; loss of rate by inverse.",
    "decay_after": "Epochs before step and exponential begin.",
    "decay_every": "Epochs between the steps of step.",
    "warmup": "Share in which onecycle and cosine raise the rate.",
    "clip_norm": "Cut longer gradients to this length.",
    "clip_value": "Cut each value of a gradient to this size.",
    "label_smoothing": "Share of the target given to all others alike.",
    "patience": "Validations without a better one until the end.",
    "averaging_patience": "Validations that asgd waits before it averages.",
    "precision": "Numbers in matrix products; auto: bf16 where it is fast.",
    "seed": "Of the random numbers.",
}
"""What the fields of :class:`wordkit.training.config.LearningConfig` say in a help."""

LEARNING_USE: Use = {
    "momentum": ("optimizer", ("momentum", "nesterov")),
    "beta2": ("optimizer", ("adam", "adamw")),
    "averaging_patience": ("optimizer", ("asgd",)),
    "decay": ("schedule", ("plateau", "step", "exponential", "inverse")),
    "decay_after": ("schedule", ("step", "exponential")),
    "decay_every": ("schedule", ("step",)),
    "warmup": ("schedule", ("onecycle", "cosine")),
}
"""The fields of LearningConfig that have a say with some optimizers or schedules only."""

_ALIASES = {
    "dim": ("--size",), "window": ("--ws",), "negative": ("--neg",), "epochs": ("--iter",),
    "lr": ("--alpha",), "batch": ("--batch-size",), "steps": ("--bptt",), "clip_norm": ("--clip",),
}  # fmt: skip
"""Further names of the options, by field: those that other programs know them by."""


class SettingOptions:
    """Options that set the fields of some dataclasses; a decorator of commands.

    Args:
        kinds: the dataclasses.
        texts: the help of each field that is an option, by name, in the order of the help.
        shown: an instance of each dataclass, whose values the help shows as defaults; None: it
            shows none, as they depend on more. Switches that are off are not shown.
        use: of fields that have a say with some choices only.
    """

    def __init__(
        self,
        kinds: tuple[type, ...],
        texts: Mapping[str, str],
        shown: tuple[Any, ...] | None = None,
        use: Use | None = None,
    ) -> None:
        self._kinds, self._texts, self._use = kinds, texts, use or {}
        self._hints = {name: hint for kind in kinds for name, hint in get_type_hints(kind).items()}
        self._defaults = {
            field.name: getattr(config, field.name)
            for config in shown or ()
            for field in fields(config)
        }

    def __call__(self, function: F) -> F:
        """The command with all options."""
        for field, text in reversed([*self._texts.items()]):
            function = self._option(field, text)(function)
        return function

    def _option(self, field: str, text: str) -> Callable[[F], F]:
        """The option for a field; without a value it is None, and the default holds."""
        name = "--" + field.replace("_", "-")
        kind = self._hints[field]
        if get_origin(kind) in (Union, types.UnionType):  # "or None"
            kind = next(part for part in get_args(kind) if part is not type(None))
        more: dict[str, Any] = {}
        if get_origin(kind) is Literal:
            more["type"] = click.Choice(get_args(kind))
        elif kind is bool:
            name = f"{name}/--no-{name[2:]}"
        else:
            more["type"] = kind
        default = self._defaults.get(field)
        if default is not None and default is not False:
            shown = field.replace("_", "-") if default is True else default
            text = f"{text}  [default: {shown}]"
        return click.option(name, *_ALIASES.get(field, ()), field, default=None, help=text, **more)

    def given(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
        """The settings that stand on the command line, for each of the dataclasses.

        Args:
            values: of all options, by name.
        """
        return tuple(
            {
                field.name: values[field.name]
                for field in fields(kind)
                if values.get(field.name) is not None
            }
            for kind in self._kinds
        )

    def check_use(self, values: Mapping[str, Any], *configs: Any) -> None:
        """Complain about settings on the command line that would have no say.

        Args:
            values: of all options, by name.
            configs: the settings that come of them, of each of the dataclasses.

        Raises:
            click.UsageError: there is one.
        """
        settled = {name: value for config in configs for name, value in vars(config).items()}
        for field, (choice, useful) in self._use.items():
            if values.get(field) is not None and settled[choice] not in useful:
                raise click.UsageError(
                    f"--{field.replace('_', '-')} has a say with --{choice} {' or '.join(useful)}, "
                    f"not with {settled[choice]}; leave it out, or choose another {choice}"
                )
