"""What is written is what is read, in every format; what could not be read back is not written."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from vector_strategies import WORDS, embeddings_of, same, weights_in

from wordkit.embeddings import Embeddings, formats, load_embeddings, save_embeddings
from wordkit.embeddings.formats import FORMATS, detect_format
from wordkit.errors import ConfigError, EmbeddingsError, FormatError
from wordkit.text import Vocabulary

READABLE = [name for name, layout in FORMATS.items() if layout.read and layout.write]
SUFFIXES = {name: FORMATS[name].suffixes[0] for name in READABLE}
SMALL = Embeddings(["the", "of", "café"], [[1, -0.0, 1e-30], [0.1, 1e30, -2.5], [0, 0, 3]])


def write_and_read(embeddings: Embeddings, path: Path, name: str, **options) -> Embeddings:
    save_embeddings(embeddings, path, name)
    return load_embeddings(path, **options)


@pytest.mark.parametrize("packing", ["", ".gz", ".bz2", ".xz"])
@pytest.mark.parametrize("name", READABLE)
def test_every_format_packed_or_not(tmp_path, name, packing):
    path = tmp_path / f"vectors{SUFFIXES[name]}{packing}"
    assert same(write_and_read(SMALL, path, None), SMALL)
    assert same(load_embeddings(path, name), SMALL)
    assert detect_format(path).name == name
    assert list(tmp_path.iterdir()) == [path]
    assert same(load_embeddings(path.rename(tmp_path / "v.dat")), SMALL), "by its content"


@pytest.mark.parametrize("name", [name for name in READABLE if name != "fasttext"])
@settings(max_examples=30)
@given(
    embeddings=embeddings_of(),
    limit=st.none() | st.integers(1, 7),
    packing=st.sampled_from(["", "", ".gz"]),
    suffix=st.sampled_from([".dat", "", ".bin", ".txt"]),
)
@example(Embeddings(["5"], [[2.0]]), None, "", "")
@example(Embeddings(["a 5", "6 7"], [[2.0], [1]]), None, "", "")
@example(Embeddings(["a nan", "b inf"], [[1.5], [1]]), None, "", "")
@example(Embeddings([" ", "b"], [[1, 2], [3, 4]]), None, "", "")
@example(Embeddings(["b", " "], [[1, 2], [3, 4]]), None, "", ".gz")
@example(Embeddings(["a\r", "\rb"], [[1, 2], [3, 4]]), None, "", "")
@example(Embeddings(["\r0"], [[1, 2]]), None, "", "")
@example(Embeddings(["\ufeff1", "b"], [[1, 2], [3, 4]]), 1, "", "")
@example(Embeddings(["PK\x03\x04"], [[1, 2]]), None, "", "")
def test_what_is_accepted_comes_back_bit_by_bit(tmp_path, name, embeddings, limit, packing, suffix):
    path = tmp_path / f"vectors{suffix}{packing}"
    path.unlink(missing_ok=True)
    try:
        back = write_and_read(embeddings, path, name, limit=limit)
    except EmbeddingsError as refused:
        assert re.search("cannot|would be taken|dimensions at least", str(refused))
        assert not path.exists()
        assert not list(tmp_path.glob(".*"))
        return
    rows = len(embeddings) if limit is None else min(limit, len(embeddings))
    assert back.words == embeddings.words[:rows]
    assert back.vectors.tobytes() == embeddings.vectors[:rows].tobytes()
    whole = name == "native" and rows == len(embeddings)
    assert weights_in(back) == (weights_in(embeddings) if whole else {})


@settings(max_examples=30)
@given(embeddings=embeddings_of(WORDS.filter(lambda word: not {*" \r"} & {*word})))
@example(Embeddings(["etc.,", "x;"], [[2.0], [1]]))
def test_words_without_white_space_are_never_refused_by_text_with_a_header(tmp_path, embeddings):
    assert same(write_and_read(embeddings, tmp_path / "vectors.txt", None), embeddings)


@pytest.mark.parametrize("name", ["word2vec", "glove", "fasttext", "word2vec-binary"])
def test_large_files_go_through_threads_and_compiled_code(tmp_path, name, monkeypatch):
    monkeypatch.setattr(formats.text_reader, "_PIECE", 1 << 17)
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((9000, 12)) * 10.0 ** rng.integers(-32, 32, (9000, 1))
    words = [f"w{i}" for i in range(9000)]
    if name != "word2vec-binary":
        words[::7] = [f"new york {i} x\u00a0\u0085\u2028" for i in range(len(words[::7]))]
        words[5000:5002] = ["catch 22", " "]
    large = Embeddings(words, vectors)
    path = tmp_path / "large"
    assert same(write_and_read(large, path, name), large)
    for limit in (1, 1234, 8999, 9000, 10**9):
        cut = load_embeddings(path, limit=limit)
        assert cut.words == large.words[:limit]
        assert np.array_equal(cut.vectors, large.vectors[:limit])


@pytest.mark.parametrize("header", [b"", b"3 2\n"])
@pytest.mark.parametrize("turn", [0, 1, 2])
def test_a_blank_may_be_a_word(tmp_path, header, turn):
    """As in GoogleNews-vectors-negative300 that gensim has written as text."""
    rows = [b"  0.3 -4\n", b"cat 0.1 0.2\n", b"  7 0.5 0.6\n"]  # the last is indented
    path = tmp_path / "vectors.txt"
    path.write_bytes(header + b"".join(rows[turn:] + rows[:turn]))
    loaded = load_embeddings(path)
    assert sorted(loaded.words) == [" ", "7", "cat"]
    assert loaded[" "].tolist() == np.float32([0.3, -4]).tolist()


def test_a_limit_leaves_the_rest_unread(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_bytes(b"3 2\na 1 2\nb 3 4\nc is broken\n")
    assert load_embeddings(path, limit=2).words == ("a", "b")
    path.write_bytes(b"3 2\na 1 2\nb 3 4\nc is broken")  # that it has no end is not seen
    assert load_embeddings(path, limit=1).words == ("a",)
    with pytest.raises(FormatError, match=r"line 4: .*limit=2, wordkit convert --limit 2\)"):
        load_embeddings(path)
    half = gzip.compress(b"300000 2\n" + b"".join(b"w%d 0.5 1\n" % i for i in range(300_000)))
    packed = tmp_path / "vectors.txt.gz"
    packed.write_bytes(half[: len(half) // 2])
    assert len(load_embeddings(packed, limit=1000)) == 1000
    with pytest.raises(FormatError, match="truncated"):
        load_embeddings(packed)


@pytest.mark.parametrize(
    ("name", "word", "fault"),
    [
        ("word2vec-binary", "new york", "holds a space"),
        ("word2vec", "a\rb", "carriage return"),
        ("word2vec", " x", "begins or ends with a space"),
        ("word2vec", "x ", "begins or ends with a space"),
        ("fasttext", "version 2.5", "ends in a number"),
        ("glove", "la nan", "ends in a number"),
        ("projector", "a\tb", "holds a tab"),
        ("projector", "a\rb", "carriage return"),
        ("projector", "\u00a0\ufeff", "white space, and TensorBoard skips"),
    ],
)
def test_words_that_a_format_cannot_hold_are_named(tmp_path, name, word, fault):
    path = tmp_path / "vectors"
    path.write_text("old")
    with pytest.raises(EmbeddingsError, match=f"{word!r}.*{fault}".replace("\\", "\\\\")):
        save_embeddings(Embeddings(["a", word], np.ones((2, 2))), path, name)
    assert path.read_text() == "old"


def test_glove_needs_two_dimensions_and_a_clear_first_row(tmp_path):
    with pytest.raises(EmbeddingsError, match="2 dimensions at least, not 1"):
        save_embeddings(Embeddings(["a"], [[1.0]]), tmp_path / "v.glove")
    with pytest.raises(EmbeddingsError, match="'catch 22'"):
        save_embeddings(Embeddings(["catch 22", "b"], np.eye(2)), tmp_path / "v.glove")
    later = Embeddings(["b", "catch 22"], np.eye(2))
    assert same(write_and_read(later, tmp_path / "v.glove", None), later)


def test_the_native_file_keeps_counts_and_metadata_and_is_mapped(tmp_path):
    path = tmp_path / "v.safetensors"
    metadata = {"window": 5, "corpus": {"name": "ptb", "é": [1, None, True]}}
    made = Embeddings(Vocabulary(["a", "b"], [9, 4]), np.eye(2), metadata=metadata)
    save_embeddings(made, path)
    back = load_embeddings(path)
    assert back.metadata == metadata
    assert back.vocabulary.counts.tolist() == [9, 4]
    assert back.norms.tolist() == [1, 1]
    base = back.vectors
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        back.vectors[0, 0] = 2
    cut = load_embeddings(path, limit=1)
    assert cut.words == ("a",)
    assert cut.vocabulary.counts.tolist() == [9]
    back.check()


def test_what_a_trainer_needs_is_kept_by_the_native_format_alone(tmp_path):
    output = np.arange(6, dtype=np.float32).reshape(3, 2)
    made = Embeddings(["a", "b"], np.eye(2), weights={"output": output})
    for name in READABLE:
        back = write_and_read(made, tmp_path / "v", name)
        assert weights_in(back) == (weights_in(made) if name == "native" else {})
    for suffix in ("", ".gz"):
        back = write_and_read(made, tmp_path / f"v.safetensors{suffix}", None)
        again = write_and_read(back, tmp_path / f"w.safetensors{suffix}", None)
        assert weights_in(again) == weights_in(made)
        assert (tmp_path / f"w.safetensors{suffix}").read_bytes() == (
            tmp_path / f"v.safetensors{suffix}"
        ).read_bytes()
    mapped = load_embeddings(tmp_path / "v.safetensors").weights["output"]
    assert isinstance(mapped.base.base, np.memmap) or isinstance(mapped.base, np.memmap)
    assert weights_in(load_embeddings(tmp_path / "v.safetensors", limit=1)) == {}
    assert weights_in(load_embeddings(tmp_path / "v.safetensors", limit=2)) == weights_in(made)
    bare = write_and_read(made.without_weights(), tmp_path / "bare.safetensors", None)
    assert same(bare, made) and weights_in(bare) == {}


def test_metadata_that_json_cannot_hold_is_refused(tmp_path):
    made = Embeddings(["a"], [[1.0]], metadata={"x": object()})
    with pytest.raises(EmbeddingsError, match="JSON"):
        save_embeddings(made, tmp_path / "v.safetensors")
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=30)
@given(embeddings=embeddings_of())
def test_the_projectors_two_files_fit_together(tmp_path, embeddings):
    path = tmp_path / "v.tsv"
    try:
        save_embeddings(embeddings, path)
    except EmbeddingsError:
        assume(False)
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    assert np.array_equal(np.array(rows, dtype=np.float32), embeddings.vectors)
    lines = (tmp_path / "v.metadata.tsv").read_bytes().decode().split("\n")[:-1]
    words = list(embeddings.words)
    if embeddings.vocabulary.has_counts:
        pairs = zip(words, embeddings.vocabulary.counts.tolist(), strict=True)
        assert lines == ["word\tcount", *(f"{word}\t{count}" for word, count in pairs)]
    else:
        assert lines == words
    with pytest.raises(FormatError, match="only written"):
        load_embeddings(path, "projector")


def test_many_rows_for_the_projector(tmp_path):
    vectors = np.random.default_rng(0).standard_normal((4000, 30)).astype(np.float32)
    save_embeddings(Embeddings([f"w{i}" for i in range(4000)], vectors), tmp_path / "v.tsv.gz")
    with gzip.open(tmp_path / "v.tsv.gz", "rt") as file:
        rows = np.array([line.split("\t") for line in file], dtype=np.float32)
    assert np.array_equal(rows, vectors)
    with gzip.open(tmp_path / "v.metadata.tsv.gz", "rt") as file:
        assert len(file.readlines()) == 4000


def test_values_are_written_in_the_fewest_digits(tmp_path):
    values = [0.1, 1, -2.5, 1e-05, 123456.7, 1 / 3, 0.0001, 16777216, 1e20, 1e-20, 0.30000001]
    save_embeddings(Embeddings(["x"], [values]), tmp_path / "v.txt")
    row = (tmp_path / "v.txt").read_text().splitlines()[1].split(" ")[1:]
    assert [np.float32(token) for token in row] == [np.float32(value) for value in values]
    assert row[:5] == ["0.1", "1.0", "-2.5", "1e-05", "123456.7"]
    assert row[8:] == ["1e+20", "1e-20", "0.3"]


def test_unknown_names_and_suffixes_list_what_there_is(tmp_path):
    with pytest.raises(ConfigError, match="'w2v'; there are native, word2vec"):
        save_embeddings(SMALL, tmp_path / "v", "w2v")
    for suffix in ("", ".gz", ".npy"):
        with pytest.raises(ConfigError, match=r"\.safetensors.*\.txt.*\.bin"):
            save_embeddings(SMALL, tmp_path / f"v{suffix}")
    path = tmp_path / "v.txt"
    save_embeddings(SMALL, path)
    with pytest.raises(ConfigError, match="'w2v'"):
        load_embeddings(path, "w2v")
    for options in (
        *({"limit": limit} for limit in (0, 2.5, "2")), {"errors": "ignore"}, {"encoding": "rot13"}
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=r"limit|errors|encoding"):
            load_embeddings(path, **options)


def test_a_binary_file_that_looks_like_text_needs_its_suffix(tmp_path):
    digits = np.frombuffer(b"0.50", dtype=np.float32)
    odd = Embeddings(["a"], digits.reshape(1, 1))
    with pytest.raises(EmbeddingsError, match="taken for another kind"):
        save_embeddings(odd, tmp_path / "v.dat", "word2vec-binary")
    letters = Embeddings(["a"], np.frombuffer(b"abcd", dtype=np.float32).reshape(1, 1))
    assert same(write_and_read(letters, tmp_path / "v.bin", None), letters)


@pytest.mark.parametrize("packing", ["", ".gz"])
@pytest.mark.parametrize(("precision", "bits"), [("fp16", 11), ("int8", 7)])
@settings(max_examples=20)
@given(embeddings=embeddings_of(), limit=st.none() | st.integers(1, 7))
def test_native_files_in_fewer_bytes(tmp_path, packing, precision, bits, embeddings, limit):
    embeddings = Embeddings(embeddings.vocabulary, embeddings.vectors.clip(-6e4, 6e4))
    path = tmp_path / f"vectors.safetensors{packing}"
    save_embeddings(embeddings, path, precision=precision)
    back = load_embeddings(path, limit=limit)
    assert back.words == embeddings.words[:limit]
    whole = embeddings.vectors[:limit]
    error = np.abs(back.vectors - whole).max(axis=1)
    assert (error <= np.abs(whole).max(axis=1) / 2**bits + 1e-7).all()
    norms = np.linalg.norm(back.vectors.astype(np.float64), axis=1)
    np.testing.assert_allclose(back.norms, norms, rtol=1e-5, atol=2e-45)  # the smallest float32


def test_what_has_one_precision_only(tmp_path):
    with pytest.raises(ConfigError, match="is for native files"):
        save_embeddings(SMALL, tmp_path / "vectors.txt", precision="int8")
    with pytest.raises(ConfigError, match="not 'int4'"):
        save_embeddings(SMALL, tmp_path / "vectors.safetensors", precision="int4")
    assert not list(tmp_path.iterdir())
    trained = Embeddings(SMALL.words, SMALL.vectors, weights={"output": SMALL.vectors})
    save_embeddings(trained, tmp_path / "v.safetensors", precision="int8")
    assert not load_embeddings(tmp_path / "v.safetensors").weights
