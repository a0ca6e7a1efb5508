"""The real gensim reads what wordkit writes, and wordkit what gensim and the C programs write."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pytest

from wordkit.embeddings import Embeddings, load_embeddings, save_embeddings
from wordkit.errors import WordkitWarning

WORDS = ["the", "of", "naïve", "日本", "don't", "1.5", "</s>", "x\u2028y"]


@pytest.fixture(scope="module")
def embeddings() -> Embeddings:
    rng = np.random.default_rng(5)
    vectors = (rng.standard_normal((len(WORDS), 7)) * 0.1).astype(np.float32)
    vectors[2, :4] = [0, 1e-9, -3e20, 5e-44]
    return Embeddings(WORDS, vectors)


@pytest.fixture(scope="module")
def peer(embeddings):
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(embeddings.dim)
    vectors.add_vectors(list(embeddings.words), embeddings.vectors.copy())
    return vectors


@pytest.mark.parametrize("packing", ["", ".gz"])
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".txt", {}),
        (".vec", {}),
        (".bin", {"binary": True}),
        (".glove", {"no_header": True}),
    ],
)
def test_gensim_reads_what_wordkit_writes(tmp_path, embeddings, suffix, options, packing):
    from gensim.models import KeyedVectors

    path = tmp_path / f"vectors{suffix}{packing}"
    save_embeddings(embeddings, path)
    read = KeyedVectors.load_word2vec_format(str(path), **options)
    assert tuple(read.index_to_key) == embeddings.words
    assert read.vectors.tobytes() == embeddings.vectors.tobytes()


@pytest.mark.parametrize("packing", ["", ".gz"])
@pytest.mark.parametrize("options", [{}, {"binary": True}, {"write_header": False}])
def test_wordkit_reads_what_gensim_writes(tmp_path, embeddings, peer, options, packing):
    path = tmp_path / f"vectors{packing}"
    peer.save_word2vec_format(str(path), **options)
    read = load_embeddings(path)
    assert read.words == embeddings.words
    assert read.vectors.tobytes() == embeddings.vectors.tobytes()
    assert load_embeddings(path, limit=3).words == embeddings.words[:3]


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("suffix", [".bin", ".dat"])
def test_binary_with_and_without_line_breaks(tmp_path, embeddings, end, suffix):
    path = tmp_path / f"vectors{suffix}"
    rows = zip(embeddings.words, embeddings.vectors, strict=True)
    body = b"".join(word.encode() + b" " + vector.tobytes() + end for word, vector in rows)
    path.write_bytes(b"%d %d\n" % (len(embeddings), embeddings.dim) + body)
    read = load_embeddings(path)
    assert read.words == embeddings.words
    assert read.vectors.tobytes() == embeddings.vectors.tobytes()


@pytest.mark.parametrize("line_end", [b"\n", b" \n", b"\r\n", b" \r\n", b"\r", b" \r\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_of_word2vec_and_of_other_systems(tmp_path, line_end, last):
    path = tmp_path / "vectors.txt"
    lines = [b"2 3", b"the 0.250000 -1.5 2e-1", b"caf\xc3\xa9 +1 .5 2."]
    content = line_end.join(lines) + (line_end if last else b"")
    for text, name in ((content, "word2vec"), (content[len(b"2 3" + line_end) :], "glove")):
        path.write_bytes(text)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            read = load_embeddings(path, name)
        assert [w.category for w in caught] == ([] if last else [WordkitWarning])
        assert read.words == ("the", "café")
        expected = np.array([[0.25, -1.5, 0.2], [1, 0.5, 2]], dtype=np.float32)
        assert np.array_equal(read.vectors, expected)
        with contextlib.nullcontext() if last else pytest.warns(WordkitWarning, match="no end"):
            assert load_embeddings(path).words == read.words


def test_a_byte_order_mark_blank_lines_and_wide_gaps_do_no_harm(tmp_path):
    path = tmp_path / "vectors.txt"
    for name, header in (("word2vec", b"2 2\n\n"), ("glove", b"")):
        path.write_bytes(b"\xef\xbb\xbf" + header + b"a  1   2\n   \n\r\nb 3 4\n\n")
        for read in (load_embeddings(path), load_embeddings(path, name)):
            assert read.words == ("a", "b")
            assert read.vectors.tolist() == [[1, 2], [3, 4]]
