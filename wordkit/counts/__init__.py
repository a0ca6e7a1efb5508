"""Word vectors by counting: co-occurrence, PPMI, truncated SVD.

:func:`train_counts` does it all; each step is also a function of its own::

    counts = count_cooccurrences(corpus, CooccurrenceConfig(window=2)).result()
    U, s, Vt = truncated_svd(ppmi(counts), 100).result()
"""

from wordkit.counts.config import CooccurrenceConfig, CountsConfig
from wordkit.counts.cooccurrence import count_cooccurrences
from wordkit.counts.ppmi import ppmi
from wordkit.counts.svd import SingularTriplets, truncated_svd
from wordkit.counts.train import train_counts

__all__ = [
    "CooccurrenceConfig",
    "CountsConfig",
    "SingularTriplets",
    "count_cooccurrences",
    "ppmi",
    "train_counts",
    "truncated_svd",
]
