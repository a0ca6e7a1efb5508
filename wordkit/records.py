"""Settings as JSON keeps them: frozen dataclasses as records, read back with distrust."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from wordkit.errors import ConfigError

__all__ = ["from_record"]

T = TypeVar("T")


def from_record(kind: type[T], record: object) -> T:
    """The settings that :func:`dataclasses.asdict` gave, which may have been to a file and back.

    Args:
        kind: a dataclass whose fields are numbers, words, switches, or None.
        record: what should hold a value for each field, and nothing else.

    Raises:
        ConfigError: it is no record of settings, lacks one, has one that is not known, or one
            that is of the wrong type or out of its range.
    """
    if not isinstance(record, Mapping):
        raise ConfigError(f"settings must be names with values, not {record!r:.50}")
    hints = get_type_hints(kind)
    for name in record:
        if name not in hints:
            raise ConfigError(f"there is no setting {name!r:.50}; update wordkit")
    for name, hint in hints.items():
        if name not in record:
            raise ConfigError(f"the setting {name} is missing")
        if not _fits(record[name], hint):
            raise ConfigError(f"{name} cannot be {record[name]!r:.50}")
    try:
        return kind(**record)
    except OverflowError as error:
        raise ConfigError("a setting is too large a number") from error


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of the type of a field."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_args(hint):  # one type or the other
        return any(_fits(value, kind) for kind in get_args(hint))
    if hint is float:
        return type(value) in (int, float)
    return type(value) is hint
