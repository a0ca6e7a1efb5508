"""Any bytes in any encoding become blocks that hold exactly the text, and errors name the place."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wordkit.errors import ConfigError, TextError
from wordkit.storage.newlines import universal_newlines
from wordkit.text.blocks import Block
from wordkit_corpora import text_blocks
from wordkit_corpora.text_blocks import canonical_encoding, cut_blocks, to_utf8

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


@settings(max_examples=100)
@given(ANY_BYTES, st.integers(16, 100))
@example(b"", 16)
@example(b"x", 16)
@example(b"a " * 100, 16)
@example(b"a" * 100, 16)
@example(b"a" * 15 + b"\r\n" + b"b" * 20, 16)
def test_blocks_are_the_text_with_a_final_line_end(data: bytes, size: int) -> None:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return
    text = universal_newlines(data.removeprefix(codecs.BOM_UTF8))
    expected = text if not text or text.endswith(b"\n") else text + b"\n"
    blocks = cut(data, size)
    assert b"".join(block.data for block in blocks) == expected
    offset, line = len(data) - len(text), 1
    for block in blocks:
        assert block.data
        assert (block.offset, block.line, block.progress) == (offset, line, 7)
        assert block.open_ended == (not block.data.endswith(b"\n"))
        if block.open_ended:
            assert block.data[-1:].isspace(), "no character is split"
        offset += len(block.data)
        line += block.data.count(b"\n")


@settings(max_examples=100)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(16, 60))
def test_memory_is_bounded_by_block_and_word(words: list[int], size: int) -> None:
    line = b" ".join(b"w" * length for length in words)
    for block in cut(line, size):
        assert len(block.data) <= 2 * size + 31


def test_a_run_without_white_space_is_not_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "MAX_RUN_BYTES", 1 << 20)
    assert b"".join(b.data for b in cut(b"x" * (1 << 20), 1 << 16)) == b"x" * (1 << 20) + b"\n"
    with pytest.raises(TextError, match=r"a.txt: line 2, byte 2: 1 MiB without any white space"):
        cut(b"a\n" + b"x" * ((1 << 20) + (1 << 16)), 1 << 16)
    spaced = (b"x" * (1 << 19) + b"\t") * 6
    assert sum(len(block.data) for block in cut(spaced, 1 << 16)) == len(spaced) + 1


@pytest.mark.parametrize("size", [16, 1 << 16])
def test_a_nul_byte_is_named_with_line_and_byte(size: int) -> None:
    data = b"first line of it\nsecond line\nthi\0rd\n"
    with pytest.raises(TextError, match=r"a.txt: line 3, byte 32: a NUL byte.*encoding utf-16"):
        cut(data, size)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be", "utf-32-be"])
def test_wide_encodings_are_named(encoding: str) -> None:
    data = "\ufefftext".encode(encoding) if encoding.endswith("be") else "text".encode(encoding)
    with pytest.raises(TextError, match=f"with encoding {encoding[:6]}$"):
        cut(data, 64)


# --- encodings ---------------------------------------------------------------------------------

ENCODINGS = ["utf-16", "utf-16-le", "utf-32", "utf-7", "gb18030", "shift_jis", "latin-1"]


def decoded(data: bytes, encoding: str, errors: str = "strict", size: int = 3) -> str:
    return b"".join(to_utf8(pieces(data, size), "a.txt", encoding, errors)).decode()


@settings(max_examples=100)
@given(st.data(), st.sampled_from(ENCODINGS), st.integers(1, 20))
def test_round_trip(data: st.DataObject, encoding: str, size: int) -> None:
    letters = st.sampled_from("ab \n") if encoding == "latin-1" else st.sampled_from("aカ語\n ")
    text = data.draw(st.text(letters))
    assert decoded(text.encode(encoding), encoding, size=size) == text


@settings(max_examples=100)
@given(st.binary(max_size=60), st.sampled_from(ENCODINGS), st.integers(1, 20))
def test_any_bytes_are_decoded_as_python_does_or_refused(
    data: bytes, encoding: str, size: int
) -> None:
    if encoding in ("utf-16", "utf-32"):
        data = codecs.BOM_UTF32_LE[: int(encoding[4:]) // 8] + data
    try:
        expected = data.decode(encoding)
    except UnicodeDecodeError:
        with pytest.raises(TextError, match=r"^a.txt: line \d+, byte \d+: not "):
            decoded(data, encoding, size=size)
        assert isinstance(decoded(data, encoding, "replace", size), str)
    else:
        if encoding != "utf-7":  # which lets lone surrogates through
            assert decoded(data, encoding, size=size) == io.StringIO(expected, newline=None).read()


@pytest.mark.parametrize("size", [1, 2, 5, 7, 100])
def test_the_place_of_bad_bytes(size: int) -> None:
    data = "ab\ncd\nef".encode("utf-16-le") + b"\x00\xdc" + "gh".encode("utf-16-le")
    with pytest.raises(TextError, match=r"^a.txt: line 3, byte 16: not utf-16-le \(0x00: "):
        decoded(data, "utf-16-le", size=size)
    with pytest.raises(TextError, match=r"^a.txt: line 2, byte 4: not ascii \(0xe9: "):
        decoded(b"abc\n\xe9", "ascii", size=size)
    with pytest.raises(TextError, match=r"^a.txt: line 2, byte 2: not shift_jis \(0x83: "):
        decoded(b"a\n\x83", "shift_jis", size=size)


@pytest.mark.parametrize("errors", ["strict", "replace"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_missing_mark(encoding: str, errors: str) -> None:
    with pytest.raises(TextError, match=f"a.txt: no byte order mark.*encoding {encoding}-le or"):
        decoded("text".encode(f"{encoding}-le"), encoding, errors)
    with pytest.raises(TextError, match="no byte order mark, which utf-16 needs"):
        decoded(b"a\0b\0c", "utf-16", size=9)  # Python tells of the bad byte first


@pytest.mark.parametrize(
    ("given", "expected"),
    [("UTF8", "utf-8"), ("utf-8-sig", "utf-8"), ("Latin1", "iso8859-1"), ("UTF-16LE", "utf-16-le")],
)
def test_names_of_encodings(given: str, expected: str) -> None:
    assert canonical_encoding(given) == expected


@pytest.mark.parametrize("name", ["utf-9", "", "hex", "rot13", "a\0b", "zlib"])
def test_what_is_no_text_encoding(name: str) -> None:
    with pytest.raises(ConfigError, match="encoding must be one that Python knows"):
        canonical_encoding(name)
