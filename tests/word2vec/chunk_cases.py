"""Chunks to train on, for the kernels and for their twin, which must agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import twin

from wordkit.word2vec.cpu import in_blocks
from wordkit.word2vec.huffman import huffman_tree
from wordkit.word2vec.kernels import cbow, training
from wordkit.word2vec.kernels.arguments import HS, NS, SOFTMAX, Parts, Settings, Targets, Text
from wordkit.word2vec.sampling import alias_table, noise_probabilities
from wordkit.word2vec.weights import Weights

Sentences = Sequence[Sequence[int]]

ALWAYS = 2**32 - 1
"""The chance, in parts of 2³², of a word that is never skipped."""

LOSSES = {"ns": NS, "hs": HS, "softmax": SOFTMAX}

MODELS = [
    (arch, gradient, loss)
    for arch, gradient in (("cbow", "true"), ("cbow", "word2vec"), ("skipgram", "true"))
    for loss in LOSSES
]
"""Every architecture with every gradient and loss."""

TOLERANCE = 3e-5
"""What float32 may differ by after some hundred steps, in weights of about 1 and in mean losses."""


@dataclass
class Case:
    """A chunk of a text, and how to train on it."""

    sentences: Sentences
    words: int = 11
    """V."""

    dim: int = 10
    arch: str = "skipgram"
    gradient: str = "true"
    loss: str = "ns"
    window: int = 5
    negative: int = 5
    dynamic: bool = True
    chances: Sequence[int] = ()
    """For each word how likely it is to be kept, in parts of 2³²; empty: always."""

    part: tuple[int, int | None] = (0, None)
    """The tokens from and up to which to train."""

    rates: tuple[float, float] = (0.05, 0.02)
    seed: int = 1
    counts: Sequence[int] = ()
    """By which negatives are drawn and the tree is built; empty: as in Zipf's law."""

    copied: int = 0
    """Rows that the thread updates copies of, and merges every 16 words."""

    ngrams: Sequence[Sequence[int]] = ()
    """For each word the rows after those of all words that are its n-grams'; empty: none."""

    weights: Weights = field(init=False)
    """What is trained."""

    def __post_init__(self) -> None:
        rows = self.words - 1 if self.loss == "hs" else self.words
        inputs = self.words + 1 + max((row for some in self.ngrams for row in some), default=-1)
        self.weights = Weights.zeros(inputs, rows, self.dim)
        random = np.random.default_rng(3)
        for matrix in (self.weights.input, self.weights.output):
            matrix[:] = random.normal(size=matrix.shape) / self.dim**0.25

    def run(self) -> tuple[float, int]:
        """Train with the kernels: the loss and the predictions."""
        arguments = self.arguments()
        kernels = cbow if in_blocks(arguments[-1]) else training
        return kernels.train_chunk(
            *arguments, self.weights.padded_input, self.weights.padded_output, *self._rest()
        )

    def run_twin(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any], float, int]:
        """Train a copy with the twin: its inputs and outputs, the loss and the predictions."""
        inputs = self.weights.input.astype(np.float64)
        outputs = self.weights.output.astype(np.float64)
        loss, predictions = twin.train_chunk(*self.arguments(), inputs, outputs, *self._rest())
        return inputs, outputs, loss, predictions

    def arguments(self) -> tuple[Text, int, int, Targets, Settings]:
        ids = np.array([word for line in self.sentences for word in line], dtype=np.int32)
        offsets = np.cumsum([0, *map(len, self.sentences)], dtype=np.int64)
        ids.flags.writeable = offsets.flags.writeable = False  # as those of a corpus are
        chances = np.array(list(self.chances) or [ALWAYS] * self.words, dtype=np.uint64)
        entries = chances << np.uint64(32) | np.arange(self.words, dtype=np.uint64)
        settings = Settings(
            skipgram=int(self.arch == "skipgram"),
            loss=LOSSES[self.loss],
            window=self.window,
            dynamic=int(self.dynamic),
            negative=self.negative,
            true_gradient=int(self.gradient == "true"),
            copied=self.copied,
            merge_words=16,
        )
        start, stop = self.part
        stop = len(ids) if stop is None else stop
        return Text(ids, offsets, entries), start, stop, self._targets(), settings

    def _parts(self) -> Parts | None:
        if not self.ngrams:
            return None
        rows = [[w, *(self.words + row for row in some)] for w, some in enumerate(self.ngrams)]
        starts = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return Parts(starts, np.array([row for some in rows for row in some], dtype=np.int32))

    def _rest(self) -> tuple[float, float, np.uint64, Parts | None]:
        return *self.rates, np.uint64(self.seed), self._parts()

    def _targets(self) -> Targets:
        noise, starts = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
        nodes, codes = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.uint8)
        counts = np.array(list(self.counts) or [1000 // (i + 1) for i in range(self.words)])
        if self.loss == "ns":
            noise = alias_table(noise_probabilities(counts, 0.75))
        elif self.loss == "hs":
            tree = huffman_tree(counts)
            starts, nodes, codes = tree.starts, tree.nodes, tree.codes
        else:
            nodes = np.arange(self.words, dtype=np.int32)
        return Targets(noise, starts, nodes, codes)


def assert_equals_twin(case: Case, tolerance: float = TOLERANCE) -> int:
    """Check that kernels and twin make the same of a case; return the number of predictions."""
    inputs, outputs, expected_loss, expected_predictions = case.run_twin()
    loss, predictions = case.run()
    assert predictions == expected_predictions
    assert abs(loss - expected_loss) <= tolerance * max(predictions, 1)
    np.testing.assert_allclose(case.weights.input, inputs, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(case.weights.output, outputs, rtol=tolerance, atol=tolerance)
    for padded in (case.weights.padded_input, case.weights.padded_output):
        assert not padded[:, case.dim :].any()
    return predictions


def random_sentences(tokens: int, words: int, seed: int = 0) -> list[list[int]]:
    """Lines of up to 40 words, the frequent ones much more frequent; some empty, some of one."""
    random = np.random.default_rng(seed)
    ids = np.minimum(random.zipf(1.3, tokens) - 1, words - 1)
    lengths = [0, 1, 2, *random.integers(0, 40, tokens)]
    ends = np.minimum(np.cumsum(lengths), tokens)
    last = int(np.searchsorted(ends, tokens)) + 1
    lines = zip([0, *ends[: last - 1]], ends[:last], strict=True)
    return [ids[start:end].tolist() for start, end in lines]
