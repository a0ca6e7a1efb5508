"""Free memory, within the limits of Linux control groups."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wordkit.errors import ResourceError
from wordkit.runtime.groups import group_folders, read_text

__all__ = ["available_memory", "physical_memory", "release_freed_memory", "require_memory"]


@dataclass(frozen=True)
class _GroupFiles:
    """Names of the files of a Linux control group with its limit and usage of memory."""

    limit: str
    used: str
    unused_cache: str
    """In memory.stat."""


_VERSIONS = {
    2: _GroupFiles("memory.max", "memory.current", "inactive_file"),
    1: _GroupFiles("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def available_memory() -> int:
    """Return the bytes of memory that a new job may take without swapping.

    The kernel's estimate where there is one, cut to what the control groups of this process
    leave; half of the physical memory elsewhere.
    """
    free = _meminfo("MemAvailable")
    if free is None:
        free = (physical_memory() or 1 << 32) // 2
    return min((free, *_left_by_groups()))


def require_memory(what: str, needed: int, remedy: str, free: int | None = None) -> None:
    """Check that a job fits into memory, before the work.

    Args:
        what: the job as the beginning of a sentence, such as "a beam of 9 needs".
        needed: the bytes that it takes.
        remedy: how it takes fewer.
        free: the bytes to take them from; None: those of :func:`available_memory`.

    Raises:
        ResourceError: they are fewer.
    """
    free = available_memory() if free is None else free
    if needed > free:
        raise ResourceError(
            f"{what} about {needed / 2**30:,.1f} GiB of memory, and {free / 2**30:,.1f} GiB are "
            f"free; {remedy}"
        )


def physical_memory() -> int | None:
    """Return the bytes of memory of the machine; None if unknown."""
    if not hasattr(os, "sysconf"):  # Windows
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def release_freed_memory() -> None:
    """Return freed memory to the system.

    glibc keeps what a thread has freed, tens of MiB, even after the thread has ended.
    """
    if sys.platform == "linux":
        import ctypes  # takes 10 ms

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
        if trim is not None:
            trim(ctypes.c_size_t(0))


def _meminfo(key: str) -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return None
    return None


def _left_by_groups() -> Iterator[int]:
    """Yield the bytes left by each control group around this process that has a limit.

    Pages of files that have not been used for a while count as free: the kernel gives them up
    before it refuses memory.
    """
    for version, folder in group_folders("memory"):
        files = _VERSIONS[version]
        limit, used = _number(folder / files.limit), _number(folder / files.used)
        if limit is not None and used is not None:
            yield max(limit - used + _statistic(folder / "memory.stat", files.unused_cache), 0)


def _statistic(path: Path, name: str) -> int:
    """Return a number out of lines of names and numbers; 0 if there is none."""
    for line in (read_text(path) or "").splitlines():
        if line.startswith(name + " "):
            return int(line.split()[1])
    return 0


def _number(path: Path) -> int | None:
    """Return the number in a file; None if there is no file, or no number in it: no limit."""
    text = read_text(path) or ""
    return int(text) if text.isdigit() else None
