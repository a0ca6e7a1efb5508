"""Named corpora stand wherever a path does."""

from __future__ import annotations

import gzip
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from wordkit.errors import ConfigError, TextError
from wordkit.text import TextSource, get_tokenizer
from wordkit_corpora import iter_open_source, named_corpora
from wordkit_corpora.named import find
from wordkit_corpora.texts import iter_open_lines


def read(source: TextSource) -> bytes:
    return b"".join(block.data for block in source.blocks())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with files of the user's own, among them a test set of PTB."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt", "data/ptb.test.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"in {name}\n")
    return tmp_path


def test_the_list() -> None:
    assert [corpus.name for corpus in named_corpora()] == ["ptb", "ptb-valid", "ptb-test", "pydocs"]
    for corpus in named_corpora():
        assert find(corpus.name) is corpus
        assert corpus.description and corpus.size and corpus.licence and corpus.origin
        get_tokenizer(corpus.tokenizer)
    assert find("text8") is None


def test_paths_open_as_plain_text() -> None:
    opened = iter_open_source(["a.txt", Path("b.txt")]).result()
    assert (opened.source.name, opened.tokenizer) == ("a.txt, b.txt", "basic")
    assert (opened.note, opened.reason) == (None, None)
    assert read(opened.source) == b"in a.txt\nin b.txt\n"
    assert read(iter_open_source(["?.txt"]).result().source) == b"in a.txt\nin b.txt\n"


def test_a_text_that_holds_unk_is_tokenised_already(folder: Path) -> None:
    (folder / "cut.txt").write_text(" the <unk> of 's n't \n")
    opened = iter_open_source(["cut.txt"]).result()
    assert (opened.tokenizer, opened.note) == ("whitespace", None)
    assert opened.reason == (
        "cut.txt holds <unk>, so it is tokenized already and is split at white space"
    )


@pytest.mark.parametrize(
    ("paths", "tokenizer"),
    [
        (["cut.txt", "a.txt"], "whitespace"), (["a.txt", "cut.txt"], "basic"),
        (["empty.txt", "cut.txt"], "whitespace"), (["ptb-test", "a.txt"], "whitespace"),
        (["a.txt", "ptb-test"], "basic"), (["cut.txt", "ptb-test"], "whitespace"),
    ],
)  # fmt: skip
def test_the_first_text_decides(folder: Path, paths: list[str], tokenizer: str) -> None:
    (folder / "cut.txt").write_text("the <unk> of\n")
    (folder / "empty.txt").touch()
    opened = iter_open_source(paths, data_dir="data").result()
    assert (opened.tokenizer, opened.reason is None) == (
        tokenizer,
        paths[0] not in ("cut.txt", "empty.txt"),
    )


RAW, CUT = "Raw text, and <unk>.\n", "text of <unk> 's\n"


@pytest.mark.parametrize(
    ("text", "tokenizer"),
    [
        (RAW, "basic"), (CUT, "whitespace"), (RAW * 200_000 + CUT, "basic"),
        (RAW * 199_000 + CUT, "whitespace"), ("\n" * 5000 + CUT, "whitespace"),
    ],
    ids=["raw", "cut", "cut after the first block", "cut in the first block", "blank lines"],
)  # fmt: skip
def test_the_same_text_has_the_same_tokenizer_from_anywhere(
    folder: Path, text: str, tokenizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "text").write_text(text)
    (folder / "text.gz").write_bytes(gzip.compress(text.encode(), 1))
    os.mkfifo("pipe")
    with ThreadPoolExecutor(1) as pool, open("text", "rb") as stdin, open("text") as file:
        pool.submit(Path("pipe").write_text, text)
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stdin))
        lines = text.splitlines()
        for given in ("text", "text.gz", "-", Path("pipe"), lines, iter(lines), file):
            opened = iter_open_lines(given).result()
            assert opened.tokenizer == tokenizer, given
            assert read(opened.source) == text.encode()


@pytest.mark.parametrize("text", ["the x<unk> of\n", "the <unk>. Of\n", ""])
def test_a_text_that_does_not_hold_it_as_a_token_is_not(folder: Path, text: str) -> None:
    (folder / "raw.txt").write_text(text)
    opened = iter_open_source(["raw.txt"]).result()
    assert (opened.tokenizer, opened.reason) == ("basic", None)


