"""Signals held back during work that must not be left half done."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

__all__ = ["uninterrupted"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back signals while the block runs; their handlers run at its end.

    Signals come to the main thread alone, so in another one there is nothing to do; those that
    Python does not handle are left as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[int] = []
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in numbers}
    try:
        with contextlib.ExitStack() as stack:  # if one raises, the others are still restored
            for number, handler in handlers.items():
                if callable(handler):
                    stack.callback(signal.signal, number, handler)
                    signal.signal(number, lambda number, _: pending.append(number))
            yield
    finally:
        for number in pending:
            signal.raise_signal(number)  # may raise, as it would have done before
