"""A process that runs calls of ``wordkit``, one after the other: quicker than one for each.

For tests of many calls that all end by themselves. Lines of JSON come as standard input and go to
standard output, one for each call. Only memory is shared by the calls: each has the streams, the
working folder and the handlers of signals that a new process would have.
"""

from __future__ import annotations

import gc
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["ManyCalls"]

_MEMORY = 8 << 30  # bytes of address space, of which modules and threads take some


class ManyCalls:
    """The process, seen from the tests."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, arguments: Sequence[str], stdin: str = "", *, largest: int | None = None
    ) -> tuple[int, str]:
        """The exit status of a call in the working folder, and what it said on standard error.

        Args:
            arguments: of the command line.
            stdin: standard input.
            largest: the most bytes that a file it writes may have, as on a full disk.
        """
        if self._process is None:
            self._process = _started()
        request = {"arguments": [*arguments], "stdin": stdin, "largest": largest}
        request |= {"folder": os.getcwd(), "environment": dict(os.environ)}
        assert self._process.stdin is not None and self._process.stdout is not None
        patience = threading.Timer(25, self._process.kill)
        patience.start()
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        patience.cancel()
        if not answer:  # it has crashed, or not ended
            status, self._process = self._process.wait(), None
            return status, ""
        status, error = json.loads(answer)
        return status, error

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()


def _started() -> subprocess.Popen[str]:
    """A new process. Temporary files of its own do not go to the folder for those of a call."""
    environment = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
    command = [sys.executable, __file__]
    return subprocess.Popen(
        command, stdin=-1, stdout=-1, text=True, encoding="utf-8", env=environment
    )


def _answer() -> None:
    """Run a call for each line of standard input."""
    import torch.distributed.nn  # noqa: F401 - torch 2.5 keeps a temporary folder from here on

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for line in sys.stdin:
        answers.write(json.dumps(_call(json.loads(line))) + "\n")
        answers.flush()


def _call(request: dict[str, Any]) -> tuple[int, str]:
    from wordkit_cli.main import main

    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # as the environment says
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    streams = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO(request["stdin"].encode()), encoding="utf-8")
    sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), said
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest"] or hard, hard))
    try:
        main(request["arguments"])
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - the tests are to see it
        import traceback

        traceback.print_exc()
        status = 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        sys.stdin, sys.stdout, sys.stderr = streams
    if os.listdir(tempfile.gettempdir()):  # objects that have gone by now if a process ends
        gc.collect()
    said.flush()
    return status, said.buffer.getvalue().decode()  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in (".", "cli", "corpora")]
    _answer()
