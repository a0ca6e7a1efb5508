"""The settings of word2vec as options; their defaults are those of the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click

from wordkit.word2vec import Word2VecConfig
from wordkit.word2vec.config import Kept

__all__ = ["SETTINGS", "given_settings", "setting_options"]

F = TypeVar("F", bound=Callable[..., Any])

SETTINGS = tuple(field.name for field in fields(Word2VecConfig))
"""The names of the settings, which are those of the options' values."""

_DEFAULT = Word2VecConfig()
_CBOW, _SKIPGRAM = Word2VecConfig(arch="cbow"), Word2VecConfig(arch="skipgram")
_HINTS = get_type_hints(Word2VecConfig)


def _setting(*names: str, text: str, **more: Any) -> Callable[[F], F]:
    """The option for a setting; its first name is that of the field."""
    field = names[0].partition("/")[0].removeprefix("--").replace("-", "_")
    if get_origin(_HINTS[field]) is Literal:
        more["type"] = click.Choice(get_args(_HINTS[field]))
    more = {"default": getattr(_DEFAULT, field), "show_default": True, **more}
    return click.option(*names, help=text, **more)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _setting("--arch", text="Predict a word from its context, or by it."),
    _setting("--loss", text="Negative sampling, hierarchical softmax, or the full softmax."),
    _setting("--dim", "--size", text="Dimensions of a vector."),
    _setting("--window", "--ws", text="Words on each side that are the context."),
    _setting("--dynamic-window/--no-dynamic-window", text="Draw the length of each from 1 up."),
    _setting("--negative", "--neg", text="Words drawn against each word, with loss ns."),
    _setting("--ns-exponent", text="Power of the frequency that they are drawn by."),
    _setting("--sample", text="Words above this share are skipped at times; 0: none."),
    _setting("--min-count", text="Leave out rarer words."),
    _setting("--max-vocabulary", type=int, text="Keep so many words, the most frequent."),
    _setting("--epochs", "--iter", text="Times to go through the text."),
    _setting(
        "--lr",
        "--alpha",
        type=float,
        show_default=False,
        text="Learning rate at the start. "
        f"Default: {_SKIPGRAM.start_lr}, for cbow {_CBOW.start_lr}.",
    ),
    _setting("--min-lr", text="Floor of the learning rate."),
    _setting("--cbow-gradient", text="The mean's own, or C times that, as in word2vec.c."),
    _setting(
        "--vectors",
        type=click.Choice(get_args(Kept)),
        show_default=False,
        text="Keep those that go in, come out, or their sum. Default: sum for cbow, else in.",
    ),
    _setting("--seed", text="Of the random numbers."),
)


def setting_options(function: F) -> F:
    """All options that set a field of :class:`wordkit.word2vec.Word2VecConfig`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def given_settings() -> dict[str, Any]:
    """The settings that stand on the command line, by name."""
    context = click.get_current_context()
    source = click.core.ParameterSource.COMMANDLINE
    return {
        name: context.params[name]
        for name in SETTINGS
        if context.get_parameter_source(name) is source
    }
