"""wordkit doctor: the facts of this machine, as they are found in other ways."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path

import pytest
from command_line import Wordkit

import wordkit as package
from wordkit import bundled


def test_what_it_finds(wordkit: Wordkit, folder: Path) -> None:
    found = json.loads(wordkit("doctor", "--json").stdout)
    assert found["versions"]["wordkit"] == package.__version__
    assert found["versions"]["python"].startswith(platform.python_version())
    for name in ("numpy", "torch", "numba", "scikit-learn"):
        assert found["versions"][name] == importlib.metadata.version(name)
    assert found["machine"]["cores"] == os.cpu_count()
    assert found["kernels"]["numbers in a register"] in (8, 16)
    assert found["devices"]["cpu"]
    assert found["folders"]["cache"] == str(folder / ".cache" / "wordkit")
    assert found["asks"]["vectors"] == str(bundled.VECTORS)
    assert found["asks"]["language model"] == str(bundled.LANGUAGE_MODEL)
    assert found["asks"]["sequence model"] == "none yet: wordkit train-seq2seq PAIRS"


def test_the_files_that_would_be_asked(
    wordkit: Wordkit, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDKIT_LM", "mine.safetensors")
    rows = [line.split(maxsplit=1) for line in wordkit("doctor").stdout.splitlines()]
    assert ["vectors", "vectors.safetensors in this folder"] in rows
    assert ["language", "model   mine.safetensors ($WORDKIT_LM)"] in rows


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    from click.testing import CliRunner

    from wordkit.errors import ResourceError
    from wordkit_cli import doctor

    def version(name: str) -> str:
        if name in ("nltk", "matplotlib"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr("wordkit_cli.doctor.importlib.metadata.version", version)
    done = CliRunner().invoke(doctor.command)
    assert "matplotlib     missing: pip install 'wordkit[plot]', for pictures" in done.stdout
    assert "devices" not in done.stdout  # what would need the package is not asked
    assert isinstance(done.exception, ResourceError)
    assert "wordkit needs nltk, which is not installed here" in str(done.exception)
