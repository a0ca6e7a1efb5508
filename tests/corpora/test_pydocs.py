"""The corpus of documentation: a small tree exactly, and the real installation in part."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wordkit.errors import TextError, WordkitWarning
from wordkit.runtime import Run
from wordkit_corpora import iter_open_source, pydocs
from wordkit_corpora.pydocs import SourceTree, installed_trees, read_trees

FILES = {
    "a.py": '"""The module of this name."""\ndef f():\n    "What this function does."\n',
    "b/__init__.py": '"""The other module.\n\nWhat this function does."""\n',
    "b/c.py": 'add_newdoc("b", "c", """\nThe text of a function in C.""")\n',
    "b/old.py": 'def f():\n    print "not Python 3"\n    add_newdoc(\n',
    "b/latin.py": '# -*- coding: latin-1 -*-\n"""The name of the café."""\n'.encode("latin-1"),
    "b/bad.py": b'"""The name of the caf\xe9."""\n',
    "b/windows.py": b'\xef\xbb\xbf"""The lines of\r\nthis file."""\r\n',
    "b/data.txt": '"""This is not a Python file."""',
    "b/tests/test_a.py": '"""The tests are not part of it."""',
    "pydoc_data/topics.py": "topics = {'if': 'The statement is used\\nfor conditions.'}\n",
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


def test_a_small_tree(tree: SourceTree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydocs, "_REPORT_EVERY", 3)
    run = Run(read_trees([tree]))
    reports = list(run)
    assert run.result() == PARAGRAPHS
    assert [(report.done, report.total) for report in reports] == [(0, 8), (3, 8), (6, 8), (8, 8)]
    assert reports[-1].figures == {"paragraphs": 7, "skipped files": 2}


def test_made_once_and_cached(cache: Path, tree: SourceTree) -> None:
    for _ in range(2):
        opened = iter_open_source(["pydocs"]).result()
        assert (opened.source.name, opened.tokenizer) == ("pydocs", "basic")
        lines = b"".join(block.data for block in opened.source.blocks()).decode().splitlines()
        assert lines == PARAGRAPHS
        (Path(tree.folder) / "a.py").unlink(missing_ok=True)  # a second reading would miss it
    assert [path.name for path in cache.iterdir()] == ["pydocs-2-mine1.0.txt"]


def test_without_a_cache_it_is_read_with_a_warning(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(WordkitWarning) as caught:
        source = pydocs.iter_pydocs_source().result()
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith("pydocs is not kept for the next time: cannot make the cache folder")
    assert "\n" not in message
    blocks = list(source.blocks())
    assert b"".join(block.data for block in blocks).decode().splitlines() == PARAGRAPHS
    assert (source.name, source.size) == ("pydocs", blocks[-1].progress)
    assert not cache.exists()


def test_an_installation_without_sources(tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"no documentation is found in .*name a text of your own"):
        Run(read_trees([SourceTree("none", "1", str(tmp_path))])).result()


def test_a_file_that_cannot_be_read(tree: SourceTree) -> None:
    (Path(tree.folder) / "z.py").symlink_to("nowhere")
    with pytest.raises(TextError, match=r"cannot read .*z\.py: No such file"):
        Run(read_trees([tree])).result()


def test_a_real_package() -> None:
    trees = {tree.name: tree for tree in installed_trees()}
    assert list(trees) == ["python", "numpy", "scipy", "scikit-learn", "torch", "nltk", "click"]
    assert all(tree.version[0].isdigit() and os.path.isdir(tree.folder) for tree in trees.values())
    found = Run(read_trees([trees["click"]])).result()
    assert len(found) == len(set(found)) > 500
    assert sum(len(paragraph.split()) for paragraph in found) > 10_000
    assert "Print a message and newline to stdout or a file." in " ".join(found)  # click.echo
    symbols = sum(">>>" in paragraph or "::" in paragraph for paragraph in found)
    assert symbols < 0.01 * len(found)
