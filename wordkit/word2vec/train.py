"""Word vectors by prediction: word2vec, from a corpus to embeddings.

After Mikolov, Chen, Corrado and Dean, "Efficient Estimation of Word Representations in Vector
Space" (2013), and Mikolov et al., "Distributed Representations of Words and Phrases and their
Compositionality" (2013). V is the number of words, D of dimensions, N of tokens of the corpus.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Generator, Iterator
from itertools import pairwise

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, DivergenceError, TextError, WordkitWarning, counted
from wordkit.runtime import Report, Run
from wordkit.text import Corpus
from wordkit.word2vec.checkpoint import CheckpointKeeper, CheckpointPlan
from wordkit.word2vec.chunks import chunk_borders
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.engines import make_engine
from wordkit.word2vec.new_training import start_afresh
from wordkit.word2vec.result import embeddings_of
from wordkit.word2vec.starting_point import StartingPoint
from wordkit.word2vec.state import Chunk, Engine, Tally, learning_rate

__all__ = ["train_word2vec"]

_BEYOND_REASON = 500  # times the loss of a prediction by vectors that know nothing


def train_word2vec(
    corpus: Corpus,
    config: Word2VecConfig | None = None,
    *,
    start: StartingPoint | None = None,
    device: str = "cpu",
    threads: int | None = None,
    checkpoint: CheckpointPlan | None = None,
) -> Run[Embeddings]:
    """Vectors of the words of a corpus, by word2vec.

    The same corpus, settings and seed on one CPU thread give the same vectors, bit for bit. More
    threads write to the same vectors without waiting for each other, so that no two runs are
    quite the same.

    Args:
        corpus: in memory or memory-mapped.
        config: None: the defaults.
        start: what to begin with, by one of the ``start_`` functions of this package; used up by
            the training. None: random vectors.
        device: ``cpu`` (the fast loops), ``cuda`` or ``mps`` (through torch), ``torch-cpu``
            (torch on the CPU), or ``auto`` (CUDA or MPS where torch finds one, else the fast
            loops).
        threads: of the CPU; None: all cores.
        checkpoint: where to keep the state of the training, and how often.

    Returns:
        A run that reports the stage ``training``: words done, and as figures the ``loss`` (mean
        over the present epoch of −log p of a prediction, in nats, before each step; NaN before the
        first), the ``epoch`` (from 1), the ``epochs`` done, in parts, and the ``lr``. Its
        embeddings hold, beside the vectors, the weights that :func:`start_from_model` goes on with;
        their metadata tell the settings, the fingerprint of the corpus, versions, and the last
        loss. Where checkpoints were asked for, a run that is closed or interrupted writes one
        first, and so does one that has come to its end: from that one the vectors are to be had
        again at once.

    Raises:
        VocabularyError: fewer than two words are frequent enough.
        ConfigError: the device's name is unknown, or ``threads`` is less than 1.
        ResourceError: there is too little memory, or no such device.
        TextError: no two words stand together (in the run).
        DivergenceError: the vectors grew beyond all bounds (in the run).
        StorageError: a checkpoint cannot be written.
    """
    config = config or Word2VecConfig()
    start = start or start_afresh(corpus, config)
    engine = make_engine(corpus, start, config, device=device, threads=threads)
    keeper = CheckpointKeeper(checkpoint, corpus, config, start)
    return Run(_Training(corpus, config, start, engine, keeper).run())


class _Training:
    """A corpus on its way through an engine, chunk by chunk."""

    def __init__(
        self,
        corpus: Corpus,
        config: Word2VecConfig,
        start: StartingPoint,
        engine: Engine,
        keeper: CheckpointKeeper,
    ) -> None:
        self._corpus, self._config, self._start = corpus, config, start
        self._engine, self._keeper = engine, keeper
        self._borders = chunk_borders(corpus, engine.chunk_tokens).tolist()
        self._state = start.state
        self._done = self._state.epoch * corpus.tokens + self._state.position
        self._diverged: Chunk | None = None
        choices = config.negative + 1 if config.loss == "ns" else math.log2(len(start.vocabulary))
        self._ignorance = choices * math.log(2)  # the loss of vectors that know nothing

    def run(self) -> Generator[Report, None, Embeddings]:
        """Train to the end."""
        state, last = self._state, self._state.tally
        if not state.weights.padded_input.flags.writeable:
            raise ConfigError("this starting point was trained from before; make another one")
        self._engine.prepare()
        began, predictions = state.epoch, 0
        while state.epoch < self._config.epochs:
            yield from self._epoch()
            last = state.tally
            predictions += last.predictions
            state.epoch, state.position, state.tally = state.epoch + 1, 0, Tally()
        state.tally = last  # what a checkpoint of the end remembers
        if state.epoch > began and not predictions:
            raise TextError(
                "there was nothing to predict: no line holds two words that are frequent enough "
                "and were not skipped by subsampling; give more text or longer lines, or lower "
                "min_count or sample"
            )
        if state.epoch > began:
            self._warn_of(last)
        self._keeper.save_progress(self._engine)
        self._engine.fetch()
        return embeddings_of(self._corpus, self._config, self._start, self._engine, last)

    def _epoch(self) -> Generator[Report, None, None]:
        """The rest of the present epoch, with a checkpoint when one is due or it is stopped."""
        try:
            yield self._report()
            while self._state.position < self._corpus.tokens:
                yield from self._stretch()
                self._check()
                if self._keeper.is_due():
                    self._keeper.save(self._engine)
            yield self._report()
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            self._keeper.save_progress(self._engine)
            raise

    def _stretch(self) -> Generator[Report, None, None]:
        """The chunks up to the next checkpoint or the end of the epoch; then none is under way."""
        began, before = time.monotonic(), self._state.seconds
        running = self._engine.run(self._chunks(), self._record)
        try:
            for _ in running:
                self._state.seconds = before + time.monotonic() - began
                yield self._report()
        finally:
            running.close()

    def _chunks(self) -> Iterator[Chunk]:
        """The chunks that are left of the epoch, until a checkpoint is due or all is lost."""
        state, N = self._state, self._corpus.tokens
        for start, stop in pairwise(self._borders):
            if stop <= state.position:
                continue
            if self._keeper.is_due() or self._diverged is not None:
                return
            start = max(start, state.position)
            state.position = stop
            rates = (self._learning_rate(state.epoch * N + place) for place in (start, stop))
            yield Chunk(state.epoch, start, stop, *rates)

    def _learning_rate(self, words: int) -> float:
        """The learning rate after so many words."""
        return learning_rate(self._config, words / (self._config.epochs * self._corpus.tokens))

    def _record(self, chunk: Chunk, tally: Tally) -> None:
        """Take down what a chunk has cost."""
        self._done += chunk.tokens
        self._state.tally += tally
        if not math.isfinite(tally.loss) or tally.mean_loss > _BEYOND_REASON * self._ignorance:
            self._diverged = self._diverged or chunk

    def _check(self) -> None:
        """Raise DivergenceError where a chunk has diverged."""
        if self._diverged is None:
            return
        words = self._diverged.epoch * self._corpus.tokens + self._diverged.stop
        rate = self._diverged.start_lr
        raise DivergenceError(
            f"the training diverged after {counted(words, 'word')}, in epoch "
            f"{self._diverged.epoch + 1}, at learning rate {rate:.4g}: the vectors grew beyond all "
            f"bounds; lower lr, to {min(self._config.start_lr / 4, self._config.usual_lr):.2g} say"
        )

    def _warn_of(self, last: Tally) -> None:
        """Warn where a training has gone to its end, but to no good one."""
        if last.mean_loss > self._ignorance:
            warnings.warn(
                f"the loss of the last epoch, {last.mean_loss:.3g}, is above the "
                f"{self._ignorance:.3g} of vectors that know nothing: the learning rate "
                f"{self._config.start_lr:g} is too high for this text; lower it",
                WordkitWarning,
                stacklevel=2,
            )

    def _report(self) -> Report:
        config, corpus, tally = self._config, self._corpus, self._state.tally
        figures = {
            "loss": tally.mean_loss if tally.predictions else math.nan,
            "epoch": self._state.epoch + 1,
            "epochs": self._done / corpus.tokens,
            "lr": self._learning_rate(self._done),
        }
        return Report("training", self._done, config.epochs * corpus.tokens, "words", figures)
