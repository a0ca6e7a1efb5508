"""Files, folders, globs and compressed files are read as one restartable text."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.errors import ConfigError, TextError
from wordkit.storage.newlines import universal_newlines
from wordkit_corpora import PlainText, open_text, plaintext
from wordkit_corpora.files import find_files

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(source: PlainText) -> bytes:
    return b"".join(block.data for block in source.blocks())


def file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# --- compression -------------------------------------------------------------------------------


@given(st.binary(max_size=400), st.integers(16, 64), st.sampled_from(sorted(COMPRESS)))
def test_any_compression_under_any_name(
    tmp_path: Path, text: bytes, size: int, compression: str
) -> None:
    text = universal_newlines(b"text " + text.replace(b"\0", b""))
    path = file(tmp_path, "a.dat", COMPRESS[compression](text))
    source = open_text([path], block_size=size)
    assert read(source) == text + (b"" if text.endswith(b"\n") else b"\n")
    assert [block.progress for block in source.blocks()][-1] == source.size == path.stat().st_size
    assert read(open_text([file(tmp_path, "b", COMPRESS[compression](b""))])) == b""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(b"text", mtime=0)[:-9], "a is truncated: its gzip data end too early"),
        (b"PK\x03\x04 and so on", "a is a zip archive; convert it to plain text first"),
        (pickle.dumps("text"), "a is a pickle; convert it to plain text first"),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(TextError, match=message):
        read(open_text([file(tmp_path, "a", data)]))


# --- what paths stand for ----------------------------------------------------------------------


def test_folders_are_read_in_order_without_hidden_files(tmp_path: Path) -> None:
    file(tmp_path, "b/2.txt", b"four\n")
    file(tmp_path, "b/1.txt.gz", gzip.compress(b"three", mtime=0))
    file(tmp_path, "a.md", b"one")
    file(tmp_path, "a/x", b"two\n")
    file(tmp_path, ".hidden", b"no\n")
    file(tmp_path, ".git/x", b"no\n")
    file(tmp_path, "c", b"")
    file(tmp_path, "empty/.hidden", b"no\n")
    assert read(open_text([tmp_path])) == b"two\none\nthree\nfour\n"
    assert read(open_text([tmp_path / "b", tmp_path / "a.md"])) == b"three\nfour\none\n"
    with pytest.raises(TextError, match="the folder holds no file"):
        open_text([tmp_path / "empty"])
    file(tmp_path, "-", b"a file")
    assert read(open_text(["./-"])) == read(open_text(["[!a-z]"])) == b"a file\n", (
        "no standard input"
    )


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    file(tmp_path, "real/a.txt", b"a\n")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "real")
    (folder / "circle").symlink_to(folder)
    assert read(open_text([folder])) == b"a\n"
    (folder / "broken").symlink_to("nowhere")
    with pytest.raises(TextError, match="broken: there is no such file"):
        open_text([folder])


def test_globs(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.md", "sub/d.txt"):
        file(tmp_path, name, name.encode())
    assert read(open_text(["*.txt"])) == b"a.txt\nb.txt\n"
    assert read(open_text(["**/*.txt"])) == b"a.txt\nb.txt\nsub/d.txt\n"
    assert read(open_text(["s*"])) == b"sub/d.txt\n"
    file(tmp_path, "[a].txt", b"its very name")
    assert read(open_text(["[a].txt"])) == b"its very name\n"
    file(tmp_path, "empty/.hidden", b"no")
    for pattern in ("*.csv", "e*"):
        with pytest.raises(TextError, match=r"cannot read .*\*.*: no file matches this pattern"):
            open_text([pattern])


def test_each_file_counts_once_within_a_glob(tmp_path: Path) -> None:
    for name in ("books/a.txt", "books/b.txt", "books/more/c.txt"):
        file(tmp_path, name, name.encode())
    whole = b"books/a.txt\nbooks/b.txt\nbooks/more/c.txt\n"
    for pattern in ("books/**", "**/*", "*", "./books/../**"):
        assert read(open_text([pattern])) == whole, pattern
    assert open_text(["books/**"]).size == len(whole) - 3
    (tmp_path / "books" / "link.txt").symlink_to("a.txt")
    (tmp_path / "linked").symlink_to("books")
    assert len(read(open_text(["**"]))) == len(read(open_text(["."]))) == len(whole)


def test_a_file_of_several_paths_is_read_once(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        file(tmp_path, name, name.encode())
    for paths in ([".", "a.txt"], ["*.txt", "."], [".", str(tmp_path)]):
        assert read(open_text(paths)) == b"a.txt\nb.txt\n", paths
    assert read(open_text(["b.txt", ".", "./a.txt"])) == b"b.txt\na.txt\n"
    assert read(open_text(["a.txt", "a.txt"])) == b"a.txt\na.txt\n"  # as it was asked for


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a\0/*", "cannot read .*embedded null"),
        ("nowhere.txt", "cannot read 'nowhere.txt': there is no such file or folder; check"),
        ("a\0b", "cannot read .*embedded null"),
        ("x" * 5000, "cannot read .*File name too long"),
        ("/proc/self/mem", "cannot read /proc/self/mem: Input/output error"),
        ("/dev/zero", "cannot read /dev/zero: it is a device, not a text; name a file"),
    ],
)
def test_paths_that_cannot_be_read(path: str, message: str) -> None:
    with pytest.raises(TextError, match=message) as caught:
        read(open_text([path]))
    assert "\n" not in str(caught.value)


def test_a_file_that_vanishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(tmp_path, "a.txt", b"x\n")
    source = open_text([path])

    def find_and_remove(paths: list[Path]) -> list[str]:
        found = find_files(paths)
        path.unlink()
        return found

    monkeypatch.setattr(plaintext, "find_files", find_and_remove)
    for text in (open_text([path]), source):
        assert text.size is None
        with pytest.raises(TextError, match=r"cannot read .*a\.txt: No such file"):
            read(text)


def test_settings_are_checked(tmp_path: Path) -> None:
    path = file(tmp_path, "a.txt", b"x\n")
    with pytest.raises(ConfigError, match="paths must name at least one text"):
        open_text([])
    with pytest.raises(ConfigError, match="errors must be strict or replace, not 'ignore'"):
        open_text([path], errors="ignore")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="block_size must be at least 16, not 15"):
        open_text([path], block_size=15)
    with pytest.raises(ConfigError, match="encoding must be"):
        open_text([path], encoding="klingon")
    with pytest.raises(ConfigError, match="standard input .* only once"):
        open_text(["-", path, "-"])


# --- encodings ---------------------------------------------------------------------------------


def test_a_mark_at_the_start_of_each_file_is_dropped(tmp_path: Path) -> None:
    marked = "\ufeffé\n".encode()
    for name in ("a", "b"):
        file(tmp_path, name, marked)
    file(tmp_path, "c", gzip.compress(marked, mtime=0))
    assert read(open_text([tmp_path])).decode() == "é\né\né\n"
    assert read(open_text([tmp_path], encoding="utf-8-sig")).decode() == "é\né\né\n"


def test_bytes_that_cannot_be_decoded_may_be_replaced(tmp_path: Path) -> None:
    path = file(tmp_path, "a.txt", b"one\ntwo\nthr\xe9e\n")
    with pytest.raises(TextError, match=r"a.txt: line 3, byte 11: not ascii \(0xe9"):
        read(open_text([path], encoding="ascii"))
    replaced = open_text([path], encoding="ascii", errors="replace")
    assert replaced.replace_errors
    assert read(replaced).decode() == "one\ntwo\nthr\ufffde\n"


# --- a source ----------------------------------------------------------------------------------


def test_blocks_know_where_they_come_from(tmp_path: Path) -> None:
    a = file(tmp_path, "a", b"0123456789\n" * 10)
    b = file(tmp_path, "b", b"x\n" * 20)
    source = open_text([a, b], block_size=50)
    blocks = list(source.blocks())
    assert blocks == list(source.blocks()), "from the start at each call"
    assert open_text([Path("a"), "-"]).name == "a, standard input"
    assert open_text(["a", "b", "a", "b"]).name == "a and 3 more"
    assert source.size == 150
    assert [block.progress for block in blocks][-1] == 150
    assert {block.source for block in blocks} == {str(a), str(b)}
    assert blocks[0].source == str(a)
    start = next(block for block in blocks if block.source == str(b))
    assert (start.line, start.offset) == (1, 0)
