"""The settings of word2vec as JSON keeps them, read back with distrust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from wordkit.errors import ConfigError
from wordkit.word2vec.config import Word2VecConfig

__all__ = ["config_of", "record_of"]


def record_of(config: Word2VecConfig) -> dict[str, Any]:
    """The settings as values that JSON can hold, with what the defaults stand for spelt out."""
    return {**asdict(config), "lr": config.start_lr, "vectors": config.kept}


def config_of(record: object) -> Word2VecConfig:
    """The settings that :func:`record_of` gave, which may have been to a file and back.

    Raises:
        ConfigError: it is no record of settings, lacks one, has one that is not known, or one
            that is of the wrong type or out of its range.
    """
    if not isinstance(record, Mapping):
        raise ConfigError(f"settings must be names with values, not {record!r:.50}")
    hints = _hints()
    for name in record:
        if name not in hints:
            raise ConfigError(f"there is no setting {name!r:.50}; update wordkit")
    for name, hint in hints.items():
        if name not in record:
            raise ConfigError(f"the setting {name} is missing")
        if not _fits(record[name], hint):
            raise ConfigError(f"{name} cannot be {record[name]!r:.50}")
    try:
        return Word2VecConfig(**record)
    except OverflowError as error:
        raise ConfigError("a setting is too large a number") from error


@cache
def _hints() -> dict[str, Any]:
    return get_type_hints(Word2VecConfig)


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of the type of a field."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_args(hint):  # one type or the other
        return any(_fits(value, kind) for kind in get_args(hint))
    if hint is float:
        return type(value) in (int, float)
    return type(value) is hint
