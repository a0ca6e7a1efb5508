"""A process that has loaded all that the command line can need, and forks for each call of it.

A call of the command line spends most of its time on imports, torch's above all. A fork of this
process has them done; whatever else a new process has, it has too: its own working folder,
environment, standard streams, signals and exit status. What a fork cannot show, namely how a
process starts, what it imports, and how the interpreter is taken down, is shown by new ones.

Run as ``python warm_server.py FD`` by :class:`command_line.CommandLine`. Messages that come through
the socket FD are calls, as JSON, each with its standard streams and a socket that is told first the
number of the process, then its status. The first message back says what the environment has become.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import traceback
from typing import Any, NoReturn

PACKAGES = ("wordkit", "wordkit_cli", "wordkit_corpora")
LATE = ("torch._dynamo", "scipy.sparse", "safetensors.numpy", "threadpoolctl")
"""What is imported where it is used: the first by every optimizer of torch."""

QUICK = ("--dim", "2", "--min-count", "1", "--threads", "1", "--quiet")
WARMING = (
    ("prepare", "text.txt", "--threads", "1", "--quiet"),
    ("train-counts", "corpus.ids", *QUICK),
    ("train-w2v", "text.txt", "--arch", "cbow", "--epochs", "1", *QUICK),
    ("train-w2v", "text.txt", "--arch", "skipgram", "--epochs", "1", *QUICK),
)
"""Calls that load compiled kernels from the disk. Nothing of torch: its threads outlive no fork."""
LARGEST = 1 << 20  # bytes in a message


def main() -> None:
    """Answer calls until nobody is left to make one."""
    # Ctrl-C at the terminal is for the tests and the calls; this process ends as its socket does
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    server = socket.socket(fileno=int(sys.argv[1]))
    load()
    server.send(json.dumps(dict(os.environ)).encode())
    bell, ringer = socket.socketpair()  # rings when a call has ended
    for end in (bell, ringer):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ringer.fileno())
    calls: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([server, bell], [], [])
        if bell in ready:
            bell.recv(LARGEST)
            tell_ended(calls)
        if server in ready:
            message, files, _, _ = socket.recv_fds(server, LARGEST, 4)
            if not message:
                return
            *streams, teller = files
            process = os.fork()
            if process == 0:
                for end in (server, bell, ringer, *calls.values()):
                    end.close()
                os.close(teller)
                call(json.loads(message), streams)
            for stream in streams:
                os.close(stream)
            calls[process] = socket.socket(fileno=teller)
            tell(calls[process], process)


def load() -> None:
    """Import all that wordkit uses, and load the compiled kernels that most calls need."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith(".__main__"):
                importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    from wordkit_cli.commands import cli

    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        with open("text.txt", "w") as file:
            file.write("the cat sees the dog .\n" * 30)
        for arguments in WARMING:
            cli.main(arguments, standalone_mode=False)
        os.chdir(before)
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()  # pages that no collection touches need not be copied


def tell_ended(calls: dict[int, socket.socket]) -> None:
    """Tell the status of the calls that have ended, and forget them."""
    for process in list(calls):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            with calls.pop(process) as listener:
                tell(listener, os.waitstatus_to_exitcode(status))


def tell(listener: socket.socket, number: int) -> None:
    """Send a number to a test, which may be gone."""
    with contextlib.suppress(OSError):
        listener.send(b"%d" % number)


def call(request: dict[str, Any], streams: list[int]) -> NoReturn:
    """Be a new process that was started as ``python -m wordkit_cli ARGUMENTS``."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # as the environment says
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = opened(0, "rb", sys.stdin)
    sys.stdout = sys.__stdout__ = opened(1, "wb", sys.stdout)
    sys.stderr = sys.__stderr__ = opened(2, "wb", sys.stderr)
    sys.path[0] = request["folder"]
    sys.argv[1:] = request["arguments"]
    status = 0
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        runpy.run_module("wordkit_cli", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        assert end.code is None or isinstance(end.code, int)
        status = end.code or 0
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        status = 1
    # as the interpreter ends, but for the taking down of every module, which takes its time
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for output in (sys.stdout, sys.stderr):
        output.flush()
    os._exit(status)


def opened(number: int, mode: str, like: Any) -> io.TextIOWrapper:
    """A standard stream, as Python opens it when it starts."""
    buffer: Any = os.fdopen(number, mode, closefd=False)
    buffer.raw.name = like.name
    at_once = number == 2 or os.isatty(number)
    return io.TextIOWrapper(buffer, like.encoding, like.errors, "\n", line_buffering=at_once)


if __name__ == "__main__":
    main()
