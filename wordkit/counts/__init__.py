"""Word vectors by counting: co-occurrence, PPMI, truncated SVD.

:func:`iter_train_counts` does it all; each step is also a function of its own::

    counts = iter_count_cooccurrences(corpus, CooccurrenceConfig(window=2)).result()
    U, s, Vt = iter_truncated_svd(ppmi(counts), 100).result()
"""

from wordkit.counts.config import CooccurrenceConfig, CountsConfig
from wordkit.counts.cooccurrence import iter_count_cooccurrences
from wordkit.counts.ppmi import ppmi
from wordkit.counts.svd import SingularTriplets, iter_truncated_svd
from wordkit.counts.train import iter_train_counts

__all__ = [
    "CooccurrenceConfig",
    "CountsConfig",
    "SingularTriplets",
    "iter_count_cooccurrences",
    "iter_train_counts",
    "iter_truncated_svd",
    "ppmi",
]
