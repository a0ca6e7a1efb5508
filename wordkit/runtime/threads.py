"""The number of threads to use."""

from __future__ import annotations

import os

from wordkit.errors import ConfigError

__all__ = ["thread_count"]


def thread_count(threads: int | None = None) -> int:
    """The number of threads to use: ``threads``, or the cores this process may run on.

    Raises:
        ConfigError: ``threads`` is less than 1.
    """
    if threads is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if threads < 1:
        raise ConfigError(f"threads must be at least 1, not {threads}")
    return threads
