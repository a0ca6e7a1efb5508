"""Beam search: a probable continuation, found by following several at a time.

V words, B texts that are followed (hypotheses).
"""

from __future__ import annotations

import numpy as np

from wordkit.lm.inference import Continuation, Ids
from wordkit.lm.sampling import Floats, highest

__all__ = ["beam_search"]


def beam_search(start: Continuation, words: int, beam: int, banned: Ids) -> list[int]:
    """The most probable of the continuations that were followed.

    At each word the ``beam`` most probable texts go on. The greedy text, which always takes the
    most probable word, is among them whatever happens, so that the result is never less probable
    than that one (plain beam search can lose it). All texts are of the same length, as a line end
    is a word like others, so their probabilities compare as they are.

    Args:
        start: what the model has read, one track; used up.
        words: how many to find.
        beam: B, at least 1.
        banned: ids that must not come.

    Returns:
        The ids.
    """
    scores = np.zeros(1)  # log p of each hypothesis; the greedy one comes first
    parents: list[Ids] = []
    chosen: list[Ids] = []
    for left in range(words, 0, -1):
        start.log_p[:, banned] = -np.inf
        totals = scores[:, None] + start.log_p  # (B, V)
        V = totals.shape[1]
        flat = _survivors(totals, beam, greedy=int(start.log_p[0].argmax()))
        scores = totals.reshape(-1)[flat]
        parents.append(flat // V)
        chosen.append(flat % V)
        if left > 1:
            start.take(parents[-1])
            start.read(chosen[-1][None, :])
    return _traced(parents, chosen, int(scores.argmax()))


def _survivors(totals: Floats, beam: int, *, greedy: int) -> Ids:
    """The places of the hypotheses that go on, in the flat table: first the greedy one.

    Args:
        totals: log p of each hypothesis with each word behind it, shape (B, V).
        beam: how many go on, where there are so many.
        greedy: the word that the greedy one, the first, goes on with.
    """
    best = highest(totals.reshape(-1), beam)
    others = best[best != greedy]
    if len(others) == len(best):  # the greedy one is not among the best: the last of them gives way
        others = np.delete(others, totals.reshape(-1)[others].argmin())
    return np.concatenate([[greedy], others])


def _traced(parents: list[Ids], chosen: list[Ids], place: int) -> list[int]:
    """The words of the hypothesis that ends at a place, first to last."""
    words = []
    for parent, word in zip(reversed(parents), reversed(chosen), strict=True):
        words.append(int(word[place]))
        place = int(parent[place])
    return words[::-1]
