"""Generated text: reproducible, inside its sets, and the most probable where that is asked for."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lm.models import SHAPES, WORDS, random_model, uniform_model

from wordkit.errors import (
    ConfigError,
    ResourceError,
    UnknownWordError,
    VocabularyError,
    WordkitWarning,
)
from wordkit.lm.generation import GenerationConfig, generate, generate_samples, predict
from wordkit.lm.inference import Continuation
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.sampling import draw, highest, nucleus
from wordkit.lm.scoring import score_lines


def text_of(model: LanguageModel, prompt: list[str] | None = None, **config: Any) -> list[str]:
    return list(generate(model, prompt or [], GenerationConfig(**config)))


def log_probability(model: LanguageModel, prompt: list[str], words: list[str]) -> float:
    """Of words behind a prompt, read in one pass."""
    (score,) = score_lines(model, [" ".join(prompt + words)])
    return math.fsum(log_p for _, log_p in score.words[len(prompt) : -1])


# --- drawing -------------------------------------------------------------------------------------

LOG_P = st.lists(st.floats(-20, 0) | st.sampled_from([-1.0, -2.0]), min_size=1, max_size=30).map(
    lambda values: np.array(values) - np.logaddexp.reduce(values)
)


@settings(deadline=None)
@given(LOG_P, st.integers(1, 40), st.floats(0.01, 1), st.floats(0.05, 20), st.integers(0, 99))
def test_sets_are_never_left(
    log_p: np.ndarray, k: int, p: float, temperature: float, seed: int
) -> None:
    order = np.argsort(-log_p, kind="stable")
    generators = [np.random.default_rng(seed)] * 20
    (first, *_) = rows = np.tile(log_p, (20, 1))
    assert set(draw(rows, generators, top_k=k).tolist()) <= set(order[:k].tolist())
    heated = np.exp(log_p / temperature) / np.exp(log_p / temperature).sum()
    enough = int(np.searchsorted(np.cumsum(heated[order]), p * (1 + 1e-9))) + 1
    allowed = set(order[:enough].tolist())
    assert set(draw(rows, generators, top_p=p, temperature=temperature).tolist()) <= allowed
    ids, shares = nucleus(first, top_k=k, top_p=p, temperature=temperature)
    assert shares.sum() == pytest.approx(1) and len(set(ids.tolist())) == len(ids) <= min(k, 30)
    assert set(ids.tolist()) <= set(order[:k].tolist())


@settings(deadline=None)
@given(LOG_P, st.floats(0.05, 20))
def test_probabilities_are_those_of_the_softmax(log_p: np.ndarray, temperature: float) -> None:
    ids, p = nucleus(log_p, temperature=temperature)
    heated = np.exp(log_p / temperature)
    assert ids.tolist() == list(range(len(log_p)))
    assert p == pytest.approx(heated / heated.sum())


@settings(deadline=None)
@given(st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 2.5, 7.0]), min_size=1), st.integers(1, 9))
def test_the_highest(values: list[float], count: int) -> None:
    array = np.array(values)
    order = [i for i in np.argsort(-array, kind="stable").tolist() if array[i] > -np.inf]
    assert sorted(highest(array, count).tolist()) == sorted(order[:count])


def test_words_come_by_their_probabilities() -> None:
    log_p = np.log([0.5, 0.3, 0.15, 0.05])
    generator = np.random.default_rng(2)
    drawn = draw(np.tile(log_p, (20_000, 1)), [generator] * 20_000)
    assert np.bincount(drawn) / 20_000 == pytest.approx(np.exp(log_p), abs=0.012)


def test_temperatures_near_the_ends() -> None:
    log_p = np.log([0.5, 0.3, 0.2])
    assert nucleus(log_p, temperature=1e-308)[1].tolist() == [1, 0, 0]
    assert nucleus(log_p, temperature=1e308)[1] == pytest.approx([1 / 3] * 3)
    assert nucleus(log_p, top_p=1e-12)[0].tolist() == [0]


# --- text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_a_seed_gives_the_same_text(shape: str) -> None:
    model = random_model(**SHAPES[shape])
    model.module.train()  # dropout must not matter
    text = text_of(model, ["the", "cat"], seed=5)
    assert len(text) == 50
    assert text == text_of(model, ["the", "cat"], seed=5) != text_of(model, ["the", "cat"], seed=6)
    assert model.module.training


def test_samples_side_by_side() -> None:
    model = random_model()
    config = GenerationConfig(words=30, seed=3)
    together = list(zip(*generate_samples(model, ["the"], config, samples=4), strict=True))
    assert len(together) == 4 and len(set(together)) == 4
    assert list(together[0]) == list(generate(model, ["the"], config))
    two = list(zip(*generate_samples(model, ["the"], config, samples=2), strict=True))
    assert two == together[:2], "a text does not depend on how many are made beside it"


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 13), st.floats(0.05, 1), st.integers(0, 9))
def test_every_word_is_of_its_set(top_k: int, top_p: float, seed: int) -> None:
    model = random_model()
    config = {"top_k": top_k, "top_p": top_p, "seed": seed, "words": 12, "temperature": 0.7}
    words = text_of(model, **config)
    here = Continuation(model.module, model.eos_id)
    banned = [1, 3]
    for i in model.ids(words):
        here.log_p[:, banned] = -np.inf
        ids, _ = nucleus(here.log_p[0], temperature=0.7, top_k=top_k, top_p=top_p * (1 + 1e-6))
        assert i in ids
        here.read(np.array([[i]]))


@pytest.mark.parametrize("method", ["sample", "greedy", "beam"])
def test_banned_words_never_come(method: str) -> None:
    model = uniform_model()
    words = text_of(model, words=300, method=method)
    assert not {"<unk>", "N"} & set(words)
    kept = ("the", "cat")
    banned = tuple(word for word in WORDS if word not in kept)
    words = text_of(model, words=100, method=method, banned=(*banned, "unheard-of"))
    assert set(words) <= set(kept)
    if method == "sample":
        assert set(text_of(model, words=300, banned=())) == set(WORDS)
    with pytest.raises(VocabularyError, match="every word of the model is banned"):
        generate(model, [], GenerationConfig(method=method, banned=WORDS))


def test_greedy_takes_the_most_probable_word_each_time() -> None:
    model = random_model(layers=2)
    words = text_of(model, ["the"], words=8, method="greedy", banned=())
    for place, word in enumerate(words):
        assert predict(model, ["the", *words[:place]], 1)[0].word == word


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), st.integers(1, 8), st.integers(1, 9), st.floats(0.3, 3))
def test_beam_search_is_never_behind_greedy(seed: int, beam: int, words: int, scale: float) -> None:
    model = random_model(seed=seed, scale=scale)
    greedy = text_of(model, ["the"], words=words, method="greedy")
    found = text_of(model, ["the"], words=words, method="beam", beam=beam)
    assert len(found) == words and not {"<unk>", "N"} & set(found)
    best, least = (log_probability(model, ["the"], text) for text in (found, greedy))
    assert best >= least - 1e-4
    if beam == 1:
        assert best == pytest.approx(least, rel=1e-4)


def test_a_wide_beam_finds_the_best_text_of_all() -> None:
    model = random_model(scale=2.0)
    allowed = [word for word in WORDS if word not in ("<unk>", "N")]
    best = max(
        (log_probability(model, ["cat"], list(words)), list(words))
        for words in itertools.product(allowed, repeat=3)
    )
    assert text_of(model, ["cat"], words=3, method="beam", beam=1000) == best[1]


def test_the_state_is_carried_through_prompt_and_text() -> None:
    model = random_model()
    prompt = ["the", "cat", ",", "dog"] * 200  # longer than what is read at a time
    predicted = predict(model, prompt, 12)
    for word, probability in predicted:
        expected = log_probability(model, prompt, [word])
        assert math.log(probability) == pytest.approx(expected, rel=1e-4, abs=1e-5)


# --- prompts -------------------------------------------------------------------------------------


def test_predictions() -> None:
    model = random_model()
    found = predict(model, ["the", "cat"], 5)
    assert len(found) == 5
    chances = [probability for _, probability in found]
    assert chances == sorted(chances, reverse=True)
    everything = predict(model, ["the", "cat"], 99)
    assert Counter(word for word, _ in everything) == Counter(WORDS)
    assert sum(probability for _, probability in everything) == pytest.approx(1)
    assert predict(model) == predict(model, [])
    with pytest.raises(ConfigError, match="n must be at least 1"):
        predict(model, ["the"], 0)


def test_no_prompt_is_the_start_of_a_sentence() -> None:
    model = random_model()
    words, chances = zip(*predict(model, [], 12), strict=True)
    (score,) = score_lines(model, [words[0]])
    assert chances[0] == pytest.approx(math.exp(score.words[0].log_probability), rel=1e-5)


def test_prompts_of_unknown_words() -> None:
    model = random_model()
    for ask in (lambda prompt: generate(model, prompt), lambda prompt: predict(model, prompt)):
        with pytest.raises(UnknownWordError, match="'catt' is not in the .*did you mean cat"):
            ask(["catt"])
        with pytest.raises(VocabularyError, match=r"knows no word of the prompt: 'x', 'y'; begin"):
            ask(["x", "y", "x"])
        with pytest.raises(VocabularyError, match=r"'w4' and 4 more"):
            ask([f"w{i}" for i in range(9)])
        with pytest.warns(WordkitWarning, match="does not know 'zebra', and reads <unk> there"):
            ask(["the", "zebra"])
    assert predict(model, ["<unk>"], 3), "the word itself is known"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"words": 0}, "words must be at least 1, not 0"),
        ({"method": "best"}, "method must be one of sample, greedy, beam"),
        ({"temperature": 0}, "temperature must be above 0, not 0; .* greedy"),
        ({"temperature": math.nan}, "temperature must be above 0"),
        ({"temperature": math.inf}, "temperature must be above 0"),
        ({"top_k": 0}, "top_k must be at least 1"),
        ({"top_p": 0}, "top_p must be above 0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1, not 1.1"),
        ({"top_p": math.nan}, "top_p"),
        ({"beam": 0}, "beam must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_settings_out_of_range(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        GenerationConfig(**config)


def test_methods_of_one_text_give_no_samples() -> None:
    model = random_model()
    with pytest.raises(ConfigError, match="samples must be at least 1, not 0"):
        generate_samples(model, samples=0)
    for method in ("greedy", "beam"):
        with pytest.raises(ConfigError, match=f"samples must be 1 with the method {method}, not 2"):
            generate_samples(model, config=GenerationConfig(method=method), samples=2)


# --- memory --------------------------------------------------------------------------------------


def test_more_texts_than_memory_holds() -> None:
    model = random_model()
    with pytest.raises(ResourceError, match=r"a beam of 1,000,000,000,000 would take about .* GB"):
        text_of(model, method="beam", beam=10**12)
    with pytest.raises(ResourceError, match=r"1,000,000,000,000 samples would take about"):
        generate_samples(model, samples=10**12)


def test_a_beam_is_no_wider_than_the_texts_that_there_are() -> None:
    """Two words of V are V texts at the first step: all of them fit, whatever was asked for."""
    model = random_model()
    wide = text_of(model, method="beam", beam=2**31 - 1, words=2)
    assert wide == text_of(model, method="beam", beam=len(WORDS) ** 2, words=2)
