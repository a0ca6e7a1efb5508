"""The declaration of a setting: its meaning, its range and when it has an effect."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeVar

from wordkit.errors import ConfigError

__all__ = ["Setting", "check_number", "setting"]

T = TypeVar("T")

_MAX_INT = 2**31 - 1  # of whole numbers without a limit: the product of two fits into 64 bits
_MAX_SHOWN_BITS = 128


@dataclass(frozen=True)
class Setting:
    """The declaration of a field; :func:`wordkit.config.settings_of` gives those of a class."""

    meaning: str
    """The command line shows its first sentence."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    only_with: Mapping[str, tuple[object, ...]] = dataclasses.field(default_factory=dict)
    """Other fields and their values with which this one has an effect; with all others, none.
    Fields that a class does not have are left out."""

    none: str = ""
    """The meaning of None."""

    group: str = ""
    """The section of the command line's help, where it is not that of the class."""

    is_main: bool = False
    """True for the few settings that the short help shows."""

    name: str = ""
    default: object = None
    type: type = object
    """``int``, ``float``, ``bool``, ``str`` or ``tuple``."""

    choices: tuple[str, ...] = ()
    """The words of a ``Literal``."""

    is_optional: bool = False
    """True if None is a value."""

    @property
    def range(self) -> str:
        """The range in words, such as "from 0 to below 1"; empty where there is none."""
        low = f"above {self.above}" if self.above is not None else ""
        low = f"at least {self.at_least}" if self.at_least is not None else low
        high = f"below {self.below}" if self.below is not None else ""
        high = f"at most {self.at_most}" if self.at_most not in (None, math.inf) else high
        if self.at_least is not None and high:
            return f"from {self.at_least} to {high.removeprefix('at most ')}"
        return " and ".join(filter(None, (low, high)))

    def check(self, value: Any) -> Any:
        """Return a value of the field as a number, word or flag of Python.

        Raises:
            ConfigError: it is of another type, or out of range.
        """
        if value is None and self.is_optional:
            return None
        if self.choices:
            if not (isinstance(value, str) and value in self.choices):
                raise self._error(f"one of {', '.join(self.choices)}", value)
        elif self.type is bool:
            if not isinstance(value, bool):
                raise self._error("True or False", value)
        elif self.type in (int, float):
            return self._number(value)
        elif self.type is tuple and isinstance(value, list):  # as JSON has it
            return tuple(value)
        elif not isinstance(value, self.type):
            raise self._error(f"a {self.type.__name__}", value)
        return value

    def _number(self, value: Any) -> int | float:
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        is_real = isinstance(value, Real) and not isinstance(value, bool)
        if not (is_whole or (self.type is float and is_real and math.isfinite(value))):
            noun = "a whole number" if self.type is int else "a finite number"
            raise self._error(f"{noun}, {self.range}" if self.range else noun, value)
        if self.type is int and self.at_most is None and value > _MAX_INT:
            raise self._error(f"at most {_MAX_INT}", value)
        if not self._is_in_range(value):
            raise self._error(self.range, value)
        if is_whole and self.type is float and abs(int(value)) > sys.float_info.max:
            raise self._error("a finite number in the range of float64", value)
        return int(value) if is_whole else float(value)

    def _is_in_range(self, value: Any) -> bool:
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def _error(self, expected: str, value: Any) -> ConfigError:
        if isinstance(value, int) and value.bit_length() > _MAX_SHOWN_BITS:
            shown = f"a number of about {value.bit_length() * math.log10(2):.0f} digits"
        else:
            shown = f"{value}" if isinstance(value, Real) else f"{value!r:.50}"
        return ConfigError(f"{self.name} must be {expected}, not {shown}")


def setting(
    default: T,
    meaning: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    only_with: Mapping[str, tuple[object, ...]] | None = None,
    none: str = "",
    group: str = "",
    main: bool = False,
) -> T:
    """Declare a field of settings by its default and the fields of :class:`Setting`.

    Whole numbers without ``at_most`` end at 2³¹ − 1.
    """
    declared = Setting(meaning, at_least, at_most, above, below, only_with or {}, none, group, main)
    field: Any = dataclasses.field(default=default, metadata={"setting": declared})
    return field  # type: ignore[no-any-return]


def check_number(
    name: str,
    value: object,
    kind: type = int,
    *,
    at_least: float | None = None,
    at_most: float | None = math.inf,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """Return a number of a kind, ``int`` or ``float``, that is in its range.

    Whole numbers begin at 1 where nothing else is said.

    Raises:
        ConfigError: it is of another type, or out of range.
    """
    if kind is int and at_least is None:
        at_least = 1
    return Setting("", at_least, at_most, above, below, name=name, type=kind).check(value)
