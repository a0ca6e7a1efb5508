"""Ensemble, cache and dynamic evaluation: each equal to a slow, obvious twin."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lm.models import SHAPES, random_model

from wordkit.decoding.cache import CacheNetwork, fit_cache
from wordkit.decoding.dynamic import DynamicEvaluation, measure_gradients, tune_dynamic
from wordkit.decoding.ensemble import Ensemble
from wordkit.decoding.scoring import measure_perplexity, stream_pieces, token_log_probs
from wordkit.decoding.steps import next_log_probs
from wordkit.nn.network import inference
from wordkit.runtime import Run

WORDS = 12
TEXTS = st.lists(st.integers(0, WORDS - 1), min_size=1, max_size=50).map(np.array)


def network_of(shape: str = "lstm", seed: int = 3) -> Any:
    return random_model(seed=seed, **SHAPES[shape]).network.eval()


def log_probs_of(network: Any, text: np.ndarray, steps: int) -> np.ndarray:
    """log p of each word of a text, read in pieces."""
    state, found = network.initial_state(1), []
    for inputs, targets in stream_pieces(text, 2, steps):
        log_p, state = token_log_probs(network, inputs, targets, state)
        found.append(log_p[:, 0])
    return np.concatenate(found)


def steps_of(network: Any, text: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The features and the probabilities of all words at each step of a text, one by one."""
    state, found = network.initial_state(1), []
    for word in [2, *text[:-1]]:
        with inference(network):
            features, state = network(torch.tensor([[word]]), state)
            p = network.output.log_probs(features).exp()
        found.append((features[0, 0].double().numpy(), p[0, 0].double().numpy()))
    return found


def with_cache(
    network: Any, text: np.ndarray, size: int, weight: float, flatness: float
) -> list[np.ndarray]:
    """The probabilities of all words at each step with a cache, the plain way."""
    found, places = [], []
    for (h, p), word in zip(steps_of(network, text), text, strict=True):
        if places:
            scores = np.array([math.exp(flatness * float(h @ key)) for key, _ in places])
            cached = np.zeros(WORDS)
            for score, (_, seen) in zip(scores, places, strict=True):
                cached[seen] += score / scores.sum()
            p = (1 - weight) * p + weight * cached
        found.append(p)
        places = [*places, (h, word)][-size:]
    return found


