"""The real command line, in a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import CommandLine, Wordkit

TEXT = """\
The king rules the land. The queen rules the land.
The man walks the dog, and the woman walks the dog.
A king is a man; a queen is a woman.
The cat sat on the mat. The dog sat on the log.
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with no defaults from outside."""
    monkeypatch.chdir(tmp_path)
    for name in ("VECTORS", "COUNTS", "LM", "SEQ2SEQ", "DATA", "WORDNET"):
        monkeypatch.delenv(f"WORDKIT_{name}", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    return tmp_path


@pytest.fixture(scope="session")
def command_line() -> Iterator[CommandLine]:
    """Starts calls of the command line, in the working folder of the test."""
    started = CommandLine()
    yield started
    started.close()


@pytest.fixture
def wordkit(folder: Path, command_line: CommandLine) -> Wordkit:
    """Run ``wordkit ARGUMENTS`` in the folder; the status is checked to be the one expected.

    With ``anew=True`` it is not a fork of a process that has loaded all modules, but a new one.
    Numba keeps its compiled kernels beside the sources, so the moved cache does not matter to it.
    """

    def run(
        *arguments: str | Path,
        status: int = 0,
        stdin: str | bytes | None = None,
        anew: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        process = command_line.start(*arguments, anew=anew)
        out, err = (said.decode() for said in process.communicate(data))
        assert process.returncode == status, f"status {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in err
        if status == 1:
            # what was read may have been said before; the complaint is the last line, and one
            assert [line.startswith("wordkit: ") for line in err.splitlines()].count(True) == 1
            assert err.splitlines()[-1].startswith("wordkit: "), err
        return subprocess.CompletedProcess(process.args, status, out, err)

    return run


@pytest.fixture
def corpus_txt(folder: Path) -> Path:
    """A small text, repeated so that its words pass a minimum count."""
    path = folder / "corpus.txt"
    path.write_text(TEXT * 30, encoding="utf-8")
    return path


@pytest.fixture
def vectors(folder: Path) -> Path:
    """Vectors in which king - man + woman is queen, as ./vectors.safetensors."""
    import numpy as np

    from wordkit.embeddings import Embeddings, save_embeddings
    from wordkit.text import Vocabulary

    rows = {
        "man": [1, 0, 0, 0.1],
        "woman": [0, 1, 0, 0.1],
        "king": [1, 0, 2, 0],
        "queen": [0, 1, 2, 0],
        "car": [0, 0.1, -1, 1],
        "truck": [0.1, 0, -1, 0.9],
    }
    vocabulary = Vocabulary(rows, [60, 50, 40, 30, 20, 10])
    path = folder / "vectors.safetensors"
    save_embeddings(Embeddings(vocabulary, np.array(list(rows.values()), np.float32)), path)
    return path
