"""Embeddings stay as they were made."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from wordkit.embeddings import Embeddings, load_embeddings, save_embeddings
from wordkit.errors import ConfigError, EmbeddingsError, FormatError
from wordkit.text import Vocabulary

SOURCES = {
    "list": [[1.0, 2.0], [3.0, 4.0]],
    "float32": np.array([[1, 2], [3, 4]], np.float32),
    "float64": np.array([[1, 2], [3, 4]], np.float64),
    "Fortran order": np.asfortranarray(np.array([[1, 2], [3, 4]], np.float32)),
    "part": np.array([[1, 2, 0], [3, 4, 0]], np.float32)[:, :2],
}


@pytest.mark.parametrize("source", [*SOURCES, ".txt", ".bin", ".safetensors", ".safetensors.gz"])
def test_no_view_can_be_made_writeable(tmp_path, source):
    made = Embeddings(["a", "b"], SOURCES.get(source, SOURCES["list"]))
    if source not in SOURCES:
        save_embeddings(made, tmp_path / f"v{source}")
        made = load_embeddings(tmp_path / f"v{source}")
    for view in (made.vectors, made.norms, made.vector("a")):
        with pytest.raises(ValueError, match="WRITEABLE"):
            view.flags.writeable = True
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 99
    with pytest.raises(TypeError):
        made.metadata["a"] = 1
    with pytest.raises(AttributeError):
        made.vectors = made.vectors


def test_later_changes_of_the_given_array_are_not_seen():
    given = np.array([[1, 2], [3, 4]], np.float32)
    locked = given.view()
    locked.flags.writeable = False
    norms = np.array([1, 1], np.float32)
    both = Embeddings(["a", "b"], given, norms=norms), Embeddings(["a", "b"], locked)
    given[:] = norms[:] = 9
    for made in both:
        assert made.vectors.tolist() == [[1, 2], [3, 4]]
    assert both[0].norms.tolist() == [1, 1]


def test_frozen_arrays_and_mapped_files_are_not_copied(tmp_path):
    given = np.array([[1, 2], [3, 4]], np.float32)
    given.flags.writeable = False
    assert np.shares_memory(Embeddings(["a", "b"], given).vectors, given)
    np.save(tmp_path / "v.npy", given)
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    assert np.shares_memory(Embeddings(["a", "b"], mapped).vectors, mapped)


def test_weights_are_kept_as_vectors_are(tmp_path):
    given = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    locked = given.copy()
    locked.flags.writeable = False
    made = Embeddings(["a"], [[1.0]], weights={"mine": given, "locked": locked})
    save_embeddings(made, tmp_path / "v.safetensors")
    given[:] = 9
    assert np.shares_memory(made.weights["locked"], locked)
    for each in (made, load_embeddings(tmp_path / "v.safetensors")):
        assert each.weights["mine"].tolist() == [[1, 2], [3, 4], [5, 6]]
        for view in each.weights.values():
            with pytest.raises(ValueError, match="WRITEABLE"):
                view.flags.writeable = True
        with pytest.raises(TypeError):
            each.weights["mine"] = given
        bare = each.without_weights()
        assert not bare.weights and np.shares_memory(bare.vectors, each.vectors)
        assert bare.words == each.words and bare.metadata == each.metadata


def test_copies():
    made = Embeddings(["a", "b"], SOURCES["list"], metadata={"seed": 1})
    for twin in (copy.copy(made), copy.deepcopy(made), copy.deepcopy([made])[0]):
        assert twin is made
    assert np.array([made, made], dtype=object).shape == (2,)  # as a grid search makes them
    assert np.array([made, "a path"]).shape == (2,)


def test_questions_of_the_wrong_kind_are_refused():
    made = Embeddings(["a", "b"], SOURCES["list"])
    for wrong in (2.5, "2", 0, -1, None):
        with pytest.raises(ConfigError, match="n must be (a whole number, )?at least 1"):
            made.most_similar("a", n=wrong)
    with pytest.raises(ConfigError, match="restrict must be a whole number, at least 1"):
        made.most_similar("a", restrict=1.5)
    assert len(made.most_similar("a", n=np.int64(1))) == 1
    with pytest.raises(EmbeddingsError, match="a word is a string, not 3"):
        made.vector(3)
    for query in (3, None, [3], ["a", None], np.array(["x", "y"])):
        with pytest.raises(EmbeddingsError):
            made.most_similar(query)
    with pytest.raises(EmbeddingsError):
        made.similarity(["a", "b"], "a")
    with pytest.raises(EmbeddingsError, match="complex"):
        made.most_similar(np.array([1j, 0]))
    with pytest.raises(EmbeddingsError, match="complex"):
        Embeddings(["a"], [[1 + 2j]])


def test_doubled_words_of_a_file_show_at_the_first_look_up_and_at_check():
    words = np.frombuffer(b"a\nb\na", dtype=np.uint8)
    vectors = np.eye(3, dtype=np.float32)

    def read() -> Embeddings:
        vocabulary = Vocabulary.from_arrays(words, None, "some.file")
        return Embeddings(vocabulary, vectors, norms=np.ones(3, np.float32), source="some.file")

    for question in (
        lambda made: made.check(),
        lambda made: made.vector("b"),
        lambda made: "b" in made,
        lambda made: made.mean_vector("a b"),
        lambda made: made.most_similar("b"),
        lambda made: made.analogy("a", "b", "a", method="mul"),
    ):
        with pytest.raises(FormatError, match="some.file is corrupted.*'a'.*more than once"):
            question(read())
