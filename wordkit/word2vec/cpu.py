"""The CPU engine: the compiled kernels on threads.

The threads update the same matrices without locks: Recht, Ré, Wright and Niu, "Hogwild!" (2011).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from wordkit.runtime import thread_count, uninterrupted
from wordkit.runtime.threads import unordered_map
from wordkit.text import Corpus
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.engine import Chunk, chunk_tokens
from wordkit.word2vec.huffman import huffman_tree
from wordkit.word2vec.kernels import cbow, training
from wordkit.word2vec.kernels.arguments import HS, NS, SOFTMAX, Parts, Settings, Targets, Text
from wordkit.word2vec.sampling import alias_table, keep_probabilities, noise_probabilities
from wordkit.word2vec.state import LossSum, TrainingState
from wordkit.word2vec.weights import check_softmax_memory

__all__ = ["CpuEngine"]

_LOSSES = {"ns": NS, "hs": HS, "softmax": SOFTMAX}
_EMPTY_CHUNK = Chunk(epoch=0, start=0, stop=0, start_lr=0.0, stop_lr=0.0)
_MAX_CHUNK_TOKENS = 1 << 16
_CHUNK_PRODUCTS = 6 * 5 * 100 << 16  # comes to as many tokens at the default settings
_COPIED_ROWS = 256  # of each matrix, by each thread; 1,024 are slower
_UNMERGED_WORDS = 1 << 14  # of all threads; with eight times as many, skip-gram diverges
_MAX_COPYING_THREADS = 16  # more would spend their time on merging


class CpuEngine:
    """Implements :class:`wordkit.word2vec.engine.Engine`.

    Raises:
        ConfigError: ``threads`` is less than 1.
        ResourceError: there is too little memory for what the threads need beside the weights.
    """

    figures: Mapping[str, float] = {}
    packages: tuple[str, ...] = ("numpy", "numba")

    def __init__(
        self,
        corpus: Corpus,
        state: TrainingState,
        config: Word2VecConfig,
        *,
        threads: int | None = None,
    ) -> None:
        self.threads = thread_count(threads)
        self.name = f"{self.threads} CPU thread{'s' if self.threads > 1 else ''}"
        self._weights = state.weights
        self.matrices = state.weights.input, state.weights.output
        self._seed = config.seed
        V = len(state.vocabulary)
        self.chunk_tokens = chunk_tokens(_CHUNK_PRODUCTS, _MAX_CHUNK_TOKENS, words=V, config=config)
        if config.loss == "softmax":
            _check_tables(V, config, self.threads)
        rows = state.rows_of(corpus)
        self._corpus, self._text = corpus, _text(corpus, rows, config)
        components = state.components
        self._parts = None if components is None else Parts(components.starts, components.rows)
        self._targets = _targets(state, state.occurrences_in(corpus, rows), config)
        self._settings = Settings(
            skipgram=int(config.arch == "skipgram"),
            loss=_LOSSES[config.loss],
            window=config.window,
            dynamic=int(config.dynamic_window),
            negative=config.negative,
            true_gradient=int(config.cbow_gradient == "true"),
            copied=min(_COPIED_ROWS, V) if 1 < self.threads <= _MAX_COPYING_THREADS else 0,
            merge_words=max(_UNMERGED_WORDS // self.threads // 8 * 8, 8),
        )

    def run(
        self, chunks: Iterator[Chunk], record: Callable[[Chunk, LossSum], None]
    ) -> Generator[None, None, None]:
        """Train on the chunks; yield after each that is done."""
        if self.threads == 1:  # a thread of its own takes a millisecond to begin and to end
            return self._run_here(chunks, record)
        return unordered_map(self._train, chunks, record, self.threads, "wordkit-word2vec")

    def _run_here(
        self, chunks: Iterator[Chunk], record: Callable[[Chunk, LossSum], None]
    ) -> Generator[None, None, None]:
        for chunk in chunks:
            with uninterrupted():
                record(chunk, self._train(chunk))
            yield

    def prepare(self) -> None:
        """Compile the kernels, on this thread, where Ctrl-C can interrupt it."""
        self._train(_EMPTY_CHUNK)

    def fetch(self) -> None:
        """Do nothing: the weights are on the CPU."""

    def _train(self, chunk: Chunk) -> LossSum:
        kernels = cbow if in_blocks(self._settings) else training
        loss, predictions = kernels.train_chunk(
            self._text._replace(ids=self._corpus.ids_with(chunk.start, chunk.stop)),
            chunk.start,
            chunk.stop,
            self._targets,
            self._settings,
            self._weights.padded_input,
            self._weights.padded_output,
            chunk.start_lr,
            chunk.stop_lr,
            _counter(self._seed, chunk),
            self._parts,
        )
        return LossSum(loss, predictions)


def in_blocks(settings: Settings) -> bool:
    """Return whether :mod:`.cbow` trains with these settings, and not :mod:`.training`."""
    return settings.loss == NS and not settings.skipgram and bool(settings.true_gradient)


def _check_tables(words: int, config: Word2VecConfig, threads: int) -> None:
    """Raise ResourceError if the workspaces of the threads for the full softmax do not fit."""
    inputs = 2 * config.window if config.arch == "skipgram" else 1
    rows = inputs + 2  # of the inner products, and of labels and weights
    each = f" for each of {threads} threads" if threads > 1 else ""
    purpose = f"a table of {inputs:,} x {words:,} numbers{each}"
    check_softmax_memory(4 * rows * words * threads, purpose)


def _counter(seed: int, chunk: Chunk) -> np.uint64:
    """Return the start of the random counter of a chunk: far from that of any other."""
    state = np.random.SeedSequence((seed, chunk.epoch, chunk.start)).generate_state(1, np.uint64)
    return np.uint64(state[0])


def _text(corpus: Corpus, rows: npt.NDArray[np.int32], config: Word2VecConfig) -> Text:
    counts = np.where(rows >= 0, corpus.vocabulary.counts, 0)
    keep = np.where(rows >= 0, keep_probabilities(counts, config.sample), 0)
    probabilities = np.minimum(np.rint(keep * 2.0**32), 2.0**32 - 1).astype(np.uint64)
    words = probabilities << np.uint64(32) | np.maximum(rows, 0).astype(np.uint64)
    return Text(corpus.ids_with(0, 0), np.asarray(corpus.offsets), words)


def _targets(
    state: TrainingState, occurrences: npt.NDArray[np.int64], config: Word2VecConfig
) -> Targets:
    noise, starts = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
    nodes, codes = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.uint8)
    if config.loss == "ns":  # a word that the text does not hold keeps its vectors
        noise = alias_table(noise_probabilities(occurrences, config.ns_exponent))
    elif config.loss == "hs":
        tree = huffman_tree(state.vocabulary.counts)
        starts, nodes, codes = tree.starts, tree.nodes, tree.codes
    else:
        nodes = np.arange(len(state.vocabulary), dtype=np.int32)
    return Targets(noise, starts, nodes, codes)
