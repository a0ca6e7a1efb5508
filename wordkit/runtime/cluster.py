"""Work on a Dask cluster: checks of its workers, tasks, and plain errors."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from wordkit import __version__
from wordkit.errors import (
    ConfigError,
    LostProcessError,
    ResourceError,
    StorageError,
    WordkitError,
    WordkitWarning,
)
from wordkit.runtime.memory import available_memory

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Cluster"]

_NO_WORKER_SECONDS = 30  # until a worker must have joined, or one that has ended a successor
_LOOK_SECONDS = 1
_PACKAGES = ("numpy", "numba", "regex", "distributed")
_KEPT = "start the same again, which reuses the parts that are finished"


class Cluster:
    """The workers of a Dask scheduler, which all run this wordkit and see one folder.

    Args:
        client: open, and not asynchronous.
        folder: exists; the workers read and write files in it.
        packages: further ones of which they need the same versions.

    Raises:
        ConfigError: this is no such client, or a worker has other versions, or cannot import
            wordkit.
        ResourceError: there is no worker.
        StorageError: a worker cannot see the folder.

    A worker that joins later is checked by its first task, which raises the same.
    """

    def __init__(
        self, client: Client, folder: str | os.PathLike[str], packages: Sequence[str] = ()
    ) -> None:
        is_open = getattr(client, "status", None) == "running"
        if not is_open or getattr(client, "asynchronous", False):
            raise ConfigError(
                "client must be a distributed.Client that is open and not asynchronous, not "
                f"{client!r}; connect with distributed.Client(address)"
            )
        self.client, self.folder = client, os.path.abspath(folder)
        self._needs = _Needs.here(self.folder, (*_PACKAGES, *packages))
        self.address = str(getattr(client.scheduler, "address", "the scheduler"))
        self.slots, self.memory = self._check_workers()
        """Tasks that run at a time; bytes of memory for each: half of what is free on its machine,
        divided among the tasks there, the least of all machines."""
        self._run = f"{os.getpid():x}-{time.time_ns():x}"
        self._count = 0

    def submit(self, name: str, function: Callable[..., Any], *arguments: Any) -> Future:
        """Begin a task.

        Args:
            name: of its kind, as the dashboard shows it.
            function: of a module, which every worker can import.
            arguments: its arguments; futures and lists of them are given as their values.

        Raises:
            LostProcessError: the scheduler is gone.
        """
        self._count += 1
        key = f"{name.replace(' ', '_')}-{self._run}-{self._count}"
        with self._plain_errors():
            return self.client.submit(
                _on_worker, self._needs, function, *arguments, key=key, pure=False
            )

    def tree(
        self, name: str, merge: Callable[..., Any], futures: Sequence[Future], fan_in: int,
        *arguments: Any, roots: int = 1,
    ) -> tuple[list[Future], list[Future]]:  # fmt: skip
        """Begin a tree of tasks that merge values in their order; return them all, and its roots.

        Args:
            name: as for :meth:`submit`.
            merge: given a list of at most ``fan_in`` values, and the arguments.
            futures: one or several.
            fan_in: at least 2.
            arguments: further ones of ``merge``.
            roots: the values that may be left.
        """
        begun: list[Future] = []
        level = list(futures)
        while len(level) > roots:
            width = min(fan_in, -(-len(level) // roots))  # no fewer merges than roots at last
            groups = [level[i : i + width] for i in range(0, len(level), width)]
            level = [self.submit(name, merge, group, *arguments) for group in groups]
            begun += level
        return begun, level

    def results(self, futures: Sequence[Future]) -> Generator[Any, None, None]:
        """Yield the values of tasks as they end.

        Raises:
            WordkitError: a task has failed.
            LostProcessError: the scheduler or all workers are gone, or a task has ended several
                workers.
        """
        done: SimpleQueue[Future] = SimpleQueue()
        for future in futures:
            future.add_done_callback(done.put)
        left = len(futures)
        lost_since: float | None = None
        while left:
            try:
                future = done.get(timeout=_LOOK_SECONDS)
            except Empty:
                if self.client.status == "closed":
                    raise self._gone() from None
                lost_since = None if self._has_workers() else lost_since or time.monotonic()
                if lost_since and time.monotonic() - lost_since > _NO_WORKER_SECONDS:
                    raise LostProcessError(
                        f"the cluster of {self.address} has had no worker for "
                        f"{_NO_WORKER_SECONDS} s; {_KEPT}"
                    ) from None
                continue
            left -= 1
            yield self._value(future)

    def result(self, future: Future) -> Any:
        """Wait until a task has ended, and return its value; raises as :meth:`results`."""
        return next(self.results([future]))

    def _value(self, future: Future) -> Any:
        from distributed import KilledWorker

        if future.status == "finished":
            with self._plain_errors():
                return future.result()
        if future.status != "error":
            raise LostProcessError(f"the scheduler {self.address} has lost the work; {_KEPT}")
        error = future.exception()
        if isinstance(error, WordkitError):
            raise error
        task = str(future.key).partition("-")[0].replace("_", " ")
        if isinstance(error, KilledWorker):
            raise LostProcessError(
                f"several workers have ended while they did the same task ({task}); give them more "
                f"memory, or look into their logs, and {_KEPT}"
            ) from error
        if isinstance(error, MemoryError):
            raise ResourceError(
                f"a worker has no memory left ({task}); give workers more, or allow less"
            ) from error
        # a plain Exception stands for an error that could not be sent
        if isinstance(error, OSError | ImportError) or type(error) is Exception:
            raise ResourceError(f"a worker has failed ({task}): {error}; {_KEPT}") from error
        raise error

    def _gone(self) -> LostProcessError:
        return LostProcessError(f"the scheduler {self.address} does not answer any more; {_KEPT}")

    def _has_workers(self) -> bool:
        try:
            return bool(self.client.nthreads())
        except (OSError, TimeoutError):
            return False

    @contextlib.contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """Turn what talking to the scheduler raises into a plain error."""
        try:
            yield
        except Exception as error:  # of any kind where the connection has ended
            if self.client.status == "running" and not isinstance(error, OSError | TimeoutError):
                raise
            raise self._gone() from error

    def _check_workers(self) -> tuple[int, int]:
        """Check versions and the folder on all workers; return their slots, and memory for each."""
        # an adaptive cluster starts workers for tasks alone, which last while they are referred to
        task = self.client.submit(os.getpid, pure=False)
        if not self._has_workers():
            warnings.warn(
                f"{self.address} has no worker yet; waiting {_NO_WORKER_SECONDS} s for one",
                WordkitWarning,
                stacklevel=2,
            )
        try:
            self.client.wait_for_workers(1, timeout=_NO_WORKER_SECONDS)
        except TimeoutError as error:
            raise ResourceError(
                f"no worker has joined {self.address} within {_NO_WORKER_SECONDS} s; start some "
                f"with dask worker {self.address}, and wait until they have joined"
            ) from error
        task.release()
        told: dict[str, Any] = {}
        try:
            scheduler = self.client.run_on_scheduler(_about, self._needs)
            told[f"scheduler {self.address}"] = {**scheduler, "sees": True}  # it need not
            workers = self.client.run(_about, self._needs, on_error="return")
            told |= {f"worker {address}": about for address, about in workers.items()}
        except Exception as error:  # of any kind: another version of a package cannot load the call
            if isinstance(error, OSError):
                raise self._gone() from error
            told[f"scheduler {self.address}"] = error
        for which, about in told.items():
            self._needs.check(which, about)
        with self._plain_errors():
            threads = self.client.nthreads()
        slots: Counter[str] = Counter()
        for address, about in workers.items():
            slots[about["host"]] += threads.get(address, 1)
        free = (about["memory"] // 2 // slots[about["host"]] for about in workers.values())
        return max(slots.total(), 1), min(free, default=available_memory() // 2)


@dataclass(frozen=True)
class _Needs:
    """Requirements of all workers: a folder that they see, and the versions of packages."""

    folder: str
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def here(cls, folder: str, packages: tuple[str, ...]) -> _Needs:
        names = ("wordkit", "Python", *packages)
        return cls(folder, tuple((name, _version(name)) for name in names))

    def check(self, which: str, about: Any) -> None:
        """Raise if a process, of which :func:`_about` tells or an error came, lacks something."""
        if not isinstance(about, dict):
            reason = " ".join(str(about).split()) or type(about).__name__
            raise ConfigError(
                f"the {which} cannot run wordkit: {reason}; install wordkit {__version__} there"
            )
        for name, here in self.versions:
            if (there := about["versions"][name]) != here:
                raise ConfigError(
                    f"{name} is {here} here and {there} on the {which}; install the same version "
                    "in both places"
                )
        if not about["sees"]:
            raise StorageError(
                f"the {which} on {about['host']} cannot write into {self.folder}, which the "
                "command can; name a folder that all of them share"
            )


def _on_worker(needs: _Needs, function: Callable[..., Any], *arguments: Any) -> Any:
    """Do a task; where a file is the cause of an error, that names the worker, which has others."""
    from distributed import get_worker

    _check_here(needs, address := get_worker().address)
    try:
        return function(*arguments)
    except WordkitError as error:
        if isinstance(error.__cause__, OSError):
            is_missing = isinstance(error.__cause__, FileNotFoundError)
            remedy = "; name files that all workers see" if is_missing else ""
            error.args = (f"worker {address} on {platform.node()}: {error}{remedy}",)
        raise


@functools.cache
def _check_here(needs: _Needs, address: str) -> None:
    needs.check(f"worker {address}", _about(needs))


def _about(needs: _Needs) -> dict[str, Any]:
    """Return what a process has of what it needs, its machine, and the free memory of that."""
    return {
        "memory": available_memory(),
        "versions": {name: _version(name) for name, _ in needs.versions},
        "host": platform.node(),
        "sees": os.access(needs.folder, os.R_OK | os.W_OK | os.X_OK),
    }


@functools.cache
def _version(name: str) -> str:
    if name == "Python":
        return ".".join(platform.python_version_tuple()[:2])
    try:
        return __version__ if name == "wordkit" else version(name)
    except PackageNotFoundError:
        return "missing"
