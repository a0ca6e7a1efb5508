"""Naive Bayes: the log-count ratios of words and n-grams.

N is the number of texts, R of words and n-grams, K of labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from wordkit.classification.kernels import Texts

__all__ = ["log_count_ratios"]

Floats = npt.NDArray[np.float32]


def log_count_ratios(texts: Texts, scores: Floats) -> Floats:
    """Return the log-count ratios of words and n-grams, in the spread of their scores, (R, K).

    Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification"
    (2012): of each label against all others, smoothed by 1; 0 for what is in no text.

    Args:
        texts: N texts with their labels.
        scores: of words and n-grams for each label, shape (R, K).
    """
    (R, K), N = scores.shape, len(texts.offsets) - 1
    of_text = csr_array((np.ones(len(texts.rows)), texts.rows, texts.offsets), shape=(N, R))
    labels = np.ones(len(texts.labels)), texts.labels, texts.label_offsets
    counts = (of_text.T @ csr_array(labels, shape=(N, K))).toarray()
    total = counts.sum(axis=1, keepdims=True)
    with_label, without, seen = counts + 1, total - counts + 1, total > 0
    ratios = np.log(with_label / with_label.sum(axis=0, where=seen))
    ratios = seen * (ratios - np.log(without / without.sum(axis=0, where=seen)))
    return np.asarray(ratios * (_spread(scores, total) / _spread(ratios, total)), np.float32)


def _spread(scores: npt.NDArray[Any], counts: npt.NDArray[np.float64]) -> float:
    """Return the standard deviation of a word's scores, in the mean over all words of the texts."""
    off = scores - scores.mean(axis=1, keepdims=True)
    return max(float(np.sqrt((counts * off**2).sum() / counts.sum())), 1e-9)
