"""Progress of long-running work: a Run yields Reports and ends with a value."""

from __future__ import annotations

import abc
import contextlib
import functools
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, ParamSpec, TypeVar

__all__ = ["Report", "Run", "StoppableRun", "as_run", "when_compiling"]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Report:
    """Progress of a long job."""

    stage: str
    """The stage in one or two words: "reading", "counting"."""

    done: int
    """Units done in this stage so far."""

    total: int | None = None
    """Units in this stage, None where that is not known beforehand."""

    unit: str = ""
    """The unit: "bytes", "tokens", "rows"; empty for plain steps."""

    figures: Mapping[str, float] = field(default_factory=dict)
    """Figures worth showing beside the progress, by name."""


class Run(Generic[T]):
    """A long job: an iterator of reports that ends with a value.

    ::

        for report in run:          # the job runs from report to report
            print(report.done)
        value = run.result()        # or just this, to let it run silently

    In a generator, ``value = yield from run`` passes the reports on.
    """

    def __init__(self, steps: Generator[Report, None, T]) -> None:
        self._steps = steps
        self._is_over = False
        self._value: list[T] = []  # empty until the job has ended well

    def __iter__(self) -> Generator[Report, None, T]:
        return self  # type: ignore[return-value] # yield from takes the value of its StopIteration

    def __next__(self) -> Report:
        try:
            return next(self._steps)
        except StopIteration as end:
            if not self._value and not self._is_over:
                self._value.append(end.value)
            self._is_over = True
            raise StopIteration(*self._value) from None
        except BaseException:
            self._is_over = True
            raise

    def result(self) -> T:
        """Run the rest of the job and return its value."""
        for _ in self:
            pass
        if not self._value:
            raise RuntimeError("this run was closed or failed before it had a value")
        return self._value[0]

    def close(self) -> None:
        """Stop the job and clean up after it."""
        self._is_over = True
        self._steps.close()


class StoppableRun(Run[T], abc.ABC):
    """A run whose model so far can be had where it is stopped."""

    @property
    @abc.abstractmethod
    def has_learnt(self) -> bool:
        """True once a step has been taken."""

    @property
    def has_validated(self) -> bool:
        """True once a validation has found a best model."""
        return False

    @abc.abstractmethod
    def best(self) -> T:
        """Return the model with the best validation so far, or as it is where there was none."""


def as_run(steps: Callable[P, Generator[Report, None, T]]) -> Callable[P, Run[T]]:
    """Decorate a generator function so that it returns a :class:`Run`; errors come as it runs."""

    @functools.wraps(steps)
    def begin(*args: P.args, **kwargs: P.kwargs) -> Run[T]:
        return Run(steps(*args, **kwargs))

    return begin


@contextlib.contextmanager
def when_compiling(announce: Callable[[], None]) -> Iterator[None]:
    """Call ``announce`` once if Numba compiles something while the block runs.

    Compiled kernels are kept on the disk, so only the first run after an installation waits.
    """
    from numba.core import event

    class _Announcer(event.Listener):
        announced = False

        def on_start(self, event: object) -> None:
            if not self.announced:
                self.announced = True
                announce()

        def on_end(self, event: object) -> None:
            pass

    with event.install_listener("numba:compile", _Announcer()):
        yield
