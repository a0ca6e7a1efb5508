"""The settings of word2vec as JSON keeps them, read back with distrust."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from wordkit.config import from_record
from wordkit.word2vec.config import Word2VecConfig

__all__ = ["config_of", "record_of"]


def record_of(config: Word2VecConfig) -> dict[str, Any]:
    """The settings as values that JSON can hold, with what the defaults stand for spelt out."""
    return {**asdict(config), "lr": config.start_lr, "vectors": config.kept}


def config_of(record: object) -> Word2VecConfig:
    """The settings that :func:`record_of` gave, which may have been to a file and back.

    Raises:
        ConfigError: as :func:`wordkit.config.from_record`.
    """
    return from_record(Word2VecConfig, record)
