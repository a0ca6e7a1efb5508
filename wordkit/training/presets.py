"""Settings of a model and of its training that go together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from wordkit.config import change
from wordkit.errors import ConfigError
from wordkit.training.config import change_training

__all__ = ["Preset", "SettingsPlan", "named_preset"]

P = TypeVar("P", bound="Preset")


@dataclass(frozen=True)
class Preset:
    """A model and its training."""

    description: str
    """Its source and the score reported there, or what it is for, in one line."""

    model: Any
    training: Any

    def change(
        self: P,
        model: Mapping[str, Any],
        training: Mapping[str, Any],
        update: Callable[..., Any] = change,
    ) -> P:
        """Replace some of the settings, by ``update``; an adaptive softmax unties the embeddings.

        Raises:
            ConfigError: one is out of its range, or has no effect.
        """
        if training.get("softmax") == "adaptive":
            model = {"tied": False, **model, "adaptive": True}
        return replace(
            self,
            model=update(self.model, **model),
            training=change_training(self.training, training, update),
        )


def named_preset(presets: Mapping[str, P], name: str) -> P:
    """Return the preset of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in presets:
        raise ConfigError(f"preset must be one of {', '.join(presets)}, not {name!r}")
    return presets[name]


@dataclass(frozen=True)
class SettingsPlan:
    """The settings of a training, as far as they are known before its texts are read."""

    model: Mapping[str, Any]
    """The settings of the model that are given."""

    training: Mapping[str, Any]
    """The settings of the training that are given."""

    preset: Preset | None
    """All settings; None: the others are to be fitted to the texts."""

    init: Any = None
    """The shape of the model to start from; None: there is none."""

    update: Callable[..., Any] = change
