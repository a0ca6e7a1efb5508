"""From one sequence to another: pairs of texts, and a network that writes the second.

::

    train, valid = hold_out(read_pairs(source), 0.1, seed=1)
    model = train_seq2seq(train, Seq2SeqConfig(attention="dot"), valid=valid).result()
    for answers in transform(model, ["september 27, 1994"]):
        print(answers[0].text)

Each name is loaded when it is first used, so that settings can be asked for without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordkit.seq2seq.checkpoint import Seq2SeqCheckpoint, read_checkpoint
    from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
    from wordkit.seq2seq.decoding import DecodingConfig
    from wordkit.seq2seq.model import Seq2SeqModel
    from wordkit.seq2seq.model_file import load_seq2seq, save_seq2seq
    from wordkit.seq2seq.pairs import Pair, hold_out, pairs_of, read_pairs
    from wordkit.seq2seq.train import train_seq2seq
    from wordkit.seq2seq.transforming import align, evaluate_pairs, transform, transform_groups

__all__ = [
    "DecodingConfig",
    "Pair",
    "Seq2SeqCheckpoint",
    "Seq2SeqConfig",
    "Seq2SeqModel",
    "Seq2SeqTrainingConfig",
    "align",
    "evaluate_pairs",
    "hold_out",
    "load_seq2seq",
    "pairs_of",
    "read_checkpoint",
    "read_pairs",
    "save_seq2seq",
    "train_seq2seq",
    "transform",
    "transform_groups",
]

_HOMES = {
    "DecodingConfig": "decoding",
    "Pair": "pairs",
    "Seq2SeqCheckpoint": "checkpoint",
    "Seq2SeqConfig": "config",
    "Seq2SeqModel": "model",
    "Seq2SeqTrainingConfig": "config",
    "align": "transforming",
    "evaluate_pairs": "transforming",
    "hold_out": "pairs",
    "load_seq2seq": "model_file",
    "pairs_of": "pairs",
    "read_checkpoint": "checkpoint",
    "read_pairs": "pairs",
    "save_seq2seq": "model_file",
    "train_seq2seq": "train",
    "transform": "transforming",
    "transform_groups": "transforming",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
