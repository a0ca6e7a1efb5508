"""Word vectors from counts: co-occurrence, PPMI and truncated SVD, or GloVe.

:func:`iter_train_counts` does the first three; each step is also a function of its own::

    counts = iter_count_cooccurrences(corpus, CooccurrenceConfig(window=2)).result()
    U, s, Vt = iter_truncated_svd(ppmi(counts), 100).result()

:func:`iter_train_glove` learns vectors from the same counts.
"""

from wordkit.counts.config import CooccurrenceConfig, CountsConfig, GloveConfig
from wordkit.counts.cooccurrence import iter_count_cooccurrences
from wordkit.counts.glove import iter_train_glove
from wordkit.counts.glove_checkpoint import GloveCheckpoint, begin_glove, read_glove_checkpoint
from wordkit.counts.ppmi import ppmi
from wordkit.counts.svd import SingularTriplets, iter_truncated_svd
from wordkit.counts.train import iter_train_counts

__all__ = [
    "CooccurrenceConfig",
    "CountsConfig",
    "GloveCheckpoint",
    "GloveConfig",
    "SingularTriplets",
    "begin_glove",
    "iter_count_cooccurrences",
    "iter_train_counts",
    "iter_train_glove",
    "iter_truncated_svd",
    "ppmi",
    "read_glove_checkpoint",
]
