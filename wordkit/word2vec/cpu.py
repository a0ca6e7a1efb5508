"""The fast loops on threads of the CPU.

The threads change the same matrices without locks: Recht, Ré, Wright and Niu, "Hogwild!" (2011).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from wordkit.runtime import thread_count
from wordkit.text import Corpus
from wordkit.word2vec import kernels
from wordkit.word2vec.chunks import tokens_of_work
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.huffman import huffman_tree
from wordkit.word2vec.memory import check_beside
from wordkit.word2vec.sampling import alias_table, keep_probabilities, noise_probabilities
from wordkit.word2vec.starting_point import StartingPoint
from wordkit.word2vec.state import Chunk, Tally

__all__ = ["CpuEngine"]

_LOSSES = {"ns": kernels.NS, "hs": kernels.HS, "softmax": kernels.SOFTMAX}
_NO_CHUNK = Chunk(epoch=0, start=0, stop=0, start_lr=0.0, stop_lr=0.0)
_MOST_TOKENS = 1 << 16  # in a chunk
_WORK = 6 * 5 * 100 << 16  # products in a chunk: so many tokens at the default settings
_PATIENCE = 0.2  # seconds to wait for a chunk before Ctrl-C is looked for again


class CpuEngine:
    """See :class:`wordkit.word2vec.state.Engine`.

    Raises:
        ConfigError: ``threads`` is less than 1.
        ResourceError: there is too little memory for what the threads need beside the weights.
    """

    packages: tuple[str, ...] = ("numpy", "numba")

    def __init__(
        self,
        corpus: Corpus,
        start: StartingPoint,
        config: Word2VecConfig,
        *,
        threads: int | None = None,
    ) -> None:
        self._threads = thread_count(threads)
        self.name = f"{self._threads} CPU thread{'s' if self._threads > 1 else ''}"
        self._weights = start.state.weights
        self._seed = config.seed
        V = len(start.vocabulary)
        self.chunk_tokens = tokens_of_work(_WORK, _MOST_TOKENS, words=V, config=config)
        if config.loss == "softmax":
            _check_tables(V, config, self._threads)
        self._text = _text(corpus, start, config)
        self._targets = _targets(corpus, start, config)
        self._settings = kernels.Settings(
            skipgram=int(config.arch == "skipgram"),
            loss=_LOSSES[config.loss],
            window=config.window,
            dynamic=int(config.dynamic_window),
            negative=config.negative,
            true_gradient=int(config.cbow_gradient == "true"),
        )

    def run(
        self, chunks: Iterator[Chunk], record: Callable[[Chunk, Tally], None]
    ) -> Generator[None, None, None]:
        """Train on the chunks; yield after each that is done."""
        lock, stopped = threading.Lock(), threading.Event()
        done: queue.SimpleQueue[Chunk | None] = queue.SimpleQueue()  # None: a thread has ended

        def work() -> None:
            try:
                while not stopped.is_set():
                    with lock:
                        chunk = next(chunks, None)
                    if chunk is None:
                        return
                    tally = self._train(chunk)
                    with lock:
                        record(chunk, tally)
                    done.put(chunk)
            except BaseException:
                stopped.set()  # the other threads need not go on
                raise
            finally:
                done.put(None)

        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="wordkit-word2vec")
        running = [pool.submit(work) for _ in range(self._threads)]
        try:
            for _ in running:
                while _next(done) is not None:
                    yield
        finally:
            stopped.set()
            _join(pool)
        for future in running:
            future.result()

    def prepare(self) -> None:
        """Compile the loops, on this thread, where Ctrl-C can break it off."""
        self._train(_NO_CHUNK)

    def fetch(self) -> None:
        """Nothing: the weights never leave."""

    def _train(self, chunk: Chunk) -> Tally:
        loss, predictions = kernels.train_chunk(
            self._text,
            chunk.start,
            chunk.stop,
            self._targets,
            self._settings,
            self._weights.padded_input,
            self._weights.padded_output,
            chunk.start_lr,
            chunk.stop_lr,
            _counter(self._seed, chunk),
        )
        return Tally(loss, predictions)


def _check_tables(words: int, config: Word2VecConfig, threads: int) -> None:
    """Find out before the work whether there is memory for what each thread needs for softmax."""
    inputs = 2 * config.window if config.arch == "skipgram" else 1
    rows = inputs + 2  # of the inner products, and of what a kernel knows of each word
    each = f" for each of {threads} threads" if threads > 1 else ""
    check_beside(4 * rows * words * threads, f"a table of {inputs:,} x {words:,} numbers{each}")


def _join(pool: ThreadPoolExecutor) -> None:
    """Wait until no thread changes the weights any more, through Ctrl-C and the like, too."""
    interruption: BaseException | None = None
    while True:
        try:
            pool.shutdown(wait=True)
            break
        except (KeyboardInterrupt, SystemExit) as error:
            interruption = error
    if interruption is not None:
        raise interruption


def _next(done: queue.SimpleQueue[Chunk | None]) -> Chunk | None:
    """What comes next out of the queue, with a look for Ctrl-C now and then."""
    while True:
        try:
            return done.get(timeout=_PATIENCE)
        except queue.Empty:
            continue


def _counter(seed: int, chunk: Chunk) -> np.uint64:
    """Where the random counter of a chunk starts: far from that of any other."""
    state = np.random.SeedSequence((seed, chunk.epoch, chunk.start)).generate_state(1, np.uint64)
    return np.uint64(state[0])


def _text(corpus: Corpus, start: StartingPoint, config: Word2VecConfig) -> kernels.Text:
    trained = start.rows >= 0
    counts = np.where(trained, corpus.vocabulary.counts, 0)
    keep = np.where(trained, keep_probabilities(counts, config.sample), 0)
    chances = np.minimum(np.rint(keep * 2.0**32), 2.0**32 - 1).astype(np.uint64)
    words = chances << np.uint64(32) | np.maximum(start.rows, 0).astype(np.uint64)
    return kernels.Text(np.asarray(corpus.ids), np.asarray(corpus.offsets), words)


def _targets(corpus: Corpus, start: StartingPoint, config: Word2VecConfig) -> kernels.Targets:
    noise = np.zeros(0, dtype=np.uint64)
    starts = np.zeros(0, dtype=np.int64)
    nodes = np.zeros(0, dtype=np.int32)
    turns = np.zeros(0, dtype=np.uint8)
    counts = start.vocabulary.counts
    if config.loss == "ns":  # a word that the text does not hold keeps its vectors
        occurrences = start.occurrences(corpus)
        noise = alias_table(noise_probabilities(occurrences, config.ns_exponent))
    elif config.loss == "hs":
        tree = huffman_tree(counts)
        starts, nodes, turns = tree.starts, tree.nodes, tree.turns
    else:
        nodes = np.arange(len(counts), dtype=np.int32)
    return kernels.Targets(noise, starts, nodes, turns)
