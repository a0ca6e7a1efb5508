"""Where compiled kernels are kept, and for how long."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numba
import pytest

from wordkit.errors import StorageError
from wordkit.kernels import jit
from wordkit.storage import user_cache
from wordkit_corpora import download

root = jit._cache_root


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No place beside the source and none in the user's home; temporary files go to a folder."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(jit, "_can_write", lambda folder: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_private_folder_serves(nowhere: Path) -> None:
    folder = root()
    assert folder.parent == nowhere
    assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.warns(UserWarning, match=f"is kept in {folder}, .*set NUMBA_CACHE_DIR"):
        root()
    assert root() == folder, "the next process finds the kernels again"
    folder.chmod(0o777)
    assert root() != folder, "others could put code there"
    assert root().stat().st_mode & 0o777 == 0o700
    assert numba.config.CACHE_DIR == ""


def test_the_first_place_that_can_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    package = Path(jit.__file__).parents[1]
    assert root() == package / "__pycache__"
    can_write = jit._can_write
    monkeypatch.setattr(jit, "_can_write", lambda folder: package not in folder.parents)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert root() == tmp_path / "numba"
    monkeypatch.setattr(numba.config, "CACHE_DIR", "/named")
    assert root() == Path("/named")
    (tmp_path / "file").write_text("")
    assert can_write(tmp_path) and can_write(tmp_path / "not" / "yet" / "there")
    assert not can_write(tmp_path / "file" / "below")


def test_no_folder_is_made_where_the_user_has_no_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What begins with ~, or is relative, is no place of the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    package = Path(jit.__file__).parents[1]
    can_write = jit._can_write
    monkeypatch.setattr(jit, "_can_write", lambda at: package not in at.parents and can_write(at))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for an unknown user
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.warns(UserWarning, match="compiled code is kept in"):
        assert root().parent == tmp_path
    assert download.cache_folder() == Path("/dev/null/wordkit")
    with pytest.raises(StorageError, match="set XDG_CACHE_HOME to a folder"):
        download.make_cache_folder()
    assert [path.name for path in tmp_path.iterdir()] == [f"wordkit-kernels-{os.getuid()}"]


def test_an_empty_home_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(jit, "_can_write", lambda folder: folder.name == "numba")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "")
    assert not root().is_absolute(), "not /.cache"
    assert user_cache() is None
    monkeypatch.setenv("HOME", "/home/user")
    assert user_cache() == Path("/home/user/.cache")


def test_the_home_of_another_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It shows nothing: as $HOME of root, which a container keeps for its other users."""
    stat = os.stat

    def refuse(path: Any, *arguments: Any, **keywords: Any) -> os.stat_result:
        if not isinstance(path, int) and tmp_path in Path(path).parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return stat(path, *arguments, **keywords)

    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert not jit._can_write(tmp_path / ".cache" / "numba")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of the same name, with a kernel that is compiled from three of its modules."""
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


def answer(package: Path, code: str = "import wordkit.kernel") -> str:
    """What the kernel returns in a new process, and whether it was kept from an earlier one."""
    command = [sys.executable, "-c", code]
    environment = {name: os.environ[name] for name in os.environ if name != "NUMBA_CACHE_DIR"}
    # Python's own takes a source for the same that has its length and its second
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        command, cwd=package.parent, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_a_kernel_is_kept_until_any_of_its_sources_changes(package: Path) -> None:
    assert answer(package) == "20 0"
    [kept] = package.glob("__pycache__/wordkit-*/kernel/*")
    os.utime(kept, (1, 1))
    (package / "number.py").write_text("NUMBER = 3\n")
    assert answer(package) == "60 0"
    assert not kept.exists(), "what is long out of date is removed"
    (package / "other.py").write_text("NUMBER = 8\n")  # not one of them
    os.utime(package / "number.py", (1, 1))  # no other content
    assert answer(package) == "60 1"


def test_the_sources_of_a_kernel() -> None:
    from wordkit.word2vec.kernels import logistic

    names = {path.name for path in jit._sources(Path(logistic.__file__))}
    assert names == {"logistic.py", "lanes.py", "tiles.py", "jit.py"}
