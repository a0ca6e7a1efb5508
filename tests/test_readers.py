"""Corrupted files and every reader; ``benchmarks/reader_cases.py`` tries many more."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readers import NAMES, Reader, make_readers, tried


@pytest.fixture(scope="module")
def readers(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Reader]:
    return make_readers(shutil.copytree(made, tmp_path_factory.mktemp("good") / "files"))


def test_good_files_are_read(readers: Mapping[str, Reader]) -> None:
    assert list(readers) == list(NAMES)
    for reader in readers.values():
        for path in reader.files:
            reader.read(path)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(seed=st.integers(0, 2**40))
def test_corrupted_files(
    readers: Mapping[str, Reader], tmp_path: Path, name: str, seed: int
) -> None:
    """Anything but a WordkitError fails."""
    assert tried(readers[name], seed, tmp_path) in ("accepted", "refused")