@settings(max_examples=30)
@given(TEXTS, st.integers(1, 60), st.integers(1, 60), st.floats(0, 0.9), st.floats(0.01, 5))
def test_the_cache_is_that_of_the_plain_way(
    text: np.ndarray, size: int, steps: int, weight: float, flatness: float
) -> None:
    network = network_of()
    cached = CacheNetwork(network, size, weight, flatness)
    expected = with_cache(network, text, size, weight, flatness)
    of_words = [math.log(p[word]) for p, word in zip(expected, text, strict=True)]
    np.testing.assert_allclose(log_probs_of(cached, text, steps), of_words, rtol=1e-4, atol=1e-5)
    state = cached.initial_state(1)
    for word, p in zip([2, *text[:-1]], expected, strict=True):  # as in generation
        log_p, state = next_log_probs(cached, torch.tensor([[word]]), state)
        np.testing.assert_allclose(log_p[0].exp().numpy(), p, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", ["gru", "adaptive", "projected"])
def test_sequences_of_a_batch_have_each_its_own_cache(shape: str) -> None:
    cached = CacheNetwork(network_of(shape), 5, 0.4, 1.0)
    text = np.random.default_rng(1).integers(WORDS, size=(20, 3))
    before = np.concatenate([np.full((1, 3), 2), text[:-1]])
    together, _ = token_log_probs(cached, before, text, cached.initial_state(3))
    for column in range(3):
        alone = log_probs_of(cached, text[:, column], 7)
        np.testing.assert_allclose(together[:, column], alone, rtol=1e-4)
    nothing = np.where(np.arange(20)[:, None] < 15, text, -1)
    padded, _ = token_log_probs(cached, before, nothing, cached.initial_state(3))
    assert not padded[15:].any()


@settings(max_examples=20)
@given(TEXTS, st.integers(1, 20))
def test_an_ensemble_gives_the_mean_of_the_probabilities(text: np.ndarray, steps: int) -> None:
    members = [network_of("lstm"), network_of("two layers", 5), network_of("adaptive", 7)]
    each = np.array([np.exp(log_probs_of(network, text, steps)) for network in members])
    ensemble = Ensemble(members)
    found = log_probs_of(ensemble, text, steps)
    np.testing.assert_allclose(np.exp(found), each.mean(0), rtol=1e-4)
    np.testing.assert_allclose(log_probs_of(Ensemble(members[:1]), text, steps),
                               np.log(each[0]), rtol=1e-4)  # fmt: skip
    log_p, _ = next_log_probs(ensemble, torch.tensor([[2]]), ensemble.initial_state(1))
    assert float(log_p.exp().sum()) == pytest.approx(1, rel=1e-5)
    assert float(log_p[0, text[0]]) == pytest.approx(found[0], rel=1e-4)


def test_the_best_cache_is_found() -> None:
    network, text = network_of(), np.random.default_rng(1).integers(WORDS, size=300)
    text[150:] = text[:150]  # what comes again
    cached = CacheNetwork(network, 200, 0.0, 1.0)
    weight, flatness = Run(fit_cache(cached, text, first=2)).result()

    def loss(weight: float, flatness: float) -> float:
        network.eval()
        other = CacheNetwork(network, 200, weight, flatness)
        return -log_probs_of(other, text, 64).sum()

    best = loss(weight, flatness)
    assert best < loss(0.0, 1.0)
    for factor in (0.5, 2):
        assert best <= loss(weight, flatness * factor) + 1e-3
    for more in (-0.05, 0.05):
        assert best <= loss(min(max(weight + more, 0), 0.99), flatness) + 1e-3
    known = Run(fit_cache(cached, text, first=2, weight=0.3, flatness=0.7)).result()
    assert known == (0.3, 0.7)
    lowest = Run(fit_cache(cached, text, first=2, flatness=flatness)).result()
    assert lowest == pytest.approx((weight, flatness))


def scales_of(network: Any, steps: int = 5) -> list[torch.Tensor]:
    return Run(measure_gradients(network, first=2, steps=steps)).result()


@pytest.mark.parametrize("shape", ["lstm", "untied", "adaptive", "gru"])
def test_dynamic_evaluation_is_that_of_the_plain_way(shape: str) -> None:
    """By backward passes in float64."""
    original = network_of(shape)
    text, lr, decay, T = np.random.default_rng(1).integers(WORDS, size=60), 0.01, 0.03, 7
    before = {name: weight.clone() for name, weight in original.state_dict().items()}
    scales = scales_of(original, T)
    learner = DynamicEvaluation(original, scales, lr=lr, decay=decay)
    found, state = [], learner.network.initial_state(1)
    for inputs, targets in stream_pieces(text, 2, T):
        log_p, state = token_log_probs(learner.network, inputs, targets, state)
        learner(inputs, targets)
        found.append(log_p[:, 0])

    twin = copy.deepcopy(original).double()
    trained = [weight.detach().clone() for weight in twin.parameters()]
    mean = torch.cat([r.flatten() for r in scales]).double().mean()
    expected, state = [], twin.initial_state(1)
    for inputs, targets in stream_pieces(text, 2, T):
        features, after = twin(torch.from_numpy(inputs), state)
        log_p = twin.output.log_probs(features)[:, 0].gather(1, torch.from_numpy(targets))
        expected.append(log_p[:, 0].numpy())
        twin.zero_grad()
        (twin.output.loss(features, torch.from_numpy(targets)) / len(targets)).backward()
        state = tuple(tuple(part.detach() for part in layer) for layer in after)
        with torch.no_grad():
            for weight, start, r in zip(twin.parameters(), trained, scales, strict=True):
                gradient = 0 if weight.grad is None else weight.grad
                weight += decay * (start - weight) - lr * gradient / (r.double() + 0.3 * mean)
    np.testing.assert_allclose(np.concatenate(found), np.concatenate(expected), rtol=1e-4)
    assert all(torch.equal(weight, before[name]) for name, weight in original.state_dict().items())


def test_gradients_are_those_of_text_that_the_network_writes() -> None:
    """Of the bias of the output layer the mean square is that of p(word) − 1 or p(word)."""
    network = network_of("untied")
    with torch.no_grad():
        network.output.weight.zero_()
    p = torch.softmax(network.output.bias.detach(), 0)
    scales = scales_of(network, 1)
    names = [name for name, _ in network.named_parameters()]
    found = scales[names.index("output.bias")]
    torch.testing.assert_close(found, (p * (1 - p)).sqrt(), rtol=0.1, atol=0)
    assert not scales[names.index("recurrent.layers.0.weight_hidden")].any(), "it has no effect"
    assert all(map(torch.equal, scales, scales_of(network, 1))), "the same each time"


def test_what_is_learnt_helps_with_a_text_that_repeats_itself() -> None:
    network, text = network_of(), np.tile([3, 1, 4, 1, 5, 9, 2, 6], 60)
    scales = scales_of(network)
    lr, decay = Run(tune_dynamic(network, scales, text, first=2, steps=5)).result()
    plain = Run(measure_perplexity(network, text, first=2)).result()
    learner = DynamicEvaluation(network, scales, lr=lr, decay=decay)
    dynamic = Run(
        measure_perplexity(learner.network, text, first=2, steps=5, learn=learner)
    ).result()
    assert dynamic.tokens == plain.tokens and dynamic.perplexity < plain.perplexity / 2
    known = Run(tune_dynamic(network, scales, text, first=2, steps=5, lr=0.1, decay=0.2)).result()
    assert known == (0.1, 0.2)
    frozen = DynamicEvaluation(network, scales, lr=0.0, decay=0.5)
    same = Run(measure_perplexity(frozen.network, text, first=2, steps=5, learn=frozen)).result()
    assert same.perplexity == pytest.approx(plain.perplexity, rel=1e-5)
