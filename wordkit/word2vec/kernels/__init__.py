"""The compiled loops of word2vec on the CPU."""

from wordkit.word2vec.kernels.training import (
    HS,
    NS,
    SOFTMAX,
    Settings,
    Targets,
    Text,
    mixed,
    train_chunk,
)

__all__ = ["HS", "NS", "SOFTMAX", "Settings", "Targets", "Text", "mixed", "train_chunk"]
