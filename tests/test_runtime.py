"""Runs, threads and memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator

import pytest

from wordkit import runtime
from wordkit.errors import ConfigError, ResourceError
from wordkit.runtime import Report, Run, available_memory, choose_device, thread_count


def count_to(n: int, log: list[str]) -> Generator[Report, None, str]:
    try:
        for i in range(n):
            yield Report("counting", i + 1, n)
    finally:
        log.append("cleaned up")
    return "done"


def test_a_run_can_be_watched_or_waited_for() -> None:
    run = Run(count_to(3, []))
    assert [report.done for report in run] == [1, 2, 3]
    assert run.result() == run.result() == "done"
    assert Run(count_to(3, [])).result() == "done"


def test_a_run_goes_on_where_the_watcher_stopped() -> None:
    run = Run(count_to(5, []))
    assert next(run).done == 1
    assert next(run).done == 2
    assert run.result() == "done"


def test_a_closed_run_cleans_up_and_has_no_value() -> None:
    log: list[str] = []
    run = Run(count_to(5, log))
    next(run)
    run.close()
    assert log == ["cleaned up"]
    with pytest.raises(RuntimeError, match="closed or failed"):
        run.result()


def test_threads() -> None:
    assert thread_count(3) == 3
    assert thread_count() >= 1
    with pytest.raises(ConfigError, match="threads must be at least 1, not 0"):
        thread_count(0)


def test_memory() -> None:
    assert 1 << 20 < available_memory() < 1 << 50


def test_a_job_may_have_nothing_to_give() -> None:
    def nothing() -> Generator[Report, None, None]:
        yield Report("working", 1, 1)

    run = Run(nothing())
    run.result()  # has ended well, so there is no complaint
    assert list(run) == []


def test_a_failed_run_stays_failed() -> None:
    def failing() -> Generator[Report, None, str]:
        yield Report("working", 1, 2)
        raise ValueError("no")

    run = Run(failing())
    with pytest.raises(ValueError, match="no"):
        run.result()
    with pytest.raises(RuntimeError, match="closed or failed"):
        run.result()


class FakeTorch:
    """As much of torch as says which devices there are."""

    __version__ = "0.0"

    def __init__(self, *there: str) -> None:
        self.cuda = Asked("cuda" in there)
        self.backends = self
        self.mps = Asked("mps" in there)


class Asked:
    def __init__(self, answer: bool) -> None:
        self.is_available = lambda: answer


@pytest.fixture
def machine_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let torch find these devices."""

    def pretend(*there: str) -> None:
        monkeypatch.setattr(runtime, "_may_have_accelerator", lambda: True)
        monkeypatch.setitem(sys.modules, "torch", FakeTorch(*there))

    return pretend


@pytest.mark.parametrize(
    ("there", "best"),
    [((), "cpu"), (("cuda",), "cuda"), (("mps",), "mps"), (("cuda", "mps"), "cuda")],
)
def test_auto_takes_the_best_device(
    machine_with: Callable[..., None], there: tuple[str, ...], best: str
) -> None:
    machine_with(*there)
    assert choose_device() == choose_device("auto") == best
    assert choose_device("cpu") == "cpu"
    for device in there:
        assert choose_device(device) == device


def test_a_device_that_is_not_there(machine_with: Callable[..., None]) -> None:
    machine_with("mps")
    with pytest.raises(ResourceError, match=r"cuda was asked for, and torch 0\.0 finds none"):
        choose_device("cuda")
    machine_with("cuda")
    with pytest.raises(ResourceError, match="mps was asked for"):
        choose_device("mps")


@pytest.mark.parametrize("device", ["gpu", "", "CUDA", "cuda:0"])
def test_an_unknown_device(device: str) -> None:
    with pytest.raises(ConfigError, match="must be one of auto, cpu, cuda, mps, not"):
        choose_device(device)


def test_torch_agrees_that_there_is_nothing() -> None:
    if runtime._may_have_accelerator():
        pytest.skip("this machine may have an accelerator")
    import torch

    assert not torch.cuda.is_available()
    assert not torch.backends.mps.is_available()


def test_the_cpu_does_not_wait_for_torch() -> None:
    code = """
import sys
from wordkit import runtime
runtime._LINUX_DRIVERS = ()
assert runtime.choose_device("cpu") == "cpu"
if sys.platform == "linux":
    assert runtime.choose_device("auto") == "cpu"
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
