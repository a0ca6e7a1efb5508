"""The arguments of the training kernels: the corpus, the targets, the settings."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["HS", "NS", "SOFTMAX", "Parts", "Settings", "Targets", "Text"]

NS, HS, SOFTMAX = 0, 1, 2


class Text(NamedTuple):
    """The corpus."""

    ids: Any  # (N,) int32
    offsets: Any  # (sentences + 1,) int64
    words: Any  # (words of the corpus,) uint64: a row, and above it 32 bits of a probability


class Parts(NamedTuple):
    """The rows of the input matrix of which the vector of each word is the mean."""

    starts: Any  # (V + 1,) int64: where those of each word begin
    rows: Any  # int32


class Targets(NamedTuple):
    """The targets of a centre, for the loss at hand; empty arrays for the others."""

    noise: Any  # (V,) uint64: the alias table to draw negatives from
    starts: Any  # (V + 1,) int64: where the path of each word begins in `nodes`
    nodes: Any  # int32: the inner nodes on the paths; for the full softmax, all words
    codes: Any  # uint8: the bits of the Huffman codes


class Settings(NamedTuple):
    """Integers, so that one kernel serves all."""

    skipgram: int
    loss: int  # NS, HS or SOFTMAX
    window: int
    dynamic: int
    negative: int
    true_gradient: int
    copied: int  # rows, of the most frequent words, that a thread updates copies of
    merge_words: int  # words after which it adds them to the matrix; a multiple of 8
