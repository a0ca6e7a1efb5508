"""VHRED: without its latent variable it is HRED; with it one situation has several answers."""

from __future__ import annotations

import copy
import random
from dataclasses import replace

import pytest
import torch
from seq2seq.test_dialogue_network import BASE, DIALOGUES, log_probs
from seq2seq.toy_dialogues import QUICK, random_model, trained

from wordkit.decoding.config import SamplingConfig
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.dialogue import (
    Chat,
    DialogueConfig,
    DialogueModel,
    answers,
    iter_evaluate_dialogues,
)

VHRED = [
    replace(BASE, arch="vhred", latent=3),
    replace(BASE, arch="vhred", latent=2, cell="gru", attention="dot", attention_to="both"),
]
DRAWS = DecodingConfig(sample=True, top_k=1, alternatives=20)
FIVE = ("yes", "no", "who", "why", "zzz")


@pytest.mark.parametrize("config", VHRED, ids=str)
def test_without_the_latent_variable_it_is_hred(config: DialogueConfig) -> None:
    """Its weights to the decoder are 0."""
    plain = random_model(replace(config, arch="hred", latent=None), dtype=torch.float64)
    model = random_model(config, dtype=torch.float64)
    others = dict(plain.network.named_parameters())
    weight = model.network.get_parameter("decoder.recurrent.layers.0.weight_input")
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            if name in others and parameter is not weight:
                parameter.copy_(others[name])
        weight[:, : -config.latent] = others["decoder.recurrent.layers.0.weight_input"]  # type: ignore[operator]
        rows = slice(None)
        expected = log_probs(plain, DIALOGUES, rows)
        assert not torch.allclose(log_probs(model, DIALOGUES, rows), expected)
        weight[:, -config.latent :] = 0  # type: ignore[operator]
    torch.testing.assert_close(log_probs(model, DIALOGUES, rows), expected)


@pytest.fixture(scope="module")
def model() -> DialogueModel:
    """A model of dialogues whose last turn is one of five."""
    drawn = random.Random(1)
    dialogues = [("hello", "hi", f"{c}?", drawn.choice(FIVE)) for c in "ab" for _ in range(100)]
    shape = DialogueConfig(unit="char", hidden=32, dim=16, cell="gru", arch="vhred", latent=16)
    config = replace(QUICK, batch=16, epochs=12, lr=1e-2, kl_annealing=0.3)
    return trained(dialogues, shape, config, valid=dialogues[::20]).result()


def test_one_situation_has_several_answers(model: DialogueModel) -> None:
    asked = [("hello", "hi", "a?"), ("hello", "hi", "b?")]
    found = [{answer.text for answer in each} for each in answers(model, asked, DRAWS)]
    assert all(len(texts & {*FIVE}) >= 3 for texts in found), found
    means = [[answer.text for answer in each] for each in answers(model, asked)]
    assert means == [[answer.text for answer in each] for each in answers(model, asked)]
    chats = [model.chat(seed=seed) for seed in (3, 3, 1, 2)]
    said = [[chat.say("hello"), chat.say("a?"), chat.again()] for chat in chats]
    assert said[0] == said[1] and len({*map(tuple, said)}) > 1
    assert model.chat().config == Chat(model).config == DecodingConfig(sample=True, top_k=1)
    for settings in ({"beam": 3}, {"sample": True, "top_p": 0.9}, {"sample": False}):
        assert model.chat(**settings).config == DecodingConfig(**settings), "as it is given"


def test_an_evaluation_has_the_bound_and_the_answers_of_draws(model: DialogueModel) -> None:
    dialogues = [("hello", "hi", f"{c}?", answer) for c in "ab" for answer in FIVE]
    few, many = (
        iter_evaluate_dialogues(
            model, dialogues, sampling=SamplingConfig(top_k=1), samples=samples
        ).result()
        for samples in (1, 50)
    )
    assert few.kl == many.kl is not None and few.kl > 0.1
    assert many.perplexity < few.perplexity and many.distinct_answers > 1


def test_the_posterior_is_never_used_to_answer(model: DialogueModel) -> None:
    poisoned = replace(model, network=copy.deepcopy(model.network))
    for name, parameter in poisoned.network.named_parameters():
        if name.startswith(("latent.target_encoder.", "latent.from_both.", "latent.bag")):
            parameter.data.fill_(torch.nan)
    asked = [("hello", "hi", "a?")]
    for config in (DecodingConfig(), DRAWS):
        assert answers(poisoned, asked, config) == answers(model, asked, config)


def test_it_alone_has_a_latent_variable() -> None:
    assert DialogueConfig(arch="vhred").latent == 32 and DialogueConfig().latent is None
