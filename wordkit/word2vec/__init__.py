"""word2vec: word vectors by prediction, on the CPU or a GPU.

::

    vectors = iter_train_word2vec(corpus, Word2VecConfig(arch="cbow")).result()
"""

from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.word2vec.beginning import Beginning, begin_training
from wordkit.word2vec.checkpoint import (
    Checkpoint,
    is_checkpoint,
    read_checkpoint,
    start_from_checkpoint,
)
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.start import (
    start_afresh,
    start_from_model,
    start_from_vectors,
    trained_config,
)
from wordkit.word2vec.state import TrainingState
from wordkit.word2vec.train import iter_train_word2vec

__all__ = [
    "Beginning",
    "Checkpoint",
    "CheckpointPlan",
    "TrainingState",
    "Word2VecConfig",
    "begin_training",
    "is_checkpoint",
    "iter_train_word2vec",
    "read_checkpoint",
    "start_afresh",
    "start_from_checkpoint",
    "start_from_model",
    "start_from_vectors",
    "trained_config",
]
