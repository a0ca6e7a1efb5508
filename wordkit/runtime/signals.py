"""Work that signals wait for: Ctrl-C in its middle takes effect when it is done."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["uninterrupted"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")  # what a program may be stopped by


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Keep signals back while the block runs; what they ask for is done as it ends.

    For short work that must not be left half done. Signals come to the main thread alone, so in
    another one there is nothing to do; those that Python does not handle are left as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    come: list[int] = []

    def hold(number: int, _: FrameType | None) -> None:
        come.append(number)

    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in numbers}
    held = {number: handler for number, handler in handlers.items() if callable(handler)}
    try:
        with contextlib.ExitStack() as stack:  # one that raises does not hinder the others' return
            for number, handler in held.items():
                stack.callback(signal.signal, number, handler)
                signal.signal(number, hold)
            yield
    finally:
        for number in come:
            held[number](number, sys._getframe())  # may raise, as it would have done before
