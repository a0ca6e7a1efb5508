"""Being asked to stop: Ctrl-C, SIGTERM and SIGHUP end a command at a moment when that is safe.

A signal handler runs between two steps of the main thread, whichever these are, and what it raises
comes out there. Inside Python's own library that does harm: a lock stays locked or is released
twice, an executor forgets a thread, a folder is made whose removal nobody has arranged, a finalizer
drops the exception. So the handler looks at what it has interrupted. It raises in wordkit's own
code; elsewhere it asks itself again a little later, and raises anyway when it has done so for a
while, as the main thread may wait for another one, or be in a library that works for long.
"""

from __future__ import annotations

import signal
import time
from types import FrameType

__all__ = ["Stopping"]

_OURS = {"wordkit", "wordkit_cli", "wordkit_corpora"}
_PAUSE = 0.01  # seconds until the handler looks again
_PATIENCE = 0.5  # seconds until it raises wherever it is
_ECHO = 5  # seconds in which a second signal is taken for the same wish as the first


class Stopping:
    """Raises what ends the command: KeyboardInterrupt on Ctrl-C, SystemExit on other signals."""

    def __init__(self) -> None:
        self._asked: int | None = None  # a signal that has come and has not been answered
        self._answered: int | None = None  # the first that has been
        self._deadline = 0.0
        self._deaf_until = 0.0
        self._can_wait = hasattr(signal, "setitimer")  # not on Windows

    @property
    def status(self) -> int | None:
        """The exit status of a command that a signal has ended; None where none has."""
        if self._answered is None:
            return None
        return 1 if self._answered == signal.SIGINT else 128 + self._answered

    def begin(self) -> None:
        """Take the signals from now on; those that are ignored, as nohup does, stay so."""
        for number in self._signals():
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._come)
        if self._can_wait:
            signal.signal(signal.SIGALRM, self._look)

    def end(self) -> None:
        """Ignore the signals: all is done, and what is left is to end."""
        for number in self._signals():
            signal.signal(number, signal.SIG_IGN)
        if self._can_wait:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_IGN)

    @staticmethod
    def _signals() -> list[int]:
        names = ("SIGINT", "SIGTERM", "SIGHUP")
        return [getattr(signal, name) for name in names if hasattr(signal, name)]

    def _come(self, number: int, frame: FrameType | None) -> None:
        # who closes a terminal hangs up twice, through the system and the shell: the second must
        # not disturb the cleaning up that the first has begun; Ctrl-C may
        now = time.monotonic()
        if self._asked is None and (now >= self._deaf_until or number == signal.SIGINT):
            self._asked = number
            self._deadline = now + _PATIENCE
            self._look(number, frame)

    def _look(self, _: int, frame: FrameType | None) -> None:
        """Raise what was asked for, now or a little later."""
        if self._asked is None:
            return
        if self._can_wait and not _is_safe(frame) and time.monotonic() < self._deadline:
            signal.setitimer(signal.ITIMER_REAL, _PAUSE)
            return
        number, self._asked = self._asked, None
        self._answered = self._answered or number
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        self._deaf_until = time.monotonic() + _ECHO
        raise SystemExit(128 + number)


def _is_safe(frame: FrameType | None) -> bool:
    """Whether an exception may come out in this frame, which a signal has interrupted."""
    name = "" if frame is None else str(frame.f_globals.get("__name__"))
    # a handler of this module may itself have been called from anywhere
    return name.split(".")[0] in _OURS and name != __name__
