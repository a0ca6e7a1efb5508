"""Settings of a training that are fitted to its pairs."""

from __future__ import annotations

import random

import pytest
from toy_pairs import toy_texts

from wordkit.errors import ConfigError
from wordkit.seq2seq import Pair, Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.fitting import fit_preset, plan_training


def sentences(count: int, longest: int = 20, words: int = 50) -> list[Pair]:
    draw = random.Random(1)
    texts = [
        " ".join(f"w{draw.randrange(words)}" for _ in range(draw.randint(1, longest)))
        for _ in range(count)
    ]
    return [Pair(text, text) for text in texts]


def test_texts_of_like_lengths_keep_the_defaults() -> None:
    pairs = [Pair(text[:4].ljust(4, "x"), "abcd") for text in toy_texts(2000)]
    fitted = fit_preset(pairs)
    assert fitted.model == Seq2SeqConfig()
    assert fitted.training == Seq2SeqTrainingConfig()


def test_spread_lengths_are_sorted_but_never_the_whole_epoch() -> None:
    assert fit_preset(sentences(40_000), "word", epochs=1).training.bucket == 100
    some = fit_preset(sentences(2000), "word", epochs=1).training
    assert 1 < some.bucket <= 2000 // (4 * some.batch)
    assert fit_preset(sentences(100), "word", epochs=1).training.bucket == 1


def test_words_get_the_model_and_dropout_for_the_time_there_is() -> None:
    pairs = sentences(1000)
    long, short = (fit_preset(pairs, "word", minutes=m, device="cpu") for m in (5, 0.05))
    assert long.model.unit == "word" and long.model.tied
    assert long.model.dropout > short.model.dropout
    transformer = fit_preset(pairs, "word", minutes=5, device="cpu", arch="transformer")
    assert transformer.model.dropout == long.model.dropout / 2
    assert long.training.epochs is None and long.training.max_minutes == 5
    assert fit_preset(pairs, "word", device="cpu").training.epochs == 10


def test_rare_words_are_kept_where_most_words_are_rare() -> None:
    assert fit_preset(sentences(1000), "word", epochs=1).training.min_count == 2
    assert fit_preset(sentences(30, words=10**6), "word", epochs=1).training.min_count == 1


def test_what_is_given_stands() -> None:
    given = {"unit": "word", "hidden": 32, "tied": False}, {"bucket": 7, "max_minutes": 1.0}
    plan = plan_training(*given)
    fitted = plan.fit(sentences(500), "cpu")
    assert (fitted.model.hidden, fitted.model.tied, fitted.training.bucket) == (32, False, 7)
    assert fitted.training.epochs is None
    preset = plan_training({"hidden": 32}, {"seed": 9}, preset="words")
    assert preset.seed == 9 and preset.fit([]).model.hidden == 32
    with pytest.raises(ConfigError, match="preset must be one of characters, words"):
        plan_training({}, {}, preset="foo")
    with pytest.raises(ConfigError, match="hidden must be from 1"):
        plan_training({"hidden": 0}, {})
