"""Sampling: drawing the next word from the probabilities of all.

V words, S sequences of a batch. It is done by NumPy in double precision, so that a seed gives the
same words on every device that computes the same probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wordkit.decoding.config import SamplingConfig

__all__ = ["draw", "highest", "nucleus"]

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]


def draw(log_p: Floats, generators: Sequence[np.random.Generator], config: SamplingConfig) -> Ids:
    """Return a word for each sequence, drawn by its probability.

    Args:
        log_p: log p of every word, shape (S, V); −∞ for those that must not come.
        generators: of the random numbers, one for each sequence.
        config: temperature, then top-k, then top-p.

    Returns:
        The ids, shape (S,).
    """
    drawn = []
    for row, generator in zip(log_p, generators, strict=True):
        ids, p = nucleus(row, config)
        sums = np.cumsum(p)
        last = np.searchsorted(sums, sums[-1])  # the last whose probability is above 0
        index = np.searchsorted(sums, generator.random() * sums[-1], side="right")
        drawn.append(ids[min(index, last)])
    return np.array(drawn, dtype=np.int64)


def nucleus(log_p: Floats, config: SamplingConfig) -> tuple[Ids, Floats]:
    """Return the words that :func:`draw` chooses from, and their probabilities; the sum is 1.

    Args:
        log_p: shape (V,); one word at least is not −∞.
        config: as for :func:`draw`.
    """
    ids = np.arange(len(log_p)) if config.top_k is None else highest(log_p, config.top_k)
    candidates = log_p if config.top_k is None else log_p[ids]
    with np.errstate(over="ignore"):  # at temperatures near 0: what is below the best goes to −∞
        p = np.exp((candidates - candidates.max()) / config.temperature)
    p /= p.sum()
    if config.top_p is not None and config.top_p < 1:
        order = np.argsort(-p, kind="stable")
        enough = int(np.searchsorted(np.cumsum(p[order]), config.top_p)) + 1
        order = order[:enough]
        ids, p = ids[order], p[order] / p[order].sum()
    return ids, p


def highest(values: Floats, count: int) -> Ids:
    """Return the indices of the highest values, unordered; of equal ones the first, never −∞."""
    finite: Ids = np.flatnonzero(values > -np.inf)
    if count >= len(finite):
        return finite
    scores = values[finite]
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    above, level = np.flatnonzero(scores > edge), np.flatnonzero(scores == edge)
    kept: Ids = finite[np.concatenate([above, level[: count - len(above)]])]
    return kept
