"""The settings of a language model as options; their defaults are those of the preset."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import click

from wordkit.lm.config import ModelConfig, TrainingConfig

__all__ = ["given_settings", "setting_options"]

F = TypeVar("F", bound=Callable[..., Any])

_HINTS = {**get_type_hints(ModelConfig), **get_type_hints(TrainingConfig)}

_MODEL = {
    "cell": "The recurrent cell.",
    "activation": "Of the cell rnn.",
    "hidden": "Width of a recurrent layer.",
    "layers": "Recurrent layers.",
    "last_hidden": "Width of the last layer. Default: --hidden.",
    "dim": "Dimensions of a word's vector. Default: the width of the last layer.",
    "tied": "One matrix for words that go in and that come out.",
    "residual": "Add what goes into a layer to what comes out.",
    "dropout": "Share dropped before, between and behind the layers.",
    "input_dropout": "Before the first layer. Default: --dropout.",
    "between_dropout": "Between layers. Default: --dropout.",
    "output_dropout": "Behind the last layer. Default: --dropout.",
    "locked_dropout": "One mask for all steps of a window.",
    "word_dropout": "Share of the words dropped for a window.",
    "weight_drop": "Share of the recurrent weights dropped for a window.",
    "start_weights": "How weights are drawn.",
    "start_scale": "Range of uniform weights.",
    "orthogonal": "Start with orthogonal recurrent matrices.",
    "forget_bias": "Bias of the forget gates at the start.",
    "unigram_bias": "Start the output bias with the words' frequencies.",
}
_TRAINING = {
    "batch": "Tracks of text side by side.",
    "steps": "Steps that gradients go back through.",
    "vary_steps": "Draw the length of each window.",
    "epochs": "Times to go through the text.",
    "max_minutes": "Minutes that the training may take; schedule and default model fit them.",
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
    "softmax": "Train on all words, on samples with an exact end, or in clusters.",
    "samples": "Words drawn for each window with sampled.",
    "exact_share": "Share at the end that is exact with sampled.",
    "activation_penalty": "Times the mean square of what comes out of the last layer.",
    "temporal_penalty": "Times the mean square of its change from step to step.",
    "label_smoothing": "Share of the target given to all words.",
    "patience": "Validations without a better one until the end.",
    "averaging_patience": "Validations that asgd waits before it averages.",
    "freeze_embeddings": "Leave the word vectors as they start (tied ones altogether).",
    "min_count": "Rarer words become <unk>. Default: 2, or 1 where the text has <unk>.",
    "max_vocabulary": "Keep so many words, the most frequent.",
    "precision": "Numbers in matrix products; auto: bf16 where it is fast.",
    "seed": "Of the random numbers.",
}
_ALIASES = {
    "dim": ("--size",), "epochs": ("--iter",), "lr": ("--alpha",), "steps": ("--bptt",),
    "batch": ("--batch-size",), "clip_norm": ("--clip",),
}  # fmt: skip


def _option(field: str, text: str) -> Callable[[F], F]:
    """The option for a field; without a value it is None, and the preset's value holds."""
    name = "--" + field.replace("_", "-")
    kind = _HINTS[field]
    if get_origin(kind) in (Union, types.UnionType):  # "or None"
        kind = next(part for part in get_args(kind) if part is not type(None))
    more: dict[str, Any] = {}
    if get_origin(kind) is Literal:
        more["type"] = click.Choice(get_args(kind))
    elif kind is bool:
        name = f"{name}/--no-{name[2:]}"
    else:
        more["type"] = kind
    return click.option(name, *_ALIASES.get(field, ()), field, default=None, help=text, **more)


def setting_options(function: F) -> F:
    """All options that set a field of ModelConfig or TrainingConfig."""
    for field, text in reversed([*_MODEL.items(), *_TRAINING.items()]):
        function = _option(field, text)(function)
    return function


def given_settings(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings that stand on the command line: those of the model and of the training.

    Args:
        values: of all options, by name.
    """
    given = {name: value for name, value in values.items() if value is not None}
    model, training = ({f.name for f in fields(kind)} for kind in (ModelConfig, TrainingConfig))
    return (
        {name: value for name, value in given.items() if name in model},
        {name: value for name, value in given.items() if name in training},
    )
