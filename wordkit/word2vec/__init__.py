"""word2vec: word vectors by prediction, on the CPU or a GPU.

::

    vectors = train_word2vec(corpus, Word2VecConfig(arch="cbow")).result()
"""

from wordkit.word2vec.checkpoint import (
    Checkpoint,
    CheckpointPlan,
    is_checkpoint,
    read_checkpoint,
)
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.new_training import start_afresh, start_from_vectors
from wordkit.word2vec.resumed_training import start_from_checkpoint, start_from_model
from wordkit.word2vec.starting_point import StartingPoint
from wordkit.word2vec.train import train_word2vec

__all__ = [
    "Checkpoint",
    "CheckpointPlan",
    "StartingPoint",
    "Word2VecConfig",
    "is_checkpoint",
    "read_checkpoint",
    "start_afresh",
    "start_from_checkpoint",
    "start_from_model",
    "start_from_vectors",
    "train_word2vec",
]
