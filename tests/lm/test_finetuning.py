"""Fine-tuning: what stays, what joins, and what cannot be started from."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from lm.models import SHAPES, WORDS, corpus_of, random_model
from lm.toy_language import QUICK, SMALL, toy_corpus, trained

from wordkit import train_language_model
from wordkit.errors import ConfigError
from wordkit.lm import iter_perplexity, words_to_model
from wordkit.lm.fitting import plan_training
from wordkit.lm.initialization import start_from
from wordkit.lm.network import LanguageModelNetwork
from wordkit.text import Corpus, Vocabulary
from wordkit.training.finetuning import join_vocabularies

TEXT = "the zebra sat\nthe zebra ran , the emu sat .\na cat sat on the emu\n" * 3


@pytest.mark.parametrize("shape", [name for name in SHAPES if name != "adaptive"])
def test_new_words_share_the_probability_of_unk(shape: str) -> None:
    init = random_model(**SHAPES[shape])
    found = words_to_model(corpus_of(TEXT), min_count=1)
    joined = join_vocabularies(init.vocabulary, found, min_count=4)  # a and on are <unk>
    assert {*joined.words} == {*WORDS, "zebra", "emu"}
    network = LanguageModelNetwork(init.config, len(joined))
    start_from(network, joined, init, found)
    ids = torch.tensor([[init.vocabulary.id(word)] for word in ("the", "cat", "sat", "<unk>")])
    new_ids = torch.tensor([[joined.id(word)] for word in ("the", "cat", "sat", "emu")])
    tables = []
    for each, rows in ((init.network, ids), (network, new_ids)):
        features, _ = each.eval()(rows, each.initial_state(1))
        tables.append(each.output.log_probs(features)[:, 0].exp())
    before, after = tables
    for word in init.vocabulary:
        if word != "<unk>":
            torch.testing.assert_close(
                after[:, joined.id(word)], before[:, init.vocabulary.id(word)], rtol=1e-4, atol=0
            )
    rows = [joined.id(word) for word in ("zebra", "emu", "<unk>")]
    expected = before[:, init.unk_id, None] * torch.tensor([6, 6, 6]) / 18
    torch.testing.assert_close(after[:, rows], expected, rtol=1e-4, atol=0)


def test_vocabularies_join() -> None:
    known = Vocabulary(["the", "cat", "<unk>", "<eos>"], [9, 5, 3, 1])
    found = Vocabulary(["cat", "emu", "<unk>", "zebra", "<eos>"], [8, 7, 6, 5, 4])
    joined = join_vocabularies(known, found)
    assert dict(zip(joined.words, joined.counts.tolist(), strict=True)) == {
        "cat": 13, "the": 9, "<unk>": 9, "emu": 7, "zebra": 5, "<eos>": 5,
    }  # fmt: skip
    assert {*join_vocabularies(known, found, max_size=5)} == {*known, "emu"}
    assert {*join_vocabularies(known, found, min_count=6)} == {*known, "emu"}
    assert join_vocabularies(known, found, max_size=5).counts.sum() == 48
    assert {*join_vocabularies(known, found, max_size=2)} == {*known}, "words of the model stay"


def test_a_trained_model_is_a_good_start() -> None:
    first = trained(toy_corpus(3000, per_line=10), SMALL, QUICK).result()
    before = {name: weight.clone() for name, weight in first.network.state_dict().items()}
    corpus = toy_corpus(400, seed=5, per_line=10)
    lines = [[*line, "zebra"] for line in _lines(corpus)]
    text, test = Corpus.from_sentences(lines[:30]), Corpus.from_sentences(lines[30:])
    short = replace(QUICK, epochs=1, lr=5e-3)
    tuned = trained(text, None, short, init=first).result()
    scratch = trained(text, SMALL, short).result()
    assert all(torch.equal(first.network.state_dict()[name], w) for name, w in before.items())
    assert tuned.config == first.config and "zebra" in tuned.vocabulary
    assert {*first.vocabulary} < {*tuned.vocabulary}
    made = tuned.metadata["init"]
    assert made == {
        "words": len(first.vocabulary), "new_words": 1, "unknown_words": 0, "cutoffs": None
    }  # fmt: skip
    score = {model: iter_perplexity(model, test).result() for model in (tuned, scratch, first)}
    assert score[tuned].oov == 0 and score[first].oov == len(lines[30:])
    assert score[tuned].perplexity < 0.8 * score[scratch].perplexity


def _lines(corpus: Corpus) -> list[list[str]]:
    words = corpus.vocabulary.decode(corpus.ids)
    return [words[i:j] for i, j in itertools.pairwise(corpus.offsets.tolist())]


def test_words_of_an_adaptive_softmax_stay_as_they_are() -> None:
    shape = replace(SMALL, adaptive=True)
    first = trained(toy_corpus(600), shape, replace(QUICK, softmax="adaptive")).result()
    text = Corpus.from_sentences([["zebra", *line] for line in _lines(toy_corpus(300, seed=3))])
    tuned = trained(text, None, replace(QUICK, epochs=1, softmax="adaptive"), init=first).result()
    assert tuned.vocabulary == first.vocabulary
    assert tuned.network.output.cutoffs == first.network.output.cutoffs
    assert tuned.metadata["init"]["unknown_words"] == 1


def test_settings_of_shape_are_those_of_the_model() -> None:
    init = random_model(layers=2, cell="gru", dropout=0.5).config
    plan = plan_training({"dropout": 0.2, "hidden": 6}, {"epochs": 1}, init=init)
    chosen = plan.iter_fit(toy_corpus(2000)).result()
    assert chosen.model == replace(init, dropout=0.2)
    plain = plan_training({"hidden": 6}, {"epochs": 1}).iter_fit(toy_corpus(2000)).result()
    assert chosen.training == plain.training
    preset = plan_training({}, {}, preset="awd-lstm", init=init).preset
    assert preset is not None
    assert (preset.model.cell, preset.model.weight_drop) == ("gru", 0.5)
    assert preset.training.optimizer == "asgd"


def test_what_cannot_be_started_from() -> None:
    init = random_model()
    for model, training, says in (
        ({"cell": "gru"}, {}, "cell must be that of the model to start from, lstm, not gru; leave"),
        ({"hidden": 9}, {}, "hidden must be that of the model to start from, 6, not 9"),
        ({}, {"softmax": "adaptive"}, "adaptive must be that of the model to start from, False"),
    ):
        with pytest.raises(ConfigError, match=says):
            plan_training(model, training, init=init.config)
    with pytest.raises(ConfigError, match="cell must be that of the model to start from"):
        trained(toy_corpus(300), replace(init.config, cell="gru"), QUICK, init=init)
    characters = random_model(text={"tokenizer": "char"})
    with pytest.raises(ConfigError, match="cut into words, and that of the model into characters;"):
        trained(toy_corpus(300), None, QUICK, init=characters)
    with pytest.raises(ConfigError, match="tokenizer has no effect with init: the text is read as"):
        train_language_model(["a b"] * 90, init=characters, tokenizer="basic", progress=False)
    with pytest.raises(
        ConfigError, match="init must be an instance of LanguageModel or its file, not"
    ):
        train_language_model(["a b"] * 90, init=init.embeddings(), progress=False)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="init and embeddings both say what to start from"):
        trained(toy_corpus(300), None, QUICK, init=init, embeddings=init.embeddings())
