"""The file of a sequence model: there and back, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from nn.model_files import Change, configure, drop, put, rewritten, words_of
from seq2seq.networks import LATENT, SHAPES, TRANSFORMERS
from seq2seq.toy_pairs import random_model, toy_texts, vocabulary_of

from wordkit.embeddings import load_embeddings
from wordkit.errors import (
    ConfigError,
    FormatError,
    VocabularyError,
)
from wordkit.lm import load_language_model
from wordkit.seq2seq.config import DecodingConfig, Seq2SeqConfig
from wordkit.seq2seq.model import load_seq2seq, save_seq2seq
from wordkit.seq2seq.transformation import transform
from wordkit.storage import SEQ2SEQ_MODEL, read_tensors
from wordkit.text import Vocabulary


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "seq2seq.safetensors"


@pytest.mark.parametrize("config", [*SHAPES, *TRANSFORMERS, *LATENT], ids=str)
def test_there_and_back(path: Path, config: Seq2SeqConfig) -> None:
    model = random_model(replace(config, dropout=0.5))
    save_seq2seq(model, path)
    back = load_seq2seq(path)
    assert back.config == model.config and back.longest_target == model.longest_target
    assert back.source_vocabulary == model.source_vocabulary
    assert back.target_vocabulary == model.target_vocabulary
    assert np.array_equal(back.source_vocabulary.counts, model.source_vocabulary.counts)
    assert dict(back.metadata) == {"made_by": "a test"}
    assert not back.network.training
    tensors = read_tensors(path, kind=SEQ2SEQ_MODEL).tensors
    assert ("output.weight" in tensors) == (not config.tied)
    if config.tied:
        assert back.network.output.weight is back.network.decoder.embedding
    state, found = model.network.state_dict(), back.network.state_dict()
    assert list(found) == list(state)
    assert all(torch.equal(found[name], state[name]) for name in state)
    assert all(p.requires_grad for p in back.network.parameters())
    texts, how = toy_texts(4), DecodingConfig(beam=2, alternatives=2, max_length=5)
    assert list(transform(back, texts, how)) == list(transform(model, texts, how))
    first = path.read_bytes()
    save_seq2seq(back, path)
    assert path.read_bytes() == first, "equal models give equal files"


# --- what is no model, or not written -------------------------------------------------------------


def test_what_does_not_go_together_is_no_model() -> None:
    model = random_model()
    with pytest.raises(VocabularyError, match="has 6 source units, and the vocabulary 5"):
        replace(model, source_vocabulary=vocabulary_of("abc"))
    with pytest.raises(VocabularyError, match="has 6 target units, and the vocabulary 7"):
        replace(model, target_vocabulary=vocabulary_of("abcde"))
    for lacking in ("<unk>", "<eos>"):
        names = ["x" if name == lacking else name for name in model.target_vocabulary]
        with pytest.raises(VocabularyError, match="the target vocabulary needs <unk> and <eos>"):
            replace(model, target_vocabulary=Vocabulary(names, np.ones(6, int)))
    without_counts = Vocabulary(model.source_vocabulary.words)
    with pytest.raises(VocabularyError, match="counts"):
        save_seq2seq(replace(model, source_vocabulary=without_counts), "x")
    for longest in (0, None, 2.5, True, "4"):
        with pytest.raises(ConfigError, match="longest_target must be"):
            replace(model, longest_target=longest)


# --- corrupted files ----------------------------------------------------------------------------


NAMES = vocabulary_of("abcd").words
CORRUPTED: dict[str, tuple[Change, str]] = {
    "no words": (drop("source_words"), "no tensor 'source_words'"),
    "an attention more": (
        put(**{"decoder.attention.weight": np.ones((24, 24), np.float32)}),
        "no such network has a tensor 'decoder.attention.weight'",
    ),
    "far wider": (configure(hidden=10**5), "should have the shape 300000 × 8"),
    "both ways": (configure(directions="sum"), "no tensor .*backward_layers.0.weight"),
    "another cell": (configure(cell="rnn"), "should have the shape 24 × "),
    "another attention": (configure(attention="additive"), "no tensor 'decoder.attention.query'"),
    "attention elsewhere": (configure(context_to="input"), "shape 72 × 32, but has 72 × 8"),
    "no such unit": (configure(unit="line"), "unit must be one of char, word, bpe, not 'line'"),
    "a length beyond all": (
        lambda t, n, a: n.update(longest_target=10**400), "longest_target must be"
    ),
    "words of another": (
        put(source_words=words_of(*NAMES, "x"), source_counts=np.ones(7, int)),
        "'encoder.embedding' should have the shape 7 × 8",
    ),
    "no <unk>": (put(target_words=words_of("<eos>", *"abcde")), "needs <unk> and <eos>"),
    "no <eos>": (put(source_words=words_of("<unk>", *"abcde")), "needs <unk> and <eos>"),
}  # fmt: skip


@pytest.mark.parametrize("name", CORRUPTED)
def test_a_corrupted_file_is_one_plain_line(path: Path, name: str) -> None:
    change, message = CORRUPTED[name]
    save_seq2seq(random_model(), path)
    rewritten(path, change, kind=SEQ2SEQ_MODEL)
    before = path.read_bytes()
    with pytest.raises(FormatError, match=message) as caught:
        load_seq2seq(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert "is corrupted" in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("load", [load_language_model, load_embeddings])
def test_a_sequence_model_is_not_read_as_something_else(
    path: Path, load: Callable[[Path], object]
) -> None:
    save_seq2seq(random_model(), path)
    says = "holds a sequence model, not .*; wordkit transform, evaluate-seq2seq, attention"
    with pytest.raises(FormatError, match=says):
        load(path)
