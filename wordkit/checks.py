"""Checks of settings: each names the field and the value that it cannot have."""

from __future__ import annotations

import math
from typing import Any

from wordkit.errors import ConfigError

__all__ = ["check_above", "check_choice", "check_least", "check_range", "check_share"]

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
    """Check that fields are finite numbers of at least this size, or None.

    Whole numbers other than seeds are also checked to be no larger than 32 bits can hold.

    Raises:
        ConfigError: one is not.
    """
    for field, bound in least.items():
        value = getattr(config, field)
        if value is not None and not (value >= bound and math.isfinite(value)):
            raise ConfigError(f"{field} must be at least {bound}, not {value}")
        if isinstance(value, int) and value > _LARGEST and field != "seed":
            raise ConfigError(f"{field} must be at most {_LARGEST}, not {value}")


def check_share(config: Any, *fields: str) -> None:
    """Check that fields are shares from 0 to below 1, or None.

    Raises:
        ConfigError: one is not.
    """
    for field in fields:
        value = getattr(config, field)
        if value is not None and not 0 <= value < 1:
            raise ConfigError(f"{field} must be from 0 to below 1, not {value}")


def check_range(config: Any, least: float, most: float, *fields: str) -> None:
    """Check that fields lie in a range, its ends among it.

    Raises:
        ConfigError: one does not.
    """
    for field in fields:
        if not least <= getattr(config, field) <= most:
            raise ConfigError(
                f"{field} must be from {least} to {most}, not {getattr(config, field)}"
            )


def check_above(config: Any, *fields: str) -> None:
    """Check that fields are finite numbers above 0, or None.

    Raises:
        ConfigError: one is not.
    """
    for field in fields:
        value = getattr(config, field)
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise ConfigError(f"{field} must be above 0, not {value}")
