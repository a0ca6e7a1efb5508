"""Adapted models: perplexity, scores and text that agree, and models that are left as they were."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from lm.models import WORDS, corpus_of, random_model
from lm.toy_language import toy_text

import wordkit
from wordkit.decoding.config import AdaptationConfig
from wordkit.errors import ConfigError, ResourceError, VocabularyError
from wordkit.lm import AdaptedModel, LanguageModel, iter_adapt, iter_perplexity, score_lines
from wordkit.lm.generation import GenerationConfig, generate_samples
from wordkit.text import Corpus, Vocabulary

NAMES = [word for word in WORDS if not word.startswith("<")]
LINES = [
    " ".join(NAMES[i] for i in toy_text(60, seed)[start : start + 7])
    for seed in (1, 2)
    for start in range(0, 56, 7)
]
WAYS: dict[str, dict[str, Any]] = {
    "cache": {"cache": 20, "cache_weight": 0.3, "cache_flatness": 2.0},
    "dynamic": {"dynamic": True, "dynamic_lr": 0.02, "dynamic_decay": 0.01, "dynamic_steps": 4},
}
WAYS["both"] = WAYS["cache"] | WAYS["dynamic"]


def text(lines: list[str] = LINES) -> Corpus:
    return corpus_of("\n".join(lines))


def adapted(*models: LanguageModel, **settings: Any) -> AdaptedModel:
    return iter_adapt(models or [random_model()], AdaptationConfig(**settings)).result()


@pytest.mark.parametrize("models", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_scores_of_lines_add_up_to_the_perplexity_of_the_text(way: str, models: int) -> None:
    asked = adapted(*(random_model(seed=seed) for seed in range(models)), **WAYS[way])
    whole = iter_perplexity(asked, text()).result()
    lines = list(score_lines(asked, iter(LINES)))
    assert [[word for word, _ in line.words[:-1]] for line in lines] == [x.split() for x in LINES]
    assert math.fsum(line.log_probability for line in lines) == pytest.approx(whole.log_likelihood)
    assert iter_perplexity(asked, text()).result() == whole, "each text is begun anew"
    plain = iter_perplexity(random_model(seed=0), text()).result()
    assert whole.log_likelihood != pytest.approx(plain.log_likelihood)


def test_an_ensemble_alone_scores_each_line_for_itself() -> None:
    models = [random_model(seed=seed) for seed in (1, 2)]
    ensemble = adapted(*models)
    for line in (*score_lines(ensemble, LINES[:3]), *score_lines(ensemble, LINES[2::-1])):
        words = " ".join(word for word, _ in line.words[:-1])
        each = [next(score_lines(model, words)) for model in models]
        for number, (_, log_p) in enumerate(line.words):
            p = np.mean([math.exp(one.words[number][1]) for one in each])
            assert log_p == pytest.approx(math.log(p), rel=1e-4)
    assert [a.word for a in ensemble.predict("the", 12)]
    assert sum(a.probability for a in ensemble.predict("the", 12)) == pytest.approx(1)


@pytest.mark.parametrize("way", WAYS)
def test_text_continues_what_was_read(way: str) -> None:
    model = random_model(scale=0.3)
    asked, prompt = adapted(model, **WAYS[way]), ["cat", "ran"] * 12
    one = list(generate_samples(asked, prompt, GenerationConfig(words=9, seed=2)))
    assert one == list(generate_samples(asked, prompt, GenerationConfig(words=9, seed=2)))
    three = list(generate_samples(asked, prompt, GenerationConfig(words=9, seed=2), samples=3))
    assert [words[0] for words in three] == [words[0] for words in one]
    for method in ("greedy", "beam"):
        assert len(list(generate_samples(asked, prompt, GenerationConfig(words=4, method=method))))
    after = dict(asked.predict(prompt, 12))
    before = dict(model.predict(prompt, 12))
    assert after["cat"] > before["cat"], "which came after ran each time"
    assert sum(after.values()) == pytest.approx(1, rel=1e-4)


def test_models_are_left_as_they_were() -> None:
    model = random_model()
    model.network.eval()
    before = copy.deepcopy(model.network.state_dict())
    asked = model.adapted(
        random_model(seed=9), valid=LINES[:8], cache=10, dynamic=True, progress=False
    )
    asked.perplexity(text(), progress=False)
    asked.score(LINES[:3])
    asked.generate("the cat", words=3)
    assert not any(module.training for module in model.network.modules())
    for name, weight in model.network.state_dict().items():
        assert (before[name] == weight).all(), name
    assert all(parameter.grad is None for parameter in model.network.parameters())


def test_what_is_not_given_is_fitted() -> None:
    asked = random_model().adapted(valid=LINES, cache=50, dynamic=True, progress=False)
    config = asked.adaptation
    for value in (
        config.dynamic_lr,
        config.dynamic_decay,
        config.cache_weight,
        config.cache_flatness,
    ):
        assert value is not None
    plain = random_model().perplexity(text(), progress=False)
    assert asked.perplexity(text(), progress=False) < plain
    given = random_model().adapted(
        valid=LINES, cache=50, cache_weight=0.25, dynamic=True, dynamic_lr=0.5, progress=False
    )
    assert (given.adaptation.cache_weight, given.adaptation.dynamic_lr) == (0.25, 0.5)
    assert given.adaptation.cache_flatness is not None


def test_it_tells_what_it_is() -> None:
    asked = adapted(random_model(), random_model(seed=2), cache=2000, dynamic=True)
    assert repr(asked) == (
        "AdaptedModel(LanguageModel(lstm 6, 12 words, made by a test), 2 models, "
        "cache of 2,000 words, dynamic)"
    )


def test_what_cannot_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    model = random_model()
    with pytest.raises(ConfigError, match="there is no model to ask"):
        iter_adapt([]).result()
    other = Vocabulary([*WORDS[:-1], "zebra"], model.vocabulary.counts)
    with pytest.raises(VocabularyError, match="model 2 has 'zebra' as word 11, .* \"n't\" as"):
        model.adapted(LanguageModel(model.network, other))
    for settings in ({}, {"cache": 9, "cache_weight": 0.1, "cache_flatness": 1.0}):
        with pytest.raises(ConfigError, match="valid has no effect"):
            model.adapted(valid=LINES, **settings)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="cache_weight has no effect without cache"):
        model.adapted(cache_weight=0.1)
    with pytest.raises(ConfigError, match="there is no setting 'cached'; did you mean cache"):
        model.adapted(cached=3)
    with pytest.raises(ResourceError, match=r"a cache of 2,000,000,000 words needs .* lower cache"):
        model.adapted(cache=2_000_000_000)
    asked = model.adapted(cache=3)
    with pytest.raises(ConfigError, match="has no file; save each"):
        asked.save(tmp_path / "x.safetensors")
    with pytest.raises(ConfigError, match="no embeddings"):
        asked.embeddings()
    for again in (lambda: asked.adapted(dynamic=True), lambda: model.adapted(model, asked)):
        with pytest.raises(ConfigError, match="model [13] is adapted already; give the models"):
            again()
    with pytest.raises(ConfigError, match="model 2 must be a language model, not 'lm'; load it"):
        model.adapted("lm")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="init is an adapted model"):
        wordkit.train_language_model(LINES, init=asked, epochs=1, progress=False)
