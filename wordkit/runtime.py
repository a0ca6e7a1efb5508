"""What a long job needs from the machine: threads, memory, a device, and a way to report progress.

A long job is a :class:`Run`: iterate over it to see its :class:`Report` s and stop when you like,
or call :meth:`Run.result` for its value.
"""

from __future__ import annotations

import contextlib
import glob
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from wordkit.errors import ConfigError, ResourceError

__all__ = [
    "DEVICES",
    "Report",
    "Run",
    "available_memory",
    "choose_device",
    "found_devices",
    "physical_memory",
    "thread_count",
    "torchrun_number",
    "when_compiling",
]

T = TypeVar("T")

DEVICES = ("auto", "cpu", "cuda", "mps")
"""The names that :func:`choose_device` knows."""

# One of these is there wherever Linux has a device that torch calls CUDA: the drivers of NVIDIA,
# of its boards with their own memory bus, of the Windows that Linux may run in, and of AMD.
_LINUX_DRIVERS = ("/dev/nvidia*", "/dev/nvhost*", "/dev/nvmap", "/dev/dxg", "/dev/kfd")


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


@dataclass(frozen=True)
class Report:
    """How far a long job has come."""

    stage: str
    """What is being done, in one or two words: "reading", "counting"."""

    done: int
    """Units done in this stage so far."""

    total: int | None = None
    """Units in this stage, None where that is not known beforehand."""

    unit: str = ""
    """What a unit is: "bytes", "tokens", "rows"; empty for plain steps."""

    figures: Mapping[str, float] = field(default_factory=dict)
    """Figures worth showing beside the progress, by name."""


class Run(Generic[T]):
    """A long job: an iterator of reports that ends with a value.

    ::

        for report in run:          # the job goes on from report to report
            print(report.done)
        value = run.result()        # or just this, to let it run silently
    """

    def __init__(self, steps: Generator[Report, None, T]) -> None:
        self._steps = steps
        self._is_over = False
        self._value: list[T] = []  # empty until the job has ended well

    def __iter__(self) -> Iterator[Report]:
        return self

    def __next__(self) -> Report:
        try:
            return next(self._steps)
        except StopIteration as end:
            if not self._value and not self._is_over:
                self._value.append(end.value)
            self._is_over = True
            raise StopIteration from None
        except BaseException:
            self._is_over = True
            raise

    def result(self) -> T:
        """The value of the job; whatever is left of it runs first."""
        for _ in self:
            pass
        if not self._value:
            raise RuntimeError("this run was closed or failed before it had a value")
        return self._value[0]

    def close(self) -> None:
        """Stop the job and clean up after it."""
        self._is_over = True
        self._steps.close()


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


def choose_device(name: str = "auto") -> str:
    """The device to compute on, as torch names it: ``cpu``, ``cuda`` or ``mps``.

    Args:
        name: one of these, or ``auto``: CUDA or MPS where the machine has it, else the CPU.

    Raises:
        ConfigError: there is no device of this name.
        ResourceError: the machine has no such device, or this torch cannot use it.
    """
    if name not in DEVICES:
        raise ConfigError(f"device must be one of {', '.join(DEVICES)}, not {name!r}")
    if name == "cpu" or (name == "auto" and not _may_have_accelerator()):
        return "cpu"
    import torch  # takes seconds to load

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next((device for device, is_there in there.items() if is_there), "cpu")
    if not there[name]:
        raise ResourceError(
            f"device {name} was asked for, and torch {torch.__version__} finds none on this "
            "machine; choose auto or cpu, or install a driver and a torch that fit the device"
        )
    return name


def found_devices() -> dict[str, str]:
    """The devices that torch can compute on here, each with what it is called."""
    import torch  # takes seconds to load

    devices = {"cpu": f"{thread_count()} cores"}
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        devices["cuda"] = ", ".join(names)
    if torch.backends.mps.is_available():
        devices["mps"] = "the graphics of this Mac"
    return devices


def _may_have_accelerator() -> bool:
    """Whether it is worth loading torch to ask: False only where there is nothing to find."""
    return sys.platform != "linux" or any(glob.glob(pattern) for pattern in _LINUX_DRIVERS)


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


@contextlib.contextmanager
def when_compiling(announce: Callable[[], None]) -> Iterator[None]:
    """Call ``announce`` once if Numba compiles something while the block runs.

    Compiled kernels are kept on the disk, so only the first run after an installation waits.
    """
    from numba.core import event

    class _Announcer(event.Listener):
        announced = False

        def on_start(self, event: object) -> None:
            if not self.announced:
                self.announced = True
                announce()

        def on_end(self, event: object) -> None:
            pass

    with event.install_listener("numba:compile", _Announcer()):
        yield
