"""Settings as frozen dataclasses: checks that name field and value, and their JSON record."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from wordkit.errors import ConfigError

__all__ = [
    "check_above",
    "check_choice",
    "check_least",
    "check_range",
    "check_seed",
    "check_share",
    "from_record",
]

T = TypeVar("T")

_MOST_BITS = 128  # of a number that is shown
_LARGEST = 2**31 - 1  # of whole numbers: the product of two fits into 64 bits


def check_choice(config: Any, **words: tuple[str, ...]) -> None:
    """Check that fields hold one of the words known for each.

    Raises:
        ConfigError: one does not.
    """
    for field, known in words.items():
        value = getattr(config, field)
        if value not in known:
            raise ConfigError(f"{field} must be one of {', '.join(known)}, not {value!r}")


def check_least(config: Any, **least: float) -> None:
    """Check that fields are finite numbers of at least this size, or None where that is a value.

    Args:
        config: an instance of a dataclass; the type of a field says whether it may be None.
        least: the sizes by field.

    Whole numbers are also checked to be no larger than 32 bits can hold.

    Raises:
        ConfigError: one is not.
    """
    for field, bound in least.items():
        value = _check_one(config, field, bound)
        if isinstance(value, int) and value > _LARGEST:
            raise _wrong(field, f"at most {_LARGEST}", value)


def check_seed(config: Any) -> None:
    """Check that the field ``seed`` is at least 0; it may be larger than other whole numbers.

    Raises:
        ConfigError: it is not.
    """
    _check_one(config, "seed", 0)


def check_share(config: Any, *fields: str) -> None:
    """Check that fields are shares from 0 to below 1, or None where that is a value.

    Raises:
        ConfigError: one is not.
    """
    for field in fields:
        value = _value(config, field, "from 0 to below 1")
        if value is not None and not 0 <= value < 1:
            raise _wrong(field, "from 0 to below 1", value)


def check_range(config: Any, least: float, most: float, *fields: str) -> None:
    """Check that fields lie in a range, its ends among it, or are None where that is a value.

    Raises:
        ConfigError: one does not.
    """
    for field in fields:
        value = _value(config, field, f"from {least} to {most}")
        if value is not None and not least <= value <= most:
            raise _wrong(field, f"from {least} to {most}", value)


def check_above(config: Any, *fields: str) -> None:
    """Check that fields are finite numbers above 0, or None where that is a value.

    Raises:
        ConfigError: one is not.
    """
    for field in fields:
        value = _value(config, field, "above 0")
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise _wrong(field, "above 0", value)


def _check_one(config: Any, field: str, least: float) -> Any:
    """The number of a field, or None; checked to be finite and at least so large."""
    value = _value(config, field, f"at least {least}")
    if value is not None and not (value >= least and math.isfinite(value)):
        raise _wrong(field, f"at least {least}", value)
    return value


def _value(config: Any, field: str, expected: str) -> Any:
    """The number of a field, that a float can hold, or None where that is a value."""
    value, kind = getattr(config, field), config.__class__
    if value is None and field in _open_fields(kind):
        return None
    if not isinstance(value, Real):
        raise _wrong(field, expected, value)
    try:
        float(value)
    except OverflowError as error:
        raise _wrong(field, f"{expected}, in the range of float64", value) from error
    return value


@functools.cache
def _open_fields(kind: type) -> frozenset[str]:
    """The fields of a dataclass that may be None."""
    hints = get_type_hints(kind)
    return frozenset(name for name, hint in hints.items() if type(None) in get_args(hint))


def _wrong(field: str, expected: str, value: Any) -> ConfigError:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        shown = f"a number of about {value.bit_length() * math.log10(2):.0f} digits"
    else:
        shown = f"{value}" if isinstance(value, Real) else repr(value)
    return ConfigError(f"{field} must be {expected}, not {shown}")


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