def test_an_existing_path_wins_over_a_name_and_that_is_noted(folder: Path) -> None:
    (folder / "ptb").mkdir()
    (folder / "ptb" / "x.txt").write_text("my own\n")
    (folder / "ptb-valid").write_text("mine too\n")
    opened = iter_open_source(["ptb"]).result()
    assert (read(opened.source), opened.tokenizer) == (b"my own\n", "basic")
    note = "ptb is a folder here and is read as such; the named corpus ptb is meant with data_dir"
    assert opened.note == note
    both = iter_open_source(["ptb", "a.txt", "ptb-valid"]).result()
    assert both.note == note + (
        "; ptb-valid is a file here and is read as such; "
        "the named corpus ptb-valid is meant with data_dir"
    )


def test_a_name_wins_over_a_path_where_the_data_are_named(folder: Path) -> None:
    (folder / "ptb-test").mkdir()
    (folder / "ptb-test" / "x.txt").write_text("my own\n")
    opened = iter_open_source(["ptb-test"], data_dir="data").result()
    assert (opened.source.name, opened.tokenizer) == ("ptb-test", "whitespace")
    assert read(opened.source) == b"in data/ptb.test.txt\n"
    assert opened.note is None
    assert read(iter_open_source(["./ptb-test"], data_dir="data").result().source) == b"my own\n"


def test_names_and_paths_together() -> None:
    opened = iter_open_source(["a.txt", "ptb-test", "b.txt"], data_dir="data").result()
    assert (opened.source.name, opened.tokenizer) == ("a.txt, ptb-test, b.txt", "basic")
    assert read(opened.source) == b"in a.txt\nin data/ptb.test.txt\nin b.txt\n"
    assert read(opened.source) == b"in a.txt\nin data/ptb.test.txt\nin b.txt\n"
    progress = [block.progress for block in opened.source.blocks()]
    assert progress == [9, 30, 39]
    assert opened.source.size == 39
    named_first = iter_open_source(["ptb-test", "-"], data_dir="data").result()
    assert named_first.source.size is None


def test_files_count_once_on_both_sides_of_a_name() -> None:
    opened = iter_open_source(["a.txt", "ptb-test", "?.txt"], data_dir="data").result()
    assert read(opened.source) == b"in a.txt\nin data/ptb.test.txt\nin b.txt\n"
    opened = iter_open_source(["?.txt", "ptb-test", "a.txt"], data_dir="data").result()
    assert read(opened.source) == b"in a.txt\nin b.txt\nin data/ptb.test.txt\n"
    with pytest.raises(ConfigError, match="standard input .* only once"):
        iter_open_source(["-", "ptb-test", "-"], data_dir="data").result()


def test_what_is_neither_path_nor_name() -> None:
    message = (
        "cannot read 'ptbb': there is no such file or folder, and the named corpora are "
        "ptb, ptb-valid, ptb-test, pydocs; check the name"
    )
    with pytest.raises(TextError, match=message):
        iter_open_source(["ptbb"]).result()
    with pytest.raises(TextError, match=r"\*.csv: no file matches"):
        iter_open_source(["*.csv"]).result()
    with pytest.raises(ConfigError, match="paths must name at least one text"):
        iter_open_source([]).result()


@pytest.mark.parametrize(
    ("path", "reason"),
    [("x" * 5000, "File name too long"), ("a.txt/b", "Not a directory"), ("a\0", "null")],
)
def test_paths_that_cannot_be_looked_at(path: str, reason: str) -> None:
    with pytest.raises(TextError, match=f"cannot read .*{reason}"):
        iter_open_source([path]).result()


def test_encoding_and_errors_are_those_of_the_paths(folder: Path) -> None:
    (folder / "a.txt").write_bytes("é\n".encode("latin-1"))
    opened = iter_open_source(["a.txt", "ptb-test"], encoding="latin-1", data_dir="data").result()
    assert read(opened.source) == "é\nin data/ptb.test.txt\n".encode()
    assert not opened.source.replace_errors
    both = iter_open_source(["a.txt", "ptb-test"], errors="replace", data_dir="data").result()
    assert both.source.replace_errors
