"""Sequence-to-sequence models: pairs of texts, and a network that writes the second.

::

    train, valid = split_pairs(read_pairs(source), 0.1, seed=1)
    model = iter_train_seq2seq(train, Seq2SeqConfig(attention="dot"), valid=valid).result()
    for answers in transform(model, ["september 27, 1994"]):
        print(answers[0].text)

Each name is loaded when it is first used, so that settings can be asked for without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordkit.seq2seq.autoencoder import (
        decode_vectors,
        encode_texts,
        interpolate,
        sample_texts,
    )
    from wordkit.seq2seq.config import DecodingConfig, Seq2SeqConfig, Seq2SeqTrainingConfig
    from wordkit.seq2seq.evaluation import iter_evaluate_pairs
    from wordkit.seq2seq.fitting import fit_preset
    from wordkit.seq2seq.model import Seq2SeqModel, load_seq2seq, save_seq2seq
    from wordkit.seq2seq.pairs import Pair, read_pairs, read_texts, split_pairs
    from wordkit.seq2seq.presets import PRESETS, Preset, get_preset
    from wordkit.seq2seq.training import Seq2SeqCheckpoint, iter_train_seq2seq, read_checkpoint
    from wordkit.seq2seq.transformation import align, transform, transform_groups

_MODULES = {
    "autoencoder": ("decode_vectors", "encode_texts", "interpolate", "sample_texts"),
    "config": ("DecodingConfig", "Seq2SeqConfig", "Seq2SeqTrainingConfig"),
    "evaluation": ("iter_evaluate_pairs",),
    "fitting": ("fit_preset",),
    "model": ("Seq2SeqModel", "load_seq2seq", "save_seq2seq"),
    "pairs": ("Pair", "read_pairs", "read_texts", "split_pairs"),
    "presets": ("PRESETS", "Preset", "get_preset"),
    "training": ("Seq2SeqCheckpoint", "iter_train_seq2seq", "read_checkpoint"),
    "transformation": ("align", "transform", "transform_groups"),
}

__all__ = [
    "PRESETS", "DecodingConfig", "Pair", "Preset", "Seq2SeqCheckpoint", "Seq2SeqConfig",
    "Seq2SeqModel", "Seq2SeqTrainingConfig", "align", "decode_vectors", "encode_texts",
    "fit_preset", "get_preset", "interpolate", "iter_evaluate_pairs", "iter_train_seq2seq",
    "load_seq2seq", "read_checkpoint", "read_pairs", "read_texts", "sample_texts",
    "save_seq2seq", "split_pairs", "transform", "transform_groups",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
