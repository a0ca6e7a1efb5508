"""Worker processes that read documentation, one per core.

They are started as plain child processes rather than by :mod:`multiprocessing`, which would ask
every program that uses this library for an ``if __name__ == "__main__"`` guard.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from wordkit.errors import ResourceError
from wordkit_corpora.pydocs_worker import read_documentation

__all__ = ["Paragraphs", "read_batches"]

Paragraphs = list[str] | None
"""The paragraphs of one file; None where it is not readable Python."""

# -I -S: nothing of the user's environment or working folder is imported
_PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from wordkit_corpora.pydocs_worker import main; main()"
)


def read_batches(
    batches: Sequence[Sequence[str]], processes: int
) -> Generator[list[Paragraphs], None, None]:
    """The paragraphs of each file of each batch, in order, whatever the number of processes.

    Args:
        batches: paths of Python files.
        processes: how many processes read them, at most; 1 reads in this one.

    Raises:
        ResourceError: a process cannot be started, or ended early.
        OSError: a file cannot be read (with one process).
    """
    if processes == 1 or not sys.executable:
        yield from map(read_documentation, batches)
        return
    with contextlib.ExitStack() as cleanup:
        count = min(processes, max(len(batches), 1))
        workers = [cleanup.enter_context(_worker()) for _ in range(count)]
        pool = ThreadPoolExecutor(count, thread_name_prefix="wordkit-pydocs")
        cleanup.callback(pool.shutdown, cancel_futures=True)
        free: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        for worker in workers:
            cleanup.callback(worker.kill)  # first of all, so that no thread waits for an answer
            free.put(worker)

        def read(batch: Sequence[str]) -> list[Paragraphs]:
            worker = free.get()
            try:
                return _ask(worker, batch)
            finally:
                free.put(worker)

        yield from pool.map(read, batches)


@contextlib.contextmanager
def _worker() -> Iterator[subprocess.Popen[str]]:
    """A worker process, which has ended when the block ends."""
    root = Path(__file__).resolve().parents[1]
    try:
        worker = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="ascii",
            start_new_session=True,  # Ctrl-C is for this process, which then ends them
        )
    except OSError as error:
        raise ResourceError(
            f"cannot start a process to read documentation: {error.strerror or error}; "
            "try again with one thread"
        ) from error
    try:
        yield worker
    finally:
        worker.kill()
        with contextlib.suppress(BrokenPipeError):  # a request that it did not take
            worker.__exit__(None, None, None)
        worker.wait()


def _ask(worker: subprocess.Popen[str], batch: Sequence[str]) -> list[Paragraphs]:
    """Let a worker read a batch."""
    if worker.stdin is None or worker.stdout is None or worker.stderr is None:
        raise RuntimeError("the worker was started without pipes")
    answer = ""
    with contextlib.suppress(BrokenPipeError):  # it has ended: no answer comes
        worker.stdin.write(json.dumps(batch) + "\n")
        worker.stdin.flush()
        answer = worker.stdout.readline()
    if not answer.endswith("\n"):
        said = worker.stderr.read().strip().rpartition("\n")[2]
        raise ResourceError(
            f"a process that read documentation ended early (status {worker.wait()}): "
            f"{said or 'it was killed'}; try again with one thread"
        )
    found: list[Paragraphs] = json.loads(answer)
    return found
