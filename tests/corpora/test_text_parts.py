"""Texts cut at line ends are the whole text again, and name the same lines."""

from __future__ import annotations

import contextlib
import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.errors import ConfigError, TextError
from wordkit_corpora import PlainText, open_text, text_parts
from wordkit_corpora.text_parts import LineRange

pieces = st.lists(st.sampled_from([b"a", b"bc ", b"\n", b"\r", b"\r\n", "é".encode()]), max_size=30)


def read(*texts: PlainText) -> bytes:
    return b"".join(block.data for text in texts for block in text.blocks())


@given(st.lists(pieces.map(b"".join), min_size=1, max_size=3), st.integers(1, 40), st.booleans())
def test_parts_are_the_whole(tmp_path: Path, files: list[bytes], size: int, bom: bool) -> None:
    paths = [tmp_path / str(number) for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(b"\xef\xbb\xbf" * bom + data)
    whole = open_text(paths)
    parts = whole.parts(size)
    assert read(*parts) == read(whole)
    assert sum(part.size or 0 for part in parts) == whole.size
    assert all(read(part).endswith(b"\n") or not read(part) for part in parts)


def test_what_cannot_be_divided_is_a_part(tmp_path: Path) -> None:
    text = b"some lines\n" * 50
    packed, wide, plain = (tmp_path / name for name in ("a.gz", "b.txt", "c.txt"))
    packed.write_bytes(gzip.compress(text, mtime=0) + gzip.compress(b"", mtime=0) * 10)
    wide.write_bytes(text.decode().encode("utf-16"))
    plain.write_bytes(text)
    assert [part.is_divided for part in open_text(packed).parts(100)] == [False]
    assert len(open_text(wide, encoding="utf-16").parts(100)) == 1
    assert len(open_text(plain).parts(100)) == 6
    small = open_text([plain] * 4).parts(5 * len(text))
    assert [len(part.files) for part in small] == [4]
    with pytest.raises(ConfigError, match="is a stream, which one process reads to its end"):
        open_text("-").parts(100)


def test_messages_have_the_lines_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"fine\rtext\n" * 10 + b"a \0 byte\n" + b"more\n" * 10)
    with pytest.raises(TextError) as whole:
        read(open_text(path))
    (bad,) = (part for part in open_text(path).parts(30) if part.byte_range == (90, 120))
    with pytest.raises(TextError) as part:
        read(bad.numbered())
    assert str(part.value) == str(whole.value)
    assert "line 21, byte 102" in str(whole.value)


def test_a_change_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\n")
    (part, _) = open_text(path).parts(4)
    (url, _) = open_text(f"file://{path}").parts(4)
    os.utime(path, (0, int(path.stat().st_mtime)))  # as a mount tells it that cuts the fraction
    path.chmod(0o600)
    assert part.changed_file() is url.changed_file() is None
    path.write_text("one\ntwo\nthree\n")
    assert (part.changed_file(), url.changed_file()) == (str(path), f"file://{path}")
    assert open_text(path).parts(4)[0].version != part.version
    (tmp_path / "b.txt").touch()
    (both,) = open_text(tmp_path).parts(100)
    (tmp_path / "b.txt").write_text("new")
    assert both.changed_file() == str(tmp_path / "b.txt")


def test_a_line_is_looked_for_in_its_range_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path := tmp_path / "a.txt").write_bytes(b"ab " * 1000)
    monkeypatch.setattr(text_parts, "_PIECE_BYTES", 100)
    parts = [LineRange(str(path), start, start + 300) for start in range(0, 3000, 300)]
    assert all(part._file.tell() <= part.start + 100 <= 3100 for part in parts)
    assert [part.start // 300 for part in parts[1:]] == [*range(2, 10), 10]


@pytest.mark.parametrize("as_it_comes", [False, True])
def test_a_change_is_noticed_by_who_reads_it_to_its_end(tmp_path: Path, as_it_comes: bool) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a line\n" * 1000)
    blocks = open_text(path, block_size=16, as_it_comes=as_it_comes).blocks()
    next(blocks)
    path.write_text("a word\n" * 1001)
    with (
        contextlib.nullcontext()
        if as_it_comes
        else pytest.raises(
            TextError,
            match=r"a.txt has changed .* until it is whole, and .*, or .* by - < \S*a.txt$",
        )
    ):
        list(blocks)
