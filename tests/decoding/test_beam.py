"""Beam search: exact where the beam is wide, and never below the greedy answer."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from decoding.bigrams import Trigrams, log_p_of, trigrams
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.decoding.beam import BeamConfig, beam_search
from wordkit.decoding.steps import Hypothesis, decode

EOS = 2


def search(network: Trigrams, starts: list[int], **config: Any) -> list[list[Hypothesis]]:
    state = torch.tensor(starts)
    return beam_search(network, 1, state, len(starts), BeamConfig(**{"eos": EOS, **config}))


def every(network: Trigrams, start: int, length: int, eos: int | None) -> list[Hypothesis]:
    """All sequences that end within the length or are cut there."""
    V, found = len(network.table), []
    for n in range(length + 1):
        for ids in itertools.product([i for i in range(V) if i != eos], repeat=n):
            if n == length:
                found.append(Hypothesis(ids, log_p_of(network, ids, (start, 1))))
            elif eos is not None:
                log_p = log_p_of(network, [*ids, eos], (start, 1))
                found.append(Hypothesis(ids, log_p, True))
    return found


@settings(max_examples=40)
@given(
    st.integers(0, 999), st.integers(1, 4), st.sampled_from([0.0, 0.6, 1.5]),
    st.sampled_from([EOS, None]), st.integers(1, 4),
)  # fmt: skip
def test_a_wide_beam_finds_the_best_of_all(
    seed: int, length: int, penalty: float, eos: int | None, alternatives: int
) -> None:
    network = trigrams(3, seed)
    found = search(
        network, [0, 2], beam=100, max_length=length, length_penalty=penalty, eos=eos,
        alternatives=alternatives,
    )  # fmt: skip
    for start, hypotheses in zip((0, 2), found, strict=True):
        (best,) = decode(network, 1, torch.tensor([start]), 1, max_length=length, eos=eos)
        expected = sorted(
            every(network, start, length, eos),
            key=lambda h: (h.log_probability >= best.log_probability - 1e-12, h.score(penalty)),
            reverse=True,
        )
        by_ids = {h.ids: h for h in expected}
        assert len(hypotheses) == len(expected[:alternatives]) == len({h.ids for h in hypotheses})
        for ours, theirs in zip(hypotheses, expected, strict=False):  # of equal ones either comes
            assert ours.score(penalty) == pytest.approx(theirs.score(penalty))
            assert ours.log_probability == pytest.approx(by_ids[ours.ids].log_probability)
            assert ours.ended == by_ids[ours.ids].ended


@given(
    st.integers(0, 999), st.integers(1, 7), st.integers(1, 9), st.floats(0, 2), st.integers(1, 6)
)
def test_it_is_never_below_greedy_and_each_sequence_is_for_itself(
    seed: int, beam: int, length: int, penalty: float, words: int
) -> None:
    network = trigrams(words + 2, seed)
    config = {"beam": beam, "max_length": length, "length_penalty": penalty, "alternatives": beam}
    starts = list(range(words))
    together = search(network, starts, **config)
    greedy = decode(network, 1, torch.tensor(starts), words, max_length=length, eos=EOS)
    for start, found, best in zip(starts, together, greedy, strict=True):
        assert found[0].log_probability >= best.log_probability
        assert 1 <= len(found) <= beam
        assert len({(h.ids, h.ended) for h in found}) == len(found), "each once"
        if beam == 1:
            assert found == [best]
        scores = [h.score(penalty) for h in found if h.log_probability >= best.log_probability]
        assert scores == sorted(scores, reverse=True)
        for h in found:
            text = [*h.ids, EOS] if h.ended else h.ids
            assert EOS not in h.ids and len(text) <= length
            assert h.log_probability == pytest.approx(log_p_of(network, text, (start, 1)))
        (alone,) = search(network, [start], **config)
        assert [h.ids for h in alone] == [h.ids for h in found]


def test_a_wider_beam_finds_what_greedy_misses() -> None:
    """The first word of the best sequence is not the most probable one."""
    p = torch.full((4, 4, 4), 0.01, dtype=torch.float64)
    p[0, 1] = torch.tensor([0.6, 0.37, 0.02, 0.01])
    p[1, 0] = torch.tensor([0.3, 0.3, 0.3, 0.1])  # after the first, nothing is sure
    p[1, 1] = torch.tensor([0.01, 0.01, 0.02, 0.96])
    network = Trigrams((p / p.sum(-1, keepdim=True)).log())
    for beam, expected in ((1, 0), (2, 1)):
        [[best]] = search(network, [0], beam=beam, max_length=2, eos=None)
        assert best.ids[0] == expected


def test_the_search_goes_on_while_a_longer_sequence_can_still_be_the_best() -> None:
    """By its mean; that what is found is more probable than all that is open does not end it."""
    p = torch.full((5, 5, 5), 0.2, dtype=torch.float64)
    p[0, 1] = torch.tensor([0.5, 0.01, 0.3, 0.18, 0.01])  # of greedy, an end, what gets sure
    p[1, 3] = p[3, 3] = torch.tensor([0.01, 0.01, 0.01, 0.96, 0.01])
    [[best]] = search(Trigrams(p.log()), [0], beam=4, max_length=4, length_penalty=1.5)
    assert best.ids == (3, 3, 3, 3)


@pytest.mark.parametrize("beam", [1, 4])
def test_banned_words_never_come(beam: int) -> None:
    found = search(trigrams(5), [0, 1], beam=beam, max_length=9, banned=torch.tensor([0, 3]))
    assert {i for each in found for h in each for i in h.ids} <= {1, 4}


def test_a_beam_is_no_wider_than_the_sequences_that_there_are() -> None:
    """Memory is taken for what is followed, not for what was asked for."""
    wide = search(trigrams(3), [0], beam=2**40, max_length=3, alternatives=99)
    assert wide == search(trigrams(3), [0], beam=27, max_length=3, alternatives=99)
    assert len(wide[0]) == 15  # 1 + 2 + 4 that end, and 8 that are cut
