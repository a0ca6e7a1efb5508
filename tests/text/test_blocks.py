"""The lines of a text, whatever blocks it comes in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.errors import TextError
from wordkit.text.blocks import Line, line_groups_of, lines_of, numbered_lines_of
from wordkit_corpora.plaintext import open_text


@given(
    st.text(st.sampled_from("ab é\t\r\n"), max_size=80),
    st.integers(16, 40),
    st.sampled_from(["utf-8", "utf-16"]),
)
def test_lines_are_those_of_the_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, block_size: int, encoding: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.txt"
    path.write_bytes(text.encode(encoding))
    lines = list(lines_of(open_text([path], block_size=block_size, encoding=encoding)))
    with open(path, encoding=encoding) as file:  # with universal newlines
        assert lines == [line.removesuffix("\n") for line in file]


@pytest.mark.parametrize("block_size", [16, 1 << 20])
def test_lines_are_numbered_in_the_file_they_stand_in(tmp_path: Path, block_size: int) -> None:
    first, second = str(tmp_path / "a"), str(tmp_path / "b")
    Path(first).write_bytes(b"a line that goes on over several blocks\r\n\ntwo")
    Path(second).write_bytes(b"\nthree\n\nfour and more of it\n")
    assert list(numbered_lines_of(open_text([first, second], block_size=block_size))) == [
        Line("a line that goes on over several blocks", first, 1),
        Line("", first, 2),
        Line("two", first, 3),
        Line("", second, 1),
        Line("three", second, 2),
        Line("", second, 3),
        Line("four and more of it", second, 4),
    ]


def test_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\ntw\xff\n")
    with pytest.raises(TextError, match=r"line 2, byte 6: not UTF-8 \(0xff\)"):
        list(lines_of(open_text([path])))
    assert list(lines_of(open_text([path], errors="replace"))) == ["one", "tw�"]


def test_a_group_is_what_has_been_read(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("".join(f"line {number}\n" for number in range(40)) + "the last")
    groups = list(line_groups_of(open_text([path], block_size=64)))
    assert len(groups) > 2 and all(groups)
    assert [line for group in groups for line in group] == list(
        numbered_lines_of(open_text([path]))
    )
