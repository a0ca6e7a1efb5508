"""Embeddings in other processes, to which Python pickles them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from wordkit.embeddings import Embeddings, load_embeddings, save_embeddings
from wordkit.errors import StorageError
from wordkit.text import Vocabulary

ROWS = np.random.default_rng(1).standard_normal((200, 30)).astype(np.float32)
WORDS = Vocabulary([f"w{i}" for i in range(200)], range(200, 0, -1))
WEIGHTS = {"output": ROWS[:, ::-1].copy()}
MADE = Embeddings(WORDS, ROWS, metadata={"seed": 1}, weights=WEIGHTS)


def pickled_twin(vectors: Embeddings) -> tuple[Embeddings, int]:
    """The same after pickling, and the bytes that it took."""
    data = pickle.dumps(vectors)
    twin: Embeddings = pickle.loads(data)  # noqa: S301 - as multiprocessing does
    assert twin.vocabulary == vectors.vocabulary
    assert np.array_equal(twin.vectors, vectors.vectors)
    assert np.array_equal(twin.norms, vectors.norms)
    assert twin.metadata == vectors.metadata
    assert {name: w.tolist() for name, w in twin.weights.items()} == {
        name: w.tolist() for name, w in vectors.weights.items()
    }
    for array in (twin.vectors, twin.norms, *twin.weights.values()):
        assert not array.flags.writeable
    if vectors.vocabulary.has_counts:
        assert not twin.vocabulary.counts.flags.writeable
    return twin, len(data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "v.safetensors"
    save_embeddings(MADE, path)
    return path


def test_vectors_in_memory_are_copied() -> None:
    for vectors in (MADE, MADE.without_weights(), Embeddings(WORDS.words, ROWS)):
        assert pickled_twin(vectors)[1] > ROWS.nbytes


def test_mapped_vectors_are_mapped_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    mapped = [
        load_embeddings(path.name),
        load_embeddings(path.name).without_weights(),
        load_embeddings(path.name, limit=7),
    ]
    monkeypatch.chdir("/")
    for vectors in mapped:
        assert pickled_twin(vectors)[1] < 500


def test_vectors_of_a_changed_file_are_copied(path: Path) -> None:
    vectors = load_embeddings(path)
    sent = pickle.dumps(vectors)
    save_embeddings(Embeddings(["other"], [[1.0]]), path)
    assert pickled_twin(vectors)[1] > ROWS.nbytes  # of the old file, which is mapped still
    with pytest.raises(StorageError, match="has changed since its vectors were loaded"):
        pickle.loads(sent)  # noqa: S301
    os.unlink(path)
    pickled_twin(vectors)
