"""wordkit doctor: the facts of this machine, as they are found in other ways."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Wordkit
from wordnet_files import write_wordnet

import wordkit as package
from wordkit import bundled
from wordkit.runtime import physical_memory


def test_what_it_finds(wordkit: Wordkit, folder: Path) -> None:
    found = json.loads(wordkit("doctor", "--json").stdout)
    assert found["versions"]["wordkit"] == package.__version__
    assert found["versions"]["python"].startswith(platform.python_version())
    for name in ("numpy", "torch", "numba", "scikit-learn"):
        assert found["versions"][name] == importlib.metadata.version(name)
    assert found["machine"]["cores"] == os.cpu_count()
    assert found["machine"]["memory_gb"] == round((physical_memory() or 0) / 2**30, 1)
    assert found["kernels"]["numbers_in_a_register"] in (8, 16)
    assert found["devices"]["cpu"]
    assert found["folders"]["cache"] == str(folder / ".cache" / "wordkit")
    assert found["asks"]["vectors"] == {
        "path": str(bundled.VECTORS), "from": "bundled", "fault": None,
    }  # fmt: skip
    assert found["asks"]["language_model"]["path"] == str(bundled.LANGUAGE_MODEL)
    assert found["asks"]["sequence_model"] is None
    lines = [line.split(maxsplit=2) for line in wordkit("doctor").stdout.splitlines()]
    assert ["sequence", "model", "none yet: wordkit train-seq2seq PAIRS"] in lines


def test_the_files_that_would_be_asked(
    wordkit: Wordkit, vectors: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDKIT_LM", "mine.safetensors")
    monkeypatch.setenv("WORDKIT_COUNTS", str(folder))
    monkeypatch.setenv("WORDKIT_WORDNET", str(write_wordnet(folder / "words")))
    done = wordkit("doctor", "--json", status=1)
    asks = json.loads(done.stdout)["asks"]
    assert done.stderr.startswith(f"wordkit: {folder}, mine.safetensors cannot be used; ")
    assert asks["vectors"] == {
        "path": "vectors.safetensors", "from": "this folder", "fault": None,
    }  # fmt: skip
    assert asks["language_model"]["fault"] == "there is no such file; check the name"
    assert "it is a folder" in asks["counted_vectors"]["fault"]
    assert asks["wordnet"]["from"] == "$WORDKIT_WORDNET" and asks["wordnet"]["fault"] is None
    shown = wordkit("doctor", status=1).stdout
    assert "mine.safetensors ($WORDKIT_LM): there is no such file" in shown
    (folder / "prose.txt").write_text("no vectors in here\n")
    for name in ("VECTORS", "COUNTS", "LM", "SEQ2SEQ", "DIALOGUE"):
        monkeypatch.setenv(f"WORDKIT_{name}", "prose.txt")
    monkeypatch.setenv("WORDKIT_DATA", "nowhere")
    found = json.loads(wordkit("doctor", "--json", status=1).stdout)
    for what in (
        "vectors",
        "counted_vectors",
        "language_model",
        "sequence_model",
        "dialogue_model",
    ):
        assert found["asks"][what]["fault"].startswith("is "), found["asks"][what]
    assert found["folders"]["data"]["fault"] == "there is no such folder; name an existing one"
    monkeypatch.setenv("WORDKIT_WORDNET", "nowhere")
    asked = json.loads(wordkit("doctor", "--json", status=1).stdout)["asks"]["wordnet"]
    assert asked["path"] == "nowhere" and asked["fault"].startswith("there is no such file")


def test_it_runs_without_what_it_says_is_missing(folder: Path) -> None:
    code = """
import importlib.metadata, sys
version = importlib.metadata.version
def hiding(package):
    if package == "numpy":
        raise importlib.metadata.PackageNotFoundError(package)
    return version(package)
importlib.metadata.version, sys.modules["numpy"] = hiding, None
from wordkit_cli.main import main
sys.argv = ["wordkit", "doctor"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "wordkit needs numpy, which is not installed here" in done.stderr
    assert "Traceback" not in done.stderr and "versions" in done.stdout


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
    assert "matplotlib     missing: pip install 'wordkit[plot]', for figures" in done.stdout
    assert "devices" not in done.stdout  # what would need the package is not asked
    assert "wordnet" not in done.stdout
    assert isinstance(done.exception, ResourceError)
    assert "wordkit needs nltk, which is not installed here" in str(done.exception)
