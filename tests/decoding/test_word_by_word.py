"""Greedy decoding and sampling: by the rule, reproducible, and each sequence for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from decoding.bigrams import log_p_of, trigrams
from hypothesis import given
from hypothesis import strategies as st

from wordkit.decoding.config import SamplingConfig
from wordkit.decoding.sampling import draw, highest, nucleus
from wordkit.decoding.steps import Hypothesis, decode, greedy, next_log_probs, sampler

EOS = 4
LOG_P = st.lists(st.floats(-20, 0) | st.sampled_from([-1.0, -2.0]), min_size=1, max_size=30).map(
    lambda values: np.array(values) - np.logaddexp.reduce(values)
)


def sampled(seeds: list[int], starts: torch.Tensor, **options: Any) -> list[Hypothesis]:
    config = SamplingConfig(temperature=1.3, top_k=4, top_p=0.95)
    rule = sampler(config, [np.random.default_rng(seed) for seed in seeds])
    return decode(trigrams(), 1, starts, len(starts), rule=rule, max_length=4, **options)


# --- drawing -------------------------------------------------------------------------------------


@given(LOG_P, st.integers(1, 40), st.floats(0.01, 1), st.floats(0.05, 20), st.integers(0, 99))
def test_sets_are_never_left(
    log_p: np.ndarray, k: int, p: float, temperature: float, seed: int
) -> None:
    order = np.argsort(-log_p, kind="stable")
    generators = [np.random.default_rng(seed)] * 20
    rows = np.tile(log_p, (20, 1))
    assert set(draw(rows, generators, SamplingConfig(top_k=k)).tolist()) <= set(order[:k].tolist())
    heated = np.exp(log_p / temperature) / np.exp(log_p / temperature).sum()
    enough = int(np.searchsorted(np.cumsum(heated[order]), p * (1 + 1e-9))) + 1
    least = heated[order[:enough]].min() * (1 - 1e-6)  # of as good as equal ones any may come first
    allowed = set(np.flatnonzero(heated >= least).tolist())
    assert (
        set(draw(rows, generators, SamplingConfig(top_p=p, temperature=temperature)).tolist())
        <= allowed
    )
    ids, chances = nucleus(log_p, SamplingConfig(top_k=k, top_p=p, temperature=temperature))
    assert chances.sum() == pytest.approx(1) and len(set(ids.tolist())) == len(ids)
    assert set(ids.tolist()) <= set(order[:k].tolist())


@given(LOG_P, st.floats(0.05, 20))
def test_probabilities_are_those_of_the_softmax(log_p: np.ndarray, temperature: float) -> None:
    ids, p = nucleus(log_p, SamplingConfig(temperature=temperature))
    heated = np.exp(log_p / temperature)
    assert ids.tolist() == list(range(len(log_p)))
    assert p == pytest.approx(heated / heated.sum())


@given(st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 2.5, 7.0]), min_size=1), st.integers(1, 9))
def test_the_highest(values: list[float], count: int) -> None:
    array = np.array(values)
    order = [i for i in np.argsort(-array, kind="stable").tolist() if array[i] > -np.inf]
    assert sorted(highest(array, count).tolist()) == sorted(order[:count])


def test_words_come_by_their_probabilities() -> None:
    log_p, generator = np.log([0.5, 0.3, 0.15, 0.05]), np.random.default_rng(2)
    drawn = draw(np.tile(log_p, (20_000, 1)), [generator] * 20_000, SamplingConfig())
    assert np.bincount(drawn) / 20_000 == pytest.approx(np.exp(log_p), abs=0.012)


def test_settings_near_their_ends() -> None:
    log_p = np.log([0.5, 0.3, 0.2])
    assert nucleus(log_p, SamplingConfig(temperature=1e-308))[1].tolist() == [1, 0, 0]
    assert nucleus(log_p, SamplingConfig(temperature=1e308))[1] == pytest.approx([1 / 3] * 3)
    assert nucleus(log_p, SamplingConfig(top_p=1e-12))[0].tolist() == [0]


# --- decoding ------------------------------------------------------------------------------------


def test_greedy_takes_the_most_probable_word_each_time() -> None:
    network, starts = trigrams(), torch.arange(5)
    found = decode(network, 1, starts, 5, max_length=7)
    for start, hypothesis in zip(starts.tolist(), found, strict=True):
        text = [start, 1]
        for word in hypothesis.ids:
            assert word == int(network.table[text[-2], text[-1]].argmax())
            text.append(word)
        expected = log_p_of(network, hypothesis.ids, (start, 1))
        assert hypothesis.log_probability == pytest.approx(expected)
        assert len(hypothesis.ids) == 7 and not hypothesis.ended


def test_sequences_end_each_for_itself() -> None:
    """What follows the end mark is neither written nor counted."""
    found = sampled(list(range(40)), torch.arange(40) % 5, eos=EOS)
    assert len({len(each.ids) for each in found}) > 1 and any(not each.ended for each in found)
    for b, each in enumerate(found):
        assert EOS not in each.ids and (each.ended or len(each.ids) == 4)
        words = [*each.ids, EOS] if each.ended else each.ids
        assert each.log_probability == pytest.approx(log_p_of(trigrams(), words, (b % 5, 1)))


@pytest.mark.parametrize("eos", [EOS, None])
def test_a_seed_gives_a_sequence_whatever_is_drawn_beside_it(eos: int | None) -> None:
    seeds, starts = [3, 4, 5, 6, 7, 8], torch.tensor([0, 1, 2, 3, 4, 0])
    together = sampled(seeds, starts, eos=eos)
    assert together == sampled(seeds, starts, eos=eos)
    assert together[0].ids != sampled([9], starts[:1], eos=eos)[0].ids
    for b in range(6):
        assert sampled([seeds[b]], starts[[b]], eos=eos) == [together[b]]


@pytest.mark.parametrize("rule", [greedy, None])
def test_banned_words_never_come(rule: Any) -> None:
    rule = rule or sampler(SamplingConfig(), [np.random.default_rng(n) for n in range(5)])
    found = decode(
        trigrams(), 1, torch.arange(5), 5, rule=rule, max_length=30, banned=torch.tensor([0, 3])
    )
    assert {i for each in found for i in each.ids} <= {1, 2, 4}


def test_prompts_of_any_length_give_the_next_word_in_double_precision() -> None:
    network = trigrams()
    network.table = network.table.float()
    ids = torch.tensor([[2, 3], [4, 1], [0, 2]])
    log_p, state = next_log_probs(network, ids, network.initial_state(2), torch.tensor([4]))
    assert log_p.dtype == torch.float64 and state.tolist() == [0, 2]  # type: ignore[union-attr]
    assert torch.equal(log_p[:, :4], network.table[ids[1], ids[2]].double()[:, :4])
    assert (log_p[:, 4] == -torch.inf).all()


def test_scores_of_hypotheses() -> None:
    """Wu et al. (2016): the end mark is counted."""
    assert Hypothesis((1, 2), -3.0).score(0.0) == -3.0
    assert Hypothesis((1, 2), -3.0, ended=True).score(1.0) == pytest.approx(-3 / (8 / 6))
    assert Hypothesis((1, 2), -3.0).score(0.5) == pytest.approx(-3 / (7 / 6) ** 0.5)
