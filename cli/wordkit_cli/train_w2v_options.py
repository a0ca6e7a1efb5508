"""The settings of word2vec as options; their defaults are those of the library."""

from __future__ import annotations

from wordkit.word2vec import Word2VecConfig
from wordkit_cli.setting_options import SettingOptions

__all__ = ["SETTINGS"]

_CBOW, _SKIPGRAM = Word2VecConfig(arch="cbow"), Word2VecConfig(arch="skipgram")

SETTINGS = SettingOptions(
    (Word2VecConfig,),
    {
        "arch": "Predict a word from its context, or by it.",
        "loss": "Negative sampling, hierarchical softmax, or the full softmax.",
        "dim": "Dimensions of a vector.",
        "window": "Words on each side that are the context.",
        "dynamic_window": "Draw the length of each from 1 up.",
        "negative": "Words drawn against each word, with loss ns.",
        "ns_exponent": "Power of the frequency that they are drawn by.",
        "sample": "Words above this share are skipped at times; 0: none.",
        "min_count": "Leave out rarer words.",
        "max_vocabulary": "Keep so many words, the most frequent.",
        "epochs": "Times to go through the text.",
        "lr": "Learning rate at the start. "
        f"Default: {_SKIPGRAM.start_lr}, for cbow {_CBOW.start_lr}.",
        "min_lr": "Floor of the learning rate.",
        "cbow_gradient": "The mean's own, or C times that, as in word2vec.c.",
        "vectors": "Keep those that go in, come out, or their sum. Default: sum for cbow, else in.",
        "seed": "Of the random numbers.",
    },
    shown=(Word2VecConfig(),),
    use={
        "negative": ("loss", ("ns",)),
        "ns_exponent": ("loss", ("ns",)),
        "cbow_gradient": ("arch", ("cbow",)),
    },
)
"""All options that set a field of Word2VecConfig."""
