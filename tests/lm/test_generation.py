"""Generated text: reproducible, inside its sets, and the most probable where that is asked for."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from lm.models import SHAPES, WORDS, random_model, uniform_model

from wordkit.errors import (
    ConfigError,
    ResourceError,
    UnknownWordError,
    VocabularyError,
    WordkitWarning,
)
from wordkit.lm.generation import (
    GenerationConfig,
    default_banned,
    generate,
    generate_samples,
    predict,
)
from wordkit.lm.model import LanguageModel
from wordkit.lm.scoring import score_lines
from wordkit.text import Vocabulary


def text_of(model: LanguageModel, prompt: list[str] | None = None, **config: Any) -> list[str]:
    return list(generate(model, prompt or [], GenerationConfig(**config)))


def log_probability(model: LanguageModel, prompt: list[str], words: list[str]) -> float:
    """Of words behind a prompt, read in one pass."""
    (score,) = score_lines(model, [" ".join(prompt + words)])
    return math.fsum(log_p for _, log_p in score.words[len(prompt) : -1])


# --- text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_a_seed_gives_the_same_text(shape: str) -> None:
    model = random_model(**SHAPES[shape])
    model.network.train()  # dropout must not matter
    text = text_of(model, ["the", "cat"], seed=5)
    assert len(text) == 50
    assert text == text_of(model, ["the", "cat"], seed=5) != text_of(model, ["the", "cat"], seed=6)
    assert model.network.training


def test_samples_side_by_side() -> None:
    model = random_model()
    config = GenerationConfig(words=30, seed=3)
    together = list(zip(*generate_samples(model, ["the"], config, samples=4), strict=True))
    assert len(together) == 4 and len(set(together)) == 4
    assert list(together[0]) == list(generate(model, ["the"], config))
    two = list(zip(*generate_samples(model, ["the"], config, samples=2), strict=True))
    assert two == together[:2], "a text does not depend on how many are made beside it"


@pytest.mark.parametrize("method", ["sample", "greedy", "beam"])
def test_banned_words_never_come(method: str) -> None:
    model = uniform_model(text={"tokenizer": "basic"})
    assert "<unk>" not in text_of(model, words=120, method=method)
    written = uniform_model(text={"tokenizer": "basic", "numbers": "N"})
    assert not {"<unk>", "N"} & set(text_of(written, words=120, method=method))
    kept = ("the", "cat")
    banned = tuple(word for word in WORDS if word not in kept)
    words = text_of(model, words=40, method=method, banned=(*banned, "unheard-of"))
    assert set(words) <= set(kept)
    if method == "sample":
        assert set(text_of(model, words=120)) == {*WORDS} - {"<unk>"}, "N is a word like others"
        assert set(text_of(written, words=120, banned=())) == set(WORDS)
    with pytest.raises(VocabularyError, match="every word of the model is banned"):
        generate(model, [], GenerationConfig(method=method, banned=WORDS))


def test_n_is_a_number_in_a_text_that_was_tokenized_before() -> None:
    assert default_banned(uniform_model()) == ("<unk>", "N")
    with_a_number = Vocabulary([*WORDS[:-1], "1,987"], np.arange(len(WORDS), 0, -1))
    model = LanguageModel(uniform_model().network, with_a_number)
    assert default_banned(model) == ("<unk>",)


def test_the_state_is_kept_through_prompt_and_text() -> None:
    model = random_model()
    prompt = ["the", "cat", ",", "dog"] * 80  # longer than what is read at a time
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
    with pytest.raises(ConfigError, match="n must be a whole number"):
        predict(model, n=2.5)
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
        with pytest.warns(WordkitWarning, match="does not know 'zebra', and reads <unk> instead"):
            ask(["the", "zebra"])
    assert predict(model, ["<unk>"], 3), "the word itself is known"


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
    with pytest.raises(ResourceError, match=r"a beam of 2,147,483,647 would take about .* GiB"):
        text_of(model, method="beam", beam=2**31 - 1)
    with pytest.raises(ResourceError, match=r"1,000,000,000,000 samples would take about"):
        generate_samples(model, samples=10**12)
