"""Scoring and perplexity: exact, whole, and the same however the text is cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from decoding.bigrams import log_p_of, trigrams
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from wordkit.decoding import scoring
from wordkit.decoding.scoring import measure_perplexity, score_sequences, token_log_probs
from wordkit.errors import ConfigError, DivergenceError
from wordkit.evaluation import Perplexity
from wordkit.runtime import Run

TEXTS = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(np.array)
UNK = 3


def perplexity_of(text: np.ndarray, **options: int) -> Perplexity:
    return Run(measure_perplexity(trigrams(), text, first=1, unk=UNK, **options)).result()


@given(TEXTS, st.integers(1, 70))
def test_perplexity_counts_every_token_wherever_it_is_cut(text: np.ndarray, steps: int) -> None:
    score = perplexity_of(text, steps=steps)
    words = text.tolist()
    each = [log_p_of(trigrams(), words[: n + 1]) - log_p_of(trigrams(), words[:n])
            for n in range(len(words))]  # fmt: skip
    assert score.tokens == len(words) and score.oov == words.count(UNK)
    assert score.log_likelihood == pytest.approx(math.fsum(each))
    unknown = [p for p, word in zip(each, words, strict=True) if word == UNK]
    assert score.oov_log_likelihood == pytest.approx(math.fsum(unknown), abs=1e-9)


def test_reports_tell_how_far_it_is_with_gradients_on_between_them() -> None:
    text = np.arange(7) % 5
    for report in measure_perplexity(trigrams(), text, first=1, steps=3):
        assert torch.is_grad_enabled()
        assert (report.total, report.unit) == (7, "tokens")
    assert report.done == 7
    whole = Run(measure_perplexity(trigrams(), text, first=1)).result()
    assert report.figures["perplexity"] == pytest.approx(whole.perplexity)
    assert whole.oov == 0, "no word stands for unknown ones"
    with pytest.raises(ConfigError, match="steps must be at least 1, not 0"):
        perplexity_of(text, steps=0)


@settings(max_examples=40)
@given(st.lists(TEXTS, max_size=9), st.integers(1, 5), st.integers(1, 200), st.integers(1, 40))
def test_sequences_are_scored_each_for_itself_in_their_order(
    texts: list[np.ndarray], sequences: int, tokens: int, steps: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "_MAX_SEQUENCES": sequences, "_MAX_TOKENS": tokens, "_STEPS": steps,
        }.items():  # fmt: skip
            patch.setattr(scoring, name, value)
        found = score_sequences(trigrams(), texts, first=1)
    assert [len(row) for row in found] == [len(text) for text in texts]
    for row, text in zip(found, texts, strict=True):
        assert row.dtype == np.float64
        assert row.sum() == pytest.approx(log_p_of(trigrams(), text.tolist()))


def test_batches_have_little_padding() -> None:
    lengths = [5, 300, 6, 299, 7, 5, 1, 4000, 8192]
    batches = list(scoring._batches(lengths))
    assert sorted(i for batch in batches for i in batch) == list(range(9))
    for batch in batches:
        assert lengths[batch[0]] == max(lengths[i] for i in batch)
        assert len(batch) * lengths[batch[0]] <= 1 << 13
    assert [8] in batches


def test_networks_that_give_no_numbers() -> None:
    network, text = trigrams(), np.zeros((3, 1), np.int64)
    network.table[0, 0, 0] = torch.nan
    with pytest.raises(DivergenceError, match="no numbers: .* lower learning rate"):
        token_log_probs(network, text, text, network.initial_state(1))
    with pytest.raises(DivergenceError):
        Run(measure_perplexity(network, text[:, 0], first=0)).result()


def test_networks_are_scored_in_evaluation_and_left_as_they_were() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = trigrams()
            self.output = self.inner.output
            self.initial_state = self.inner.initial_state

        def forward(self, ids, state):  # type: ignore[no-untyped-def]
            assert not self.training and not torch.is_grad_enabled()
            return self.inner(ids, state)

    network, text = Noisy(), np.arange(5)
    assert Run(measure_perplexity(network, text, first=1)).result().tokens == 5
    assert network.training and torch.is_grad_enabled()


# --- the figures of a perplexity, from its sums ---------------------------------------------------


@given(st.integers(2, 10**6), st.integers(1, 10**9))
def test_of_even_chances(words: int, tokens: int) -> None:
    score = Perplexity(-tokens * math.log(words), tokens)
    assert score.perplexity == pytest.approx(words, rel=1e-12)
    assert score.perplexity_excluding_oov == score.perplexity
    assert score.bits_per_token == pytest.approx(math.log2(words), rel=1e-12)
    assert score.cross_entropy == pytest.approx(math.log(words), rel=1e-12)
    assert score.oov_rate == 0


@given(
    st.lists(st.floats(-30, -1e-3), min_size=1, max_size=30),
    st.lists(st.floats(-30, -1e-3), max_size=30),
)
def test_unknown_words_are_left_out(known: list[float], unknown: list[float]) -> None:
    score = Perplexity(
        math.fsum(known + unknown), len(known) + len(unknown), len(unknown), math.fsum(unknown)
    )
    alone = Perplexity(math.fsum(known), len(known))
    assert score.perplexity_excluding_oov == pytest.approx(alone.perplexity, rel=1e-9)
    assert score.oov_rate == len(unknown) / score.tokens


def test_at_the_ends_of_the_numbers() -> None:
    assert Perplexity(-3.0, 2, 2, -3.0).perplexity_excluding_oov is None
    assert Perplexity(-1e9, 2).perplexity == math.inf
    assert Perplexity(-0.0, 5).perplexity == 1
