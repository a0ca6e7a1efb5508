"""Work that signals wait for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from wordkit.runtime.signals import uninterrupted


class Stop(BaseException):
    """What the handlers of this test raise."""


@pytest.fixture(autouse=True)
def handlers() -> Iterator[list[int]]:
    """Handlers that note their signals; the one of SIGINT raises."""
    come: list[int] = []

    def note(number: int, _: object) -> None:
        come.append(number)
        if number == signal.SIGINT:
            raise Stop

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, note) for number in numbers}
    yield come
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_takes_effect_at_the_end(handlers: list[int]) -> None:
    done = []
    with pytest.raises(Stop):  # noqa: PT012
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("the rest")
        done.append("beyond")
    assert done == ["the rest"] and handlers == [signal.SIGINT]
    with pytest.raises(Stop):
        signal.raise_signal(signal.SIGINT)


def test_blocks_may_be_nested_and_each_signal_comes_once(handlers: list[int]) -> None:
    with uninterrupted():
        with uninterrupted():
            signal.raise_signal(signal.SIGTERM)
        assert handlers == []
    assert handlers == [signal.SIGTERM]
    with pytest.raises(ValueError, match="mine"), uninterrupted():
        raise ValueError("mine")
    assert handlers == [signal.SIGTERM]


def test_signals_that_are_ignored_stay_so() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with uninterrupted():
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN


def test_another_thread_has_nothing_to_do() -> None:
    before = signal.getsignal(signal.SIGINT)
    met: list[object] = []

    def work() -> None:
        with uninterrupted():
            met.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert met == [before]
