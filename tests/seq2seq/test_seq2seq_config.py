"""The settings: their ranges, and what a message says of a value beyond."""

from __future__ import annotations

import math
from typing import Any

import pytest
from settings_cases import assert_settings

from wordkit.errors import ConfigError
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.decoding import DecodingConfig

MODEL: list[tuple[str, Any, str]] = [
    ("unit", "line", "one of char, word, not 'line'"),
    ("cell", "LSTM", "one of rnn, lstm, gru, peephole, not 'LSTM'"),
    ("activation", "gelu", "one of tanh, relu, not 'gelu'"),
    ("directions", "two", "one of one, concat, sum, not 'two'"),
    ("attention", None, "one of none, dot, general, additive, not None"),
    ("context_to", "both", "one of output, input, not 'both'"),
    ("start_weights", "normal", "one of uniform, xavier, he, not 'normal'"),
    ("hidden", 0, "at least 1, not 0"),
    ("hidden", 100_001, "at most 100000, not 100001"),
    ("layers", 0, "at least 1, not 0"),
    ("layers", 33, "at most 32, not 33"),
    ("dim", -1, "at least 1, not -1"),
    ("dim", 100_001, "at most 100000, not 100001"),
    ("attention_width", 0, "at least 1, not 0"),
    ("attention_width", 100_001, "at most 100000, not 100001"),
    ("dropout", 1.0, "from 0 to below 1, not 1.0"),
    ("dropout", math.nan, "from 0 to below 1, not nan"),
    ("start_scale", 0, "above 0, not 0"),
    ("start_scale", math.inf, "above 0, not inf"),
    ("forget_bias", math.nan, "a number, not nan"),
]
TRAINING: list[tuple[str, Any, str]] = [
    ("batch", 0, "at least 1, not 0"),
    ("epochs", 0, "at least 1, not 0"),
    ("max_minutes", 0, "above 0, not 0"),
    ("optimizer", "lion", "one of sgd, momentum, .*, asgd, not 'lion'"),
    ("lr", 0, "above 0, not 0"),
    ("schedule", "linear", "one of constant, plateau, .*, onecycle, not 'linear'"),
    ("clip_norm", 0, "above 0, not 0"),
    ("label_smoothing", 1, "from 0 to below 1, not 1"),
    ("patience", 0, "at least 1, not 0"),
    ("precision", "fp16", "one of auto, fp32, bf16, not 'fp16'"),
    ("seed", -1, "at least 0, not -1"),
    ("teacher_forcing", -0.1, "from 0 to 1, not -0.1"),
    ("teacher_forcing", 1.1, "from 0 to 1, not 1.1"),
    ("teacher_forcing", math.nan, "from 0 to 1, not nan"),
    ("bucket", 0, "at least 1, not 0"),
    ("min_count", 0, "at least 1, not 0"),
    ("max_vocabulary", 2, "at least 3, not 2"),
]
KINDS = (Seq2SeqConfig, Seq2SeqTrainingConfig, DecodingConfig)


@pytest.mark.parametrize(
    ("kind", "field", "value", "says"),
    [(Seq2SeqConfig, *case) for case in MODEL]
    + [(Seq2SeqTrainingConfig, *case) for case in TRAINING],
)
def test_a_bad_value_is_named_with_its_field(kind: type, field: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=f"^{field} must be {says}$"):
        kind(**{field: value})


