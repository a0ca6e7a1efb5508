"""How the kernels are given their work: a block of int64, and threads that take rows from it.

A kernel is a C function of one address, that of a block: a counter of the tasks that were taken,
how many there are, and then what the kernel needs (sizes, and addresses of arrays). All threads
call it with the same block; it returns when there are no more tasks. The threads are those of
torch's OpenMP, which are awake when the products before and after have run on them: threads of
our own would have to share the cores with them, while they wait for more to do.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba.extending
import torch
from numba import cfunc as numba_cfunc
from numba import types

from wordkit.kernels.jit import njit
from wordkit.kernels.lanes import INT64, int64

__all__ = ["FIELDS", "kernel", "over_tracks", "read", "run", "share", "take"]

# It supplies the first argument of the functions it decorates, which its type does not say.
intrinsic: Any = numba.extending.intrinsic

FIELDS = 32
"""Numbers in a block."""

_Block = ctypes.c_int64 * FIELDS

kernel = numba_cfunc(types.void(types.voidptr), cache=True)
"""Makes a kernel of a function of the block's address."""


@intrinsic
def take(typing_context: Any, block: Any) -> Any:
    """The number of the next task; each is given once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.bitcast(arguments[0], INT64.as_pointer())
        return builder.atomic_rmw("add", place, int64(1), "monotonic")

    return types.int64(types.voidptr), generate


@intrinsic
def read(typing_context: Any, block: Any) -> Any:
    """The numbers of a block, as a tuple."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.bitcast(arguments[0], INT64.as_pointer())
        numbers = [builder.load(builder.gep(place, [int64(i)])) for i in range(FIELDS)]
        return context.make_tuple(builder, signature.return_type, numbers)

    numbers: Any = types.UniTuple(types.int64, FIELDS)  # type: ignore[no-untyped-call]
    return numbers(types.voidptr), generate


@njit(nogil=True, cache=True)
def share(task: int, tasks: int, rows: int) -> tuple[int, int]:
    """Of all rows: the first of a task, and the first that is no more of it."""
    return rows * task // tasks, rows * (task + 1) // tasks


@njit(nogil=True, inline="always")
def over_tracks(block: int, work: Callable[[int, int, tuple[int, ...]], None]) -> None:
    """Do the work on all tracks of a window, whose number is the fourth in the block.

    Args:
        block: the address of the block. A task is a range of tracks.
        work: takes the first track, the first that is no more of the task, and all numbers.
    """
    numbers = read(block)
    while True:
        task = take(block)
        if task >= numbers[1]:
            return
        first, last = share(task, numbers[1], numbers[3])
        work(first, last, numbers)


def run(kernel: Any, tasks: int, numbers: Sequence[int], *, alone: bool = False) -> None:
    """Call a kernel on as many threads as torch uses, and wait for them.

    Args:
        kernel: made by :data:`kernel`.
        tasks: how many it will find.
        numbers: what follows in the block.
        alone: whether this thread does all of them.
    """
    block = _Block(0, tasks, *numbers)
    threads = 1 if alone else min(tasks, torch.get_num_threads())
    if threads < 2:
        kernel.ctypes(ctypes.addressof(block))
        return
    team = _team()
    if team is not None:
        team(kernel.address, ctypes.addressof(block), threads, 0)
        return
    calls = [_pool().submit(kernel.ctypes, ctypes.addressof(block)) for _ in range(threads - 1)]
    kernel.ctypes(ctypes.addressof(block))
    for call in calls:
        call.result()


@functools.cache
def _team() -> Callable[[int, int, int, int], None] | None:
    """The function of torch's OpenMP that calls another on a team of threads; None: not found."""
    folder = Path(torch.__file__).parent / "lib"
    for name in ("libtorch_cpu.so", "libtorch_cpu.dylib"):
        try:
            function = ctypes.CDLL(str(folder / name)).GOMP_parallel
        except (OSError, AttributeError):
            continue
        function.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
        function.restype = None
        return function
    return None


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="recurrence")
