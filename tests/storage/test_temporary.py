"""Temporary folders: those of processes that were killed go, those in use stay."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wordkit.storage import TemporaryFolder
from wordkit.storage.temporary import _STALE_SECONDS, _machine

WRITER = """
import sys
from wordkit.storage import TemporaryFolder
folder = TemporaryFolder(sys.argv[1], ".a.")
print(folder.name, flush=True)
sys.stdin.read()
"""
CONTAINER = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.mark.parametrize("around", [(), CONTAINER])
def test_the_folder_of_a_live_process_stays_and_that_of_a_killed_one_goes(
    tmp_path: Path, around: tuple[str, ...]
) -> None:
    """In a container too, where the number of its process is that of none out here."""
    if around and subprocess.run([*around, "true"], capture_output=True, check=False).returncode:
        pytest.skip("containers are not allowed here")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [*around, sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, text=True, **pipes) as writer:  # type: ignore[call-overload]
        folder = Path(writer.stdout.readline().strip())
        TemporaryFolder(tmp_path, ".a.").cleanup()
        assert list(tmp_path.iterdir()) == [folder]
        writer.kill()
    deadline = time.monotonic() + 10  # what it had begun in the container ends just after it
    while folder.exists() and time.monotonic() < deadline:
        TemporaryFolder(tmp_path, ".a.").cleanup()
    assert list(tmp_path.iterdir()) == []


def test_what_is_surely_dead(tmp_path: Path) -> None:
    here, elsewhere = f"{_machine():08x}-1-abcdefgh", "00000000-1-abcdefgh"
    old = time.time() - _STALE_SECONDS - 1
    cases = {
        f"x-{here}.tmp": (True, None),
        f"x-{elsewhere}.tmp": (False, None),  # its lock may not be seen from here
        f"x-{elsewhere[:-1]}2.tmp": (True, old),
        "x-abcdefgh": (False, None),  # of an older version, which had no locks
        "x-abcdefg2": (True, old),
        f"y-{here}.tmp": (False, old),
        "x-notes": (False, old),
        "x-": (False, old),
    }
    for name, (_, modified) in cases.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("")
        if modified is not None:
            os.utime(tmp_path / name, (modified, modified))
    TemporaryFolder(tmp_path, "x-").cleanup()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {name for name, (is_dead, _) in cases.items() if not is_dead}


def test_hidden_folders_of_other_programs_stay(tmp_path: Path) -> None:
    (tmp_path / ".a.settings").mkdir()
    os.utime(tmp_path / ".a.settings", (1, 1))
    TemporaryFolder(tmp_path, ".a.").cleanup()
    assert [path.name for path in tmp_path.iterdir()] == [".a.settings"]


def test_a_folder_that_is_removed_before_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, taken = TemporaryFolder.__init__.__globals__["_lock"], []

    def remove_first(folder: TemporaryFolder) -> object:
        if not taken:
            shutil.rmtree(folder.name)
        taken.append(folder.name)
        return flock(folder)

    monkeypatch.setitem(TemporaryFolder.__init__.__globals__, "_lock", remove_first)
    folder = TemporaryFolder(tmp_path, ".a.")
    assert [str(path) for path in tmp_path.iterdir()] == [folder.name] == taken[1:]
    folder.cleanup()
