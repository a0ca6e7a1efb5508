"""The compiled loops of the classifier: n-grams of texts, training, means of vectors.

N is the number of texts, R of rows of the matrix of vectors, K of labels, O of rows of the output
matrix (K, or K − 1 nodes of a Huffman tree), D of dimensions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wordkit.kernels.jit import njit
from wordkit.word2vec.kernels.random import mixed
from wordkit.word2vec.kernels.rows import aligned, prefetch, row_address
from wordkit.word2vec.kernels.tiles import add_to_rows, mean_of_rows

__all__ = ["HS", "OVA", "SOFTMAX", "Outputs", "Texts", "means", "text_rows", "train", "word_hashes"]

SOFTMAX, OVA, HS = 0, 1, 2

_BASIS, _PRIME = np.uint32(2166136261), np.uint32(16777619)  # of FNV-1a
_NGRAM_PRIME = np.uint64(116049371)  # of fastText's hash of word n-grams
_MAX_EXPONENT = 60.0  # so that no power leaves the range of float32


@njit(nogil=True, cache=True)
def word_hashes(blob: Any, begins: Any, ends: Any, hashes: Any) -> None:
    """Hash words as fastText does: FNV-1a of their bytes, those from 128 up with their sign.

    Args:
        blob: uint8, the UTF-8 of all words.
        begins, ends: of each word in it.
        hashes: int32, set.
    """
    for w in range(len(begins)):
        h = _BASIS
        for i in range(begins[w], ends[w]):
            h = (h ^ np.uint32(np.int32(np.int8(blob[i])))) * _PRIME
        hashes[w] = np.int32(h)


class Words(NamedTuple):
    """The rows and hashes of the W words of a table."""

    rows: Any  # (W,) int32: its row; −1: unknown
    hashes: Any  # (W,) int32
    buckets: Any  # int32: the buckets of the character n-grams of all words
    offsets: Any  # (W + 1,) int64: where those of each word begin


@njit(nogil=True, cache=True)
def text_rows(
    ids: Any, offsets: Any, words: Words, ngrams: int, lookup: Any, buckets: int, ends: Any,
    first: int, rows: Any, row_offsets: Any,
) -> None:  # fmt: skip
    """Write the rows of texts: of their words, of the character n-grams of these, of word n-grams.

    A text begins with the word ``ends[0]`` and ends with ``ends[1]``, which are in its n-grams;
    the latter alone counts as a word.

    Args:
        ids, offsets: the words of N texts, by their numbers in the table.
        words: the table.
        ngrams: words of the longest n-grams.
        lookup: the row of each bucket, −1 for none; where empty, the bucket itself.
        buckets: their number.
        ends: int64: the words that stand for the beginning and the end.
        first: the row of the first bucket.
        rows: int64 or int32, as many as there may be; set.
        row_offsets: shape (N + 1,), set.
    """
    n = 0
    modulus = np.uint64(buckets)
    for t in range(len(offsets) - 1):
        row_offsets[t] = n
        length = offsets[t + 1] - offsets[t] + 2
        for i in range(length):
            if i == 0:
                word = ends[0]
            elif i == length - 1:
                word = ends[1]
            else:
                word = np.int64(ids[offsets[t] + i - 1])
            if i > 0:
                if words.rows[word] >= 0:
                    rows[n] = words.rows[word]
                    n += 1
                for j in range(words.offsets[word], words.offsets[word + 1]):
                    n = _add(rows, n, lookup, words.buckets[j], first)
            h = np.uint64(np.int64(words.hashes[word]))
            for j in range(i + 1, min(i + ngrams, length)):
                other = ends[1]
                if j < length - 1:
                    other = np.int64(ids[offsets[t] + j - 1])
                h = h * _NGRAM_PRIME + np.uint64(np.int64(words.hashes[other]))
                n = _add(rows, n, lookup, np.int64(h % modulus), first)
    row_offsets[len(offsets) - 1] = n


@njit(nogil=True, cache=True)
def _add(rows: Any, n: int, lookup: Any, bucket: Any, first: int) -> int:
    if len(lookup) == 0:
        rows[n] = first + bucket
        return n + 1
    if lookup[bucket] >= 0:
        rows[n] = first + lookup[bucket]
        return n + 1
    return n


class Texts(NamedTuple):
    """Texts to learn from."""

    rows: Any  # int32: the rows of all texts
    offsets: Any  # (N + 1,) int64
    labels: Any  # int32: the labels of all texts
    label_offsets: Any  # (N + 1,) int64
    rates: Any  # (R,) float32: of the learning rate, for each row of the vectors


class Outputs(NamedTuple):
    """The output layer."""

    loss: int  # SOFTMAX, OVA or HS
    weights: Any  # (K,) float32: of each label
    starts: Any  # (K + 1,) int64: where the path of each label begins in `nodes`
    nodes: Any  # int32: the inner nodes on the paths
    codes: Any  # uint8: the bits of the Huffman codes


@njit(nogil=True, fastmath=True, error_model="numpy", cache=True)
def train(
    texts: Texts, order: Any, start: int, stop: int, outputs: Outputs, inputs: Any, output: Any,
    start_lr: float, stop_lr: float, dropout: float, counter: np.uint64,
) -> float:  # fmt: skip
    """Take a step of gradient descent for each of some texts; return the sum of their losses.

    Args:
        texts: see :class:`Texts`.
        order: int64, the order of the texts.
        start, stop: the part of it to train on.
        outputs: see :class:`Outputs`.
        inputs: (R, D) float32, changed; D is a multiple of 16.
        output: (O, D) float32, changed.
        start_lr, stop_lr: the learning rates at the ends.
        dropout: probability that a row is left out.
        counter: the random counter begins here.
    """
    D, count = output.shape[1], output.shape[0]
    both = aligned(2, D)
    hidden, change, gradients = both[0], both[1], np.empty(count, np.float32)
    kept, rows = np.empty(64, np.int32), np.empty(64, np.int64)
    limit = np.uint64(dropout * 2.0**32)
    loss = 0.0
    for place in range(start, stop):
        t, later = order[place], order[min(place + 1, stop - 1)]
        begin, end = texts.offsets[t], texts.offsets[t + 1]
        for i in range(texts.offsets[later], texts.offsets[later + 1]):
            prefetch(row_address(inputs, texts.rows[i]), D)
        if end - begin > len(kept):
            kept = np.empty(2 * (end - begin), np.int32)
            rows = np.empty(2 * (end - begin), np.int64)
        n: Any = 0
        for i in range(begin, end):
            kept[n] = texts.rows[i]
            if limit > 0:
                counter += np.uint64(1)
                n += np.int64((mixed(counter) >> np.uint64(32)) >= limit)
            else:
                n += 1
        if n == 0:
            continue
        for i in range(n):
            rows[i] = row_address(inputs, kept[i])
        mean_of_rows(rows, n, both)  # into the first: hidden
        for d in range(D):
            change[d] = 0
        lr = np.float32(start_lr + (stop_lr - start_lr) * (place - start) / (stop - start))
        a, b = texts.label_offsets[t], texts.label_offsets[t + 1]
        if outputs.loss == HS:
            for k in range(a, b):
                label = texts.labels[k]
                rate = lr * outputs.weights[label] / np.float32(b - a)
                for j in range(outputs.starts[label], outputs.starts[label + 1]):
                    target = np.float32(1 - outputs.codes[j])
                    loss += _logistic_step(
                        hidden, output[outputs.nodes[j]], target, rate, change
                    ) / (b - a)
        elif outputs.loss == OVA:
            for k in range(count):
                target = np.float32(0)
                for j in range(a, b):
                    if texts.labels[j] == k:
                        target = np.float32(1)
                loss += _logistic_step(hidden, output[k], target, lr * outputs.weights[k], change)
        else:
            loss += _softmax_step(
                hidden, output, texts.labels, a, b, outputs.weights, lr, gradients, change
            )
        scale = np.float32(1.0 / n)
        for i in range(n):
            add_to_rows(rows, i, 1, both, 1, scale * texts.rates[kept[i]])
    return loss


@njit(nogil=True, fastmath=True, error_model="numpy", cache=True)
def _logistic_step(hidden: Any, row: Any, target: Any, rate: Any, change: Any) -> Any:
    """Take a step for one binary output; return its loss."""
    z = np.float32(0)
    for d in range(len(hidden)):
        z += hidden[d] * row[d]
    z = min(max(z, np.float32(-_MAX_EXPONENT)), np.float32(_MAX_EXPONENT))
    p = np.float32(1) / (np.float32(1) + np.exp(-z))
    g = rate * (target - p)
    for d in range(len(hidden)):
        change[d] += g * row[d]
        row[d] += g * hidden[d]
    return np.log1p(np.exp(-z)) + (1 - target) * z


@njit(nogil=True, fastmath=True, error_model="numpy", cache=True)
def _softmax_step(
    hidden: Any, output: Any, labels: Any, a: int, b: int, weights: Any, lr: Any, gradients: Any,
    change: Any,
) -> Any:  # fmt: skip
    """Take a step for the softmax, whose target is uniform over the labels of a text."""
    K, D = output.shape
    largest = np.float32(-np.inf)
    for k in range(K):
        z = np.float32(0)
        for d in range(D):
            z += hidden[d] * output[k, d]
        gradients[k] = z
        largest = max(largest, z)
    total, weight, loss = np.float32(0), np.float32(0), np.float32(0)
    target = np.float32(1) / np.float32(b - a)
    for j in range(a, b):
        loss -= target * (gradients[labels[j]] - largest)
        weight += target * weights[labels[j]]
    for k in range(K):
        gradients[k] = np.exp(gradients[k] - largest)
        total += gradients[k]
    loss += np.log(total)
    for k in range(K):
        gradients[k] = -gradients[k] / total
    for j in range(a, b):
        gradients[labels[j]] += target
    for k in range(K):
        g = lr * weight * gradients[k]
        for d in range(D):
            change[d] += g * output[k, d]
            output[k, d] += g * hidden[d]
    return loss


@njit(nogil=True, fastmath=True, error_model="numpy", cache=True)
def means(rows: Any, offsets: Any, inputs: Any, out: Any) -> None:
    """Compute the mean of the rows of each text; zeros where it has none.

    Args:
        rows, offsets: the rows of N texts.
        inputs: (R, D) float32.
        out: (N, D) float32, set.
    """
    D = inputs.shape[1]
    for t in range(len(offsets) - 1):
        for d in range(D):
            out[t, d] = 0
        for i in range(offsets[t], offsets[t + 1]):
            row = rows[i]
            for d in range(D):
                out[t, d] += inputs[row, d]
        count = offsets[t + 1] - offsets[t]
        if count:
            scale = np.float32(1.0 / count)
            for d in range(D):
                out[t, d] *= scale