def test_settings_that_do_not_go_together() -> None:
    with pytest.raises(ConfigError, match="activation is of the cell rnn; gru has its own"):
        Seq2SeqConfig(cell="gru", activation="relu")
    with pytest.raises(ConfigError, match="epochs and max_minutes cannot both be None"):
        Seq2SeqTrainingConfig(epochs=None)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"attention": "none", "context_to": "input"}, "context_to input .* attention is none"),
        ({"attention_width": 5}, "attention_width 5 is of additive .* attention is dot"),
        ({"attention": "none", "attention_width": 5}, "attention_width 5 .* attention is none"),
        ({"residual": True}, "residual needs .* dim is 64, .* is 256 wide"),
        ({"residual": True, "dim": 256, "directions": "concat"}, "dim is 256, .* is 512 wide"),
    ],
)
def test_settings_that_would_change_nothing(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Seq2SeqConfig(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"attention": "none", "context_to": "output", "attention_width": None},
        {"attention": "additive", "attention_width": 5, "context_to": "input"},
        {"residual": True, "dim": 256},
        {"residual": True, "dim": 512, "directions": "concat"},
        {"residual": True, "layers": 2},
    ],
)
def test_settings_that_change_something(settings: dict[str, Any]) -> None:
    assert Seq2SeqConfig(**settings) != Seq2SeqConfig()


@pytest.mark.parametrize(
    "value", [None, "6", 10**400, -(10**9000)], ids=["None", "a text", "400 digits", "9000 digits"]
)
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (Seq2SeqConfig, "hidden"), (Seq2SeqConfig, "dropout"), (Seq2SeqTrainingConfig, "lr"),
        (Seq2SeqTrainingConfig, "bucket"), (Seq2SeqTrainingConfig, "teacher_forcing"),
        (DecodingConfig, "beam"),
    ],
)  # fmt: skip
def test_what_is_no_number_or_beyond_all_is_refused(kind: type, field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{field} must be .{{,130}}$"):
        kind(**{field: value})


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (Seq2SeqConfig, "layers", 32), (Seq2SeqConfig, "dropout", 0), (Seq2SeqConfig, "hidden", 1),
        (Seq2SeqConfig, "dim", 100_000), (Seq2SeqConfig, "attention_width", None),
        (Seq2SeqConfig, "forget_bias", -3.0), (Seq2SeqTrainingConfig, "teacher_forcing", 0),
        (Seq2SeqTrainingConfig, "teacher_forcing", 1), (Seq2SeqTrainingConfig, "bucket", 1),
        (Seq2SeqTrainingConfig, "max_vocabulary", 3), (Seq2SeqTrainingConfig, "clip_norm", None),
        (DecodingConfig, "length_penalty", 0), (DecodingConfig, "length_penalty", 10),
        (DecodingConfig, "max_length", 1),
    ],
)  # fmt: skip
def test_the_ends_of_the_ranges_are_good(kind: type, field: str, value: Any) -> None:
    assert getattr(kind(**{field: value}), field) == value


@pytest.mark.parametrize(
    ("settings", "width", "width_in", "width_out"),
    [
        ({}, 8, 3, 16),
        ({"attention": "none"}, 8, 3, 8),
        ({"attention": "none", "peeky": True}, 8, 11, 16),
        ({"context_to": "input"}, 8, 11, 8),
        ({"context_to": "input", "peeky": True}, 8, 19, 16),
        ({"peeky": True}, 8, 11, 24),
        ({"directions": "sum"}, 8, 3, 16),
        ({"directions": "concat"}, 16, 3, 32),
        ({"directions": "concat", "peeky": True, "context_to": "input"}, 16, 35, 32),
    ],
)
def test_the_widths(settings: dict[str, Any], width: int, width_in: int, width_out: int) -> None:
    config = Seq2SeqConfig(**{"hidden": 8, "dim": 3, **settings})
    assert (config.width, config.width_in, config.width_out) == (width, width_in, width_out)


def test_attention_is_as_wide_as_the_decoder_unless_it_is_said() -> None:
    assert Seq2SeqConfig(hidden=8, directions="concat").width_of_attention == 16
    assert Seq2SeqConfig(hidden=8, attention="additive", attention_width=5).width_of_attention == 5


@pytest.mark.parametrize("kind", KINDS)
def test_settings_do_not_change_and_each_is_explained(kind: type) -> None:
    assert_settings(kind)
