"""The default model: wider with more time, never out of its range, and as asked for."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wordkit.errors import ConfigError
from wordkit.lm import PRESETS, TrainingConfig, fitting, get_preset
from wordkit.lm.fitting import iter_fit_preset

PROBE = fitting._probe


@pytest.fixture(autouse=True)
def speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of a known speed, in multiplications a second."""
    monkeypatch.setattr(fitting, "_probe", lambda *_: 5e10)


@given(tokens=st.integers(1, 10**10), words=st.integers(3, 10**6), minutes=st.floats(1e-3, 10**4))
def test_what_is_chosen_is_always_allowed(tokens: int, words: int, minutes: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "_probe", lambda *_: 5e10)
        preset = iter_fit_preset(tokens, words, minutes=minutes, device="cpu").result()
    assert 64 <= preset.model.hidden <= 1024
    assert 0 <= preset.model.dropout <= 0.5
    assert 1 <= preset.training.batch <= 48
    assert preset.training.max_minutes == minutes


def test_more_time_gives_wider_models_more_dropout_and_lower_rates() -> None:
    chosen = [
        iter_fit_preset(929_589, 10_000, minutes=minutes, device="cpu").result()
        for minutes in (0.5, 1, 2, 6, 20, 60)
    ]
    for before, after in pairwise(chosen):
        assert after.model.hidden > before.model.hidden
        assert after.model.dropout >= before.model.dropout
        assert after.training.lr < before.training.lr


def test_settings_fit_the_text_and_the_limits() -> None:
    def training(tokens: int, **limits: Any) -> TrainingConfig:
        return iter_fit_preset(tokens, 10_000, device="cpu", **limits).result().training

    assert iter_fit_preset(10**9, 50_000, minutes=5, device="cpu").result().model.dropout == 0
    five, three = training(10**6), training(10**6, epochs=3)
    assert (five.max_minutes, five.epochs) == (5, None)
    assert (three.max_minutes, three.epochs) == (None, 3)
    assert (training(700, minutes=1).batch, training(7000, minutes=1).batch) == (1, 10)


@pytest.mark.parametrize(("processes", "batches"), [(2, {4, 48, 2}), (5, {5, 45}), (64, {64})])
def test_the_batch_is_the_same_for_each_process(
    processes: int, batches: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    fitted = {fitting._training(tokens, 1, None).batch for tokens in (700, 3900, 10**6)}
    assert fitted == batches
    transformer = fitting._small_transformer(39_000, {"max_minutes": 1})
    assert transformer.training.batch % processes == 0


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_the_number_of_threads_is_restored_after_timing(
    error: type[BaseException] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, during = torch.get_num_threads(), []

    def measure(*_: object) -> float:
        during.append(torch.get_num_threads())
        if error is not None:
            raise error
        return 1e9

    monkeypatch.setattr(fitting, "_measure_speed", measure)
    monkeypatch.setattr(fitting, "_probe", PROBE)
    torch.set_num_threads(2)
    try:
        run = iter_fit_preset(10**6, 10_000, minutes=1, device="cpu", threads=1)
        with contextlib.suppress(KeyboardInterrupt):
            run.result()
        assert during == [1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_machine_is_timed_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_PROBE_SECONDS", 0.0)
    monkeypatch.setattr(fitting, "_PROBE_HIDDEN", 8)
    speed = fitting._measure_speed(50, TrainingConfig(batch=2, precision="fp32"), "cpu")
    assert 0 < speed < 1e13


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_settings_that_go_together(name: str) -> None:
    preset = get_preset(name)
    assert preset.description and preset.model.width_in >= 1
    with pytest.raises(ConfigError, match=f"preset must be one of .*{name}.*, not 'best'"):
        get_preset("best")
