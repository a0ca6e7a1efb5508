"""What the weights are before training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, VocabularyError
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.model import RecurrentModel
from wordkit.lm.starting_weights import counted_vectors, put_vectors, start_weights
from wordkit.lm.stream import words_to_model
from wordkit.lm.train import train_language_model
from wordkit.runtime import Run
from wordkit.text import Corpus, Vocabulary

H = 24
WORDS = Vocabulary([*(f"w{n}" for n in range(60)), "<unk>", "<eos>"], range(62, 0, -1))


def started(seed: int = 1, **settings: Any) -> RecurrentModel:
    model = RecurrentModel(ModelConfig(**{"hidden": H, "tied": False, **settings}), len(WORDS))
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, math.nan)  # whatever is forgotten shows
    with torch.no_grad():
        model.bias.zero_()
        for layer in model.layers:
            layer.bias.zero_()
            if layer.extra is not None:
                layer.extra.zero_()
    start_weights(model, WORDS, torch.Generator().manual_seed(seed))
    return model


def reaches(values: torch.Tensor, scale: float) -> bool:
    """Whether values look drawn evenly from −scale to scale."""
    values = values.detach()
    return bool(0.93 * scale < values.abs().max() <= scale) and math.isclose(
        float(values.square().mean()), scale**2 / 3, rel_tol=0.2
    )


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "peephole"])
@pytest.mark.parametrize("tied", [True, False])
def test_all_are_set_and_the_same_by_seed(cell: str, tied: bool) -> None:
    settings = {"cell": cell, "tied": tied, "layers": 2, "dim": 10}
    one, same, other = (started(seed, **settings) for seed in (1, 1, 2))
    for (name, a), b, c in zip(
        one.named_parameters(), same.parameters(), other.parameters(), strict=True
    ):
        assert torch.isfinite(a).all(), name
        assert torch.equal(a, b), name
        assert torch.equal(a, c) == (not a.any()), name


def test_uniform_weights() -> None:
    model = started(dim=40)
    assert reaches(model.embedding, 0.1) and reaches(model.output, 0.1)
    assert reaches(model.layers[0].weight_input, 1 / math.sqrt(H))
    assert reaches(model.layers[0].weight_hidden, 1 / math.sqrt(H))
    model = started(dim=40, start_scale=0.05)
    for parameter in (model.embedding, model.output, *model.layers[0].parameters()):
        assert reaches(parameter, 0.05)
    assert not model.bias.any()


def test_each_gate_is_drawn_as_a_matrix_of_its_own() -> None:
    """Glorot and Bengio (2010): ±√(6 / (inputs + outputs)); He et al. (2015): ±√(6 / inputs)."""
    layer = started(dim=40, start_weights="xavier").layers[0]
    assert reaches(layer.weight_input, math.sqrt(6 / (40 + H)))
    assert reaches(layer.weight_hidden, math.sqrt(6 / (H + H)))
    layer = started(dim=40, start_weights="he").layers[0]
    assert reaches(layer.weight_input, math.sqrt(6 / 40))
    assert reaches(layer.weight_hidden, math.sqrt(6 / H))


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4), ("peephole", 4)])
def test_recurrent_matrices_that_are_orthogonal(cell: str, gates: int) -> None:
    model = started(cell=cell, orthogonal=True, layers=2)
    for layer in model.layers:
        matrices = layer.weight_hidden.detach().reshape(gates, H, H)
        for matrix in matrices:
            torch.testing.assert_close(matrix @ matrix.T, torch.eye(H), rtol=0, atol=1e-5)
        assert gates == 1 or not torch.equal(matrices[0], matrices[1])


@pytest.mark.parametrize("cell", ["lstm", "peephole"])
def test_the_bias_of_forget_gates(cell: str) -> None:
    for scale in (None, 0.05):
        bias = started(cell=cell, forget_bias=1.5, start_scale=scale).layers[0].bias
        assert (bias[H : 2 * H] == 1.5).all()
        assert (torch.cat([bias[:H], bias[2 * H :]]).abs() <= (scale or 0)).all()


def test_a_forget_gate_that_is_open_keeps_the_cell() -> None:
    """It is the gate that the bias goes to, not its neighbour."""
    model = started(forget_bias=30.0)
    layer = model.layers[0]
    cell = torch.linspace(-1, 1, H)[None]
    with torch.no_grad():
        layer.weight_input.zero_()
        layer.weight_hidden.zero_()
        x, state = torch.zeros(5, 1, H), (torch.zeros(1, H), cell)
        _, (_, after) = layer(x, state, layer.weight_hidden, "fp32")
    torch.testing.assert_close(after, cell)


def test_the_first_prediction_is_that_of_the_frequencies() -> None:
    model = started(unigram_bias=True)
    with torch.no_grad():
        log_p = model.log_probabilities(torch.zeros(1, 1, H))[0]
    expected = WORDS.counts / WORDS.counts.sum()
    np.testing.assert_allclose(log_p.exp().numpy(), expected, rtol=1e-5)
    flat = started().bias
    assert not flat.any()


# --- vectors from elsewhere -----------------------------------------------------------------------


def vectors_of(words: dict[str, list[float]]) -> Embeddings:
    return Embeddings(Vocabulary(words), np.array(list(words.values()), np.float32))


def test_vectors_are_matched_by_word() -> None:
    model = started(dim=3)
    before = model.embedding.detach().clone()
    given = {"w7": [1.0, 2.0, 3.0], "elsewhere": [9.0, 9.0, 9.0], "w2": [4.0, 5.0, 6.0]}
    coverage = put_vectors(model, WORDS, vectors_of(given))
    assert (coverage.known, coverage.words) == (2, 62)
    assert str(coverage) == "2 of 62 words have vectors to start from"
    assert model.embedding[7].tolist() == [1, 2, 3]
    assert model.embedding[2].tolist() == [4, 5, 6]
    others = [n for n in range(62) if n not in (2, 7)]
    assert torch.equal(model.embedding[others], before[others])


def test_vectors_that_do_not_fit() -> None:
    model = started(dim=3)
    with pytest.raises(ConfigError, match="2 dimensions, and the model's word vectors 3"):
        put_vectors(model, WORDS, vectors_of({"w1": [1.0, 2.0]}))
    with pytest.raises(VocabularyError, match=r"none of the model's 62 words is among the 1 "):
        put_vectors(model, WORDS, vectors_of({"elsewhere": [1.0, 2.0, 3.0]}))


def topics(lines: int = 400) -> Corpus:
    """Words of two kinds, which never stand in one line together."""
    chooser = np.random.default_rng(0)
    return Corpus.from_sentences(
        [f"{kind}{chooser.integers(20)}" for _ in range(10)] for kind in "ab" * (lines // 2)
    )


def test_vectors_counted_in_the_text_tell_kinds_of_words_apart() -> None:
    corpus = topics()
    vocabulary = words_to_model(corpus)
    counted = Run(counted_vectors(corpus, vocabulary, 6)).result()
    model = RecurrentModel(ModelConfig(hidden=6), len(vocabulary))
    start_weights(model, vocabulary, torch.Generator().manual_seed(1))
    coverage = put_vectors(model, vocabulary, counted, scaled=True)
    assert coverage.known == 40
    kinds = {
        kind: model.embedding[[i for i, w in enumerate(vocabulary.words) if w[0] == kind]]
        for kind in "ab"
    }
    near = F.cosine_similarity(kinds["a"][:, None], kinds["a"][None], dim=-1).mean()
    far = F.cosine_similarity(kinds["a"][:, None], kinds["b"][None], dim=-1).mean()
    assert near > 0.1 + far
    values = torch.cat(list(kinds.values())).detach()
    assert float(values.std()) == pytest.approx(0.1 / math.sqrt(3), rel=0.05)


def train(corpus: Corpus, config: ModelConfig, given: Embeddings | None = None, **more: Any) -> Any:
    settings = TrainingConfig(
        **{"batch": 4, "steps": 5, "epochs": 1, "softmax": "exact", "precision": "fp32", **more}
    )
    run = train_language_model(corpus, config, settings, embeddings=given, device="cpu", threads=1)
    return run.result(), run


def test_frozen_vectors_stay_and_others_do_not() -> None:
    corpus = topics(40)
    words = words_to_model(corpus).words
    given = vectors_of({word: [n, -n, n / 2] for n, word in enumerate(words[3:-1])})
    for frozen in (True, False):
        model, run = train(
            corpus, ModelConfig(hidden=5, dim=3, tied=False), given, freeze_embeddings=frozen
        )
        assert run.coverage.known == len(words) - 4, "all but <unk> and three"
        vectors = model.embeddings()
        stayed = [np.array_equal(vectors.vector(w), given.vector(w)) for w in words[3:-1]]
        assert all(stayed) if frozen else not any(stayed)


@pytest.mark.parametrize(
    "lines",
    [[["a"], ["b"], ["c"]] * 30, [["a", "a", "a"]] * 40, [["x"] * 200]],
    ids=["lines of a word", "one word", "one line"],
)
def test_a_text_that_gives_no_vectors_by_counting_is_trained_on_all_the_same(
    lines: list[list[str]],
) -> None:
    config = ModelConfig(hidden=1, start_embeddings="counts")
    model, _ = train(Corpus.from_sentences(lines), config)
    assert np.isfinite(model.embeddings().vectors).all()
