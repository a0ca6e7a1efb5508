"""A conversation: what is kept, drawn again, forgotten, and refused."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
from seq2seq.toy_dialogues import SMALL, random_model

from wordkit.errors import ConfigError, TextError, WordkitWarning

MODEL = random_model(SMALL)


def test_a_chat_is_its_dialogue_read_anew() -> None:
    chat = MODEL.chat()
    for text in ("ab", "c", "?"):
        before = [*chat.turns, text]
        answer = chat.say(f" {text}\n")
        assert [answer] == MODEL.answer([[turn for turn in before if turn]])
        assert chat.turns == [*before, answer]
    chat.reset()
    assert chat.turns == [] and [chat.say("ab")] == MODEL.answer([["ab"]])


@pytest.mark.parametrize("settings", [{}, {"beam": 3}, {"sample": True, "seed": 4}], ids=str)
def test_again_gives_another_answer_in_the_same_place(settings: dict[str, object]) -> None:
    heard = []
    for _ in range(2):
        chat = MODEL.chat(**settings)
        answers = [chat.say("ab"), chat.again(), chat.again()]
        assert len({*answers}) == 3 and chat.turns == ["ab", answers[-1]]
        heard.append([*answers, chat.say("c"), chat.again()])
    assert heard[0] == heard[1], "one seed, one conversation"


def test_what_is_drawn_depends_on_the_seed() -> None:
    said = {MODEL.chat(sample=True, seed=seed).say("abc") for seed in range(8)}
    assert len(said) > 1


def test_unknown_units_are_named_once() -> None:
    chat = MODEL.chat()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        chat.say("Qa")
        chat.say("Qb")
    (one,) = said
    assert one.category is WordkitWarning
    assert str(one.message) == "the model does not know 'Q', and reads <unk> instead"
    assert "<unk>" not in "".join(chat.turns)


def test_what_cannot_be_said() -> None:
    chat = MODEL.chat()
    with pytest.raises(TextError, match="nothing was said yet"):
        chat.again()
    for empty in ("", " \n"):
        with pytest.raises(TextError, match="turn 1 is empty; give it a text"):
            chat.say(empty)
    with pytest.raises(TextError, match="a turn must be a string, not 3"):
        chat.say(3)  # type: ignore[arg-type]
    with pytest.raises(TextError, match="dialogue 1 has no turn to answer"):
        MODEL.answer([[]])
    with pytest.raises(ConfigError, match="copy_unknown has no effect with dialogues"):
        MODEL.chat(copy_unknown=True).say("a")
    assert chat.turns == []


def test_a_turn_of_a_hundred_thousand_characters() -> None:
    chat = MODEL.chat()
    assert isinstance(chat.say("abcd" * 25_000), str)
    by_words = random_model(replace(SMALL, unit="word"))
    with pytest.warns(WordkitWarning, match="the model does not know 'QQ") as said:
        by_words.chat().say("Q" * 100_000)
    assert len(str(said[0].message)) < 200
    assert isinstance(chat.say("a"), str)
