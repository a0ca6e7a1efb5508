"""The settings: their ranges, and what a message says of a value beyond."""

from __future__ import annotations

import math
from typing import Any

import pytest
from settings_cases import assert_settings

from wordkit.errors import ConfigError
from wordkit.lm.config import ModelConfig, TrainingConfig

MODEL: list[tuple[str, Any, str]] = [
    ("cell", "LSTM", "one of rnn, lstm, gru, peephole, not 'LSTM'"),
    ("activation", "gelu", "one of tanh, relu, not 'gelu'"),
    ("start_weights", "normal", "one of uniform, xavier, he, not 'normal'"),
    ("start_embeddings", "file", "one of random, counts, not 'file'"),
    ("hidden", 0, "at least 1, not 0"),
    ("layers", 0, "at least 1, not 0"),
    ("layers", 33, "at most 32, not 33"),
    ("last_hidden", 0, "at least 1, not 0"),
    ("dim", -1, "at least 1, not -1"),
    ("dropout", 1.0, "from 0 to below 1, not 1.0"),
    ("dropout", -0.1, "from 0 to below 1, not -0.1"),
    ("dropout", math.nan, "from 0 to below 1, not nan"),
    ("input_dropout", 1, "from 0 to below 1, not 1"),
    ("between_dropout", 1, "from 0 to below 1, not 1"),
    ("output_dropout", 1, "from 0 to below 1, not 1"),
    ("word_dropout", 1, "from 0 to below 1, not 1"),
    ("weight_drop", 1, "from 0 to below 1, not 1"),
    ("start_scale", 0, "above 0, not 0"),
    ("start_scale", math.inf, "above 0, not inf"),
    ("forget_bias", math.nan, "a number, not nan"),
]
TRAINING: list[tuple[str, Any, str]] = [
    ("batch", 0, "at least 1, not 0"),
    ("steps", 0, "at least 1, not 0"),
    ("epochs", 0, "at least 1, not 0"),
    ("max_minutes", 0, "above 0, not 0"),
    ("optimizer", "lion", "one of sgd, momentum, .*, asgd, not 'lion'"),
    ("lr", 0, "above 0, not 0"),
    ("lr", math.nan, "above 0, not nan"),
    ("momentum", 1, "from 0 to below 1, not 1"),
    ("beta2", 1, "from 0 to below 1, not 1"),
    ("weight_decay", -0.1, "at least 0, not -0.1"),
    ("schedule", "linear", "one of constant, plateau, .*, onecycle, not 'linear'"),
    ("decay", 0, "above 0, not 0"),
    ("decay_after", -1, "at least 0, not -1"),
    ("decay_every", 0, "at least 1, not 0"),
    ("warmup", 1.1, "from 0 to 1, not 1.1"),
    ("clip_norm", 0, "above 0, not 0"),
    ("clip_value", -1, "above 0, not -1"),
    ("softmax", "full", "one of auto, exact, sampled, adaptive, not 'full'"),
    ("samples", 0, "at least 1, not 0"),
    ("exact_share", math.nan, "from 0 to 1, not nan"),
    ("activation_penalty", -1, "at least 0, not -1"),
    ("temporal_penalty", math.inf, "at least 0, not inf"),
    ("label_smoothing", 1, "from 0 to below 1, not 1"),
    ("patience", 0, "at least 1, not 0"),
    ("averaging_patience", 0, "at least 1, not 0"),
    ("min_count", 0, "at least 1, not 0"),
    ("max_vocabulary", 2, "at least 3, not 2"),
    ("precision", "fp16", "one of auto, fp32, bf16, not 'fp16'"),
    ("seed", -1, "at least 0, not -1"),
]


@pytest.mark.parametrize(
    ("kind", "field", "value", "says"),
    [(ModelConfig, *case) for case in MODEL] + [(TrainingConfig, *case) for case in TRAINING],
)
def test_a_bad_value_is_named_with_its_field(kind: type, field: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=f"^{field} must be {says}$"):
        kind(**{field: value})


def test_settings_that_do_not_go_together() -> None:
    with pytest.raises(ConfigError, match="tied must be off with an adaptive softmax"):
        ModelConfig(adaptive=True)
    with pytest.raises(ConfigError, match="epochs and max_minutes cannot both be None"):
        TrainingConfig(epochs=None)
    for softmax in ("sampled", "adaptive"):
        with pytest.raises(ConfigError, match=f"needs the softmax exact, not {softmax}"):
            TrainingConfig(softmax=softmax, label_smoothing=0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (ModelConfig, "layers", 32), (ModelConfig, "dropout", 0), (ModelConfig, "hidden", 1),
        (ModelConfig, "forget_bias", -3.0), (TrainingConfig, "warmup", 0),
        (TrainingConfig, "warmup", 1), (TrainingConfig, "exact_share", 1),
        (TrainingConfig, "max_vocabulary", 3), (TrainingConfig, "clip_norm", None),
        (TrainingConfig, "seed", 0),
    ],
)  # fmt: skip
def test_the_ends_of_the_ranges_are_good(kind: type, field: str, value: Any) -> None:
    assert getattr(kind(**{field: value}), field) == value


@pytest.mark.parametrize(
    ("settings", "widths", "width_in", "width_out"),
    [
        ({"hidden": 8}, (8,), 8, 8),
        ({"hidden": 8, "layers": 3, "last_hidden": 5}, (8, 8, 5), 5, 5),
        ({"hidden": 8, "layers": 2, "dim": 3}, (8, 8), 3, 3),
        ({"hidden": 8, "dim": 3, "tied": False}, (8,), 3, 8),
    ],
)
def test_the_widths(
    settings: dict[str, Any], widths: tuple[int, ...], width_in: int, width_out: int
) -> None:
    config = ModelConfig(**settings)
    assert (config.widths, config.width_in, config.width_out) == (widths, width_in, width_out)


def test_a_place_without_a_dropout_of_its_own_has_that_of_all() -> None:
    config = ModelConfig(dropout=0.3, between_dropout=0.0)
    shares = [config.dropout_at(place) for place in ("input", "between", "output")]
    assert shares == [0.3, 0.0, 0.3]


@pytest.mark.parametrize("kind", [ModelConfig, TrainingConfig])
def test_settings_do_not_change_and_each_is_explained(kind: type) -> None:
    assert_settings(kind)
