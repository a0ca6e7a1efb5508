"""The settings of a sequence to sequence model as options."""

from __future__ import annotations

from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit_cli.setting_options import LEARNING, LEARNING_USE, SettingOptions

__all__ = ["SETTINGS"]

_MODEL = {
    "unit": "What texts are cut into: letters, or words between spaces.",
    "attention": "How the decoder looks back at the source.",
    "context_to": "Where what it saw goes: to the output, or to the next step's input.",
    "attention_width": "Width of additive attention. Default: that of the decoder.",
    "peeky": "Show the encoder's last state to every step of the decoder.",
    "reverse": "Read the source from its end.",
    "directions": "Read the source one way, or both ways and join the states.",
    "cell": "The recurrent cell.",
    "activation": "Of the cell rnn.",
    "hidden": "Width of a recurrent layer in one direction.",
    "layers": "Recurrent layers of the encoder, and of the decoder.",
    "dim": "Dimensions of the vector of a letter or word.",
    "tied": "One matrix for what the decoder reads and writes.",
    "residual": "Add what goes into a layer to what comes out.",
    "dropout": "Share dropped before, between and behind the layers.",
    "start_weights": "How weights are drawn.",
    "start_scale": "Range of uniform weights.",
    "orthogonal": "Start with orthogonal recurrent matrices.",
    "forget_bias": "Bias of the forget gates at the start.",
}
_TRAINING = {
    "batch": "Pairs side by side.",
    **LEARNING,
    "epochs": "Times to go through the pairs.",
    "teacher_forcing": "Share of the decoder's steps that are given the true target so far.",
    "bucket": "Batches that are sorted by length together; 1: none.",
    "min_count": "Rarer letters or words become <unk>.",
    "max_vocabulary": "Keep so many on each side, the most frequent.",
}

SETTINGS = SettingOptions(
    (Seq2SeqConfig, Seq2SeqTrainingConfig),
    {**_MODEL, **_TRAINING},
    shown=(Seq2SeqConfig(), Seq2SeqTrainingConfig()),
    use=LEARNING_USE,
)
"""All options that set a field of Seq2SeqConfig or Seq2SeqTrainingConfig."""
