"""The default model: wider with more time, never out of its range, and as asked for."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.lm import fitting
from wordkit.lm.fitting import fitted_preset


@pytest.fixture(autouse=True)
def speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of a known speed, in multiplications a second."""
    monkeypatch.setattr(fitting, "_probe", lambda *_: 5e10)


@settings(deadline=None)
@given(tokens=st.integers(1, 10**10), words=st.integers(3, 10**6), minutes=st.floats(1e-3, 10**4))
def test_what_is_chosen_is_always_allowed(tokens: int, words: int, minutes: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "_probe", lambda *_: 5e10)
        preset = fitted_preset(tokens, words, minutes=minutes, device="cpu").result()
    assert 64 <= preset.model.hidden <= 1024
    assert 0 <= preset.model.dropout <= 0.5
    assert 1 <= preset.training.batch <= 48
    assert preset.training.max_minutes == minutes


def test_more_time_gives_wider_models_more_dropout_and_lower_rates() -> None:
    chosen = [
        fitted_preset(929_589, 10_000, minutes=minutes, device="cpu").result()
        for minutes in (0.5, 1, 2, 6, 20, 60)
    ]
    for before, after in pairwise(chosen):
        assert after.model.hidden > before.model.hidden
        assert after.model.dropout >= before.model.dropout
        assert after.training.lr < before.training.lr


def test_a_large_text_read_in_part_needs_no_dropout() -> None:
    assert fitted_preset(10**9, 50_000, minutes=5, device="cpu").result().model.dropout == 0


def test_without_minutes_or_epochs_it_takes_five_minutes() -> None:
    training = fitted_preset(10**6, 10_000, device="cpu").result().training
    assert (training.max_minutes, training.epochs) == (5, None)


def test_epochs_alone_set_no_limit_of_time() -> None:
    training = fitted_preset(10**6, 10_000, epochs=3, device="cpu").result().training
    assert (training.max_minutes, training.epochs) == (None, 3)


def test_a_width_that_is_given_stays() -> None:
    preset = fitted_preset(10**6, 10_000, minutes=1, hidden=333, device="cpu").result()
    assert preset.model.hidden == 333
    assert "1,000,000 tokens of 10,000 words" in preset.description


def test_a_short_text_has_few_tracks() -> None:
    assert fitted_preset(700, 100, minutes=1, device="cpu").result().training.batch == 1
    assert fitted_preset(7000, 100, minutes=1, device="cpu").result().training.batch == 10
