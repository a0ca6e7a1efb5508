"""Runs, memory and devices."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace

import pytest

from wordkit.errors import ConfigError, ResourceError
from wordkit.runtime import (
    Report,
    Run,
    available_memory,
    choose_device,
    devices,
    groups,
    memory,
    thread_count,
)


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
    run = Run(count_to(5, []))
    assert next(run).done == 1
    assert run.result() == "done", "of what is left"


def test_a_closed_run_cleans_up_and_has_no_value() -> None:
    log: list[str] = []
    run = Run(count_to(5, log))
    next(run)
    run.close()
    assert log == ["cleaned up"]
    with pytest.raises(RuntimeError, match="closed or failed"):
        run.result()


def test_the_value_may_be_none_and_a_failed_run_stays_failed() -> None:
    def steps(fails: bool) -> Generator[Report, None, None]:
        yield Report("working", 1, 2)
        if fails:
            raise ValueError("no")

    run = Run(steps(False))
    run.result()  # has ended well, so there is no complaint
    assert list(run) == []
    run = Run(steps(True))
    with pytest.raises(ValueError, match="no"):
        run.result()
    with pytest.raises(RuntimeError, match="closed or failed"):
        run.result()


MB = 1 << 20


class Groups:
    """Control groups for this process, on a machine with 1,000 MB free."""

    def __init__(self, folder: Path) -> None:
        self._list, self.files = folder / "list", folder / "files"

    def join(self, *lines: str) -> None:
        self._list.write_text("".join(f"{line}\n" for line in lines))

    def bound(self, group: str, limit: object, used: int, unused_cache: int = 0) -> None:
        """Files of version 2, in bytes."""
        self._write(group, "memory.max", limit)
        self._write(group, "memory.current", used)
        self._write(group, "memory.stat", f"anon 5\ninactive_file {unused_cache}\nactive_file 7")

    def bound_as_before(self, group: str, limit: int, used: int, unused_cache: int) -> None:
        """Files of version 1, in bytes."""
        self._write(group, "memory.limit_in_bytes", limit)
        self._write(group, "memory.usage_in_bytes", used)
        self._write(group, "memory.stat", f"inactive_file 1\ntotal_inactive_file {unused_cache}")

    def give_cores(self, group: str, quota: str) -> None:
        self._write(group, "cpu.max", quota)

    def give_cores_as_before(self, group: str, quota: int, period: int) -> None:
        self._write(group, "cpu.cfs_quota_us", quota)
        self._write(group, "cpu.cfs_period_us", period)

    def _write(self, group: str, name: str, content: object) -> None:
        (self.files / group).mkdir(parents=True, exist_ok=True)
        (self.files / group / name).write_text(f"{content}\n")


@pytest.fixture(name="groups")
def groups_of_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Groups:
    made = Groups(tmp_path)
    monkeypatch.setattr(memory, "_meminfo", lambda key: 1000 * MB)
    monkeypatch.setattr(groups, "_GROUPS_OF_PROCESS", tmp_path / "list")
    monkeypatch.setattr(groups, "_FILES_OF_GROUPS", tmp_path / "files")
    return made


def test_memory_is_bounded_by_the_own_group_and_those_around_it(groups: Groups) -> None:
    groups.join("0::/slice/job")
    groups.bound("", "max", 0)
    groups.bound("slice", 500 * MB, 100 * MB)
    groups.bound("slice/job", 300 * MB, 50 * MB)
    groups.bound("slice/other", 10 * MB, 0)
    assert available_memory() == 250 * MB
    groups.bound("slice", 500 * MB, 400 * MB)
    assert available_memory() == 100 * MB
    groups.bound("slice", 500 * MB, 490 * MB, unused_cache=150 * MB)  # which counts as free
    assert available_memory() == 160 * MB
    groups.bound("slice", 500 * MB, 600 * MB)  # the limit has been lowered
    assert available_memory() == 0
    groups.bound("slice", "max", 400 * MB)
    groups.bound("slice/job", "max", 50 * MB)
    assert available_memory() == 1000 * MB


@pytest.mark.parametrize("path", ["/", "/docker/unseen/from/within", "/../outside"])
def test_a_container_sees_its_own_group_as_the_root(groups: Groups, path: str) -> None:
    groups.join(f"0::{path}")
    groups.bound("", 300 * MB, 50 * MB)
    assert available_memory() == 250 * MB


def test_control_groups_of_the_first_version(groups: Groups) -> None:
    groups.join("7:cpu,cpuacct:/a", "4:memory:/a:b/c", "1:name=systemd:/a", "0::/a")
    groups.bound_as_before("memory", 2**63 - 4096, 900 * MB, 0)
    groups.bound_as_before("memory/a:b/c", 300 * MB, 290 * MB, 200 * MB)
    assert available_memory() == 210 * MB
    groups.bound("unified/a", 200 * MB, 50 * MB)
    assert available_memory() == 150 * MB


def test_no_groups_no_bound(groups: Groups) -> None:
    assert available_memory() == 1000 * MB
    groups.join()
    assert available_memory() == 1000 * MB
    groups.join("0::/job", "4:memory:/job")
    assert available_memory() == 1000 * MB


@pytest.fixture
def eight_cores(groups: Groups, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    for name in ("OMP_NUM_THREADS", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("eight_cores")
def test_threads_are_bounded_by_the_quotas_of_control_groups(groups: Groups) -> None:
    assert thread_count() == 8
    groups.join("0::/slice/job", "6:cpu,cpuacct:/a")
    groups.give_cores("slice", "max 100000")
    assert thread_count() == 8
    groups.give_cores("slice", "650000 100000")
    assert thread_count() == 7
    groups.give_cores("slice/job", "350000 100000")
    assert thread_count() == 4
    groups.give_cores_as_before("cpu,cpuacct/a", -1, 100_000)
    assert thread_count() == 4
    groups.give_cores_as_before("cpu/a", 20_000, 100_000)
    assert thread_count() == 1
    assert thread_count(6) == 6  # asked for by name


@pytest.mark.usefixtures("eight_cores")
@pytest.mark.parametrize(
    ("variables", "threads"),
    [
        ({"OMP_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": "2,4"}, 2),  # of nested regions
        ({"OMP_NUM_THREADS": "16"}, 8),
        ({"OMP_NUM_THREADS": "0"}, 8),
        ({"OMP_NUM_THREADS": "many"}, 8),
        ({"LOCAL_WORLD_SIZE": "2"}, 4),
        ({"LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}, 4),  # as torchrun sets it
        ({"LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "3"}, 3),
        ({"LOCAL_WORLD_SIZE": "20"}, 1),
    ],
)
def test_threads_are_bounded_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], threads: int
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert thread_count() == threads


class FakeTorch:
    """As much of torch as says which devices there are."""

    __version__ = "0.0"

    def __init__(self, *there: str) -> None:
        self.cuda, self.mps = (
            SimpleNamespace(is_available=lambda name=name: name in there)
            for name in ("cuda", "mps")
        )
        self.backends = self


@pytest.fixture
def machine_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let torch find these devices."""

    def pretend(*there: str) -> None:
        monkeypatch.setattr(devices, "_may_have_accelerator", lambda: True)
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
    with pytest.raises(ConfigError, match="must be one of auto, cpu, cuda, mps, not 'cuda:0'"):
        choose_device("cuda:0")
