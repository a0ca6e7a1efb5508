"""Sequence models that start from another model, or from vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from seq2seq.toy_pairs import QUICK, SMALL, random_model, toy_pairs, trained

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, VocabularyError
from wordkit.seq2seq import Pair
from wordkit.seq2seq.fitting import plan_training
from wordkit.text import Vocabulary


def vectors_of(units: str, dim: int = SMALL.dim) -> Embeddings:
    values = np.arange(len(units) * dim, dtype=np.float32).reshape(-1, dim) / 100
    return Embeddings(Vocabulary(list(units)), values)


def test_a_trained_model_is_a_good_start() -> None:
    first = trained(toy_pairs(300), config=replace(QUICK, epochs=6)).result()
    pairs, valid = toy_pairs(60, characters="abcde", seed=4), toy_pairs(60, seed=9)
    short = replace(QUICK, epochs=1, lr=5e-3)
    tuned = trained(pairs, None, short, init=first, valid=valid)  # type: ignore[arg-type]
    scratch = trained(pairs, SMALL, short, valid=valid)
    model, _ = tuned.result(), scratch.result()
    assert model.config == first.config
    assert {*model.source_vocabulary} == {*first.source_vocabulary, "e"}
    assert {*model.target_vocabulary} == {*first.target_vocabulary, "E"}
    expected = {"words": len(first.source_vocabulary), "new_words": 1}
    assert model.metadata["init"] == {"source": expected, "target": expected}
    assert tuned.figures["valid_exact"] > scratch.figures["valid_exact"] + 0.2


@pytest.mark.parametrize("tied", [True, False])
def test_new_units_share_the_probability_of_unk(tied: bool) -> None:
    from wordkit.seq2seq.network import Seq2SeqNetwork, start_from
    from wordkit.seq2seq.pairs import vocabulary_of
    from wordkit.training.finetuning import join_vocabularies

    init = random_model(replace(SMALL, tied=tied))
    old = (init.source_vocabulary, init.target_vocabulary)
    found = [vocabulary_of(["abz", "az"], "char"), vocabulary_of(["WQ", "QQX"], "char")]
    joined = [join_vocabularies(*pair) for pair in zip(old, found, strict=True)]
    network = Seq2SeqNetwork(init.config, *map(len, joined)).eval()
    start_from(network, joined, init, found)
    tables = []
    for each, (source, target) in ((init.network.eval(), old), (network, joined)):
        sources = torch.tensor([[source.id(unit)] for unit in "abc"])
        ids = torch.tensor([[target.id("<eos>")], [target.id("W")]])
        features, _ = each(ids, each.encode(sources, torch.tensor([3])))
        tables.append(each.output.log_probs(features)[:, 0].exp())
    before, after = tables
    known, new = old[1], joined[1]
    for unit in ("W", "X", "Y", "Z", "<eos>"):
        torch.testing.assert_close(after[:, new.id(unit)], before[:, known.id(unit)])
    both = after[:, new.id("Q")] + after[:, new.id("<unk>")]
    torch.testing.assert_close(both, before[:, known.id("<unk>")])
    assert (after[:, new.id("Q")] > 5 * after[:, new.id("<unk>")]).all(), "3 to 0.5"


def test_vectors_to_start_from() -> None:
    pairs = toy_pairs(60)
    slow = replace(QUICK, lr=1e-9, epochs=1)
    source, target = vectors_of("abxy"), vectors_of("ABC")
    model = trained(pairs, SMALL, slow, source_embeddings=source, target_embeddings=target).result()
    for units, vectors, vocabulary, matrix in (
        ("ab", source, model.source_vocabulary, model.network.encoder.embedding),
        ("ABC", target, model.target_vocabulary, model.network.decoder.embedding),
    ):
        for unit in units:
            found = matrix[vocabulary.id(unit)].detach().numpy()
            np.testing.assert_allclose(found, vectors.vector(unit), atol=1e-6)
    assert model.metadata["embeddings"] == {
        "source": {"known": 2, "words": 6}, "target": {"known": 3, "words": 6}
    }  # fmt: skip
    with pytest.raises(VocabularyError, match="none of the model's 6 words is among the 2"):
        trained(pairs, SMALL, slow, source_embeddings=vectors_of("xy")).result()


def test_settings_are_those_of_the_model_and_of_the_vectors() -> None:
    init = random_model(replace(SMALL, unit="word", dropout=0.5)).config
    pairs = [Pair("a b", "b a")] * 40
    chosen = plan_training({"dropout": 0.1}, {"epochs": 1}, init=init).fit(pairs)
    assert chosen.model == replace(init, dropout=0.1)
    plain = plan_training({"unit": "word"}, {"epochs": 1}).fit(pairs)
    assert chosen.training == plain.training
    assert plan_training({}, {}, embeddings=[vectors_of("ab", 5)]).fit(pairs).model.dim == 5
    with pytest.raises(ConfigError, match="hidden must be that of the model to start from, 24, "):
        plan_training({"hidden": 9}, {}, init=init)
    with pytest.raises(ConfigError, match="have 6 dimensions, and the model's word vectors 5"):
        plan_training({}, {}, embeddings=[vectors_of("ab", 5), vectors_of("ab", 6)])
    with pytest.raises(ConfigError, match="unit must be that of the model to start from"):
        trained(pairs, replace(init, unit="char"), init=random_model(init))
    with pytest.raises(ConfigError, match="init and embeddings both say"):
        trained(pairs, init, init=random_model(init), target_embeddings=vectors_of("ab"))
