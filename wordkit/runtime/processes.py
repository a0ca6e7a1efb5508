"""The environment variables that torchrun sets for each of its processes."""

from __future__ import annotations

import os

from wordkit.errors import ConfigError

__all__ = ["torchrun_number"]


def torchrun_number(name: str, default: int) -> int:
    """Return a number that torchrun sets in the environment of each of its processes.

    Args:
        name: of the variable, such as ``WORLD_SIZE``.
        default: what it is where torchrun has not begun this process.

    Raises:
        ConfigError: it is no number.
    """
    value = os.environ.get(name, str(default))
    if not value.isdecimal():
        raise ConfigError(
            f"${name} must be a whole number, as torchrun sets it, not {value!r}; unset it"
        )
    return int(value)
