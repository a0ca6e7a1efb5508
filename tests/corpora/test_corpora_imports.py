"""What importing the package may load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import wordkit_corpora

ROOT = Path(__file__).resolve().parents[2]


def loaded_by(statement: str) -> set[str]:
    program = f"import sys; sys.path[:0] = {[str(ROOT), str(ROOT / 'corpora')]!r}; {statement}; "
    program += "sys.stdout.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return set(done.stdout.decode().split())


def test_the_package_loads_nothing() -> None:
    loaded = loaded_by("import wordkit_corpora")
    assert not {"numpy", "wordkit", "urllib.request", "wordkit_corpora.plaintext"} & loaded


def test_all_names_are_there() -> None:
    for name in wordkit_corpora.__all__:
        assert getattr(wordkit_corpora, name)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        wordkit_corpora.nothing
