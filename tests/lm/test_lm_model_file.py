"""A language model as a value, and its file: there and back, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lm.models import SHAPES, random_model, vocabulary_of
from nn.model_files import Change, configure, drop, put, rewritten, words_of

from wordkit.embeddings import load_embeddings
from wordkit.errors import ConfigError, FormatError, ResourceError, VocabularyError
from wordkit.lm import load_language_model, save_language_model
from wordkit.storage import LANGUAGE_MODEL, read_tensors
from wordkit.text import Vocabulary

NAMES = vocabulary_of().words


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lm.safetensors"


@pytest.mark.parametrize("shape", SHAPES)
def test_there_and_back(path: Path, shape: str) -> None:
    text = {"tokenizer": "basic", "numbers": "N"}
    model = random_model(text=text, **SHAPES[shape])
    model.save(path)
    back = load_language_model(path)
    assert back.config == model.config and back.vocabulary == model.vocabulary
    assert dict(back.metadata) == {"made_by": "a test", "text": text}
    assert not back.network.training
    state, found = model.network.state_dict(), back.network.state_dict()
    assert list(found) == list(state)
    assert all(torch.equal(found[name], state[name]) for name in state)
    if model.config.tied:  # one matrix in the file, and after it
        assert "output.weight" not in read_tensors(path, kind=LANGUAGE_MODEL).tensors
        assert back.network.output.weight is back.network.embedding
    first = path.read_bytes()
    save_language_model(back, path)
    assert path.read_bytes() == first, "equal models give equal files"


def test_a_model_needs_its_words(path: Path) -> None:
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
    with pytest.raises(VocabularyError, match="no counts"):
        replace(model, vocabulary=Vocabulary(NAMES)).save(path)
    assert not path.exists()


def test_words_are_cut_as_those_of_the_training_text() -> None:
    plain = random_model()
    assert plain.tokens("The cat 3.5") == ["The", "cat", "3.5"]
    assert plain.encode("the zebra sat").tolist() == [0, 1, 6]
    basic = random_model(text={"tokenizer": "basic", "numbers": "N"})
    assert basic.tokens("The cat, 3.5") == ["the", "cat", ",", "N"]
    assert basic.encode("The cat, 3.5").dtype == np.int64
    assert basic.tokens("The cat.\nA dog\n") == ["the", "cat", ".", "<eos>", "a", "dog", "<eos>"]


def test_the_embedding_layer_as_vectors(path: Path) -> None:
    model = random_model(dim=4, tied=False)
    vectors = model.embeddings()
    assert vectors.words == NAMES and vectors.dim == 4
    assert np.array_equal(vectors.vectors, model.network.embedding.detach().numpy())
    assert np.array_equal(vectors.vocabulary.counts, model.vocabulary.counts)
    assert vectors.metadata["language_model"] == {"made_by": "a test"}
    model.save(path)
    with pytest.raises(FormatError, match=r"a language model, not embeddings; .*convert makes"):
        load_embeddings(path)


LAYER = "recurrent.layers.0"
CORRUPTED: dict[str, tuple[Change, str]] = {
    "no weights": (drop(f"{LAYER}.weight_hidden"), f"no tensor '{LAYER}.weight_hidden'"),
    "a tensor more": (put(extra_=np.ones(3, np.float32)), "no such network has a tensor 'extra_'"),
    "a tied matrix twice": (put(output=np.ones((12, 6), np.float32)), "tensor 'output.weight'"),
    "transposed": (put(embedding=np.ones((6, 12), np.float32)), "shape 12 × 6, but has 6 × 12"),
    "wider than it is": (configure(hidden=7), "'embedding' should have the shape 12 × 7"),
    "far too wide": (configure(dim=10**30), "dim must be from 1 to 100000"),
    "layers that are not there": (configure(layers=3), "no tensor 'recurrent.layers.1"),
    "a later setting": (configure(attention=True), "no setting 'attention'; update wordkit"),
    "no settings": (lambda t, n, a: n.pop("config"), "settings must be names with values"),
    "clusters": (lambda t, n, a: n.update(cutoffs=[4]), "cutoffs cannot be"),
    "a word less": (put(words=words_of(*NAMES[:-1])), "12|11 words need"),
    "a word twice": (put(words=words_of(*NAMES[:-1], "the")), "'the' is in the vocabulary more"),
    "no <unk>": (put(words=words_of("a", "b", *NAMES[2:])), "needs <unk>"),
    "not UTF-8": (put(words=np.full(20, 255, np.uint8)), "not UTF-8"),
    "text of no kind": (lambda t, n, a: a.update(text=7), "text must tell"),
}


@pytest.mark.parametrize("name", CORRUPTED)
def test_a_corrupted_file_is_one_plain_line(path: Path, name: str) -> None:
    change, message = CORRUPTED[name]
    random_model().save(path)
    rewritten(path, change, kind=LANGUAGE_MODEL)
    with pytest.raises(FormatError, match=message) as caught:
        load_language_model(path)
    assert "\n" not in str(caught.value) and f"{path} is corrupted" in str(caught.value)


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ({"format_version": 1, "merges": ["a b", "b"]}, "merge 2 cannot be 'b'; learn them again"),
        (None, "the pieces of bpe are missing or corrupted; learn them again"),
        ({"format_version": 2}, "of format 2, and this wordkit reads 1; update wordkit"),
    ],
    ids=["damaged", "missing", "newer"],
)
def test_pieces_that_cannot_be_read(path: Path, pieces: Any, message: str) -> None:
    random_model(text={"tokenizer": "char"}).save(path)
    text = {"tokenizer": "bpe", "bpe": pieces}
    rewritten(path, lambda tensors, net, about: about.update(text=text), kind=LANGUAGE_MODEL)
    with pytest.raises(FormatError, match=message) as caught:
        load_language_model(path)
    assert str(caught.value).startswith(f"{path}: the pieces of bpe")


@pytest.mark.parametrize("cutoffs", [None, [], [8, 4], [4, 99], [-1], ["4"], [True], 4, [4, 8, 9]])
def test_clusters_that_cannot_be(path: Path, cutoffs: Any) -> None:
    random_model(**SHAPES["adaptive"]).save(path)
    rewritten(path, lambda tensors, net, about: net.update(cutoffs=cutoffs), kind=LANGUAGE_MODEL)
    with pytest.raises(FormatError, match="is corrupted"):
        load_language_model(path)


def test_settings_that_an_older_file_does_not_have_are_as_they_were(path: Path) -> None:
    model = random_model()
    model.save(path)
    rewritten(path, lambda t, n, a: n["config"].pop("locked_dropout"), kind=LANGUAGE_MODEL)
    assert load_language_model(path).config == model.config


def test_devices(path: Path) -> None:
    random_model().save(path)
    device = load_language_model(path, "auto").network.embedding.device
    assert device.type in ("cpu", "cuda", "mps")
    with pytest.raises(ConfigError, match="device must be one of"):
        load_language_model(path, "tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ResourceError, match="device cuda was asked for"):
            load_language_model(path, "cuda")
