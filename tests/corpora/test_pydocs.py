"""The corpus of documentation: a small tree exactly, and the real installation in part."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from wordkit.errors import ResourceError, TextError, WordkitWarning
from wordkit.runtime import Run
from wordkit_corpora import open_source, pydocs, pydocs_processes
from wordkit_corpora.installation import SourceTree, installed_trees, source_files
from wordkit_corpora.pydocs import read_trees
from wordkit_corpora.pydocs_processes import read_batches

FILES = {
    "a.py": '"""The module of this name."""\ndef f():\n    "What this function does."\n',
    "b/__init__.py": '"""The other module.\n\nWhat this function does."""\n',
    "b/c.py": 'add_newdoc("b", "c", """The text of a function in C.""")\n',
    "b/old.py": 'def f():\n    print "not Python 3"\n    add_newdoc(\n',
    "b/latin.py": '# -*- coding: latin-1 -*-\n"""The name of the café."""\n'.encode("latin-1"),
    "b/bad.py": b'"""The name of the caf\xe9."""\n',
    "b/windows.py": b'\xef\xbb\xbf"""The lines of\r\nthis file."""\r\n',
    "b/data.txt": '"""This is not a Python file."""',
    "b/tests/test_a.py": '"""The tests are not part of it."""',
    "pydoc_data/topics.py": "topics = {'if': 'The statement is used for conditions.\\n'}\n",
    "site-packages/d.py": '"""The packages are not part of it."""',
}
PARAGRAPHS = [
    "The module of this name.",
    "What this function does.",
    "The other module.",
    "The text of a function in C.",
    "The name of the café.",
    "The lines of this file.",
    "The statement is used for conditions.",
]


@pytest.fixture
def tree(tmp_path: Path) -> SourceTree:
    for name, text in FILES.items():
        path = tmp_path / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return SourceTree("mine", "1.0", str(tmp_path / "lib"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: SourceTree) -> Path:
    """An empty cache, and an installation that is only the small tree."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(pydocs, "installed_trees", lambda: [tree])
    return tmp_path / "cache" / "wordkit"


@pytest.mark.parametrize("processes", [1, 2])
def test_a_small_tree(tree: SourceTree, processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydocs, "_BATCH", 2)
    run = Run(read_trees([tree], processes))
    reports = list(run)
    assert run.result() == PARAGRAPHS
    assert [report.done for report in reports] == [0, 2, 4, 6, 8]
    assert reports[-1].total == 8
    assert reports[-1].figures == {"paragraphs": 7, "skipped files": 2}


def test_the_files_of_a_tree(tree: SourceTree) -> None:
    names = [os.path.relpath(file, tree.folder) for file in source_files(tree)]
    expected = [name for name in FILES if name.endswith(".py")]
    assert names == sorted(name for name in expected if "tests" not in name and "site-" not in name)


def test_made_once_and_cached(cache: Path, tree: SourceTree) -> None:
    for _ in range(2):
        opened = open_source(["pydocs"]).result()
        assert (opened.source.name, opened.tokenizer) == ("pydocs", "basic")
        lines = b"".join(block.data for block in opened.source.blocks()).decode().splitlines()
        assert lines == PARAGRAPHS
        (Path(tree.folder) / "a.py").unlink(missing_ok=True)  # a second reading would miss it
    assert [path.name for path in cache.iterdir()] == ["pydocs-1-mine1.0.txt"]


def test_without_a_cache_it_is_read_with_a_warning(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(WordkitWarning) as caught:
        source = pydocs.pydocs_source(1).result()
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith("pydocs is not kept for the next time: cannot make the cache folder")
    assert "\n" not in message
    blocks = list(source.blocks())
    assert b"".join(block.data for block in blocks).decode().splitlines() == PARAGRAPHS
    assert (source.name, source.size) == ("pydocs", blocks[-1].progress)
    assert not cache.exists()


def test_an_installation_without_sources(tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"no documentation is found in .*name a text of your own"):
        Run(read_trees([SourceTree("none", "1", str(tmp_path))], 1)).result()


def test_what_is_installed() -> None:
    trees = {tree.name: tree for tree in installed_trees()}
    names = ["python", "numpy", "scipy", "scikit-learn", "torch", "nltk", "click"]
    assert list(trees) == names
    for tree in trees.values():
        assert tree.version[0].isdigit()
        assert os.path.isdir(tree.folder)


def test_a_real_package() -> None:
    trees = [tree for tree in installed_trees() if tree.name == "click"]
    found = Run(read_trees(trees, 2)).result()
    assert found == Run(read_trees(trees, 1)).result()
    assert len(found) == len(set(found)) > 500
    assert sum(len(paragraph.split()) for paragraph in found) > 10_000
    assert "Echoes" in " ".join(found) or "Print a message" in " ".join(found)  # click.echo
    symbols = sum(">>>" in paragraph or "::" in paragraph for paragraph in found)
    assert symbols < 0.01 * len(found)


# --- the processes -----------------------------------------------------------------------------


def test_a_process_that_dies_is_an_error(tree: SourceTree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydocs_processes, "_PROGRAM", "raise SystemExit('it broke')")
    message = r"ended early \(status 1\): it broke; try again with one thread"
    with pytest.raises(ResourceError, match=message):
        Run(read_trees([tree], 2)).result()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.py")
    with pytest.raises(ResourceError, match=r"No such file.*missing.py"):
        list(read_batches([[missing]], 2))
    with pytest.raises(FileNotFoundError):
        list(read_batches([[missing]], 1))


def test_nothing_is_left_when_the_reading_stops(
    tree: SourceTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[str]] = []

    class Remembered(subprocess.Popen[str]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Remembered)
    before = threading.active_count()
    answers = read_batches([source_files(tree)] * 20, 2)
    next(answers)
    answers.close()
    assert len(started) == 2
    assert all(process.returncode is not None for process in started)
    assert threading.active_count() == before


def test_the_working_folder_does_not_matter(
    tree: SourceTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the user's named like a standard module is not imported."""
    (tmp_path / "json.py").write_text("raise RuntimeError('the wrong json')")
    monkeypatch.chdir(tmp_path)
    files = source_files(tree)
    assert list(read_batches([files], 2)) == list(read_batches([files], 1))


def test_the_protocol(tree: SourceTree) -> None:
    root = Path(pydocs.__file__).parents[1]
    files = source_files(tree)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", pydocs_processes._PROGRAM, str(root)],
        input=json.dumps(files[:1]) + "\n" + json.dumps(files[1:2]) + "\n",
        capture_output=True,
        check=True,
        encoding="ascii",
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers == [[PARAGRAPHS[:2]], [["The other module.", "What this function does."]]]
    assert done.stderr == ""
