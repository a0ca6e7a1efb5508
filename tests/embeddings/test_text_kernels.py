"""The compiled reader and writer of text do what the plain ones do."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wordkit.embeddings.formats.format import ReadOptions
from wordkit.embeddings.formats.text_reader import _Parser, _Piece
from wordkit.embeddings.formats.text_rows import (
    _compiled,
    _plain,
)

TOKENS = st.one_of(
    st.floats(width=32, allow_nan=False).map(repr),
    st.floats(width=64, allow_nan=False).map(repr),
    st.integers().map(str),
    st.from_regex(r"[+-]?[0-9]{0,25}\.?[0-9]{0,25}(e[+-]?[0-9]{0,3})?", fullmatch=True),
    st.sampled_from(
        ["", "nan", "-inf", "+", "-", ".", "1e", "1_0", "0x1", "é", "a", "\r", "1e400"]
    ),
)
ROWS = st.lists(TOKENS, max_size=6).map(" ".join)


class _File:
    path = "file"


def parser(dim: int) -> _Parser:
    return _Parser(_File(), dim, ReadOptions(errors="replace"))  # type: ignore[arg-type]


@settings(max_examples=100)
@given(st.lists(ROWS | st.text(max_size=12), max_size=8), st.integers(1, 4), st.booleans())
@example(["catch 22 1.5"], 1, True)
@example(["catch 22 1"], 1, True)
@example(["a 1e-45 -0 0.1", "b 1 2 3 ", "c 1  2 3\r"], 3, True)
@example(["a 16777217.0000000001", "b 1.00000005960464477539", "c 1.0000000596046448"], 1, True)
@example(["\r", " ", "", "\r ", "a 1"], 1, False)
def test_compiled_rows_are_plain_rows(rows, dim, ended):
    data = "\n".join(rows).encode() + (b"\n" if ended else b"")
    piece = _Piece(data, 0, 1)
    plain, fast = parser(dim).plain(piece), parser(dim).compiled(piece)
    assert fast.words == plain.words
    assert fast.vectors.tobytes() == plain.vectors.tobytes()
    assert str(fast.error) == str(plain.error)
    assert fast.ended == plain.ended == data.endswith(b"\n")


def test_numbers_near_the_middle_of_two_floats_are_read_exactly():
    rng = np.random.default_rng(2)
    below = (rng.standard_normal(3000) * 10.0 ** rng.integers(-6, 6, 3000)).astype(np.float32)
    halves = (below.astype(np.float64) + np.nextafter(below, np.float32(np.inf))) / 2
    tokens = [f"{x:.{digits}e}" for x in halves.tolist() for digits in (16, 17, 18, 19, 24)]
    expected = np.array([float(token) for token in tokens]).astype(np.float32)
    data = "\n".join(f"w {token}" for token in tokens).encode()
    assert parser(1).compiled(_Piece(data, 0, 1)).vectors.tobytes() == expected.tobytes()


def assert_same_numbers(fast: list[bytes], plain: list[bytes]) -> None:
    """The same digits, at most in another notation: NumPy's releases differ over 1e+06."""
    for ours, theirs in zip(fast, plain, strict=True):
        assert Decimal(ours.decode()) == Decimal(theirs.decode())
        assert ours == theirs or abs(float(ours)) >= 1e5


def test_random_floats_of_all_sizes_are_written_as_numpy_does_and_come_back():
    bits = np.random.default_rng(4).integers(0, 2**32, 30_000, dtype=np.uint64).astype(np.uint32)
    common = np.random.default_rng(5).standard_normal(30_000).astype(np.float32)
    array = np.concatenate([bits.view(np.float32), common]).reshape(-1, 10)
    array = array[np.isfinite(array).all(axis=1)]
    words = [f"w{i}" for i in range(len(array))]
    text = _compiled(words, array)
    assert_same_numbers(
        [token for row in text.splitlines() for token in row.split()[1:]],
        [token for row in _plain(words, array).splitlines() for token in row.split()[1:]],
    )
    read = parser(10).compiled(_Piece(text, 0, 1))
    assert read.error is None
    assert read.vectors.tobytes() == array.tobytes()
