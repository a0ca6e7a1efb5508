"""Training: what is learnt, from which weights, and what cannot be trained."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from lm.toy_language import QUICK, SMALL, WORDS, least_loss, toy_corpus, toy_text, trained
from torch.nn import functional as F  # noqa: N812

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, TextError, VocabularyError
from wordkit.lm import iter_perplexity, words_to_model
from wordkit.lm.config import ModelConfig
from wordkit.lm.initialization import initialize, start_embeddings
from wordkit.lm.network import LanguageModelNetwork
from wordkit.nn.initialization import set_embeddings
from wordkit.runtime import Run
from wordkit.text import Corpus, Vocabulary

TRANSFORMER = {"arch": "transformer", "heads": 2, "memory_length": 4}
VOCABULARY = Vocabulary([*(f"w{n}" for n in range(60)), "<unk>", "<eos>"], range(62, 0, -1))


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return toy_corpus(400)


# --- what is learnt -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "softmax", "more"),
    [
        ({}, "exact", {}),
        ({}, "exact", {"precision": "bf16"}),
        ({}, "sampled", {"samples": 5, "exact_fraction": 0.3}),
        ({}, "adaptive", {}),
        ({"cell": "rnn"}, "exact", {}),
        ({"cell": "gru"}, "exact", {}),
        ({"cell": "peephole"}, "exact", {}),
        (TRANSFORMER, "exact", {"lr": 1e-2}),
        (TRANSFORMER, "exact", {"lr": 1e-2, "precision": "bf16"}),
        (TRANSFORMER, "sampled", {"lr": 1e-2, "samples": 5, "exact_fraction": 0.3}),
        (TRANSFORMER, "adaptive", {"lr": 1e-2}),
    ],
)
def test_the_entropy_of_a_language_is_reached(layers: Any, softmax: Any, more: Any) -> None:
    """And not gone below: what is reported cannot be better than who knows the language."""
    config = replace(QUICK, **{"batch": 10, "lr": 5e-2, "softmax": softmax, **more})
    reports = list(run := trained(toy_corpus(4000), replace(SMALL, **layers), config))
    if softmax != "adaptive":  # before any step all words are about as probable
        assert math.exp(reports[0].figures["loss"]) == pytest.approx(WORDS + 2, rel=0.05)
    words = toy_text(2000, seed=7)
    found = iter_perplexity(run.result(), toy_corpus(2000, seed=7)).result().cross_entropy
    assert least_loss(words) - 0.02 < found < least_loss(words) + 0.17
    assert reports[-1].figures["loss"] == pytest.approx(found, abs=0.15)


def test_what_a_model_tells_of_its_training(corpus: Corpus) -> None:
    valid = toy_corpus(100, seed=2)
    reports = list(run := trained(corpus, SMALL, replace(QUICK, epochs=2), valid=valid))
    model = run.result()
    made, metadata = model.metadata["training"], model.metadata
    assert made["tokens"] == reports[-1].figures["seen"] == 2 * 401 and made["epochs"] == 2
    best = min(v["perplexity"] for v in made["validations"])
    assert made["valid_perplexity"] == best
    assert iter_perplexity(model, valid).result().perplexity == pytest.approx(best, rel=1e-6)
    assert metadata["settings"]["softmax"] == "exact" and metadata["corpus"]["tokens"] == 400
    assert metadata["text"] == {"tokenizer": "whitespace", "numbers": "keep", "normalize": "none"}
    assert {"wordkit", "torch", "numpy"} <= set(metadata["versions"])


# --- the weights before ---------------------------------------------------------------------------


def started(**settings: Any) -> Any:
    config = ModelConfig(**{"hidden": 24, "tied": False, **settings})
    network = LanguageModelNetwork(config, len(VOCABULARY))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.endswith("bias"):
                parameter.fill_(math.nan)  # whatever is forgotten shows
    initialize(network, VOCABULARY, torch.Generator().manual_seed(1))
    assert all(parameter.isfinite().all() for parameter in network.parameters())
    return network


@pytest.mark.parametrize(
    "shape", [{}, {"tied": True, "dim": 10}, {"adaptive": True}, {**TRANSFORMER, "dim": 5}]
)
def test_all_weights_are_set(shape: dict[str, Any]) -> None:
    network = started(**shape)
    assert 0.09 < network.embedding.abs().max().item() <= 0.1
    assert started(start_scale=0.05, **shape).embedding.abs().max().item() <= 0.05


def test_the_first_prediction_may_be_that_of_the_frequencies() -> None:
    log_p = started(unigram_bias=True).output.log_probs(torch.zeros(1, 1, 24))[0, 0]
    expected = VOCABULARY.counts / VOCABULARY.counts.sum()
    np.testing.assert_allclose(log_p.exp().numpy(), expected, rtol=1e-5)
    assert not started().output.bias.any()


def vectors_of(words: dict[str, list[float]]) -> Embeddings:
    return Embeddings(Vocabulary(words), np.array(list(words.values()), np.float32))


def test_embeddings_are_matched_by_word() -> None:
    network = started(dim=3)
    before = network.embedding.detach().clone()
    given = {"w7": [1.0, 2.0, 3.0], "elsewhere": [9.0, 9.0, 9.0], "w2": [4.0, 5.0, 6.0]}
    assert set_embeddings(network.embedding, VOCABULARY, vectors_of(given)) == 2
    assert network.embedding[7].tolist() == [1, 2, 3]
    assert network.embedding[2].tolist() == [4, 5, 6]
    others = [n for n in range(62) if n not in (2, 7)]
    assert torch.equal(network.embedding[others], before[others])
    with pytest.raises(ConfigError, match="2 dimensions, and the model's word vectors 3"):
        set_embeddings(network.embedding, VOCABULARY, vectors_of({"w1": [1.0, 2.0]}))
    with pytest.raises(VocabularyError, match=r"none of the model's 62 words is among the 1 "):
        set_embeddings(network.embedding, VOCABULARY, vectors_of({"elsewhere": [1.0, 2.0, 3.0]}))


def topics(lines: int) -> Corpus:
    """Words of two kinds, which never stand in one line together."""
    chooser = np.random.default_rng(0)
    return Corpus.from_sentences(
        [f"{kind}{chooser.integers(20)}" for _ in range(10)] for kind in "ab" * (lines // 2)
    )


def test_embeddings_counted_in_the_text_tell_kinds_of_words_apart() -> None:
    corpus = topics(400)
    vocabulary = words_to_model(corpus)
    shape = ModelConfig(hidden=6, start_embeddings="counts")
    network = LanguageModelNetwork(shape, len(vocabulary))
    initialize(network, vocabulary, torch.Generator().manual_seed(1))
    assert Run(start_embeddings(network, vocabulary, corpus, None)).result() is None
    a, b = (network.embedding[[w[0] == kind for w in vocabulary.words]] for kind in "ab")
    near = F.cosine_similarity(a[:, None], a[None], dim=-1).mean()
    assert near > 0.1 + F.cosine_similarity(a[:, None], b[None], dim=-1).mean()
    deviation = float(torch.cat([a, b]).detach().std())
    assert deviation == pytest.approx(0.1 / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_embeddings_stay_and_others_do_not(frozen: bool) -> None:
    corpus = topics(40)
    words = words_to_model(corpus).words[3:-1]
    given = vectors_of({word: [n, -n, n / 2] for n, word in enumerate(words)})
    config = replace(QUICK, epochs=1, freeze_embeddings=frozen)
    shape = ModelConfig(hidden=5, dim=3, tied=False)
    model = trained(corpus, shape, config, embeddings=given).result()
    vectors = model.embeddings()
    assert model.metadata["embeddings"] == {"known": len(words), "words": len(vectors)}
    stayed = [np.array_equal(vectors.vector(w), given.vector(w)) for w in words]
    assert all(stayed) if frozen else not any(stayed)


@pytest.mark.parametrize("lines", [[["a"], ["b"], ["c"]] * 30, [["x"] * 200]])
def test_texts_that_give_no_embeddings_by_counting_are_trained_on_all_the_same(
    lines: list[list[str]],
) -> None:
    shape = ModelConfig(hidden=1, start_embeddings="counts")
    model = trained(Corpus.from_sentences(lines), shape, replace(QUICK, epochs=1)).result()
    assert np.isfinite(model.embeddings().vectors).all()


# --- what cannot be trained -----------------------------------------------------------------------


def test_texts_that_are_too_short(corpus: Corpus) -> None:
    with pytest.raises(TextError, match="the text has 401 tokens, .* takes 1,000"):
        trained(corpus, SMALL, replace(QUICK, batch=20, steps=50))
    with pytest.raises(TextError, match="holds no token"):
        trained(corpus, valid=Corpus.from_sentences([]))


def test_settings_that_cannot_go_together(corpus: Corpus) -> None:
    adaptive = ModelConfig(hidden=12, tied=False, adaptive=True)
    with pytest.raises(ConfigError, match="softmax must be adaptive"):
        trained(corpus, adaptive, replace(QUICK, softmax="sampled"))
    with pytest.raises(ConfigError, match="label_smoothing must be 0"):
        trained(corpus, adaptive, replace(QUICK, label_smoothing=0.1))
