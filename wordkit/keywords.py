"""The arguments of the functions that train: settings as keywords; models themselves or by file."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from wordkit.config import Settings, check_names, settings_of
from wordkit.errors import ConfigError
from wordkit.storage.checkpoints import CheckpointPlan

__all__ = ["FILE_SETTINGS", "TEXT_SETTINGS", "checkpoint_plan", "loaded", "split_settings"]

M = TypeVar("M")

FILE_SETTINGS = ("encoding", "errors", "data_dir")
TEXT_SETTINGS = ("tokenizer", "numbers", "normalize", "case", *FILE_SETTINGS)
"""Keywords of :func:`wordkit_corpora.iter_read_corpus` that say how a text is read."""


def split_settings(
    function: Callable[..., Any],
    settings: Mapping[str, Any],
    *kinds: tuple[type[Settings], Settings | None],
    text: tuple[str, ...] = TEXT_SETTINGS,
) -> list[dict[str, Any]]:
    """Return the settings of the text, then those of each class, of its instance or given.

    Args:
        function: that takes the settings; an unknown name may be meant for another argument.
        settings: the keywords.
        kinds: classes, each with an instance or None.
        text: names of the settings of the text.

    Raises:
        ConfigError: a name is unknown, or an instance is of another class.
    """
    names = [text, *(tuple(settings_of(kind)) for kind, _ in kinds)]
    parameters = inspect.signature(function).parameters.values()
    arguments = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]
    check_names(settings, [name for group in (arguments, *reversed(names)) for name in group])
    given = [{name: settings[name] for name in group if name in settings} for group in names]
    for (kind, config), fields in zip(kinds, given[1:], strict=True):
        if config is not None:
            if not isinstance(config, kind):
                raise ConfigError(f"expected a {kind.__name__}, not {config!r:.50}")
            fields |= {name: getattr(config, name) for name in settings_of(kind)} | fields
    return given


def loaded(name: str, given: M | str | os.PathLike[str], kind: type[M]) -> M:
    """Return an argument that is given itself or by its file.

    Raises:
        ConfigError: it is neither.
        WordkitError: as ``kind.load`` says.
    """
    if isinstance(given, kind):
        return given
    if not isinstance(given, str | os.PathLike):
        expected = f"an instance of {kind.__name__} or its file"
        raise ConfigError(f"{name} must be {expected}, not {given!r:.50}")
    return kind.load(given)  # type: ignore[attr-defined, no-any-return]


def checkpoint_plan(given: str | os.PathLike[str] | CheckpointPlan | None) -> CheckpointPlan | None:
    """Return the plan of checkpoints in a file, or the one given."""
    return given if given is None or isinstance(given, CheckpointPlan) else CheckpointPlan(given)
