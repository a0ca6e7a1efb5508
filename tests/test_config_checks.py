"""The checks of settings: what each lets through, and what it says of the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.config import (
    check_above,
    check_choice,
    check_least,
    check_range,
    check_seed,
    check_share,
)
from wordkit.errors import ConfigError

numbers = st.floats() | st.integers(-(10**6), 10**6)


@dataclass
class Sized:
    """A field that is always a number."""

    size: Any


@dataclass
class Open:
    """One that may be left open."""

    size: float | None


def field(value: Any) -> Sized:
    return Sized(value)


def accepts(check: Any, value: Any, *arguments: Any, **more: Any) -> bool:
    """Whether a check lets a value through; else it must name the field and the value."""
    try:
        check(field(value), *arguments, **more)
    except ConfigError as error:
        assert str(error).startswith("size must be ") and str(error).endswith(f" not {value}")
        assert "\n" not in str(error)
        return False
    return True


@given(numbers)
def test_numbers_are_let_through_that_are_in_range(value: float) -> None:
    assert accepts(check_least, value, size=3) == (3 <= value < math.inf)
    assert accepts(check_above, value, "size") == (0 < value < math.inf)
    assert accepts(check_share, value, "size") == (0 <= value < 1)
    assert accepts(check_range, value, -1, 2, "size") == (-1 <= value <= 2)


CHECKS: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (check_least, (), {"size": 3}),
    (check_above, ("size",), {}),
    (check_share, ("size",), {}),
    (check_range, (0, 1, "size"), {}),
]


@pytest.mark.parametrize(("check", "arguments", "more"), CHECKS)
def test_none_is_a_value_where_the_type_says_so(
    check: Any, arguments: tuple[Any, ...], more: dict[str, Any]
) -> None:
    check(Open(None), *arguments, **more)
    with pytest.raises(ConfigError, match="^size must be .*, not None$"):
        check(Sized(None), *arguments, **more)


@pytest.mark.parametrize(("check", "arguments", "more"), CHECKS)
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (10**400, "a number of about 400 digits"), (-(10**400), "a number of about 400 digits"),
        (10**9000, "a number of about 9000 digits"), ("3", "'3'"), ([], r"\[\]"),
    ],
    ids=["large", "below 0", "very large", "a text", "a list"],
)  # fmt: skip
def test_what_is_no_number_of_float64_is_refused(
    check: Any, arguments: tuple[Any, ...], more: dict[str, Any], value: Any, shown: str
) -> None:
    with pytest.raises(ConfigError, match=f"^size must be .*, not {shown}$"):
        check(field(value), *arguments, **more)


def test_words_are_of_a_list() -> None:
    check_choice(field("red"), size=("red", "blue"))
    for value in ("Red", "", None, 3, "re"):
        with pytest.raises(ConfigError) as caught:
            check_choice(field(value), size=("red", "blue"))
        assert str(caught.value) == f"size must be one of red, blue, not {value!r}"


def test_the_first_fault_of_several_is_told() -> None:
    config = SimpleNamespace(one=1, two=-1, three=-2)
    with pytest.raises(ConfigError, match="^two must be at least 0, not -1$"):
        check_least(config, one=0, two=0, three=0)
    with pytest.raises(ConfigError, match="^two must be above 0, not -1$"):
        check_above(config, "one", "two", "three")
    with pytest.raises(ConfigError, match="^two must be from 0 to 1, not -1$"):
        check_range(config, 0, 1, "one", "two", "three")
    with pytest.raises(ConfigError, match="^one must be from 0 to below 1, not 1$"):
        check_share(config, "one", "two")


def test_only_a_seed_may_be_larger_than_other_whole_numbers() -> None:
    large = SimpleNamespace(seed=2**31, epochs=2**31)
    check_seed(large)
    with pytest.raises(ConfigError, match="^epochs must be at most 2147483647, not 2147483648$"):
        check_least(large, epochs=1)
    with pytest.raises(ConfigError, match="^seed must be at least 0, not -1$"):
        check_seed(SimpleNamespace(seed=-1))
