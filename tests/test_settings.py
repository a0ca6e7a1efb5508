"""The settings of every part: ranges, effects, records, and what a message says."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, asdict, dataclass, fields, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.classification.config import ClassifierConfig
from wordkit.config import (
    Settings,
    change,
    from_record,
    setting,
    settings_of,
)
from wordkit.counts.config import CooccurrenceConfig, CountsConfig, GloveConfig
from wordkit.decoding.config import AdaptationConfig, SamplingConfig
from wordkit.errors import ConfigError
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.generation import GenerationConfig
from wordkit.lm.presets import PRESETS
from wordkit.seq2seq.config import DecodingConfig, Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.dialogue.config import DialogueConfig, DialogueTrainingConfig
from wordkit.text import PhraseConfig, TextConfig
from wordkit.text.subwords import MAX_BUCKETS, NGrams
from wordkit.training.config import LearningConfig
from wordkit.word2vec.config import Word2VecConfig

KINDS = (
    ModelConfig, TrainingConfig, SamplingConfig, GenerationConfig, Seq2SeqConfig,
    Seq2SeqTrainingConfig, DecodingConfig, Word2VecConfig, CooccurrenceConfig, CountsConfig,
    TextConfig, AdaptationConfig, ClassifierConfig, DialogueConfig, DialogueTrainingConfig,
    NGrams, GloveConfig, PhraseConfig,
)  # fmt: skip
LEARNING = (TrainingConfig, Seq2SeqTrainingConfig)
NETWORKS = (ModelConfig, Seq2SeqConfig)
FIELDS = [
    (kind, declared) for kind in KINDS for declared in settings_of(kind).values()
    if kind is not DialogueConfig or declared.name not in ("heads", "feed_forward")
]  # fmt: skip
NUMBERS = [(kind, declared) for kind, declared in FIELDS if declared.type in (int, float)]

RANGES = {
    "": "forget_bias",
    "above 0": "start_scale max_minutes lr decay clip_norm clip_value shift temperature "
    "cache_flatness x_max",
    "above 0 and at most 1": "smoothing top_p learnt_fraction",
    "at least 0": "weight_decay decay_after activation_penalty temporal_penalty min_lr seed "
    "dynamic_lr free_bits bag_of_words threshold phrase_threshold",
    "at least 1": "batch epochs decay_every patience averaging_patience steps samples min_count "
    "batch_tokens bucket beam heads max_length alternatives words dim max_size "
    "top_k cache dynamic_steps min_ngram_count context_turns phrase_min_count",
    "from 1 to 3": "phrases",
    "at least 2": "max_vocabulary",
    "at least 3": "max_vocabulary",
    "from 0 to below 1": "dropout input_dropout between_dropout output_dropout word_dropout "
    "weight_drop momentum beta2 label_smoothing average_decay cache_weight",
    "from 0 to 1": "warmup exact_fraction teacher_forcing sample exponent dynamic_decay "
    "kl_annealing word_dropout alpha",
    "from 0 to 10": "length_penalty",
    "from 0 to 100": "naive_bayes",
    "from -10 to 10": "ns_exponent",
    "from 1 to 10": "word_ngrams",
    "from 1 to 32": "layers",
    "from 1 to 100": "models min_n max_n",
    "from 1 to 1000": "window negative softmaxes",
    f"from 1 to {MAX_BUCKETS}": "buckets",
    "from 1 to 100000": "hidden dim last_hidden attention_width feed_forward memory_length latent",
    f"from 0 to {2**32 - 1}": "seed",
    f"from 0 to {2**64 - 1}": "seed",
}
EFFECTS: list[tuple[type[Settings], dict[str, Any], dict[str, Any]]] = [
    # a setting that has no effect alone, and what gives it one
    *((kind, {"activation": "relu"}, {"cell": "rnn"}) for kind in NETWORKS),
    *((kind, {"arch": "transformer", "cell": "gru"}, {"arch": "recurrent"}) for kind in NETWORKS),
    *((kind, {"heads": 2}, {"arch": "transformer"}) for kind in NETWORKS),
    *((kind, {"feed_forward": 9}, {"arch": "transformer"}) for kind in NETWORKS),
    (ModelConfig, {"memory_length": 9}, {"arch": "transformer"}),
    (ModelConfig, {"cell": "gru", "forget_bias": 1.5}, {"cell": "peephole"}),
    *((kind, {"momentum": 0.5}, {"optimizer": "nesterov"}) for kind in LEARNING),
    *((kind, {"optimizer": "sgd", "beta2": 0.5}, {"optimizer": "adam"}) for kind in LEARNING),
    *((kind, {"averaging_patience": 3}, {"optimizer": "asgd"}) for kind in LEARNING),
    *((kind, {"decay": 0.3}, {"schedule": "inverse"}) for kind in LEARNING),
    *((kind, {"decay_after": 3}, {"schedule": "exponential"}) for kind in LEARNING),
    *((kind, {"decay_every": 3}, {"schedule": "step"}) for kind in LEARNING),
    *((kind, {"schedule": "step", "warmup": 0.1}, {"schedule": "cosine"}) for kind in LEARNING),
    *((kind, {"average_decay": 0.9}, {"average": True}) for kind in LEARNING),
    *((kind, {"optimizer": "asgd", "average": True}, {"optimizer": "sgd"}) for kind in LEARNING),
    (TextConfig, {"phrase_score": "npmi"}, {"phrases": 2}),
    (TextConfig, {"phrase_threshold": 0.3}, {"phrases": 3}),
    (TextConfig, {"phrase_min_count": 2}, {"phrases": 2}),
    (AdaptationConfig, {"dynamic_lr": 0.1}, {"dynamic": True}),
    (TrainingConfig, {"softmax": "exact", "samples": 9}, {"softmax": "auto"}),
    (TrainingConfig, {"softmax": "adaptive", "exact_fraction": 0.1}, {"softmax": "sampled"}),
    (Seq2SeqConfig, {"attention_width": 5}, {"attention": "additive"}),
    (Seq2SeqConfig, {"arch": "transformer", "latent": 3}, {"arch": "recurrent"}),
    (Seq2SeqConfig, {"attention": "none", "context_to": "input"}, {"attention": "dot"}),
    (DecodingConfig, {"top_k": 3}, {"sample": True}),
    (DecodingConfig, {"sample": True, "beam": 3}, {"sample": False}),
    (GenerationConfig, {"method": "beam", "temperature": 0.5}, {"method": "sample"}),
    (GenerationConfig, {"beam": 3}, {"method": "beam"}),
    (DialogueConfig, {"arch": "seq2seq", "context_turns": 3}, {"arch": "hred"}),
    (DialogueConfig, {"arch": "hred", "latent": 3}, {"arch": "vhred"}),
    (DialogueConfig, {"attention": "none", "attention_to": "turns"}, {"attention": "dot"}),
    (ClassifierConfig, {"loss": "hs", "naive_bayes": 0.5}, {"loss": "softmax"}),
    (Word2VecConfig, {"loss": "hs", "negative": 3}, {"loss": "ns"}),
    (Word2VecConfig, {"loss": "softmax", "ns_exponent": 1.0}, {"loss": "ns"}),
    (Word2VecConfig, {"arch": "skipgram", "cbow_gradient": "word2vec"}, {"arch": "cbow"}),
]
TOGETHER: list[tuple[type[Settings], dict[str, Any], str]] = [
    *(
        (kind, {"arch": "transformer", "hidden": 12}, "hidden must be a multiple of 8, .* not 12")
        for kind in NETWORKS
    ),
    (ModelConfig, {"adaptive": True}, "tied must be False with an adaptive softmax"),
    (ModelConfig, {"adaptive": True, "tied": False, "softmaxes": 2}, "softmaxes must be 1 with"),
    *(
        (kind, {"epochs": None}, "epochs and max_minutes cannot both be None")
        for kind in LEARNING
    ),
    *(
        (TrainingConfig, {"softmax": s, "label_smoothing": 0.1}, f"softmax exact, not {s}")
        for s in ("sampled", "adaptive")
    ),
    (DialogueConfig, {"autoencode": True}, "autoencode (needs latent|has no effect)"),
    *(
        (Seq2SeqConfig, {"attention": "none", "latent": 3, "autoencode": True, **more}, "needs lat")
        for more in ({"latent": None}, {"attention": "dot"}, {"peeky": True})
    ),
    (Seq2SeqConfig, {"residual": True}, "residual needs .* dim is 64, .* is 256 wide"),
    (
        Seq2SeqConfig, {"residual": True, "dim": 256, "directions": "concat"},
        "dim is 256, .* is 512 wide",
    ),
    (DecodingConfig, {"alternatives": 2}, r"alternatives must be at most beam \(1\), not 2"),
    (Word2VecConfig, {"loss": "hs", "vectors": "out"}, "vectors must be in with loss hs, not out"),
    (Word2VecConfig, {"loss": "hs", "vectors": "sum"}, "vectors must be in with loss hs, not sum"),
    *(
        (Word2VecConfig, {"subwords": "3-6", "vectors": v}, f"be in with subwords, not {v}")
        for v in ("out", "sum")
    ),
    (Word2VecConfig, {"subwords": "6-3"}, "the shorter length comes first, as in 3-6"),
    (Word2VecConfig, {"buckets": 9}, "buckets 9 has no effect without subwords"),
    (PhraseConfig, {"score": "npmi", "threshold": 1}, "threshold must be below 1 .* not 1"),
    (TextConfig, {"phrases": 2, "tokenizer": "char"}, "phrases has no effect with .* char"),
    (Word2VecConfig, {"lr": 0.1, "min_lr": 0.11}, "from 0 to the learning rate 0.1, not 0.11"),
    (Word2VecConfig, {"lr": 1e-5, "min_lr": 1e-3}, "from 0 to the learning rate 1e-05, not 0.001"),
]  # fmt: skip


def refused(kind: type[Settings], **values: Any) -> str:
    """The message of settings that are refused."""
    with pytest.raises(ConfigError) as caught:
        kind(**values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def useful(kind: type[Settings], field: str) -> dict[str, Any]:
    """Settings with which a field has an effect."""
    if (kind, field) == (Word2VecConfig, "buckets"):
        return {"subwords": "3-6"}
    if kind is NGrams:
        return {"min_n": 1, "max_n": 100}
    return {other: known[0] for other, known in settings_of(kind)[field].only_with.items()}


def test_the_ranges_of_all_numbers() -> None:
    found: dict[str, set[str]] = {}
    for _, declared in NUMBERS:
        found.setdefault(declared.range, set()).add(declared.name)
    assert found == {says: set(names.split()) for says, names in RANGES.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_of_a_list(kind: type[Settings]) -> None:
    for declared in (each for of, each in FIELDS if of is kind and each.choices):
        words = ", ".join(declared.choices)
        for wrong in (words, "", 3, True):
            message = refused(kind, **{declared.name: wrong})
            assert message == f"{declared.name} must be one of {words}, not {wrong!r:.50}"
        for word in declared.choices:
            config = kind(**{**useful(kind, declared.name), declared.name: word})
            assert getattr(config, declared.name) == word


@pytest.mark.parametrize("kind", KINDS)
def test_ranges_have_ends(kind: type[Settings]) -> None:
    for declared in (each for of, each in NUMBERS if of is kind):
        name, step = declared.name, 1 if declared.type is int else 1e-3
        low, high = declared.at_least, declared.at_most
        ends = [end for end in (low, high) if end not in (None, math.inf)]
        inside = [] if declared.above is None else [declared.above + step]
        inside += [] if declared.below is None else [declared.below - step]
        outside = [end for end in (declared.above, declared.below) if end is not None]
        outside += [] if low is None else [low - step]
        outside += [] if high in (None, math.inf) else [high + step]
        for value in (*ends, *inside):
            assert getattr(kind(**{**useful(kind, name), name: value}), name) == value
        for value in outside:
            assert refused(kind, **{name: value}) == f"{name} must be {declared.range}, not {value}"
        number = "a whole number" if declared.type is int else "a finite number"
        expected = ", ".join(filter(None, (number, declared.range)))
        for strange in (math.nan, "3", [], True, 2.5 if declared.type is int else math.inf):
            shown = repr(strange) if isinstance(strange, str | list) else strange
            assert refused(kind, **{name: strange}) == f"{name} must be {expected}, not {shown}"


@pytest.mark.parametrize("kind", KINDS)
def test_settings_do_not_change_and_each_is_explained(kind: type[Settings]) -> None:
    config: Any = kind()
    for field in fields(config):
        with pytest.raises(FrozenInstanceError):
            setattr(config, field.name, getattr(config, field.name))
    assert hash(replace(config)) == hash(config)
    for name, declared in settings_of(kind).items():
        assert f"\n        {name}: {declared.meaning}" in str(kind.__doc__)
        assert declared.meaning.endswith(".")
        if declared.type is bool:
            assert refused(kind, **{name: 1}) == f"{name} must be True or False, not 1"
        if not declared.is_optional:
            assert refused(kind, **{name: None}).endswith("not None")


@pytest.mark.parametrize(("kind", "idle", "remedy"), EFFECTS)
def test_a_setting_without_effect_is_refused(
    kind: type[Settings], idle: dict[str, Any], remedy: dict[str, Any]
) -> None:
    *_, field = idle
    assert f"{field} {idle[field]} has no effect with {next(iter(remedy))} " in refused(
        kind, **idle
    )
    assert getattr(kind(**{**idle, **remedy}), field) == idle[field]
    default = settings_of(kind)[field].default
    kept = from_record(kind, {**asdict(kind()), **idle})  # type: ignore[call-overload]
    assert getattr(kept, field) == default, "older files have such"


@pytest.mark.parametrize(("kind", "values", "says"), TOGETHER)
def test_settings_that_do_not_go_together(
    kind: type[Settings], values: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        kind(**values)


def test_a_change_takes_the_rest_along() -> None:
    first = TrainingConfig(optimizer="momentum", momentum=0.5, lr=0.3)
    second = change(first, optimizer="adam", beta2=0.9)
    assert second == TrainingConfig(optimizer="adam", beta2=0.9, lr=0.3)
    with pytest.raises(ConfigError, match="momentum 0.6 has no effect with optimizer adam"):
        change(first, optimizer="adam", momentum=0.6)
    for preset in PRESETS.values():
        rises = preset.training.schedule == "cosine"  # has a warm-up of its own
        changed = change(preset.training, schedule="onecycle", optimizer="adamw")
        assert changed.warmup == (preset.training.warmup if rises else 0.2)


@dataclass(frozen=True)
class Older(Settings):
    """A class with a history."""

    OLD_DEFAULTS: ClassVar = {"method": "slow"}

    method: Literal["slow", "fast"] = setting("fast", "Method.")
    exact_fraction: float = setting(0.5, "Fraction.", at_least=0, at_most=1)


def test_records_of_older_versions() -> None:
    assert from_record(Older, {}) == Older(method="slow")
    assert from_record(Older, {"method": "fast", "exact_share": 0.2}).exact_fraction == 0.2
    with pytest.raises(ConfigError, match="there is no setting 'colour'; update wordkit"):
        from_record(Older, {"colour": 1})
    with pytest.raises(ConfigError, match=r"names with values, not \[\]"):
        from_record(Older, [])
    with pytest.raises(ConfigError, match="exact_fraction must be from 0 to 1, not 2"):
        from_record(Older, {"exact_share": 2})


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_gives_the_settings_back(kind: type[Settings]) -> None:
    record = asdict(kind())  # type: ignore[call-overload]
    assert from_record(kind, record) == kind()
    for name in record:  # a field that an older file lacks has the value that it had then
        values = {**record, **{n: v for n, v in kind.OLD_DEFAULTS.items() if n == name}}
        older = kind(**values)
        assert from_record(kind, {n: v for n, v in record.items() if n != name}) == older


@given(st.floats() | st.integers(-(10**6), 10**6))
def test_numbers_are_let_through_that_are_in_range(value: float) -> None:
    for kind, field, good in (
        (LearningConfig, "weight_decay", 0 <= value < math.inf),
        (LearningConfig, "lr", 0 < value < math.inf),
        (ModelConfig, "dropout", 0 <= value < 1),
        (LearningConfig, "warmup", 0 <= value <= 1),
        (CountsConfig, "smoothing", 0 < value <= 1),
    ):
        try:
            settings_of(kind)[field].check(value)
        except ConfigError as error:
            assert not good and str(error).endswith(f"not {value}")
        else:
            assert good


@pytest.mark.parametrize(
    ("value", "digits"), [(10**400, 400), (-(10**9000), 9000)], ids=["large", "below 0"]
)
def test_numbers_beyond_float64_are_refused(value: int, digits: int) -> None:
    for kind, field in ((ModelConfig, "hidden"), (ModelConfig, "dropout"), (TrainingConfig, "lr")):
        message = refused(kind, **{field: value})
        assert message.startswith(f"{field} must be ")
        assert message.endswith(f", not a number of about {digits} digits")
    assert refused(TrainingConfig, steps=2**31) == f"steps must be at most 2147483647, not {2**31}"


def test_numbers_of_numpy_become_those_of_python() -> None:
    config = CountsConfig(dim=np.int64(3), shift=np.float32(0.5), seed=np.uint8(4))
    assert config == CountsConfig(dim=3, shift=0.5, seed=4)
    assert [type(v) for v in (config.dim, config.shift, config.seed)] == [int, float, int]


@pytest.mark.parametrize(
    ("settings", "widths", "width_in", "width_out"),
    [
        ({"hidden": 8}, (8,), 8, 8),
        ({"hidden": 8, "layers": 3, "last_hidden": 5}, (8, 8, 5), 5, 5),
        ({"hidden": 8, "layers": 2, "dim": 3}, (8, 8), 3, 3),
        ({"hidden": 8, "dim": 3, "tied": False}, (8,), 3, 8),
    ],
)
def test_widths_of_a_language_model(
    settings: dict[str, Any], widths: tuple[int, ...], width_in: int, width_out: int
) -> None:
    config = ModelConfig(**settings)
    assert (config.widths, config.width_in, config.width_out) == (widths, width_in, width_out)


def test_a_place_without_a_dropout_of_its_own_has_that_of_all() -> None:
    config = ModelConfig(dropout=0.3, between_dropout=0.0)
    assert [config.dropout_at(p) for p in ("input", "between", "output")] == [0.3, 0.0, 0.3]


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
def test_widths_of_a_sequence_model(
    settings: dict[str, Any], width: int, width_in: int, width_out: int
) -> None:
    config = Seq2SeqConfig(**{"hidden": 8, "dim": 3, **settings})
    assert (config.width, config.width_in, config.width_out) == (width, width_in, width_out)


def test_attention_is_as_wide_as_the_decoder_unless_it_is_said() -> None:
    assert Seq2SeqConfig(hidden=8, directions="concat").width_of_attention == 16
    assert Seq2SeqConfig(hidden=8, attention="additive", attention_width=5).width_of_attention == 5
    assert Seq2SeqConfig(residual=True, layers=2) != Seq2SeqConfig()
    assert Seq2SeqConfig(residual=True, dim=512, directions="concat").width == 512


def test_the_learning_rate_of_word2vec_suits_the_architecture() -> None:
    assert Word2VecConfig(arch="skipgram").start_lr == 0.1
    true = Word2VecConfig(arch="cbow", cbow_gradient="true").start_lr
    older = Word2VecConfig(arch="cbow", cbow_gradient="word2vec").start_lr
    assert true > older == 0.05, "the gradient of a mean is smaller"
    assert Word2VecConfig(arch="cbow", lr=0.3, min_lr=0.3).start_lr == 0.3
    low = Word2VecConfig(lr=1e-5)  # lower than the minimum that nobody set
    assert low.learning_rate(0.0) == low.learning_rate(1.0) == 1e-5


def test_the_vectors_that_word2vec_keeps_suit_the_loss() -> None:
    assert Word2VecConfig(arch="skipgram").kept == "sum"
    assert Word2VecConfig(arch="cbow").kept == "sum"
    assert Word2VecConfig(arch="cbow", loss="hs").kept == "in", "a tree has no output embeddings"
    for vectors in ("in", "out", "sum"):
        assert Word2VecConfig(vectors=vectors).kept == vectors
        assert Word2VecConfig(loss="softmax", vectors=vectors).kept == vectors
