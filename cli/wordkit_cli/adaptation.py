"""Language models that adapt to what they read, or answer together: their options, and loading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wordkit.decoding.config import AdaptationConfig
from wordkit_cli.models import LANGUAGE_MODEL, find
from wordkit_cli.options import Refused, together
from wordkit_cli.progress import Progress
from wordkit_cli.sections import option
from wordkit_cli.setting_options import SettingOptions, changed

if TYPE_CHECKING:
    from wordkit.lm import LanguageModel

__all__ = ["adaptation_options", "find_models", "load_adapted"]

_SETTINGS = SettingOptions({"Adaptation": AdaptationConfig})

adaptation_options = together(
    option(
        "-m", "--model", "models", multiple=True, metavar="FILE",
        help="The language model to ask; several answer together, by the mean of their "
        "probabilities. Default: $WORDKIT_LM, else ./lm.safetensors, else bundled.",
    ),
    _SETTINGS,
    option(
        "--valid", metavar="FILE", section="Adaptation", main=True,
        help="Text that weight and flatness of --cache, and rate and decay of --dynamic are "
        "fitted to.",
    ),
)  # fmt: skip
"""The options -m, which may be repeated, --cache, --dynamic, and what belongs to them."""


def find_models(named: Sequence[str]) -> list[str]:
    """Return the files of the language models that are named, or that of the default."""
    return [*named] or [find(LANGUAGE_MODEL, None)]


def load_adapted(
    paths: Sequence[str], options: Mapping[str, Any], progress: Progress, **reading: Any
) -> LanguageModel:
    """Load a language model, or several as one, adapted as the options say.

    Args:
        paths: files of the models.
        options: of the command, with ``device``.
        progress: shows how the settings are fitted, and says what they are.
        reading: ``encoding``, ``errors`` and ``data_dir`` of the text of ``--valid``.
    """
    (given,) = _SETTINGS.given(options)
    config, valid = changed(AdaptationConfig(), **given), options["valid"]
    if valid is not None and not config.dynamic and config.cache is None:
        raise Refused("--valid has no effect without --cache or --dynamic; give one")
    for name in ("cache_weight", "cache_flatness"):
        if name in given and config.cache is None:
            raise Refused(f"--{name.replace('_', '-')} has no effect without --cache; give both")
    from wordkit.lm import iter_adapt, load_language_model

    models = [load_language_model(path, options["device"]) for path in paths]
    if len(models) == 1 and config == AdaptationConfig():
        return models[0]
    adapted = progress.finish(iter_adapt(models, config, valid=valid, **reading))
    if valid is not None:
        progress.say(f"fitted to {valid}: {_fitted(adapted.adaptation)}")
    return adapted


def _fitted(config: AdaptationConfig) -> str:
    """The fitted settings as options."""
    names = ["dynamic_lr", "dynamic_decay"] if config.dynamic else []
    names += [] if config.cache is None else ["cache_weight", "cache_flatness"]
    return " ".join(f"--{name.replace('_', '-')} {getattr(config, name):.3g}" for name in names)
