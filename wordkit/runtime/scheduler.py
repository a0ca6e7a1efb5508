"""The connection to a Dask scheduler, or a cluster of worker processes on this machine."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import re
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from wordkit.errors import ConfigError, ResourceError, WordkitWarning
from wordkit.runtime.threads import thread_count

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["connected"]

_PORT = 8786  # where a scheduler listens that is told no other
_ANSWER_SECONDS = 5


@contextlib.contextmanager
def connected(scheduler: str | None, threads: int | None = None) -> Iterator[Client | None]:
    """Connect to a Dask scheduler while the block runs.

    Args:
        scheduler: its address (``tcp://host:8786``; the port may be left out), or the file of type
            ``.json`` in which it has left that; ``local`` starts a cluster on this machine; None:
            no cluster, for no scheduler.
        threads: of ``local``: the number of worker processes, of one thread each; None: one for
            each core.

    Raises:
        ConfigError: ``distributed`` is not installed, or this or the file has no address.
        ResourceError: no scheduler answers there, or it has no worker.
    """
    if scheduler is None:
        yield None
        return
    if scheduler != "local":
        scheduler = _address(scheduler)
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
            warnings.simplefilter("ignore")  # wordkit.runtime.cluster checks versions
            warnings.simplefilter("always", WordkitWarning)
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


def _address(scheduler: str) -> str:
    """Return an address with its port, also the one in a file that Dask's scheduler has written."""
    if scheduler.endswith(".json"):
        try:
            with open(scheduler, encoding="utf-8") as file:
                return str(json.load(file)["address"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ConfigError(
                f"{scheduler} has no address of a scheduler ({getattr(error, 'strerror', error)}); "
                "name the file of dask scheduler --scheduler-file, or an address, tcp://host:8786"
            ) from error
    if not scheduler.rpartition("://")[2].strip():
        raise ConfigError(
            f"scheduler must be an address, as tcp://host:8786, a file, or local, not {scheduler!r}"
        )
    return scheduler if re.search(r":\d+$", scheduler) else f"{scheduler}:{_PORT}"


async def _greet(address: str) -> None:
    """Open and close a connection to a scheduler, as Dask's configuration says."""
    import asyncio

    from distributed.comm import connect
    from distributed.security import Security

    security = Security().get_connection_args("client")
    connection = await asyncio.wait_for(connect(address, **security), _ANSWER_SECONDS)
    await connection.close()


def _started(cluster: Callable[[], Any]) -> Any:
    """Start worker processes, which leave Ctrl-C to the command that holds it back until then.

    Raises:
        ResourceError: some of them end before they have begun.
    """
    from multiprocessing import resource_tracker

    blocked: set[int] = set()
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # which unblocks the signal when it starts
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # workers inherit it
    try:
        return cluster()
    except (OSError, RuntimeError, TimeoutError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise ResourceError(f"the worker processes cannot start: {reason}; start again") from error
    finally:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
