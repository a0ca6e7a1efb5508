"""The settings of a language model as options; their defaults are those of the preset."""

from __future__ import annotations

from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit_cli.setting_options import LEARNING, LEARNING_USE, SettingOptions, Use

__all__ = ["SETTINGS"]

_MODEL = {
    "cell": "The recurrent cell.",
    "activation": "Of the cell rnn.",
    "hidden": "Width of a recurrent layer.",
    "layers": "Recurrent layers.",
    "last_hidden": "Width of the last layer. Default: --hidden.",
    "dim": "Dimensions of a word's vector. Default: the width of the last layer.",
    "tied": "One matrix for words that go in and that come out.",
    "residual": "Add what goes into a layer to what comes out.",
    "dropout": "Share dropped before, between and behind the layers.",
    "input_dropout": "Before the first layer. Default: --dropout.",
    "between_dropout": "Between layers. Default: --dropout.",
    "output_dropout": "Behind the last layer. Default: --dropout.",
    "locked_dropout": "One mask for all steps of a window.",
    "word_dropout": "Share of the words dropped for a window.",
    "weight_drop": "Share of the recurrent weights dropped for a window.",
    "start_weights": "How weights are drawn.",
    "start_scale": "Range of uniform weights.",
    "orthogonal": "Start with orthogonal recurrent matrices.",
    "forget_bias": "Bias of the forget gates at the start.",
    "unigram_bias": "Start the output bias with the words' frequencies.",
}
_TRAINING = {
    "batch": "Tracks of text side by side.",
    "steps": "Steps that gradients go back through.",
    "vary_steps": "Draw the length of each window.",
    **LEARNING,
    "max_minutes": "Minutes that the training may take; schedule and default model fit them.",
    "softmax": "Train on all words, on samples with an exact end, or in clusters.",
    "samples": "Words drawn for each window with sampled.",
    "exact_share": "Share at the end that is exact with sampled.",
    "activation_penalty": "Times the mean square of what comes out of the last layer.",
    "temporal_penalty": "Times the mean square of its change from step to step.",
    "freeze_embeddings": "Leave the word vectors as they start (tied ones altogether).",
    "min_count": "Rarer words become <unk>. Default: 2, or 1 where the text has <unk>.",
    "max_vocabulary": "Keep so many words, the most frequent.",
}

_USE: Use = {
    "samples": ("softmax", ("auto", "sampled")),
    "exact_share": ("softmax", ("auto", "sampled")),
}

SETTINGS = SettingOptions(
    (ModelConfig, TrainingConfig), {**_MODEL, **_TRAINING}, use={**LEARNING_USE, **_USE}
)
"""All options that set a field of ModelConfig or TrainingConfig."""
