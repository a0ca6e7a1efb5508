"""The machine: progress reports, devices, threads, processes, memory, signals."""

from wordkit.runtime.devices import DEVICES, choose_device, found_devices, is_bf16_fast
from wordkit.runtime.memory import available_memory, physical_memory, require_memory
from wordkit.runtime.packages import versions
from wordkit.runtime.processes import torchrun_number
from wordkit.runtime.progress import Report, Run, StoppableRun, as_run, when_compiling
from wordkit.runtime.signals import uninterrupted
from wordkit.runtime.threads import (
    ThreadPool,
    balanced_ranges,
    even_ranges,
    ordered_map,
    thread_count,
)

__all__ = [
    "DEVICES",
    "Report",
    "Run",
    "StoppableRun",
    "ThreadPool",
    "as_run",
    "available_memory",
    "balanced_ranges",
    "choose_device",
    "even_ranges",
    "found_devices",
    "is_bf16_fast",
    "ordered_map",
    "physical_memory",
    "require_memory",
    "thread_count",
    "torchrun_number",
    "uninterrupted",
    "versions",
    "when_compiling",
]
