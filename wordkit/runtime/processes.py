"""What torchrun tells each of the processes that it starts."""

from __future__ import annotations

import os

from wordkit.errors import ConfigError

__all__ = ["torchrun_number"]


def torchrun_number(name: str, default: int) -> int:
    """A number that torchrun tells each of its processes by the environment.

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
