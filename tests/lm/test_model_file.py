"""The file of a language model: there and back, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lm.models import SHAPES, random_model, vocabulary_of
from recurrent.model_files import Change, configure, drop, put, rewritten, words_of

from wordkit.embeddings import load_embeddings
from wordkit.errors import (
    ConfigError,
    DivergenceError,
    FormatError,
    StorageError,
    VocabularyError,
)
from wordkit.lm.model_file import load_language_model, save_language_model
from wordkit.storage import LANGUAGE_MODEL, read_tensors
from wordkit.text import Vocabulary


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lm.safetensors"


@pytest.mark.parametrize("shape", SHAPES)
def test_there_and_back(path: Path, shape: str) -> None:
    text = {"tokenizer": "basic", "numbers": "N"}
    model = random_model(text=text, **SHAPES[shape])
    save_language_model(model, path)
    back = load_language_model(path)
    assert back.config == model.config and back.vocabulary == model.vocabulary
    assert dict(back.metadata) == {"made_by": "a test", "text": text}
    assert not back.module.training
    state, found = model.module.state_dict(), back.module.state_dict()
    assert list(found) == list(state)
    assert all(torch.equal(found[name], state[name]) for name in state)
    assert all(p.requires_grad for p in back.module.parameters())
    first = path.read_bytes()
    save_language_model(back, path)
    assert path.read_bytes() == first, "equal models give equal files"


def test_a_tied_matrix_is_one_in_the_file_and_after_it(path: Path) -> None:
    save_language_model(random_model(), path)
    assert "output" not in read_tensors(path, kind=LANGUAGE_MODEL).tensors
    back = load_language_model(path)
    assert back.module.output is back.module.embedding


# --- what is not written -------------------------------------------------------------------------


def test_what_cannot_be_written_leaves_the_old_file(path: Path) -> None:
    path.write_bytes(b"old")
    broken = random_model()
    with torch.no_grad():
        broken.module.bias[3] = torch.nan
    with pytest.raises(DivergenceError, match=r"weights bias are not finite.*lower learning rate"):
        save_language_model(broken, path)
    model = random_model()
    for odd in (object(), float("nan")):
        made = replace(model, metadata={"odd": odd})
        with pytest.raises(ConfigError, match="cannot be written as JSON"):
            save_language_model(made, path)
    bare = replace(model, vocabulary=Vocabulary(model.vocabulary.words))
    with pytest.raises(VocabularyError, match="no counts"):
        save_language_model(bare, path)
    assert path.read_bytes() == b"old"
    with pytest.raises(StorageError, match="there is no folder"):
        save_language_model(model, path.parent / "none" / "lm.safetensors")


def test_a_model_needs_its_words() -> None:
    model = random_model()
    with pytest.raises(VocabularyError, match="needs <unk>"):
        replace(model, vocabulary=Vocabulary([f"w{i}" for i in range(12)]))
    with pytest.raises(VocabularyError, match="12 words, and the vocabulary 15"):
        replace(model, vocabulary=vocabulary_of(15))
    for text in ("basic", {"tokenizer": 3}, {"numbers": "none"}):
        with pytest.raises(ConfigError, match="text must tell|numbers must be"):
            replace(model, metadata={"text": text})
    unknown = replace(model, metadata={"text": {"tokenizer": "mine"}})
    with pytest.raises(ConfigError, match="tokenizer must be one of"):
        unknown.encode("a line")


def test_words_are_cut_as_those_of_the_training_text() -> None:
    plain = random_model()
    assert plain.tokens("The cat 3.5") == ["The", "cat", "3.5"]
    assert plain.encode("the zebra sat").tolist() == [0, 1, 6]
    basic = random_model(text={"tokenizer": "basic", "numbers": "N"})
    assert basic.tokens("The cat, 3.5") == ["the", "cat", ",", "N"]
    assert basic.encode("The cat, 3.5").dtype == np.int64
    assert basic.tokens("The cat.\nA dog\n") == ["the", "cat", ".", "<eos>", "a", "dog", "<eos>"]


def test_the_embedding_layer_as_vectors() -> None:
    model = random_model(dim=4, tied=False)
    vectors = model.embeddings()
    assert vectors.words == model.vocabulary.words and vectors.dim == 4
    assert np.array_equal(vectors.vectors, model.module.embedding.detach().numpy())
    assert np.array_equal(vectors.vocabulary.counts, model.vocabulary.counts)
    assert "language model" in vectors.metadata["made_from"]
    assert vectors.metadata["language_model"] == {"made_by": "a test"}


# --- what is not read ----------------------------------------------------------------------------


NAMES = vocabulary_of().words
DAMAGE: dict[str, tuple[Change, str]] = {
    "no weights": (drop("layers.0.weight_hidden"), "no tensor 'layers.0.weight_hidden'"),
    "no bias": (drop("bias"), "no tensor 'bias'"),
    "no words": (drop("words"), "no tensor 'words'"),
    "no counts": (drop("counts"), "no tensor 'counts'"),
    "a tensor more": (put(extra=np.ones(3, np.float32)), "no such network has a tensor 'extra'"),
    "a tied matrix twice": (put(output=np.ones((12, 6), np.float32)), "tensor 'output'"),
    "a layer more": (
        put(**{"layers.1.bias": np.ones(24, np.float32)}),
        "no such network has a tensor 'layers.1.bias'",
    ),
    "another shape": (put(bias=np.ones(11, np.float32)), "'bias' should have the shape 12, but"),
    "another type": (put(bias=np.ones(12, np.float64)), "'bias' should be float32"),
    "turned": (put(embedding=np.ones((6, 12), np.float32)), "shape 12 × 6, but has 6 × 12"),
    "NaN": (put(bias=np.full(12, np.nan, np.float32)), "'bias' holds NaN or infinity"),
    "infinity": (put(bias=np.full(12, -np.inf, np.float32)), "'bias' holds NaN or infinity"),
    "wider than it is": (configure(hidden=7), "'embedding' should have the shape 12 × 7"),
    "far wider": (configure(hidden=10**5, dim=6), "'layers.0.weight_hidden' should have"),
    "far too wide": (configure(dim=10**30), "dim must be from 1 to 100000"),
    "many layers": (configure(layers=10**9), "layers must be from 1 to 32"),
    "layers that are not there": (configure(layers=3), "no tensor 'layers.1.weight_hidden'"),
    "another cell": (configure(cell="gru"), "should have the shape 18 × 6"),
    "no such cell": (configure(cell="cnn"), "cell must be one of .*, not 'cnn'"),
    "a text for a number": (configure(hidden="6"), "hidden must be a whole number, .*, not '6'"),
    "out of range": (configure(dropout=2), "dropout must be from 0 to below 1"),
    "a later setting": (configure(attention=True), "no setting 'attention'; update wordkit"),
    "no settings": (lambda t, n, a: n.pop("config"), "settings must be names with values"),
    "clusters": (lambda t, n, a: n.update(cutoffs=[4]), "cutoffs cannot be"),
    "a word less": (put(words=words_of(*NAMES[:-1])), "12|11 words need"),
    "a word twice": (put(words=words_of(*NAMES[:-1], "the")), "'the' is in the vocabulary more"),
    "no <unk>": (put(words=words_of("a", "b", *NAMES[2:])), "needs <unk>"),
    "not UTF-8": (put(words=np.full(20, 255, np.uint8)), "not UTF-8"),
    "counts below 0": (put(counts=np.full(12, -1)), "counts must be"),
    "text of no kind": (lambda t, n, a: a.update(text=7), "text must tell"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_one_plain_line(path: Path, name: str) -> None:
    change, message = DAMAGE[name]
    save_language_model(random_model(), path)
    rewritten(path, change, kind=LANGUAGE_MODEL)
    with pytest.raises(FormatError, match=message) as caught:
        load_language_model(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert "is damaged" in str(caught.value)


@pytest.mark.parametrize("cutoffs", [None, [], [8, 4], [4, 99], [-1], ["4"], [True], 4, [4, 8, 9]])
def test_clusters_that_cannot_be(path: Path, cutoffs: Any) -> None:
    save_language_model(random_model(**SHAPES["adaptive"]), path)
    rewritten(
        path, lambda tensors, network, about: network.update(cutoffs=cutoffs), kind=LANGUAGE_MODEL
    )
    with pytest.raises(FormatError, match="is damaged"):
        load_language_model(path)


def test_a_language_model_is_not_read_as_vectors(path: Path) -> None:
    save_language_model(random_model(), path)
    with pytest.raises(
        FormatError, match=r"holds a language model, not embeddings; .*convert makes"
    ):
        load_embeddings(path)
