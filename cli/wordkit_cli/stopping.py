"""Interruption: Ctrl-C, SIGTERM and SIGHUP end a command at a moment when that is safe.

An exception raised in a signal handler may do harm inside Python's own library: a lock
stays locked, an executor forgets a thread, a folder is made whose removal nobody has arranged, a
finalizer drops the exception. So a signal waits for the next report of a long job, where the
command calls :meth:`Stopping.check`; without one it takes effect after half a second, wherever the
main thread is.
"""

from __future__ import annotations

import signal
import time
from types import FrameType

__all__ = ["STOPPING", "Interrupted", "Stopping"]

_MAX_WAIT = 0.5  # seconds that a signal waits for a report
_REPEAT = 5  # seconds in which a second signal counts as a repetition of the first


class Interrupted(KeyboardInterrupt):
    """Ctrl-C. Python itself ends by the signal after a plain KeyboardInterrupt inside an exec()."""


class Stopping:
    """Raises what ends the command: Interrupted on Ctrl-C, SystemExit on other signals."""

    _pending: int | None = None  # a signal that has come
    _first: int | None = None  # the first one that ended the command
    _ignored_until = 0.0

    @property
    def status(self) -> int | None:
        """The exit status of a command that a signal has ended; None where none has."""
        if self._first is None:
            return None
        return 1 if self._first == signal.SIGINT else 128 + self._first

    def begin(self) -> None:
        """Handle the signals from now on; those that are ignored, as by nohup, stay ignored."""
        self._pending, self._first, self._ignored_until = None, None, 0.0
        for number in self._signals():
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._handle)
        if hasattr(signal, "SIGALRM"):
            signal.signal(signal.SIGALRM, lambda number, frame: self.check())

    def end(self) -> None:
        """Ignore the signals from now on."""
        for number in self._signals():
            signal.signal(number, signal.SIG_IGN)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_IGN)

    def check(self) -> None:
        """Raise what a signal has asked for, if one has.

        Raises:
            Interrupted: Ctrl-C.
            SystemExit: another signal.
        """
        if self._pending is None:
            return
        number, self._pending = self._pending, None
        self._first = self._first or number
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        if number == signal.SIGINT:
            raise Interrupted
        self._ignored_until = time.monotonic() + _REPEAT
        raise SystemExit(128 + number)

    @staticmethod
    def _signals() -> list[int]:
        names = ("SIGINT", "SIGTERM", "SIGHUP")
        return [getattr(signal, name) for name in names if hasattr(signal, name)]

    def _handle(self, number: int, _: FrameType | None) -> None:
        # who closes a terminal hangs up twice, through the system and the shell: the second must
        # not disturb the cleaning up that the first has begun; Ctrl-C may
        if self._pending is None and (
            time.monotonic() >= self._ignored_until or number == signal.SIGINT
        ):
            self._pending = number
            if hasattr(signal, "setitimer"):
                signal.setitimer(signal.ITIMER_REAL, _MAX_WAIT)
            else:  # Windows
                self.check()


STOPPING = Stopping()
"""The one of this process."""
