"""The settings of the library as groups of options; their declarations are the library's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from wordkit.config import Setting, Settings, change, settings_of, without_effect
from wordkit.errors import ConfigError
from wordkit_cli.options import Refused
from wordkit_cli.sections import option

__all__ = ["SettingOptions", "changed"]

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=Settings)

_ALIASES = {
    "dim": ("--size",), "window": ("--ws",), "negative": ("--neg",), "epochs": ("--iter",),
    "lr": ("--alpha",), "batch": ("--batch-size",), "steps": ("--bptt",), "clip_norm": ("--clip",),
}  # fmt: skip
"""Further names of the options, by field: those that other programs know them by."""


_UNSHOWN_LIMITS = (2**32 - 1, 2**64 - 1)  # of random seeds


class SettingOptions:
    """Options that set the fields of some classes of settings; a decorator of commands.

    Args:
        groups: the classes, by the section of the help for settings that name none.
        hidden: fields that are no options.
        shows_defaults: show the defaults in the help; not where they depend on a preset.
    """

    def __init__(
        self,
        groups: Mapping[str, type[Settings]],
        *,
        hidden: tuple[str, ...] = (),
        shows_defaults: bool = True,
    ) -> None:
        self._groups, self._hidden, self._shows_defaults = groups, hidden, shows_defaults

    def __call__(self, function: F) -> F:
        """The command with all options."""
        for title, kind in reversed([*self._groups.items()]):
            for name, declared in reversed([*settings_of(kind).items()]):
                if name not in self._hidden:
                    function = self._option(declared, title)(function)
        return function

    def _option(self, declared: Setting, title: str) -> Callable[[F], F]:
        """The option of a field; where it is not given its value is None, and the default holds."""
        name = _option_name(declared.name)
        own = {_option_name(field) for kind in self._groups.values() for field in settings_of(kind)}
        aliases = [alias for alias in _ALIASES.get(declared.name, ()) if alias not in own]
        kind: Any = click.Choice(declared.choices) if declared.choices else declared.type
        if declared.type is bool:
            name, kind = f"{name}/--no-{name[2:]}", None
        return option(
            name, *aliases, declared.name, default=None, type=kind,
            help=re.split(r"(?<=\.)\s", declared.meaning)[0] + self._default(declared),
            section=declared.group or title, main=declared.is_main,
        )  # fmt: skip

    def _default(self, declared: Setting) -> str:
        """Return the default and the range, in brackets."""
        facts, default = [], declared.default
        if default is None and declared.none:
            facts.append(f"default: {declared.none}")
        elif default is True and self._shows_defaults:
            facts.append(f"default: {declared.name.replace('_', '-')}")
        elif default is not None and default is not False and self._shows_defaults:
            facts.append(f"default: {default}")
        if declared.range and declared.at_most not in _UNSHOWN_LIMITS:
            facts.append(declared.range)
        return f"  [{'; '.join(facts)}]" if facts else ""

    def given(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
        """Return the settings that are given on the command line, for each of the classes.

        Args:
            values: of all options, by name.
        """
        return tuple(
            {name: values[name] for name in settings_of(kind) if values.get(name) is not None}
            for kind in self._groups.values()
        )


def _option_name(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def changed(config: S, **given: Any) -> S:
    """Update settings by those of the command line, as :func:`wordkit.config.change` does.

    Raises:
        click.UsageError: one that is given has no effect, or is out of range.
    """
    kind = type(config)
    values = {name: getattr(config, name) for name in settings_of(kind)} | given
    for name, other in without_effect(kind, values, given):
        this, that = _option_name(name), _option_name(other)
        useful = settings_of(kind)[name].only_with[other]
        if useful == (True,):
            raise Refused(f"{this} has no effect without {that}; give both")
        if useful == (False,):
            raise Refused(f"{this} has no effect with {that}; leave one of them out")
        raise Refused(
            f"{this} has no effect with {that} {values[other]}; leave it out, or choose {that} "
            f"{' or '.join(map(str, useful))}"
        )
    try:
        return change(config, **given)
    except ConfigError as error:
        raise Refused(str(error)) from error
