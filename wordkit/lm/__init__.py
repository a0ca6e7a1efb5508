"""Language models: train, measure, score, generate, on the CPU or a GPU.

::

    model = iter_train_language_model(corpus, ModelConfig(hidden=200)).result()
    print(iter_perplexity(model, test).result().perplexity)

Each name is loaded when it is first used, so that settings can be asked for without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordkit.decoding.config import AdaptationConfig
    from wordkit.lm.adaptation import AdaptedModel, iter_adapt
    from wordkit.lm.config import ModelConfig, TrainingConfig
    from wordkit.lm.data import TokenStream, hold_out, words_to_model
    from wordkit.lm.fitting import iter_fit_preset
    from wordkit.lm.generation import GenerationConfig, generate, predict
    from wordkit.lm.model import LanguageModel, load_language_model, save_language_model
    from wordkit.lm.presets import PRESETS, Preset, get_preset
    from wordkit.lm.scoring import iter_perplexity, score_lines
    from wordkit.lm.task import Checkpoint, iter_train_language_model, read_checkpoint

_MODULES = {
    "adaptation": ("AdaptationConfig", "AdaptedModel", "iter_adapt"),
    "config": ("ModelConfig", "TrainingConfig"),
    "data": ("TokenStream", "hold_out", "words_to_model"),
    "fitting": ("iter_fit_preset",),
    "generation": ("GenerationConfig", "generate", "predict"),
    "model": ("LanguageModel", "load_language_model", "save_language_model"),
    "presets": ("PRESETS", "Preset", "get_preset"),
    "scoring": ("iter_perplexity", "score_lines"),
    "task": ("Checkpoint", "read_checkpoint", "iter_train_language_model"),
}

__all__ = [
    "PRESETS", "AdaptationConfig", "AdaptedModel", "Checkpoint", "GenerationConfig",
    "LanguageModel", "ModelConfig", "Preset", "TokenStream", "TrainingConfig", "generate",
    "get_preset", "hold_out", "iter_adapt", "iter_fit_preset", "iter_perplexity",
    "iter_train_language_model", "load_language_model", "predict", "read_checkpoint",
    "save_language_model", "score_lines", "words_to_model",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
