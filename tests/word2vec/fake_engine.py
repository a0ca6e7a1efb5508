"""An engine for tests, whose updates depend on each chunk and on all before."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from wordkit.word2vec import TrainingState, Word2VecConfig
from wordkit.word2vec.engine import Chunk
from wordkit.word2vec.state import Tally


class FakeEngine:
    name = "a fake"
    packages: tuple[str, ...] = ("numpy", "numba")
    chunk_tokens = 1000

    def __init__(self, state: TrainingState, config: Word2VecConfig) -> None:
        self.weights = state.weights
        self.seed = config.seed
        self.fetched = 0

    def prepare(self) -> None:
        pass

    def run(
        self, chunks: Iterator[Chunk], record: Callable[[Chunk, Tally], None]
    ) -> Iterator[None]:
        for chunk in chunks:
            random = np.random.default_rng([self.seed, chunk.epoch, chunk.start])
            for matrix in (self.weights.input, self.weights.output):
                matrix += random.standard_normal(matrix.shape, np.float32) * chunk.start_lr
                matrix *= 0.99
            record(chunk, Tally(random.random() * chunk.tokens, chunk.tokens))
            yield

    def fetch(self) -> None:
        self.fetched += 1
