"""The settings: their defaults, their ranges, and what a message says of a value beyond."""

from __future__ import annotations

import math
from typing import Any

import pytest
from settings_cases import assert_settings

from wordkit.errors import ConfigError
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.state import learning_rate

BAD: list[tuple[str, Any, str]] = [
    ("arch", "sg", "one of cbow, skipgram, not 'sg'"),
    ("arch", 1, "one of cbow, skipgram, not 1"),
    ("loss", "nce", "one of ns, hs, softmax, not 'nce'"),
    ("cbow_gradient", "false", "one of true, word2vec, not 'false'"),
    ("cbow_gradient", True, "one of true, word2vec, not True"),
    ("vectors", "both", "one of in, out, sum, not 'both'"),
    ("dim", 0, "at least 1, not 0"),
    ("window", 0, "from 1 to 1000, not 0"),
    ("window", 1001, "from 1 to 1000, not 1001"),
    ("negative", 0, "from 1 to 1000, not 0"),
    ("negative", 1001, "from 1 to 1000, not 1001"),
    ("ns_exponent", math.inf, "from -10 to 10, not inf"),
    ("ns_exponent", math.nan, "from -10 to 10, not nan"),
    ("ns_exponent", -10.5, "from -10 to 10, not -10.5"),
    ("sample", -1e-3, "from 0 to 1, not -0.001"),
    ("sample", 1.5, "from 0 to 1, not 1.5"),
    ("sample", math.nan, "from 0 to 1, not nan"),
    ("min_count", 0, "at least 1, not 0"),
    ("max_vocabulary", 1, "at least 2, not 1"),
    ("epochs", 0, "at least 1, not 0"),
    ("epochs", -3, "at least 1, not -3"),
    ("lr", 0, "above 0, not 0"),
    ("lr", -0.1, "above 0, not -0.1"),
    ("lr", math.nan, "above 0, not nan"),
    ("lr", math.inf, "above 0, not inf"),
    ("seed", -1, "at least 0, not -1"),
]


@pytest.mark.parametrize(("field", "value", "says"), BAD)
def test_a_bad_value_is_named_with_its_field(field: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Word2VecConfig(**{field: value})
    assert str(caught.value) == f"{field} must be {says}"


@pytest.mark.parametrize("min_lr", [-1e-4, 0.11, math.nan, math.inf])
def test_the_floor_is_not_above_the_start(min_lr: float) -> None:
    with pytest.raises(ConfigError) as caught:
        Word2VecConfig(lr=0.1, min_lr=min_lr)
    assert str(caught.value) == f"min_lr must be from 0 to the learning rate 0.1, not {min_lr}"
    assert Word2VecConfig(lr=0.1, min_lr=0.1).start_lr == 0.1


@pytest.mark.parametrize("vectors", ["out", "sum"])
def test_a_tree_has_no_vectors_of_words_to_put_out(vectors: Any) -> None:
    with pytest.raises(ConfigError, match=f"vectors must be in with loss hs, not {vectors}"):
        Word2VecConfig(loss="hs", vectors=vectors)
    assert Word2VecConfig(loss="softmax", vectors=vectors).vectors == vectors


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dim", 1), ("window", 1), ("window", 1000), ("negative", 1), ("negative", 1000),
        ("ns_exponent", -10), ("ns_exponent", 0), ("sample", 0), ("sample", 1), ("min_count", 1),
        ("max_vocabulary", 2), ("epochs", 1), ("lr", 1e-4), ("min_lr", 0), ("min_lr", 0.01),
        ("seed", 0), ("seed", 2**200),
    ],
)  # fmt: skip
def test_the_ends_of_the_ranges_are_good(field: str, value: Any) -> None:
    assert getattr(Word2VecConfig(**{field: value}), field) == value


def test_the_defaults_are_those_of_the_field() -> None:
    config = Word2VecConfig()
    assert (config.loss, config.cbow_gradient) == ("ns", "true")
    assert (config.dim, config.window, config.negative) == (100, 5, 5)
    assert (config.sample, config.ns_exponent) == (1e-3, 0.75)
    assert (config.min_count, config.epochs) == (5, 5)
    assert (config.dynamic_window, config.max_vocabulary) == (True, None)


def test_the_learning_rate_suits_the_architecture() -> None:
    for gradient in ("true", "word2vec"):
        assert Word2VecConfig(arch="skipgram", cbow_gradient=gradient).start_lr == 0.025
    true = Word2VecConfig(arch="cbow", cbow_gradient="true").start_lr
    older = Word2VecConfig(arch="cbow", cbow_gradient="word2vec").start_lr
    assert true > older >= 0.025, "the gradient of a mean is smaller"
    assert Word2VecConfig(arch="cbow", lr=0.3).start_lr == 0.3
    with pytest.raises(ConfigError, match=r"min_lr must be from 0 to the learning rate 1e-05"):
        Word2VecConfig(lr=1e-5, min_lr=1e-3)
    low = Word2VecConfig(lr=1e-5)  # lower than the floor that nobody set
    assert learning_rate(low, 0.0) == learning_rate(low, 1.0) == 1e-5


def test_the_vectors_that_are_kept_suit_the_architecture() -> None:
    assert Word2VecConfig(arch="skipgram").kept == "in"
    assert Word2VecConfig(arch="cbow").kept == "sum"
    assert Word2VecConfig(arch="cbow", loss="hs").kept == "in", "a tree puts out no words"
    for vectors in ("in", "out", "sum"):
        assert Word2VecConfig(vectors=vectors).kept == vectors


def test_settings_do_not_change_and_each_is_explained() -> None:
    assert_settings(Word2VecConfig)
