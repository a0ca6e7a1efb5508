"""The real command line, in a process of its own."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import CommandLine, Wordkit
from every_command import Call, make_files, save_royal_vectors
from many_calls import ManyCalls

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
    path = folder / "vectors.safetensors"
    save_royal_vectors(path)
    return path


class Place:
    """A working folder with all that the calls of ``every_command`` read.

    Args:
        folder: the working folder; temporary files go to its folder ``tmp``.
        made: where the files are taken from.
        calls: runs them.
    """

    def __init__(self, folder: Path, made: Path, calls: ManyCalls) -> None:
        self.folder, self._made, self._calls = folder, made, calls
        self.tidy()

    def tidy(self) -> None:
        """Make the folder what it was at first."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(self._made, self.folder, dirs_exist_ok=True)
        (self.folder / "tmp").mkdir()

    def content(self) -> dict[str, bytes | None]:
        """All that lies in the folder, by its path: the bytes of files, where links lead.

        Without the log, in which a call also notes the way to where it failed.
        """
        return {
            str(path.relative_to(self.folder)): (
                os.fsencode(os.readlink(path))
                if path.is_symlink()
                else path.read_bytes()
                if path.is_file()
                else None
            )
            for path in self.folder.rglob("*")
            if ".cache" not in path.parts and path.name != "log"
        }

    def fill(self, call: Call) -> None:
        """Put something old wherever the call writes."""
        for name in call.writes:
            path = self.folder / name
            if name.endswith(".ids"):
                shutil.copytree(self.folder / "old.ids", path)
            elif not path.exists():
                path.write_bytes(b"years of work")

    def run(self, name: str, call: Call, *, largest: int | None = None) -> tuple[int, str]:
        """Run a call; its exit status and what it has said on standard error.

        What ends in status 1 has said why in one plain line, and in none has anything been left
        that it should have taken away.
        """
        status, error = self._calls.run(
            [*name.split(), *call.arguments], call.stdin, largest=largest
        )
        assert "Traceback" not in error, error
        if status == 1:
            lines = [line for line in error.splitlines() if line.startswith("wordkit: ")]
            assert len(lines) == 1 and error.splitlines()[-1] == lines[0], error
        assert not self.left_over(), self.left_over()
        return status, error

    def left_over(self) -> list[Path]:
        """Temporary files."""
        hidden = [path for path in self.folder.rglob(".*") if path.name != ".cache"]
        return [*(self.folder / "tmp").iterdir(), *hidden]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the calls of every command read; to be copied."""
    folder = tmp_path_factory.mktemp("made")
    make_files(folder)
    return folder


@pytest.fixture(scope="session")
def many_calls() -> Iterator[ManyCalls]:
    """Runs many calls of the command line in one process."""
    started = ManyCalls()
    yield started
    started.close()


@pytest.fixture
def place(
    folder: Path, made: Path, many_calls: ManyCalls, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """A working folder with all that the calls of every command read."""
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    return Place(folder, made, many_calls)


@pytest.fixture
def texts(folder: Path) -> Path:
    """Sentences to train on, validate on, and test on."""
    chooser = random.Random(1)
    nouns, verbs = ["cat", "dog", "king", "queen"], ["sees", "hears"]

    def lines(n: int) -> str:
        return "".join(
            f"the {chooser.choice(nouns)} {chooser.choice(verbs)} the {chooser.choice(nouns)} .\n"
            for _ in range(n)
        )

    for name, n in (("train", 150), ("valid", 20), ("test", 20)):
        (folder / f"{name}.txt").write_text(lines(n))
    return folder
