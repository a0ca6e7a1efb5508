"""Vector files that are corrupted or of another kind end in one plain line, whatever they hold."""

from __future__ import annotations

import contextlib
import gzip
import json
import struct
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from vector_strategies import embeddings_of

from wordkit.embeddings import Embeddings, formats, load_embeddings, save_embeddings
from wordkit.errors import (
    EmbeddingsError,
    FormatError,
    WordkitError,
    WordkitWarning,
)


def binary(*rows: tuple[bytes, list[float]], header: bytes | None = None) -> bytes:
    start = header or b"%d %d\n" % (len(rows), len(rows[0][1]))
    return start + b"".join(w + b" " + np.array(v, "<f4").tobytes() for w, v in rows)


def native(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def about(**changes: str) -> dict[str, str]:
    """The metadata of a native file."""
    entries = {"format": "wordkit", "kind": "embeddings", "format_version": "1", **changes}
    return {"wordkit": json.dumps(entries)}


def tensor(dtype: str, shape: list[int], start: int, end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


WHOLE = {
    "__metadata__": about(),
    "norms": tensor("F32", [1], 0, 4),
    "vectors": tensor("F32", [1, 1], 4, 8),
    "words": tensor("U8", [1], 8, 9),
}
DATA = struct.pack("<ff", 1, 1) + b"a"

BAD = {
    "empty": (b"", "is empty"),
    "text truncated": (b"3 2\na 1.25 2\nb 3.25 4\n", "announces 3 words, but 2 follow"),
    "text truncated in a row": (b"2 2\na 1.5 2\nb 3\n", "line 3: 2 numbers should follow.*1 do"),
    "text with more rows": (b"1 2\na 1 2\nb 3 4\n", "more follow.*limit=1"),
    "text header too large": (b"900 100\na 1 2\n", "truncated, or its header is wrong"),
    "text header huge": (b"%d %d\na 1\n" % (10**17, 10**17), "truncated, or its header"),
    "text header of zero words": (b"0 5\n", "0 words of 5 dimensions"),
    "text header of zero dimensions": (b"5 0\na\n", "5 words of 0 dimensions"),
    "text with too many values": (b"1 2\na 1 2 3\n", "line 2: 2 numbers should follow.*3 do"),
    "text with NaN": (b"2 2\na 1 2\nb nan 4\n", "line 3: 'nan' is not a finite number"),
    "text with a huge number": (b"1 1\na 1e39\n", "line 2: '1e39' is not a finite"),
    "text with a letter": (b"2 2\na 1 2\nb 0.1 x\n", "line 3: "),
    "text with a comma": (b"1 2\na 0,1 0,2\n", "line 2: .*0 do"),
    "text without a word": (b"1 2\n 1 2\n", "line 2: there is no word before the numbers"),
    "text not UTF-8": (b"2 1\na 1\nb\xff 2\n", "line 3: the word is not utf-8 at byte 9"),
    "glove with another length": (b"a 1 2 3\nb 1 2\n", "line 2: 3 numbers should follow.*2 do"),
    "a list of counts": (b"the 100\nof 90\n", "no vector file that wordkit knows"),
    "another binary file": (bytes(range(256)), "no vector file that wordkit knows"),
    "binary truncated": (binary((b"a", [1.5] * 9), (b"b", [2] * 9))[:-1], "truncated"),
    "binary header huge": (binary((b"a", [1.5] * 9), header=b"99 %d\n" % 10**15), "truncated"),
    "binary with NaN": (binary((b"a", [1.5] * 9), (b"b", [np.nan] * 9)), "vector 2 .'b'.*NaN"),
    "binary with more rows": (binary((b"a", [2.5] * 9), (b"b", [1] * 9), header=b"1 9\n"), "more"),
    "binary not UTF-8": (binary((b"a\xff", [1.5] * 9)), "vector 1 at byte 4: the word .* utf-8"),
    "binary without a word": (binary((b"", [1.5] * 9)), "vector 1 at byte 4: it has no word"),
    "a pickle": (b"\x80\x04K\x01.", "is a pickle; wordkit never reads"),
    "native without tensors": (native({"__metadata__": about()}), "no tensor 'vectors'"),
    "native of wrong type": (
        native({**WHOLE, "vectors": tensor("I32", [1, 1], 4, 8)}, DATA),
        "should be float32",
    ),
    "native with other words": (
        native({**WHOLE, "words": tensor("U8", [3], 8, 11)}, DATA + b"\nb"),
        "2 words",
    ),
    "native with a doubled word": (
        native(
            {
                "__metadata__": about(),
                "norms": tensor("F32", [2], 0, 8),
                "vectors": tensor("F32", [2, 1], 8, 16),
                "words": tensor("U8", [3], 16, 19),
            },
            struct.pack("<ffff", 1, 1, 1, 1) + b"a\na",
        ),
        "more than once",
    ),
    "native, not UTF-8": (native(WHOLE, DATA[:-1] + b"\xff"), "not UTF-8"),
    "native with weights of wrong type": (
        native({**WHOLE, "weights.output": tensor("F64", [1, 1], 0, 8)}, DATA),
        "'weights.output' should be float32",
    ),
    "native with weights of NaN": (
        native(
            {**WHOLE, "weights.output": tensor("F32", [1, 1], 9, 13)},
            DATA + struct.pack("<f", np.nan),
        ),
        "weights 'output' are not all finite",
    ),
    "native with metadata that is no JSON": (
        native({**WHOLE, "__metadata__": about(about="{")}, DATA),
        "entry .about. is missing or no JSON object",
    ),
    "gzip truncated": (gzip.compress(b"99 2\n" + b"a 1 2\n" * 99, mtime=0)[:30], "truncated"),
    "gzip corrupted": (gzip.compress(bytes(99))[:12] + b"\xff" * 20, "corrupted|truncated"),
    "gzip with a huge header": (gzip.compress(b"%d %d\na 1\n" % (10**15, 10**15)), "line 2"),
    "gzip of a pickle": (gzip.compress(b"\x80\x05K\x01.", mtime=0), "pickle"),
    "bzip2 corrupted": (b"BZh91AY&SY" + bytes(40), "corrupted|truncated"),
    "xz corrupted": (b"\xfd7zXZ\x00" + bytes(40), "corrupted"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD.keys())
def test_bad_files_are_named_with_the_place_and_a_remedy(tmp_path, content, message):
    path = tmp_path / "bad file"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        load_embeddings(path).check()
    text = str(caught.value)
    assert "bad file" in text
    assert "\n" not in text


def test_of_a_doubled_word_the_first_is_kept_with_one_warning(tmp_path):
    path = tmp_path / "v.txt"
    path.write_bytes(b"5 1\na 1\nb 2\na 3\na 4\nb 5\n")
    with pytest.warns(WordkitWarning) as caught:
        read = load_embeddings(path)
    assert [str(w.message) for w in caught] == [
        f"{path}: 3 rows are of words that came before, and were left out"
    ]
    assert read.words == ("a", "b")
    assert read.vectors.tolist() == [[1], [2]]
    save_embeddings(read, tmp_path / "v.bin")
    content = (tmp_path / "v.bin").read_bytes().replace(b"2 1\n", b"3 1\n") + b"a " + bytes(4)
    (tmp_path / "v.bin").write_bytes(content)
    with pytest.warns(WordkitWarning, match="1 row is"):
        assert load_embeddings(tmp_path / "v.bin").vectors.tolist() == [[1], [2]]


def test_errors_in_large_files_name_the_line(tmp_path, monkeypatch):
    monkeypatch.setattr(formats.text_reader, "_PIECE", 1 << 16)
    rows = [b"w%d 0.5 1.5" % i for i in range(60_000)]
    path = tmp_path / "v.txt"
    for row in (10, 30_001, 59_999):
        corrupted = [*rows[:row], b"w 0.5 oops", *rows[row + 1 :]]
        path.write_bytes(b"60000 2\n" + b"\n".join(corrupted) + b"\n")
        with pytest.raises(FormatError, match=f"line {row + 2}: "):
            load_embeddings(path)
        assert len(load_embeddings(path, limit=row)) == row
        corrupted[row] = b"w\xff 0.5 1"
        path.write_bytes(b"60000 2\n" + b"\n".join(corrupted) + b"\n")
        with pytest.raises(
            FormatError, match=f"line {row + 2}: .* byte {path.read_bytes().index(255)} "
        ):
            load_embeddings(path)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "v.txt.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"word 0.5 ")
        for _ in range(80):
            file.write(bytes(1 << 20))
    with pytest.raises(FormatError, match="no vector file"):
        load_embeddings(path)
    with pytest.raises(FormatError, match="longer than"):
        load_embeddings(path, "glove")


VALUES = {
    "quarters": lambda rng, shape: rng.integers(-8, 9, shape) / 4,
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "small": lambda rng, shape: rng.uniform(-0.05, 0.05, shape).astype(np.float16),
}
PHRASES = ["cat", "vitamin c", "dog", "a", "new york city", "café au lait", "Dr. No"]


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_words_with_blanks_in_binary_files_are_read_right_or_refused(tmp_path, values, end):
    """What is read out of step looks like words and numbers in up to a quarter of the cases."""
    rng, path, right = np.random.default_rng(1), tmp_path / "v.bin", 0
    for number in range(150):
        words = PHRASES[:3] if number % 2 else [str(word) for word in rng.permutation(PHRASES)]
        vectors = VALUES[values](rng, (len(words), 1 + number % 12)).astype("<f4")
        write_binary(path, words, vectors, end)
        try:
            found = load_embeddings(path, "word2vec-binary")
        except FormatError as error:
            assert "may hold blanks" in str(error) or "no line break" in str(error), error
            assert "--errors" not in str(error)
        else:
            right += 1
            assert found.words == tuple(words) and np.array_equal(found.vectors, vectors)
    assert right > 130


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize(
    ("words", "value", "message"),
    [
        (["a", "b\0"], 1, "vector 2 at byte .* is no word"),
        (["a", "\x02b"], 1, "vector 2 at byte .* is no word"),
        (["a", "b"], np.inf, r"vector 1 \('a'\): it holds NaN or infinity"),
        (["a", ""], 1, "vector 2 at byte .*: it has no word"),
        (["a b", "c"], 1e30, "vector 1 at byte 4: its word may hold blanks"),
    ],
)
def test_rows_that_cannot_be(tmp_path, words, value, message, end):
    path = tmp_path / "v.bin"
    write_binary(path, words, np.full((2, 3), value, "<f4"), end)
    told_by_breaks = end and ("\x02b" in words or "c" in words)
    with contextlib.nullcontext() if told_by_breaks else pytest.raises(FormatError, match=message):
        assert load_embeddings(path, "word2vec-binary").words == tuple(words)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(FormatError):
        load_embeddings(path, "word2vec-binary")


def write_binary(path, words, vectors, end):
    rows = zip(words, vectors, strict=True)
    body = b"".join(word.encode() + b" " + vector.tobytes() + end for word, vector in rows)
    path.write_bytes(b"%d %d\n" % vectors.shape + body)


@pytest.mark.parametrize(
    "content",
    [
        b"1000000000 1000000\na 1\n",
        gzip.compress(b"1000000000 1000000\na 1\n", mtime=0),
        gzip.compress(b"2 1000000000\n" + b"a " + b"0 " * 100, mtime=0),
        gzip.compress(b"2 1000000000\n" + b"a " + bytes(range(256))),
        gzip.compress(b"3 400000\n" + b"a 1\n" * 200_000, mtime=0),
    ],
)
def test_no_memory_is_taken_because_a_header_says_so(tmp_path, content):
    path = tmp_path / "v"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            load_embeddings(path)
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


# --- fuzzing -------------------------------------------------------------------------------------


def load_or_refuse(path: Path, name: str | None, **options) -> Embeddings | None:
    """What is in a file, or None where it is refused; any other error fails the test."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WordkitWarning)
            read = load_embeddings(path, name, **options)
            read.check()
    except WordkitError as error:
        assert "\n" not in str(error)
        return None
    assert read.vectors.shape == (len(read), read.dim)
    assert np.isfinite(read.vectors).all()
    assert len(set(read.words)) == len(read)
    return read


LINES = st.lists(
    st.lists(
        st.sampled_from(["1", "2", "-0.5", "a", "é", "nan", "1e99", "", "\x00", "99999999", "\r"])
        | st.text(max_size=3),
        max_size=5,
    ).map(" ".join),
    max_size=6,
).map(lambda lines: "\n".join(lines).encode())


def read_by_compiled_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even the smallest file of text go through threads and the kernel, in small pieces."""
    monkeypatch.setattr(formats.text_reader, "_SMALL", 0)
    monkeypatch.setattr(formats.text_reader, "_FEW", 0)
    monkeypatch.setattr(formats.text_reader, "_PIECE", 16)


TEXT = ["word2vec", "glove"]  # fastText's is word2vec's by another name
WAYS = [
    *((name, False) for name in (*TEXT, "native", "word2vec-binary")),
    *((name, True) for name in TEXT),
]


@pytest.mark.parametrize(("name", "compiled"), [(None, False), *WAYS])
@settings(max_examples=20)
@given(
    content=st.binary(max_size=60)
    | LINES
    | st.builds(
        lambda v, d, rest: b"%d %d\n" % (v, d) + rest,
        st.integers(0, 4),
        st.integers(0, 3),
        st.binary(max_size=40) | LINES,
    )
    | st.builds(native, st.binary(max_size=30) | st.just(WHOLE), st.binary(max_size=12)),
    limit=st.none() | st.integers(1, 3),
    pack=st.booleans(),
)
def test_any_bytes_are_read_or_refused(tmp_path, monkeypatch, name, compiled, content, limit, pack):
    if compiled:
        read_by_compiled_code(monkeypatch)
    path = tmp_path / "v"
    path.write_bytes(gzip.compress(content, 1, mtime=0) if pack else content)
    load_or_refuse(path, name, limit=limit)


@pytest.mark.parametrize(("name", "compiled"), WAYS)
@settings(max_examples=20)
@given(embeddings=embeddings_of(), data=st.data())
def test_a_file_cut_short_is_refused_or_warned_of_or_has_whole_rows(
    tmp_path, monkeypatch, name, compiled, embeddings, data
):
    if compiled:
        read_by_compiled_code(monkeypatch)
    path = tmp_path / "v"
    try:
        save_embeddings(embeddings, path, name)
    except EmbeddingsError:
        assume(False)
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            read = load_embeddings(path, name)
            read.check()
        except FormatError:
            return
    # a line break can go, digits of the last number, or (without a header) whole rows
    if name in TEXT and not path.read_bytes().endswith(b"\n"):
        assert [str(w.message) for w in caught] == [
            f"{path}: the last line has no end; the file may be cut short"
        ]
    else:
        assert not caught
    if name == "glove":
        whole = len(read) - bool(caught)
        assert read.words[:whole] == embeddings.words[:whole]
        assert whole == 0 or np.array_equal(read.vectors[:whole], embeddings.vectors[:whole])
    assert name in TEXT or path.stat().st_size == len(content) - 1
    if name != "glove":
        assert read.words == embeddings.words
        assert np.array_equal(read.vectors[:-1], embeddings.vectors[:-1])
        assert np.array_equal(read.vectors[-1, :-1], embeddings.vectors[-1, :-1])
