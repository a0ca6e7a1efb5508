"""fastText's model files: the real ones, those made by hand, and corrupted ones."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from fasttext_files import Model, buckets_of
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.embeddings import load_embeddings, save_embeddings
from wordkit.embeddings.formats import detect_format
from wordkit.errors import ConfigError, FormatError, UnknownWordError, WordkitWarning

LABELS = ("__label__a", "__label__b", "__label__c")
KEPT = {7: 3, 11: 0, 40: 1, 2: 2}
MODELS = {
    "skip-gram": Model(),
    "no n-grams": Model(lengths=(0, 0), buckets=0),
    "reversed lengths": Model(lengths=(4, 2)),
    "supervised": Model(labels=LABELS),
    "supervised, words alone": Model(labels=LABELS, lengths=(0, 0), buckets=0),
    "quantized": Model(labels=LABELS, quantized=(2, False)),
    "quantized, norms too": Model(labels=LABELS, quantized=(2, True), quantized_output=True),
    "quantized and pruned": Model(labels=LABELS, quantized=(3, True), pruned=KEPT, dim=6),
    "of version 11": Model(version=11),
}
ASKED = ("the", "them", "</s>", "naïv", "日本人", "zzz")


def written(path: Path, model: Model, data: bytes | None = None) -> Path:
    path.write_bytes(model.to_bytes() if data is None else data)
    return path


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("packed", [False, True])
def test_vectors_are_the_means_of_their_rows(tmp_path, model, packed):
    data = model.to_bytes()
    path = written(tmp_path / "model.bin", model, gzip.compress(data) if packed else data)
    assert detect_format(path).name == "fasttext-binary"
    vectors = load_embeddings(path)
    vectors.check()
    assert vectors.words == tuple(model.words)
    assert vectors.vocabulary.counts.tolist() == [100 - i for i in range(len(model.words))]
    assert vectors.metadata["made_by"] == "fastText"
    for word in (*model.words, *ASKED):
        expected = model.vector(word)
        if expected is None:
            assert not vectors.composes(word)
            with pytest.raises(UnknownWordError):
                vectors.vector(word)
        else:
            np.testing.assert_allclose(vectors.vector(word), expected, atol=1e-6)
            assert vectors.composes(word) == (word not in model.words)


def test_a_supervised_model_of_version_11_has_no_ngrams_of_characters(tmp_path):
    model = Model(labels=LABELS, version=11)
    vectors = load_embeddings(written(tmp_path / "model.bin", model))
    np.testing.assert_array_equal(vectors.vectors, model.input[: len(model.words)])
    assert vectors.subwords is None


def test_the_program_itself_gives_the_same_vectors(tmp_path):
    """A model and the vectors that fastText wrote beside it, which come with gensim's tests."""
    gensim = pytest.importorskip("gensim")
    folder = Path(gensim.__file__).parent / "test" / "test_data"
    model = load_embeddings(folder / "crime-and-punishment.bin")
    text = load_embeddings(folder / "crime-and-punishment.vec")
    assert model.words == text.words and len(model) == 291
    np.testing.assert_allclose(model.vectors, text.vectors, atol=1e-5)


def test_gensim_gives_the_same_vectors(tmp_path):
    from gensim.models import FastText
    from gensim.models.fasttext import save_facebook_model

    lines = [["ein", "Tag", "am", "Meer"], ["früh", "am", "Tag"], ["am", "Meer", "früh"]]
    peer = FastText(lines, vector_size=7, min_count=1, bucket=30, min_n=2, max_n=5, epochs=3)
    save_facebook_model(peer, str(tmp_path / "gensim.bin"))
    vectors = load_embeddings(tmp_path / "gensim.bin")
    assert list(vectors.words) == peer.wv.index_to_key
    for word in (*vectors.words, "Tage", "Meere", "x"):
        np.testing.assert_allclose(vectors.vector(word), peer.wv[word], atol=1e-6)


def test_text_of_the_vectors(tmp_path):
    model = MODELS["skip-gram"]
    vectors = load_embeddings(written(tmp_path / "model.bin", model))
    with pytest.warns(WordkitWarning, match="model.vec holds the words alone"):
        save_embeddings(vectors, tmp_path / "model.vec")
    text = load_embeddings(tmp_path / "model.vec")
    np.testing.assert_array_equal(text.vectors, vectors.vectors)
    assert text.subwords is None
    with pytest.raises(ConfigError, match="fasttext-binary files are only read"):
        save_embeddings(vectors, tmp_path / "other.bin", "fasttext-binary")
    few = load_embeddings(tmp_path / "model.bin", limit=2)
    assert few.words == model.words[:2]
    np.testing.assert_allclose(few.vector("then"), model.input[
        [len(model.words) + b for b in buckets_of("then", *model.lengths, model.buckets)]
    ].mean(axis=0), atol=1e-6)  # fmt: skip


def test_a_word_that_comes_twice(tmp_path):
    path = written(tmp_path / "model.bin", Model(words=["a", "b", "a"]))
    with pytest.warns(WordkitWarning, match="1 row is of a word that came before"):
        vectors = load_embeddings(path)
    assert vectors.words == ("a", "b") and vectors.vocabulary.counts.tolist() == [100, 99]


