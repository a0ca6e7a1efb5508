"""Working folders for the command line, and what it reads there."""

from __future__ import annotations

import os
import random
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from command_line import Result, Wordkit, call, call_in_new_process
from every_command import Call, save_royal_vectors

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
    names = ("VECTORS", "COUNTS", "LM", "SEQ2SEQ", "DIALOGUE", "CLASSIFIER", "DATA", "WORDNET")
    for name in names:
        monkeypatch.delenv(f"WORDKIT_{name}", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    return tmp_path


@pytest.fixture
def wordkit(folder: Path) -> Wordkit:
    """Run ``wordkit ARGUMENTS`` in the folder; the status is checked to be the one expected.

    With ``anew=True`` it is a new process, which reads the environment as it starts.
    """

    def run(
        *arguments: str | Path, status: int = 0, stdin: str | bytes = b"", anew: bool = False
    ) -> Result:
        done = (call_in_new_process if anew else call)(*arguments, stdin=stdin)
        assert done.status == status, done
        check_said(done)
        return done

    return run


def check_said(done: Result) -> None:
    """What ends in status 1 has said why in one plain line, after all else."""
    assert "Traceback" not in done.stderr
    if done.status == 1:
        lines = done.stderr.splitlines()
        assert [line.startswith("wordkit: ") for line in lines].count(True) == 1, done
        assert lines[-1].startswith("wordkit: "), done


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


def _state(path: Path) -> tuple[int, ...]:
    """What differs as soon as a file has been written, replaced, linked or locked."""
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        return (status.st_mode,)
    times = status.st_mtime_ns, status.st_ctime_ns
    return status.st_mode, status.st_ino, status.st_size, *times


Files = dict[str, bytes | None]
"""The files of a folder by their paths; None for folders."""


class Place:
    """A working folder with all that the calls of ``every_command`` read.

    Args:
        folder: the working folder; temporary files go to its folder ``tmp``.
        made: where the files are taken from.
    """

    def __init__(self, folder: Path, made: Path) -> None:
        self.folder, self._made = folder, made
        self._first: dict[Path, tuple[int, ...]] = {}  # states of the files that were copied
        self._read: dict[Path, tuple[tuple[int, ...], bytes]] = {}
        self.tidy()

    def tidy(self) -> None:
        """Make the folder what it was at first; what nothing has touched stays there."""
        self._clear(self._first)
        for source in sorted(self._made.rglob("*")):
            path = self.folder / source.relative_to(self._made)
            if not path.exists():
                path.mkdir() if source.is_dir() else shutil.copy2(source, path)
                self._first[path] = _state(path)
        (self.folder / "tmp").mkdir()

    def _clear(self, kept: Mapping[Path, tuple[int, ...]]) -> None:
        """Remove what lies in the folder, but for what is in such a state."""
        for path in sorted(self.folder.rglob("*"), reverse=True):  # a folder after what is in it
            if kept.get(path) != _state(path):
                is_folder = path.is_dir() and not path.is_symlink()
                shutil.rmtree(path) if is_folder else path.unlink()

    def put(self, content: Files) -> None:
        """Make the folder hold what :meth:`content` has once returned."""
        self._clear({})
        for name, data in sorted(content.items()):
            path = self.folder / name
            if data is None:
                path.mkdir()
            else:
                path.write_bytes(data)

    def content(self) -> Files:
        """All that lies in the folder, by its path: the bytes of files, where links lead.

        Without the log, in which a call also notes the way to where it failed.
        """
        return {
            str(path.relative_to(self.folder)): (
                os.fsencode(os.readlink(path))
                if path.is_symlink()
                else self._bytes_of(path)
                if path.is_file()
                else None
            )
            for path in self.folder.rglob("*")
            if ".cache" not in path.parts and path.name != "log"
        }

    def _bytes_of(self, path: Path) -> bytes:
        """The content of a file, read anew where it is not in the state of the last time."""
        state, content = self._read.get(path, ((), b""))
        if state != (now := _state(path)):
            content = path.read_bytes()
            self._read[path] = now, content
        return content

    def fill(self, row: Call) -> None:
        """Put something old wherever the call writes."""
        for name in row.writes:
            path = self.folder / name
            if name.endswith(".ids"):
                shutil.copytree(self.folder / "old.ids", path)
            elif not path.exists():
                path.write_bytes(b"years of work")

    def run(self, name: str, row: Call, *, max_file_bytes: int | None = None) -> Result:
        """Run a call; nothing has been left that it should have taken away."""
        arguments = [*name.split(), *row.arguments]
        done = call(*arguments, stdin=row.stdin, max_file_bytes=max_file_bytes)
        check_said(done)
        assert not self.left_over(), self.left_over()
        return done

    def left_over(self) -> list[Path]:
        """Temporary files."""
        hidden = [path for path in self.folder.rglob(".*") if path.name != ".cache"]
        return [*(self.folder / "tmp").iterdir(), *hidden]


@pytest.fixture
def place(folder: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A working folder with all that the calls of every command read."""
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    return Place(folder, made)


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
