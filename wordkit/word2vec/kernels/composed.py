"""Input vectors that are means of several rows, of the words near the centre.

A word's vector is composed when it comes near, is updated where it lies by all steps of its window,
and its whole change is added to each of its rows when it goes: then their mean has changed by as
much, as in fastText. So the rows of a word are read and written once for all steps of a window, and
what a step does with a word is what it does with a single row.

S is the stride of a row, P the number of positions that can be near, and of slots.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wordkit.kernels.jit import njit
from wordkit.word2vec.kernels.arguments import Parts
from wordkit.word2vec.kernels.rows import Matrix, address, aligned, prefetch, row_address
from wordkit.word2vec.kernels.tiles import add_to_rows, mean_of_rows

__all__ = ["Composed", "composed_vectors", "enter", "input_row", "leave", "prefetch_parts"]

_OWN_ROW = -1  # in the place of a slot: the word has one row, which is used itself
_FIRST: Any = np.int64(0)


class Composed(NamedTuple):
    """The vectors of the words near the centre, each once."""

    starts: Any  # see Parts
    rows: Any
    vectors: Any  # (P, S) float32
    changes: Any  # (P, S) float32: the vectors as they were composed, then their changes
    words: Any  # (P,) int32: the word of each slot
    uses: Any  # (P,) int64: positions of that word; 0: the slot is free
    slots: Any  # (P,) int64: the slot of each position, modulo P
    addresses: Any  # int64: the rows of a word


@njit(nogil=True, cache=True)
def composed_vectors(parts: Parts | None, inputs: Matrix, positions: int) -> Composed | None:
    """Return the buffers for as many positions at a time; None where words have one row each."""
    if parts is None:
        return None
    most = 0
    for word in range(len(parts.starts) - 1):
        most = max(most, parts.starts[word + 1] - parts.starts[word])
    P, S = positions, inputs.rows.shape[1]
    return Composed(
        parts.starts,
        parts.rows,
        aligned(P, S),
        aligned(P, S),
        np.zeros(P, dtype=np.int32),
        np.zeros(P, dtype=np.int64),
        np.zeros(P, dtype=np.int64),
        np.zeros(most, dtype=np.int64),
    )


@njit(nogil=True, fastmath=True, cache=True, _nrt=False)
def input_row(composed: Composed, inputs: Matrix, position: int, word: int) -> Any:
    """Return the address of the input vector of the word at a position near the centre."""
    slot = composed.slots[position % len(composed.slots)]
    return address(inputs, word) if slot == _OWN_ROW else row_address(composed.vectors, slot)


@njit(nogil=True, fastmath=True, cache=True, _nrt=False)
def enter(composed: Composed, inputs: Matrix, position: int, word: int) -> None:
    """Compose the vector of the word at a position, unless it is near already."""
    place = position % len(composed.slots)
    count = composed.starts[word + 1] - composed.starts[word]
    if count == 1:
        composed.slots[place] = _OWN_ROW
        return
    slot = _FIRST
    for s in range(len(composed.uses)):
        if composed.uses[s] == 0:
            slot = s
        elif composed.words[s] == word:
            composed.uses[s] += 1
            composed.slots[place] = s
            return
    composed.words[slot], composed.uses[slot], composed.slots[place] = word, 1, slot
    _find_rows(composed, inputs, word)
    mean_of_rows(composed.addresses, count, composed.vectors[slot : slot + 1])
    for d in range(composed.vectors.shape[1]):
        composed.changes[slot, d] = composed.vectors[slot, d]


@njit(nogil=True, fastmath=True, cache=True, _nrt=False)
def leave(composed: Composed, inputs: Matrix, position: int) -> None:
    """Add the change of the word at a position to its rows, unless it is still near elsewhere."""
    slot = composed.slots[position % len(composed.slots)]
    if slot == _OWN_ROW:
        return
    composed.uses[slot] -= 1
    if composed.uses[slot] > 0:
        return
    for d in range(composed.vectors.shape[1]):
        composed.changes[slot, d] = composed.vectors[slot, d] - composed.changes[slot, d]
    word = composed.words[slot]
    _find_rows(composed, inputs, word)
    count = composed.starts[word + 1] - composed.starts[word]
    add_to_rows(composed.addresses, _FIRST, count, composed.changes, slot, np.float32(1))


@njit(nogil=True, fastmath=True, cache=True, _nrt=False)
def prefetch_parts(composed: Composed, inputs: Matrix, word: int) -> None:
    """Prefetch the rows of a word."""
    for i in range(composed.starts[word], composed.starts[word + 1]):
        prefetch(address(inputs, composed.rows[i]), inputs.rows.shape[1])


@njit(nogil=True, fastmath=True, cache=True, _nrt=False)
def _find_rows(composed: Composed, inputs: Matrix, word: int) -> None:
    first = composed.starts[word]
    for i in range(first, composed.starts[word + 1]):
        composed.addresses[i - first] = address(inputs, composed.rows[i])
