"""Calls of the command line: in this process, which is quick, or in a process of its own."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from wordkit_cli.main import main

MAX_ADDRESS_SPACE = 16 << 30  # bytes; what claims to be larger than memory has to be refused


@dataclass(frozen=True)
class Result:
    """How a call has ended."""

    status: int
    stdout: str
    stderr: str


Wordkit = Callable[..., Result]
"""The type of the fixture that runs ``wordkit ARGUMENTS`` to its end."""

Process = subprocess.Popen[bytes]


class Stop(contextlib.AbstractContextManager[None]):
    """Sends this process a signal as soon as a condition holds, while the block runs."""

    def __init__(self, number: int, condition: Callable[[], object]) -> None:
        self._number, self._condition = number, condition
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._condition():
            if self._ended.wait(0.002):
                return
        os.kill(os.getpid(), self._number)


def call(
    *arguments: str | Path,
    stdin: str | bytes = b"",
    max_file_bytes: int | None = None,
    stop: Stop | None = None,
) -> Result:
    """Run ``wordkit ARGUMENTS`` in this process, and check that it leaves no trace there.

    The call has standard streams, warning filters and signal handlers of its own, as a new process
    would; ``test_new_processes`` checks that each command does the same in one. An exception that
    the command line does not turn into a message is raised here.

    Args:
        arguments: of the command line.
        stdin: standard input.
        max_file_bytes: the size at which a file cannot grow any more, as on a full disk.
        stop: sends a signal while the call runs.
    """
    data = stdin.encode() if isinstance(stdin, str) else stdin
    given = io.TextIOWrapper(io.BytesIO(data), "utf-8")
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
    streams = sys.stdin, sys.stdout, sys.stderr
    before, status = _global_state(), 0
    tempfile.tempdir = None  # as $TMPDIR says
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(default_signals())
        stack.enter_context(_limit(resource.RLIMIT_AS, MAX_ADDRESS_SPACE))
        stack.enter_context(_limit(resource.RLIMIT_FSIZE, max_file_bytes))
        stack.enter_context(stop or contextlib.nullcontext())
        sys.stdin, sys.stdout, sys.stderr = given, out, err
        try:
            main([*map(str, arguments)])
        except SystemExit as end:
            assert end.code is None or isinstance(end.code, int)
            status = end.code or 0
        finally:
            sys.stdin, sys.stdout, sys.stderr = streams
            if "TMPDIR" in os.environ and os.listdir(os.environ["TMPDIR"]):
                gc.collect()  # finalizers that remove folders; a process runs them as it ends
            tempfile.tempdir = None
    after = _global_state()
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    assert not changed, changed
    for stream in (out, err):
        stream.flush()
    said, told = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
    return Result(status, said, told)


def _global_state() -> dict[str, object]:
    """What a call may not change for the rest of the process."""
    return {
        "folder": os.getcwd(),
        "NumPy errors": np.geterr(),
        "torch dtype": torch.get_default_dtype(),
        "torch gradients": torch.is_grad_enabled(),
        "torch threads": torch.get_num_threads(),
    }


@contextlib.contextmanager
def default_signals() -> Iterator[None]:
    """Handlers as in a new process, for as long as the block runs."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        ctrl_c = number == signal.SIGINT
        signal.signal(number, signal.default_int_handler if ctrl_c else signal.SIG_DFL)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _limit(kind: int, most: int | None) -> Iterator[None]:
    """A limit of this process, for as long as the block runs."""
    soft, hard = resource.getrlimit(kind)
    if most is None or sys.platform != "linux":
        yield
        return
    resource.setrlimit(kind, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


def start(
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
    module: str = "wordkit_cli",
) -> Process:
    """Start ``wordkit ARGUMENTS`` in a new process, with pipes for all three streams.

    Args:
        arguments: of the command line.
        environment: variables that differ from those of the tests.
        module: another that takes the arguments.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )


def call_in_new_process(
    *arguments: str | Path, stdin: str | bytes = b"", environment: Mapping[str, str] | None = None
) -> Result:
    """Run ``wordkit ARGUMENTS`` in a new process to its end."""
    with start(*arguments, environment=environment) as process:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        out, err = process.communicate(data, timeout=300)
    return Result(process.returncode, out.decode(), err.decode())


def wait_until(condition: Callable[[], object], process: Process) -> None:
    """Wait until a process has done something; fails where it ends without, or takes for ever."""
    deadline = time.monotonic() + 300
    while not condition():
        if process.poll() is not None and not condition():
            raise AssertionError(f"ended with {process.returncode}: {process.communicate()}")
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError("it takes too long")
        time.sleep(0.002)


def log_of(folder: Path) -> list[dict[str, object]]:
    """The whole lines that ``--log log`` has written in a folder so far."""
    path = folder / "log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def free_port() -> int:
    """A port of this machine that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
