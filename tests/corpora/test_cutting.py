"""Blocks hold exactly the text, whatever its bytes and the size of the blocks."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wordkit.errors import TextError
from wordkit.text.blocks import Block
from wordkit_corpora import cutting
from wordkit_corpora.cutting import cut_blocks

# every byte but NUL; white space often, so that lines and words are short
BYTES = st.lists(st.sampled_from([b" ", b"\n", b"\r", b"\t", b"a", "é".encode(), "語".encode()]))
ANY_BYTES = st.one_of(
    BYTES.map(b"".join), st.binary(max_size=300).map(lambda b: b.replace(b"\0", b""))
)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def cut(data: bytes, size: int) -> list[Block]:
    return list(cut_blocks(pieces(data, size), "a.txt", size, lambda: 7))


@settings(deadline=None, max_examples=300)
@given(ANY_BYTES, st.integers(16, 100))
@example(b"", 16)
@example(b"x", 16)
@example(b"a " * 100, 16)
@example(b"a" * 100, 16)
@example(b"a" * 15 + b"\r\n" + b"b" * 20, 16)
def test_blocks_are_the_text_with_a_final_line_end(data: bytes, size: int) -> None:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return
    text = data.removeprefix(codecs.BOM_UTF8)
    expected = text if not text or text.endswith(b"\n") else text + b"\n"
    blocks = cut(data, size)
    assert b"".join(block.data for block in blocks) == expected
    offset, line = len(data) - len(text), 1
    for block in blocks:
        assert block.data
        assert (block.offset, block.line, block.progress) == (offset, line, 7)
        assert block.open_ended == (not block.data.endswith(b"\n"))
        if block.open_ended:
            assert block.data[-1:].isspace()
        offset += len(block.data)
        line += block.data.count(b"\n")


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("aé語😀 \n"), max_size=200), st.integers(16, 60))
def test_no_character_is_split(text: str, size: int) -> None:
    assert "".join(block.data.decode() for block in cut(text.encode(), size)).rstrip("\n") == (
        text.rstrip("\n")
    )


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(16, 60))
def test_memory_is_bounded_by_block_and_word(words: list[int], size: int) -> None:
    line = b" ".join(b"w" * length for length in words)
    for block in cut(line, size):
        assert len(block.data) <= 2 * size + 31


def test_a_line_of_words_is_cut_and_stays_one_line() -> None:
    blocks = cut(b"word " * 1000 + b"\nnext\n", 100)
    assert len(blocks) > 40
    assert {block.line for block in blocks} == {1}
    assert [block.open_ended for block in blocks] == [True] * (len(blocks) - 1) + [False]


def test_a_run_without_white_space_is_not_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "LONGEST_RUN", 1 << 20)
    assert b"".join(b.data for b in cut(b"x" * (1 << 20), 1 << 16)) == b"x" * (1 << 20) + b"\n"
    with pytest.raises(TextError, match=r"a.txt: line 2, byte 2: 1 MiB without any white space"):
        cut(b"a\n" + b"x" * ((1 << 20) + (1 << 16)), 1 << 16)
    spaced = (b"x" * (1 << 19) + b"\t") * 6
    assert sum(len(block.data) for block in cut(spaced, 1 << 16)) == len(spaced) + 1


@pytest.mark.parametrize("size", [16, 1 << 16])
def test_a_nul_byte_is_named_with_line_and_byte(size: int) -> None:
    data = b"first line of it\nsecond line\nthi\0rd\n"
    with pytest.raises(TextError, match=r"a.txt: line 3, byte 32: a NUL byte.*--encoding utf-16"):
        cut(data, size)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be", "utf-32-be"])
def test_wide_encodings_are_named(encoding: str) -> None:
    data = "\ufefftext".encode(encoding) if encoding.endswith("be") else "text".encode(encoding)
    with pytest.raises(TextError, match=f"--encoding {encoding[:6]}$"):
        cut(data, 64)
