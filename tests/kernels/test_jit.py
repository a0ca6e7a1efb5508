"""Where compiled kernels are kept when the usual places cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from numba.core import config

from wordkit.kernels import jit


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No place beside the source and none in the user's home; temporary files go to a folder."""
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setattr(jit, "_can_write", lambda folder: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_private_folder_serves(nowhere: Path) -> None:
    jit._provide_cache()
    folder = Path(config.CACHE_DIR)
    assert folder.parent == nowhere
    assert folder.stat().st_mode & 0o777 == 0o700
    config.CACHE_DIR = ""
    jit._provide_cache()
    assert Path(config.CACHE_DIR) == folder, "the next process finds the kernels again"


def test_a_folder_that_others_can_write_does_not(nowhere: Path) -> None:
    jit._provide_cache()
    taken = Path(config.CACHE_DIR)
    taken.chmod(0o777)
    config.CACHE_DIR = ""
    jit._provide_cache()
    assert Path(config.CACHE_DIR) != taken
    assert Path(config.CACHE_DIR).stat().st_mode & 0o777 == 0o700


def test_the_usual_places_are_left_to_numba(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", "")
    jit._provide_cache()
    assert config.CACHE_DIR == ""
    assert jit._can_write(tmp_path / "not" / "yet" / "there")
    (tmp_path / "file").write_text("")
    assert jit._can_write(tmp_path)
    assert not jit._can_write(tmp_path / "file" / "below")


def test_a_folder_that_is_named_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(jit, "_can_write", lambda folder: False)
    jit._provide_cache()
    assert str(tmp_path) == config.CACHE_DIR


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of the same name, with a kernel that is made of three of its modules."""
    folder = tmp_path / "wordkit"
    (folder / "deep").mkdir(parents=True)
    (folder / "kernels").mkdir()
    for name in ("__init__.py", "deep/__init__.py", "kernels/__init__.py"):
        (folder / name).write_text("")
    (folder / "kernels" / "jit.py").write_bytes(Path(jit.__file__).read_bytes())
    (folder / "number.py").write_text("NUMBER = 1\n")
    (folder / "deep" / "twice.py").write_text(
        "from wordkit.kernels.jit import njit\nfrom wordkit.number import NUMBER\n\n"
        "@njit(cache=True)\ndef twice():\n    return 2 * NUMBER\n"
    )
    (folder / "kernel.py").write_text(
        "from wordkit.kernels.jit import njit\nfrom wordkit.deep.twice import twice\n\n"
        "@njit(nogil=True, cache=True)\ndef kernel():\n    return 10 * twice()\n\n"
        "print(kernel(), sum(kernel.stats.cache_hits.values()))\n"
    )
    (folder / "other.py").write_text("NUMBER = 7\n")
    return folder


def answer(package: Path) -> str:
    """What the kernel returns in a new process, and whether it was kept from an earlier one."""
    command = [sys.executable, "-c", "import wordkit.kernel"]
    done = subprocess.run(command, cwd=package.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_a_kernel_is_kept_until_any_of_its_sources_changes(package: Path) -> None:
    assert answer(package) == "20 0"
    assert answer(package) == "20 1"
    (package / "number.py").write_text("NUMBER = 3\n")
    assert answer(package) == "60 0"
    assert answer(package) == "60 1"
    (package / "deep" / "twice.py").write_text(
        (package / "deep" / "twice.py").read_text().replace("2 *", "4 *")
    )
    assert answer(package) == "120 0"
    (package / "other.py").write_text("NUMBER = 8\n")  # not one of them
    os.utime(package / "number.py", (1, 1))  # no other content
    assert answer(package) == "120 1"
    kept = list((package / "__pycache__").glob("kernel.kernel-*.nbc"))
    assert len(kept) == 1, "what is out of date gives way"


def test_the_sources_of_a_kernel() -> None:
    from wordkit.word2vec.kernels import training

    names = {path.name for path in jit._sources(Path(training.__file__))}
    assert names == {"training.py", "logistic.py", "lanes.py", "tiles.py", "jit.py"}
