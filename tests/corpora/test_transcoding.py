"""Text in other encodings arrives as the same text in UTF-8, and errors name their place."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.errors import ConfigError, TextError
from wordkit_corpora.transcoding import canonical_encoding, to_utf8

ENCODINGS = ["utf-16", "utf-16-le", "utf-32", "utf-7", "gb18030", "shift_jis", "latin-1"]


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def decoded(data: bytes, encoding: str, errors: str = "strict", size: int = 3) -> str:
    return b"".join(to_utf8(pieces(data, size), "a.txt", encoding, errors)).decode()


@settings(deadline=None, max_examples=200)
@given(st.data(), st.sampled_from(ENCODINGS), st.integers(1, 20))
def test_round_trip(data: st.DataObject, encoding: str, size: int) -> None:
    letters = st.sampled_from("ab \n") if encoding == "latin-1" else st.sampled_from("aカ語\n ")
    text = data.draw(st.text(letters))
    assert decoded(text.encode(encoding), encoding, size=size) == text


@settings(deadline=None, max_examples=300)
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
            assert decoded(data, encoding, size=size) == expected


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
    with pytest.raises(TextError, match=f"a.txt: no byte order mark.*--encoding {encoding}-le or"):
        decoded("text".encode(f"{encoding}-le"), encoding, errors)


def test_replacing() -> None:
    assert decoded(b"a\xe9b", "ascii", "replace") == "a\ufffdb"
    assert decoded("ab".encode("utf-16-le") + b"x", "utf-16-le", "replace") == "ab\ufffd"


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


def test_no_mark_and_a_bad_byte_behind() -> None:
    """Python tells of the byte first, and misses the mark when the lines before are counted."""
    with pytest.raises(TextError, match="no byte order mark, which utf-16 needs"):
        list(to_utf8([b"a\0b\0c"], "x", "utf-16", "strict"))
