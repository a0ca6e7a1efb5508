"""Settings: each field is declared once, with its meaning, its range and when it has an effect.

A class of settings is a frozen dataclass derived from :class:`Settings`::

    @dataclass(frozen=True)
    class Network(Settings):
        cell: Literal["rnn", "lstm"] = setting("lstm", "Recurrent cell.")
        hidden: int = setting(200, "Hidden units per layer.", at_least=1)
        slope: float | None = setting(None, "Slope of the ReLU.", only_with={"cell": ("rnn",)})

The declarations serve the check of each instance, the section "Attributes" of the docstring, the
JSON record of a model file (:func:`from_record`), and the options of the command line.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from wordkit.aliases import SETTINGS
from wordkit.errors import ConfigError
from wordkit.setting import Setting, check_number, setting

__all__ = [
    "Setting", "Settings", "change", "check_names", "check_number", "from_record", "setting",
    "settings_of", "without_effect",
]  # fmt: skip

S = TypeVar("S", bound="Settings")

RENAMED: Mapping[str, str] = {"exact_share": "exact_fraction"}
"""New names of fields by those that older files have."""


class Settings:
    """Base of the dataclasses of settings; checks each instance by the declarations."""

    OLD_DEFAULTS: ClassVar[Mapping[str, object]] = {}
    """Defaults of fields that files from before the field was there mean, where they differ."""

    _declared: ClassVar[Mapping[str, Setting]] = {}
    _resolved: ClassVar[Mapping[str, Setting]]

    def __init_subclass__(cls, *, fixed: Mapping[str, object] | None = None) -> None:
        """Collect the declarations of a class and of its bases.

        Args:
            fixed: fields that the class declares anew with other values, and the value of the
                base that holds for all of these: what has an effect with it always has one.
        """
        base = {
            name: dataclasses.replace(
                declared,
                only_with={
                    other: values
                    for other, values in declared.only_with.items()
                    if (fixed or {}).get(other) not in values
                },
            )
            for kind in reversed(cls.__bases__)
            for name, declared in getattr(kind, "_declared", {}).items()
        }
        own = {
            name: field.metadata["setting"]
            for name, field in vars(cls).items()
            if isinstance(field, dataclasses.Field) and "setting" in field.metadata
        }
        cls._declared = {**base, **own}
        if cls.__doc__:  # else Python leaves out docstrings
            lines = [
                f"        {name}: {_sentences(_in_class(cls, field))}"
                for name, field in cls._declared.items()
            ]
            cls.__doc__ += "\n\n    Attributes:\n" + "\n".join(lines) + "\n"

    def __post_init__(self) -> None:
        known = settings_of(type(self))
        for name, declared in known.items():
            object.__setattr__(self, name, declared.check(getattr(self, name)))
        values = {name: getattr(self, name) for name in known}
        changed = [name for name in known if values[name] != known[name].default]
        for name, other in without_effect(type(self), values, changed):
            raise ConfigError(
                f"{name} {values[name]} has no effect with {other} {values[other]}; leave it out, "
                f"or choose {other} {' or '.join(map(str, known[name].only_with[other]))}"
            )


def _in_class(kind: type[Settings], declared: Setting) -> Setting:
    """Return a declaration without the effects of fields that the class does not have."""
    useful = {name: v for name, v in declared.only_with.items() if name in kind._declared}
    return dataclasses.replace(declared, only_with=useful)


def _sentences(declared: Setting) -> str:
    """Return the declaration as text: meaning, range, and when it has an effect."""
    parts = [declared.meaning]
    if declared.none:
        parts.append(f"None: {declared.none}.")
    if declared.range:
        parts.append(f"{declared.range.capitalize()}.")
    for other, values in declared.only_with.items():
        parts.append(f"Only with {other} {' or '.join(map(str, values))}.")
    return " ".join(parts)


def settings_of(kind: type[Settings]) -> Mapping[str, Setting]:
    """Return the declarations of the fields of a class, by name, with defaults and types."""
    if "_resolved" not in vars(kind):
        hints = get_type_hints(kind)
        kind._resolved = {
            field.name: _resolved(
                _in_class(kind, kind._declared[field.name]), field, hints[field.name]
            )
            for field in dataclasses.fields(kind)  # type: ignore[arg-type]
        }
    return kind._resolved


def _resolved(declared: Setting, field: dataclasses.Field[Any], hint: Any) -> Setting:
    """Return a declaration with the name, the type and the default of its field."""
    parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    kinds = [part for part in parts if part is not type(None)]
    hint = kinds[0] if len(kinds) == 1 else object  # of several kinds, the class checks its value
    is_choice = get_origin(hint) is Literal
    return dataclasses.replace(
        declared,
        name=field.name,
        default=field.default,
        type=str if is_choice else get_origin(hint) or hint,
        choices=get_args(hint) if is_choice else (),
        is_optional=type(None) in parts,
    )


def without_effect(
    kind: type[Settings], values: Mapping[str, object], names: Iterable[str]
) -> list[tuple[str, str]]:
    """Find fields that have no effect.

    Args:
        kind: the class of settings.
        values: of all fields.
        names: the fields to look at.

    Returns:
        Each with the other field whose value takes away its effect.
    """
    known = settings_of(kind)
    return [
        (name, other)
        for name in names
        for other, useful in known[name].only_with.items()
        if values[other] not in useful
    ]


def change(config: S, **settings: Any) -> S:
    """Replace some settings, as :func:`dataclasses.replace` does.

    Others that have no effect with the new ones return to their defaults: with another optimizer
    the momentum of the first.

    Raises:
        ConfigError: a name is unknown, a value is out of its range, or one given has no effect.
    """
    kind = type(config)
    check_names(settings, settings_of(kind))
    values = {name: getattr(config, name) for name in settings_of(kind)} | settings
    return kind(**{**_settled(kind, values), **settings})


def check_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Check that names are those of settings.

    Raises:
        ConfigError: one is not; the error suggests others.
    """
    known = [*known]
    for name in given:
        if name not in known:
            near = [SETTINGS[name]] if SETTINGS.get(name, "").partition("=")[0] in known else []
            near = near or difflib.get_close_matches(name, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
            raise ConfigError(f"there is no setting {name!r}; {hint}")


def from_record(kind: type[S], record: object) -> S:
    """Restore settings that :func:`dataclasses.asdict` gave and a file kept.

    Fields that the file does not have get the default that they had when it was written. Old names
    of fields are known. Values that have no effect are dropped.

    Args:
        kind: the class of the settings.
        record: a mapping of fields to values, as JSON has it.

    Raises:
        ConfigError: it is no mapping, has a field that is not known, or a value that is of another
            type or out of range.
    """
    if not isinstance(record, Mapping):
        raise ConfigError(f"settings must be names with values, not {record!r:.50}")
    known = settings_of(kind)
    renamed = {before: now for before, now in RENAMED.items() if now in known}
    values = {renamed.get(str(name), str(name)): value for name, value in record.items()}
    for name in values:
        if name not in known:
            raise ConfigError(f"there is no setting {name!r:.50}; update wordkit")
    defaults = {name: declared.default for name, declared in known.items()}
    return kind(**_settled(kind, {**defaults, **kind.OLD_DEFAULTS, **values}))


def _settled(kind: type[Settings], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with the default in the place of each that has no effect."""
    defaults = {
        name: settings_of(kind)[name].default for name, _ in without_effect(kind, values, values)
    }
    return {**values, **defaults}
