"""The exchange between processes: which rows, and what becomes of their changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_cases import SMALL, topics

from wordkit.text import Corpus
from wordkit.word2vec import start_afresh
from wordkit.word2vec.exchange import merge, rows_of_round, steps_of_rows


@settings(max_examples=25)
@given(rows=st.integers(1, 10_000))
def test_each_row_has_its_turn(rows: int) -> None:
    """Row r in one round of 2^⌊log₂(r/128)⌋, wherever one begins to count."""
    rounds = [rows_of_round(rows, number) for number in range(5, 5 + 64)]
    assert max(map(len, rounds)) <= 128 * (2 + max(np.log2(rows / 128), 0))
    times = np.bincount(np.concatenate(rounds), minlength=rows)
    ranks = np.maximum(np.arange(rows) // 128, 1)
    assert times.tolist() == (64 // 2 ** np.floor(np.log2(ranks))).tolist()


@settings(max_examples=25)
@given(st.integers(1, 5), st.floats(0, 100), st.integers(0, 2**32 - 1))
def test_changes_come_as_far_as_one_process(processes: int, steps: float, seed: int) -> None:
    """From rows of 0, by n steps of each process, to the minimum of a quadratic loss."""
    random = torch.Generator().manual_seed(seed)
    mean, minimum = (torch.randn(8, generator=random, dtype=torch.float64) for _ in range(2))
    across, along = 0.5, mean.square().sum()
    direction = mean / along.sqrt()
    goal = torch.stack([minimum - minimum @ direction * direction, minimum @ direction * direction])
    x = 0.2 * steps * torch.stack([torch.tensor(across), across + along]).clamp(min=1e-6)
    changes = goal * -torch.expm1(-x)[:, None]
    found = processes * changes.sum(0, keepdim=True)
    merge(found, torch.tensor([steps], dtype=torch.float64), mean, along + 8 * across, processes)
    expected = (goal * -torch.expm1(-processes * x)[:, None]).sum(0, keepdim=True)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("changes", [{}, {"subwords": "3-4"}, {"loss": "hs"}, {"arch": "cbow"}])
def test_steps_are_those_of_the_kernels(changes: dict[str, Any]) -> None:
    """The sum over the rows of both matrices is the same: each inner product is of two rows."""
    corpus = Corpus.from_sentences(topics(100))
    config = replace(SMALL, **changes)
    inputs, outputs = steps_of_rows(corpus, start_afresh(corpus, config), config)
    contexts = 6 if config.arch == "cbow" else 1
    assert contexts * inputs.sum() == pytest.approx(outputs.sum())
    assert (inputs > 0).all() and (outputs > 0).all()
