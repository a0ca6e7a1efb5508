"""Work on a Dask cluster: its connection, checks of its workers, tasks, and plain errors."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import platform
import re
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from wordkit import __version__
from wordkit.errors import ConfigError, LostProcessError, ResourceError, StorageError, WordkitError
from wordkit.runtime.memory import available_memory
from wordkit.runtime.threads import thread_count

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Cluster", "connected"]

_ANSWER_SECONDS = 5
_NO_WORKER_SECONDS = 30  # until a worker must have joined, or one that has ended a successor
_LOOK_SECONDS = 1
_PACKAGES = ("numpy", "numba", "regex", "distributed")
_KEPT = "start the same again, which reuses the parts that are finished"


@contextlib.contextmanager
def connected(scheduler: str | None, threads: int | None = None) -> Iterator[Client | None]:
    """Connect to a Dask scheduler while the block runs.

    Args:
        scheduler: its address (``tcp://host:8786``); ``local`` starts a cluster on this machine;
            None: no cluster, for no scheduler.
        threads: of ``local``: the number of worker processes, of one thread each; None: one for
            each core.

    Raises:
        ConfigError: ``distributed`` is not installed, or this is no address.
        ResourceError: no scheduler answers there, or it has no worker.
    """
    if scheduler is None:
        yield None
        return
    if scheduler != "local" and not re.search(r".:\d+$", scheduler):
        raise ConfigError(
            f"scheduler must be an address, such as tcp://host:8786, or local, not {scheduler!r}"
        )
    try:
        import asyncio  # takes 20 ms

        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ConfigError(
            "a scheduler needs the package distributed; pip install 'wordkit[cluster]'"
        ) from error
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)  # what is lost is told in one line
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")  # versions are checked below
            address: Any = scheduler
            if scheduler == "local":
                folder = stack.enter_context(
                    tempfile.TemporaryDirectory(
                        prefix="wordkit-workers-", ignore_cleanup_errors=True
                    )
                )
                # Dask would have its workers give memory back at once, for which arrays are slower
                settings: dict[str, Any] = {
                    "temporary_directory": folder, "distributed.nanny.pre-spawn-environ": {},
                }  # fmt: skip
                stack.enter_context(dask.config.set(settings))
                local = functools.partial(
                    LocalCluster, n_workers=thread_count(threads), threads_per_worker=1,
                    processes=True, memory_limit=0, dashboard_address=":0",
                    silence_logs=logging.CRITICAL, local_directory=folder,
                )  # fmt: skip
                address = stack.enter_context(_started(local))
            try:
                if isinstance(address, str):  # Client waits without end for what listens only
                    asyncio.run(_greet(address))
                client = stack.enter_context(Client(address, timeout=_ANSWER_SECONDS))
            except (OSError, TypeError, ValueError, ImportError, asyncio.TimeoutError) as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise ResourceError(
                    f"no scheduler answers at {scheduler} within {_ANSWER_SECONDS} s ({reason}); "
                    "start one with dask scheduler, or name its address, as tcp://host:8786"
                ) from error
            yield client
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


async def _greet(address: str) -> None:
    """Open and close a connection to a scheduler, as Dask's configuration says."""
    import asyncio

    from distributed.comm import connect
    from distributed.security import Security

    security = Security().get_connection_args("client")
    connection = await asyncio.wait_for(connect(address, **security), _ANSWER_SECONDS)
    await connection.close()


def _started(cluster: Callable[[], Any]) -> Any:
    """Start worker processes; raise a ResourceError if some of them end before they have begun."""
    try:
        return cluster()
    except (OSError, RuntimeError, TimeoutError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise ResourceError(f"the worker processes cannot start: {reason}; start again") from error


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
        self._packages = (*_PACKAGES, *packages)
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
            return self.client.submit(_on_worker, function, *arguments, key=key, pure=False)

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
            groups = [level[i : i + fan_in] for i in range(0, len(level), fan_in)]
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
            scheduler = self.client.run_on_scheduler(_about, self.folder, self._packages)
            told[f"scheduler {self.address}"] = {**scheduler, "sees": True}  # it need not
            workers = self.client.run(_about, self.folder, self._packages, on_error="return")
            told |= {f"worker {address}": about for address, about in workers.items()}
        except Exception as error:  # of any kind: another version of a package cannot load the call
            if isinstance(error, OSError):
                raise self._gone() from error
            told[f"scheduler {self.address}"] = error
        ours = _about(self.folder, self._packages)
        for which, theirs in told.items():
            if not isinstance(theirs, dict):
                reason = " ".join(str(theirs).split()) or type(theirs).__name__
                raise ConfigError(
                    f"the {which} cannot run wordkit: {reason}; install wordkit {__version__} there"
                )
            for name, here in ours["versions"].items():
                if (there := theirs["versions"].get(name, "missing")) != here:
                    raise ConfigError(
                        f"{name} is {here} here and {there} on the {which}; install the same "
                        "version in both places"
                    )
            if not theirs["sees"]:
                raise StorageError(
                    f"the {which} on {theirs['host']} cannot write into {self.folder}, "
                    "which this process can; name a folder that all of them share"
                )
        with self._plain_errors():
            threads = self.client.nthreads()
        slots: Counter[str] = Counter()
        for address, about in workers.items():
            slots[about["host"]] += threads.get(address, 1)
        free = (about["memory"] // 2 // slots[about["host"]] for about in workers.values())
        return max(slots.total(), 1), min(free, default=available_memory() // 2)


def _on_worker(function: Callable[..., Any], *arguments: Any) -> Any:
    """Do a task; where a file is the cause of an error, that names the worker, which has others."""
    try:
        return function(*arguments)
    except WordkitError as error:
        if isinstance(error.__cause__, OSError):
            from distributed import get_worker

            is_missing = isinstance(error.__cause__, FileNotFoundError)
            remedy = "; name files that all workers see" if is_missing else ""
            where = f"worker {get_worker().address} on {platform.node()}"
            error.args = (f"{where}: {error}{remedy}",)
        raise


def _about(folder: str, packages: Sequence[str]) -> dict[str, Any]:
    """Return what a process is, its free memory, and whether it can write into a folder."""
    return {
        "memory": available_memory(),
        "versions": _versions(tuple(packages)),
        "host": platform.node(),
        "sees": os.access(folder, os.R_OK | os.W_OK | os.X_OK),
    }


@functools.cache
def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {"wordkit": __version__, "Python": ".".join(platform.python_version_tuple()[:2])}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found