def test_words_that_are_not_utf_8(tmp_path):
    data = MODELS["skip-gram"].to_bytes().replace("naïve".encode(), b"na\xefve")
    path = written(tmp_path / "model.bin", MODELS["skip-gram"], data)
    with pytest.raises(FormatError, match="utf-8; name its encoding"):
        load_embeddings(path)
    assert load_embeddings(path, errors="replace").words[2] == "na\ufffdve"
    with pytest.raises(ConfigError, match="must be utf-8 for fastText's .bin"):
        load_embeddings(path, encoding="latin-1")


GOOD, QUANTIZED = Model().to_bytes(), MODELS["quantized, norms too"].to_bytes()
AT = 8 + 12 * 4 + 8  # the dictionary


def patched(data: bytes, at: int, layout: str, *values: int) -> bytes:
    packed = struct.pack(layout, *values)
    return data[:at] + packed + data[at + len(packed) :]


BAD = {
    "another version": (patched(GOOD, 4, "<i", 13), "version 13 .* 11 and 12 can be read"),
    "no dimensions": (patched(GOOD, 8, "<i", 0), "dim is 0"),
    "other dimensions": (patched(GOOD, 8, "<i", 6), "dim is 6, and the vectors have 5"),
    "sample that is no number": (patched(GOOD, AT - 8, "<d", float("nan")), "t is nan"),
    "cut in the settings": (GOOD[:30], "truncated, or corrupted: the settings at byte 8"),
    "no words": (patched(GOOD, AT, "<3i", 0, 0, 0), "of 0 entries 0 are words"),
    "labels that are none": (patched(GOOD, AT, "<3i", 5, 6, -1), "5 entries 6 are words and -1"),
    "too many words": (patched(GOOD, AT, "<3i", 2**31 - 1, 2**31 - 1, 0), "entries of the dict"),
    "cut in a word": (GOOD[: AT + 31], "entries of the dictionary"),
    "a word of another type": (patched(GOOD, AT + 28 + 13, "b", 1), "entry 0 .* another type"),
    "more n-grams than bytes": (patched(GOOD, AT + 20, "<q", 2**40), "n-grams are announced"),
    "more buckets": (patched(GOOD, 8 + 8 * 4, "<i", 51), "50 rows .* there are 51 buckets"),
    "long n-grams": (patched(GOOD, 8 + 10 * 4, "<i", 10**9), "up to 1000000000 characters"),
    "cut in the matrix": (GOOD[:-300], "rows of the input|output matrix"),
    "cut at the end": (GOOD[:-1], "5 rows of the output matrix"),
    "more at the end": (GOOD + b"x", "1 bytes follow the end"),
    "no flag": (GOOD.replace(struct.pack("<?2q", False, 55, 5), struct.pack("<B2q", 7, 55, 5)),
                "is 7, no flag"),
    "a huge matrix": (GOOD.replace(struct.pack("<2q", 55, 5), struct.pack("<2q", 2**40, 2**40)),
                      "rows of the input matrix are announced"),
    "a matrix of less than nothing": (
        GOOD.replace(struct.pack("<2q", 55, 5), struct.pack("<2q", -1, 5)), "of size -1 x 5"
    ),
    "quantized, more codes": (
        QUANTIZED.replace(struct.pack("<2qi", 55, 5, 165), struct.pack("<2qi", 56, 5, 165)),
        "has 165 codes for 56 rows",
    ),
    "quantized, odd groups": (
        QUANTIZED.replace(struct.pack("<4i", 5, 3, 2, 1), struct.pack("<4i", 5, 4, 2, 1)),
        "4 groups of 2 and 1 columns for 5",
    ),
    "pruned twice": (Model(quantized=(2, True), pruned={1: 0, 2: 0}).to_bytes(), "the same row"),
    "pruned beyond": (Model(quantized=(2, True), pruned={99: 0}).to_bytes(), "or one has none"),
    "an empty word": (Model(words=["a", ""]).to_bytes(), "word 1 is empty"),
    "a line break": (Model(words=["a", "b\nc"]).to_bytes(), "line break"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_refused_in_one_line(tmp_path, data, message):
    path = written(tmp_path / "model.bin", Model(), data)
    with pytest.raises(FormatError, match=message) as caught:
        load_embeddings(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_infinite_numbers_are_found(tmp_path):
    model = Model()
    model.input[-1] = np.inf
    data = model.to_bytes().replace(Model().input.tobytes(), model.input.tobytes())
    vectors_or_error = None
    try:
        vectors_or_error = load_embeddings(written(tmp_path / "model.bin", model, data))
    except FormatError as error:  # a word of the vocabulary has that n-gram
        assert "NaN or infinity" in str(error)
    else:
        with pytest.raises(FormatError, match="n-grams are not all finite"):
            vectors_or_error.check()


def test_a_norm_of_nothing_times_an_infinite_centroid_is_found(tmp_path):
    data = QUANTIZED
    for header, value in (((5, 3, 2, 1), np.inf), ((1, 1, 1, 1), 0.0)):
        at = data.index(struct.pack("<4i", *header)) + 16
        count = 256 * header[0]
        data = patched(data, at, f"<{count}f", *[value] * count)
    model = MODELS["quantized, norms too"]
    with pytest.raises(FormatError, match="finite|NaN or infinity"):
        load_embeddings(written(tmp_path / "model.bin", model, data)).check()


@settings(max_examples=60)
@given(st.data())
def test_any_cut_is_noticed(tmp_path, data):
    whole = data.draw(st.sampled_from([GOOD, QUANTIZED]))
    cut = data.draw(st.integers(4, len(whole) - 1))
    path = written(tmp_path / "model.bin", Model(), whole[:cut])
    with pytest.raises(FormatError):
        load_embeddings(path)
