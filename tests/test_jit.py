"""Where compiled kernels are kept when the usual places cannot be written."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from numba.core import config

from wordkit import jit


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
