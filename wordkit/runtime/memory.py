"""Memory that is free here, control groups of Linux included."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["available_memory", "physical_memory", "release_freed_memory"]


@dataclass(frozen=True)
class _GroupFiles:
    """Where a control group of Linux says what memory it may take, takes, and could give back."""

    limit: str
    used: str
    unused_cache: str
    """In memory.stat."""


_GROUPS_OF_PROCESS = Path("/proc/self/cgroup")
_FILES_OF_GROUPS = Path("/sys/fs/cgroup")
# By the controllers that the process's list names: none for version 2, memory for version 1.
_ROOTS_OF_GROUPS = {"": ("", "unified"), "memory": ("memory",)}
_VERSIONS = {
    "": _GroupFiles("memory.max", "memory.current", "inactive_file"),
    "memory": _GroupFiles("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def available_memory() -> int:
    """Bytes of memory that a new job may take without swapping.

    The kernel's estimate where there is one, cut to what the control groups of this process
    leave; half of the physical memory elsewhere.
    """
    free = _meminfo("MemAvailable")
    if free is None:
        free = (physical_memory() or 1 << 32) // 2
    return min((free, *_left_by_groups()))


def physical_memory() -> int | None:
    """Bytes of memory of the machine; None where the system does not tell."""
    if not hasattr(os, "sysconf"):  # Windows
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def release_freed_memory() -> None:
    """Let the system have the memory that was freed.

    glibc keeps what a thread has freed, tens of MiB, also when the thread has ended: it would come
    on top of what the next step may take.
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
    """What each control group with a limit that this process lives in, near or far, leaves of it.

    Pages of files that have not been used for a while count as free: the kernel gives them up
    before it refuses memory.
    """
    for folder, files in _groups():
        limit, used = _number(folder / files.limit), _number(folder / files.used)
        if limit is not None and used is not None:
            yield max(limit - used + _statistic(folder / "memory.stat", files.unused_cache), 0)


def _groups() -> Iterator[tuple[Path, _GroupFiles]]:
    """The folders of this process's control groups that bound memory, up to the outermost.

    Those that are not to be seen from here, as from within a container, have no files.
    """
    try:
        lines = _GROUPS_OF_PROCESS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        inside = Path(path.lstrip("/"))
        for root in _ROOTS_OF_GROUPS.get(controllers, ()):
            for group in (inside, *inside.parents) if ".." not in inside.parts else (Path(),):
                yield _FILES_OF_GROUPS / root / group, _VERSIONS[controllers]


def _statistic(path: Path, name: str) -> int:
    """A figure out of lines of names and figures; 0 where there is none."""
    try:
        with open(path, encoding="ascii") as file:
            for line in file:
                if line.startswith(name + " "):
                    return int(line.split()[1])
    except OSError:
        return 0
    return 0


def _number(path: Path) -> int | None:
    """The number that a file holds; None where there is no file, or no number in it: no limit."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
