"""The real command line in a process of its own: a new one, or one that has its imports done."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

from warm_server import LARGEST

Wordkit = Callable[..., "subprocess.CompletedProcess[str]"]
"""The type of the fixture that runs ``wordkit ARGUMENTS`` to its end."""

_SERVER = Path(__file__).with_name("warm_server.py")

# Read whenever they are used. Others, as those of Python, Numba and OpenMP, are read once, as a
# process starts, so that a call in which a test has changed one of them has to be a new process.
_READ_WHEN_USED = {
    "PYTEST_CURRENT_TEST",
    "TMPDIR",
    "WORDKIT_COUNTS",
    "WORDKIT_DATA",
    "WORDKIT_LM",
    "WORDKIT_VECTORS",
    "WORDKIT_WORDNET",
    "XDG_CACHE_HOME",
}


class CommandLine:
    """Starts calls of the command line.

    On Linux a call is a fork of one process that has loaded all modules (see ``warm_server``), if
    it does not ask for a new one; elsewhere it is always a new process: Windows has no forks, and
    what macOS loads does not bear them.
    """

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._server: _Server | None = None

    def start(
        self,
        *arguments: str | Path,
        anew: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        """Start ``wordkit ARGUMENTS`` in the working folder, with pipes for all three streams.

        Args:
            arguments: of the command line.
            anew: in a new process, whose start and imports are part of what is tested.
            environment: variables that differ from those of the tests.
        """
        variables = {**os.environ, **(environment or {})}
        if not anew and sys.platform == "linux":
            self._server = self._server or _Server(self._environment)
            if self._server.has_read(variables):
                return ForkedProcess(self._server.socket, [*map(str, arguments)], variables)
        return subprocess.Popen(
            [sys.executable, "-m", "wordkit_cli", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables,
        )

    def close(self) -> None:
        """End what serves the calls."""
        if self._server is not None:
            self._server.close()


class _Server:
    """The process that is forked."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._at_first = environment
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(_SERVER), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=environment,
            )
        self._now: dict[str, str] = json.loads(self.socket.recv(LARGEST))

    def has_read(self, variables: Mapping[str, str]) -> bool:
        """Whether these are the variables that it has started with, or that imports have set."""
        return all(
            variables.get(name) in (self._at_first.get(name), self._now.get(name))
            for name in variables.keys() | self._at_first.keys()
            if name not in _READ_WHEN_USED
        )

    def close(self) -> None:
        """End it, and wait for its end."""
        self.socket.close()
        self._process.wait(timeout=60)


class ForkedProcess:
    """A call of the command line, with as much of ``subprocess.Popen`` as the tests use."""

    def __init__(
        self, server: socket.socket, arguments: list[str], variables: dict[str, str]
    ) -> None:
        request = {"arguments": arguments, "environment": variables, "folder": os.getcwd()}
        self.args = ["wordkit", *arguments]
        self.returncode: int | None = None
        self._listener, teller = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr) = (
            os.pipe() for _ in range(3)
        )
        theirs = [stdin, stdout, stderr, teller.fileno()]
        socket.send_fds(server, [json.dumps(request).encode()], theirs)
        teller.close()
        for file in theirs[:3]:
            os.close(file)
        self.stdin: IO[bytes] = os.fdopen(to_stdin, "wb")
        self.stdout: IO[bytes] = os.fdopen(from_stdout, "rb")
        self.stderr: IO[bytes] = os.fdopen(from_stderr, "rb")
        self.pid = self._hear()

    def _hear(self) -> int:
        number = self._listener.recv(99)
        assert number, "the process that is forked for each call has ended"
        return int(number)

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(timeout=0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status."""
        if self.returncode is None:
            self._listener.settimeout(timeout)
            try:
                self.returncode = self._hear()
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self._listener.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if the process still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended just now
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End the process as nothing can be prevented."""
        self.send_signal(signal.SIGKILL)

    def communicate(
        self, data: bytes | None = None, timeout: float | None = None
    ) -> tuple[bytes, bytes]:
        """Give the process its input, wait for its end, and return what it has written."""
        began, said = time.monotonic(), {self.stdout: b"", self.stderr: b""}

        def give() -> None:
            with contextlib.suppress(BrokenPipeError), self.stdin:
                self.stdin.write(data or b"")

        def take(stream: IO[bytes]) -> None:
            with stream:
                said[stream] = stream.read()

        threads = [threading.Thread(target=give, daemon=True)]
        threads += [threading.Thread(target=take, args=[s], daemon=True) for s in said]
        for thread in threads:
            thread.start()
        self.wait(timeout)
        for thread in threads:
            thread.join(None if timeout is None else began + timeout - time.monotonic())
        return said[self.stdout], said[self.stderr]

    def __enter__(self) -> ForkedProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            stream.close()
        self.wait()


Process = subprocess.Popen[bytes] | ForkedProcess
"""A call of the command line that has been started."""


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
