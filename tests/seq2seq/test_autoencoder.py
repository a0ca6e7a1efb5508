"""The variational autoencoder: texts to vectors and back, samples, and what lies between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from seq2seq.networks import random_batch, random_network
from seq2seq.toy_pairs import random_model

import wordkit
from wordkit.errors import ConfigError, TextError, WordkitWarning
from wordkit.nn.network import inference
from wordkit.seq2seq import Seq2SeqModel, iter_evaluate_pairs
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.latent import kl_divergence
from wordkit.seq2seq.pairs import Pair
from wordkit.seq2seq.transformation import transform

SHAPE = Seq2SeqConfig(hidden=24, dim=8, cell="gru", attention="none", latent=4, autoencode=True)
TEXTS = ["we see dogs", "they hear", "nobody likes rain", "cats sleep all day", "who knows", "no"]


@pytest.fixture(scope="module")
def model() -> Seq2SeqModel:
    """An autoencoder that writes its texts again."""
    return wordkit.train_seq2seq(
        TEXTS * 30, autoencode=True, hidden=32, dim=16, latent=8, epochs=30, batch=18, lr=1e-2,
        hold_out=0, dropout=0.0, free_bits=2.5, word_dropout=0.5, device="cpu", threads=1,
        min_count=1,
    )  # fmt: skip


def test_the_decoder_knows_the_latent_variable_alone() -> None:
    network = random_network(replace(SHAPE, hidden=4, dim=3, latent=2, cell="lstm"))
    batch, other = random_batch(), random_batch(seed=1)
    with inference(network):
        state = network.encode(batch.sources, batch.lengths)
        z = state.latent
        elsewhere = network.encode(other.sources, other.lengths)._replace(latent=z)
        empty = network.initial_state(4)._replace(latent=z)
        found = [network(batch.inputs, each)[0] for each in (state, elsewhere, empty)]
        torch.testing.assert_close(found[0], found[1])
        torch.testing.assert_close(found[0], found[2])
        posterior, prior = network.distributions(state, batch.targets)
        assert torch.equal(posterior.mean, z) and not prior.mean.any()
        assert not prior.log_variance.any(), "the standard normal distribution"
        assert float(kl_divergence(posterior, prior).min()) >= 0
        assert not network.initial_state(2).latent.any()


def test_texts_become_vectors_and_texts_again(model: Seq2SeqModel) -> None:
    vectors = model.encode(TEXTS)
    assert vectors.shape == (6, 8) and vectors.dtype == np.float32
    np.testing.assert_allclose(model.encode(TEXTS[3]), vectors[3:4], atol=1e-5)
    assert model.decode(vectors) == model.transform(TEXTS)
    assert sum(a == b for a, b in zip(model.decode(vectors), TEXTS, strict=True)) >= 5
    assert model.decode(vectors[0]) == model.decode(vectors[:1])
    score = iter_evaluate_pairs(model, [Pair(text, text) for text in TEXTS]).result()
    assert score.exact_match >= 5 / 6
    assert "latent 8" in repr(model)


def test_samples_are_texts_of_the_kind(model: Seq2SeqModel) -> None:
    drawn = model.sample(40, seed=2)
    assert drawn == model.sample(40, seed=2) != model.sample(40, seed=3)
    assert len(set(drawn)) >= 4 and sum(text in TEXTS for text in drawn) >= 25
    assert model.sample(3, seed=2, beam=2) != [] and len(model.sample()) == 1


def test_between_two_texts_lie_others(model: Seq2SeqModel) -> None:
    ends = "we see dogs", "who knows"
    texts = model.interpolate(*ends, n=9)
    assert len(texts) == 9 and [texts[0], texts[-1]] == model.transform(ends)
    vectors = model.encode(ends)
    assert texts[4] == model.decode(vectors.mean(0))[0]
    assert len(set(texts)) >= 2
    assert [a.text for [a] in transform(model, ends)] == [texts[0], texts[-1]]


def test_what_autoencoders_are_not(model: Seq2SeqModel, tmp_path: Path) -> None:
    pairs: Any = random_model(replace(SHAPE, autoencode=False))
    for ask in (lambda: pairs.encode("a"), pairs.sample, lambda: pairs.interpolate("a", "b")):
        with pytest.raises(ConfigError, match="no autoencoder; train one with .* --autoencode"):
            ask()
    with pytest.raises(TextError, match="text 2 is blank"):
        model.encode(["we", " "])
    with pytest.raises(TextError, match="text 1 must be a string, not 3"):
        model.encode([3])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="of 8 dimensions as the model's, .* shape 2 × 3"):
        model.decode(np.zeros((2, 3)))
    with pytest.raises(ConfigError, match="must be finite"):
        model.decode(np.full(8, np.nan))
    with pytest.raises(ConfigError, match="n must be from 2 to 10000, not 1"):
        model.interpolate("we", "they", n=1)
    with pytest.raises(ConfigError, match="n must be from 1 to 10000, not 0"):
        model.sample(0)
    with pytest.warns(WordkitWarning, match="does not know 'Cats'"):
        model.encode("we see Cats")
    blank = tmp_path / "blank"
    blank.write_text("\n \n")
    with pytest.raises(TextError, match="blank holds no text"):
        wordkit.train_seq2seq(blank, autoencode=True)
