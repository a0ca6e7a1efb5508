"""Train word vectors by prediction: word2vec, from a corpus to embeddings.

After Mikolov, Chen, Corrado and Dean, "Efficient Estimation of Word Representations in Vector
Space" (2013), and Mikolov et al., "Distributed Representations of Words and Phrases and their
Compositionality" (2013). V is the number of words, D of dimensions, N of tokens of the corpus.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
import warnings
from collections.abc import Generator, Iterator
from itertools import pairwise

from wordkit.embeddings import Embeddings
from wordkit.errors import DivergenceError, TextError, WordkitWarning, counted
from wordkit.runtime import Report, StoppableRun, torchrun_number, uninterrupted
from wordkit.runtime.processes import Processes, join_processes, lost_process_error
from wordkit.storage import WORD2VEC_CHECKPOINT
from wordkit.storage.checkpoints import CheckpointKeeper, CheckpointPlan, check_replaceable
from wordkit.text import Corpus
from wordkit.word2vec.checkpoint import (
    Checkpoint,
    checkpoint_record,
    read_checkpoint,
    save_checkpoint,
)
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.engine import Chunk, Engine, chunk_borders, make_engine
from wordkit.word2vec.result import embeddings_of
from wordkit.word2vec.start import start_afresh
from wordkit.word2vec.state import LossSum, TrainingState

__all__ = ["Word2VecRun", "iter_train_word2vec"]

_MAX_LOSS_RATIO = 500  # to the loss of vectors of zeros


def iter_train_word2vec(
    corpus: Corpus,
    config: Word2VecConfig | None = None,
    *,
    start: TrainingState | None = None,
    device: str = "cpu",
    threads: int | None = None,
    checkpoint: CheckpointPlan | None = None,
) -> Word2VecRun:
    """Train vectors of the words of a corpus by word2vec.

    The same corpus, settings and seed on one CPU thread give the same vectors, bit for bit. More
    threads write to the same vectors without locks, so that no two runs are quite the same.
    Processes that torchrun has started train together, on the CPU or CUDA, and have the same
    vectors in the end; process 0 writes checkpoints.

    Args:
        corpus: in memory or memory-mapped.
        config: None: the defaults.
        start: the state to begin with, by a function ``start_...`` of this package; used
            up by the training. None: random vectors.
        device: ``cpu`` (the compiled kernels), ``cuda`` or ``mps`` (through torch), ``torch-cpu``
            (torch on the CPU), or ``auto`` (CUDA or MPS where torch finds one, else the kernels).
        threads: of the CPU; None: all cores.
        checkpoint: where to write checkpoints, and how often.

    Returns:
        A run, whose vectors so far can be had, that reports the stage ``training``: words done, and
        as figures the ``loss`` (mean over the present epoch of −log p of a prediction, in nats,
        before each step; NaN before the first), the ``epoch`` (from 1), the ``epochs`` done, with
        fractions, and the ``lr``; of several ``processes`` also their number, and the
        ``bytes_per_word`` that each has sent for a word that it trained on. Its embeddings hold,
        beside the vectors, the weights that
        :func:`wordkit.word2vec.start_from_model` resumes from; their metadata have the settings,
        the fingerprint of the corpus, versions, and the last loss. A run with checkpoints that is
        closed or interrupted writes one first; so does one that ends, and resuming from that one
        gives the vectors again at once.

    Raises:
        VocabularyError: fewer than two words are frequent enough.
        ConfigError: the device's name is unknown, ``threads`` is less than 1, or the checkpoints
            would replace another file or an unfinished training; or other processes cannot be
            reached, or have another corpus or other settings (in the run).
        LostProcessError: another process has ended (in the run).
        ResourceError: there is too little memory, or no such device.
        TextError: no two words are in one window (in the run).
        DivergenceError: the vectors grew beyond all bounds (in the run).
        StorageError: there is no place for checkpoints. One that fails later is a warning.
    """
    config = config or Word2VecConfig()
    state = start or start_afresh(corpus, config)
    config = config.with_stable_lr(state.vocabulary.counts)
    check_replaceable(checkpoint, read_checkpoint, kind=WORD2VEC_CHECKPOINT, resumed=state.file)
    engine = make_engine(corpus, state, config, device=device, threads=threads)
    return Word2VecRun(corpus, config, state, engine, checkpoint)


class Word2VecRun(StoppableRun[Embeddings]):
    """The run of a training: iterate over it for reports; it knows the vectors so far."""

    def __init__(
        self,
        corpus: Corpus,
        config: Word2VecConfig,
        state: TrainingState,
        engine: Engine,
        plan: CheckpointPlan | None,
    ) -> None:
        super().__init__(self._train())
        self._corpus, self._config, self._state, self._engine = corpus, config, state, engine
        self._checkpoint = Checkpoint(config, state, corpus.record)
        if torchrun_number("RANK", 0) > 0:  # process 0 writes for all
            plan = None
        self._keeper = CheckpointKeeper(plan, self._write, lambda: self._checkpoint.words_done)
        self._is_due, self._processes = self._keeper.is_due, Processes()
        if plan is not None:  # fail before the work
            checkpoint_record(self._checkpoint)
        self._begun = self._done = self._checkpoint.words_done
        self._predictions = state.loss_sum.predictions
        self._vectors: Embeddings | None = None
        self._diverged: Chunk | None = None
        choices = {"ns": config.negative + 1, "softmax": math.log2(len(state.vocabulary))}
        # of vectors of zeros; that of hs depends on the depths of the words that are kept
        self._untrained_loss = choices.get(config.loss, math.inf) * math.log(2)

    def _train(self) -> Generator[Report, None, Embeddings]:
        """Train to the end, together with the other processes that torchrun has started."""
        self._state.check_unused()
        self._engine.prepare()
        device = "cuda" if self._engine.name == "cuda" else "cpu"
        self._processes = processes = join_processes(device)
        with lost_process_error(processes):
            processes.check_same(self._known(), device)
            if processes.count > 1:
                from wordkit.word2vec.exchange import ExchangeEngine  # torch takes seconds to load

                parts = self._engine, self._corpus, self._state, self._config
                exchange = ExchangeEngine(processes, *parts, self._keeper.is_due)
                self._engine, self._is_due = exchange, lambda: exchange.is_due
            yield from self._epochs()
            self._keeper.save_rest()
            return self.best()

    def _known(self) -> dict[str, object]:
        """Return what all processes must have in common."""
        state = self._state
        return {
            "text": self._corpus.fingerprint,
            "set of settings": self._config.record(),
            "device or number of threads": self._engine.name,
            "model or checkpoint to start from": (
                state.epoch, state.position, state.vocabulary.words, state.kept,
            ),
        }  # fmt: skip

    def _epochs(self) -> Generator[Report, None, None]:
        """Train on the remaining epochs."""
        state, last = self._state, self._state.loss_sum
        began = state.epoch
        borders = chunk_borders(self._corpus, self._engine.chunk_tokens).tolist()
        while state.epoch < self._config.epochs:
            yield from self._epoch(borders)
            last = state.loss_sum
            state.epoch, state.position, state.loss_sum = state.epoch + 1, 0, LossSum()
        state.loss_sum = last  # for the last checkpoint
        if state.epoch == began:
            return
        if not self._predictions:
            raise TextError(
                "there was nothing to predict: no line holds two words that are frequent enough "
                "and were not skipped by subsampling; give more text or longer lines, or lower "
                "min_count or sample"
            )
        if last.mean_loss > 1.01 * self._untrained_loss:
            warnings.warn(
                f"the loss of the last epoch, {last.mean_loss:.3g}, is above the "
                f"{self._untrained_loss:.3g} of untrained vectors: the learning rate "
                f"{self._config.start_lr:g} is too high for this text; lower it",
                WordkitWarning,
                stacklevel=2,
            )

    @property
    def has_learnt(self) -> bool:  # noqa: D102 - see StoppableRun
        return self._checkpoint.words_done > self._begun and self._predictions > 0

    def best(self) -> Embeddings:
        """Return the vectors so far, of a run that is over or was closed."""
        with uninterrupted():  # it adds the weights up where they lie
            if self._vectors is None:
                self._engine.fetch()
                parts = self._corpus, self._config, self._state, self._engine
                self._vectors = embeddings_of(*parts)
        return self._vectors

    def _epoch(self, borders: list[int]) -> Generator[Report, None, None]:
        """Train on the rest of the epoch, with a checkpoint when one is due or it is stopped."""
        state = self._state
        try:
            yield self._report()
            while state.position < self._corpus.tokens:
                began, before = time.monotonic(), state.seconds
                running = self._engine.run(self._chunks(borders), self._record)
                with contextlib.closing(running):
                    for _ in running:
                        state.seconds = before + time.monotonic() - began
                        yield self._report()
                self._check()
                if self._is_due():
                    self._keeper.save()
            yield self._report()
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            if self._processes.count == 1:  # one of several cannot ask the others now
                self._keeper.save_rest()
            raise

    def _chunks(self, borders: list[int]) -> Iterator[Chunk]:
        """Yield the chunks left of the epoch, until a checkpoint is due or training diverges."""
        state, N = self._state, self._corpus.tokens
        for start, stop in pairwise(borders):
            if stop <= state.position:
                continue
            if self._is_due() or self._diverged is not None:
                return
            start = max(start, state.position)
            state.position = stop
            rates = (self._learning_rate(state.epoch * N + token) for token in (start, stop))
            yield Chunk(state.epoch, start, stop, *rates)

    def _learning_rate(self, words: int) -> float:
        return self._config.learning_rate(words / (self._config.epochs * self._corpus.tokens))

    def _record(self, chunk: Chunk, loss_sum: LossSum) -> None:
        """Add the loss of a chunk to that of the epoch."""
        self._done += chunk.tokens
        self._state.loss_sum += loss_sum
        self._predictions += loss_sum.predictions
        limit = _MAX_LOSS_RATIO * self._untrained_loss
        if not math.isfinite(loss_sum.loss) or loss_sum.mean_loss > limit:
            self._diverged = self._diverged or chunk

    def _check(self) -> None:
        if self._diverged is None:
            return
        words = self._diverged.epoch * self._corpus.tokens + self._diverged.stop
        rate = self._diverged.start_lr
        raise DivergenceError(
            f"the training diverged after {counted(words, 'word')}, in epoch "
            f"{self._diverged.epoch + 1}, at learning rate {rate:.4g}: the vectors grew beyond all "
            f"bounds; lower lr, to {min(self._config.start_lr / 4, self._config.usual_lr):.2g} say"
        )

    def _report(self) -> Report:
        loss_sum, tokens = self._state.loss_sum, self._corpus.tokens
        figures = {
            "loss": loss_sum.mean_loss if loss_sum.predictions else math.nan,
            "epoch": self._state.epoch + 1,
            "epochs": self._done / tokens,
            "lr": self._learning_rate(self._done),
            **self._engine.figures,
        }
        return Report("training", self._done, self._config.epochs * tokens, "words", figures)

    def _write(self, path: str | os.PathLike[str]) -> None:
        self._engine.fetch()
        save_checkpoint(path, self._checkpoint)
