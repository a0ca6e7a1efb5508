"""Recurrent language models: train, measure, score, generate, on the CPU or a GPU.

::

    model = train_language_model(corpus, ModelConfig(hidden=200)).result()
    print(perplexity(model, test).result().perplexity)

Each name is loaded when it is first used, so that settings can be asked for without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordkit.lm.checkpoint import Checkpoint, read_checkpoint
    from wordkit.lm.config import ModelConfig, TrainingConfig
    from wordkit.lm.fitting import fitted_preset
    from wordkit.lm.generation import GenerationConfig, generate, predict
    from wordkit.lm.language_model import LanguageModel
    from wordkit.lm.model_file import load_language_model, save_language_model
    from wordkit.lm.presets import PRESETS, Preset, get_preset
    from wordkit.lm.scoring import perplexity, score_lines
    from wordkit.lm.stream import TokenStream, hold_out, words_to_model
    from wordkit.lm.train import train_language_model

__all__ = [
    "PRESETS",
    "Checkpoint",
    "GenerationConfig",
    "LanguageModel",
    "ModelConfig",
    "Preset",
    "TokenStream",
    "TrainingConfig",
    "fitted_preset",
    "generate",
    "get_preset",
    "hold_out",
    "load_language_model",
    "perplexity",
    "predict",
    "read_checkpoint",
    "save_language_model",
    "score_lines",
    "train_language_model",
    "words_to_model",
]

_HOMES = {
    "PRESETS": "presets",
    "Checkpoint": "checkpoint",
    "GenerationConfig": "generation",
    "LanguageModel": "language_model",
    "ModelConfig": "config",
    "Preset": "presets",
    "TokenStream": "stream",
    "TrainingConfig": "config",
    "fitted_preset": "fitting",
    "generate": "generation",
    "get_preset": "presets",
    "hold_out": "stream",
    "load_language_model": "model_file",
    "perplexity": "scoring",
    "predict": "generation",
    "read_checkpoint": "checkpoint",
    "save_language_model": "model_file",
    "score_lines": "scoring",
    "train_language_model": "train",
    "words_to_model": "stream",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
