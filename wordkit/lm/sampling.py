"""Choosing the next word from the probabilities of all.

V words, S texts side by side. It is all done by NumPy in double precision, so that a seed gives the
same words on every device that computes the same probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["draw", "highest", "nucleus"]

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]


def draw(
    log_p: Floats,
    generators: Sequence[np.random.Generator],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Ids:
    """A word for each text, drawn by its probability.

    Args:
        log_p: log p of every word, shape (S, V); −∞ for those that must not come.
        generators: of the random numbers, one for each text.
        temperature: what the logarithms are divided by, above 0: below 1 the probable words
            become more so, above 1 less.
        top_k: draw from so many of the most probable words only (Fan, Lewis and Dauphin 2018).
        top_p: draw from the fewest words that have this share of the probability together
            (Holtzman et al. 2020), after temperature and ``top_k``.

    Returns:
        The ids, shape (S,).
    """
    drawn = []
    for row, generator in zip(log_p, generators, strict=True):
        ids, p = nucleus(row, temperature=temperature, top_k=top_k, top_p=top_p)
        sums = np.cumsum(p)
        place = np.searchsorted(sums, generator.random() * sums[-1], side="right")
        drawn.append(ids[min(int(place), len(ids) - 1)])
    return np.array(drawn, dtype=np.int64)


def nucleus(
    log_p: Floats,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> tuple[Ids, Floats]:
    """The words that :func:`draw` chooses from, and their probabilities, which add up to 1.

    Args:
        log_p: shape (V,); one word at least is not −∞.
        temperature, top_k, top_p: as for :func:`draw`.
    """
    ids = highest(log_p, len(log_p) if top_k is None else top_k)
    with np.errstate(over="ignore"):  # at temperatures near 0: what is below the best goes to −∞
        p = np.exp((log_p[ids] - log_p[ids].max()) / temperature)
    p /= p.sum()
    if top_p is not None and top_p < 1:
        order = np.argsort(-p, kind="stable")
        enough = int(np.searchsorted(np.cumsum(p[order]), top_p)) + 1
        order = order[:enough]
        ids, p = ids[order], p[order] / p[order].sum()
    return ids, p


def highest(values: Floats, count: int) -> Ids:
    """The places of the highest values, in no order; of equal ones the first, and never −∞."""
    there: Ids = np.flatnonzero(values > -np.inf)
    if count >= len(there):
        return there
    found = values[there]
    edge = np.partition(found, len(found) - count)[len(found) - count]
    above, level = np.flatnonzero(found > edge), np.flatnonzero(found == edge)
    kept: Ids = there[np.concatenate([above, level[: count - len(above)]])]
    return kept
