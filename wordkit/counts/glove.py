"""GloVe: word vectors from co-occurrence by weighted least squares.

After Pennington, Socher and Manning, "GloVe: Global Vectors for Word Representation" (EMNLP 2014),
equation 8, and AdaGrad as its program has it: Duchi, Hazan and Singer (2011) with sums of squares
that begin at 1. The threads change the same vectors without locks. V is the number of words, D of
dimensions, C of chunks of pairs.

The matrix is symmetric, so a pair of words is kept once and gives two steps, one for each order,
which change different vectors.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator, Iterator

import numpy as np

from wordkit.counts.config import GloveConfig
from wordkit.counts.cooccurrence import iter_count_cooccurrences
from wordkit.counts.csr import memory_limit
from wordkit.counts.glove_checkpoint import (
    CONTEXT,
    WORD,
    GloveCheckpoint,
    GloveState,
    glove_record,
    read_glove_checkpoint,
    save_glove_checkpoint,
)
from wordkit.counts.glove_pairs import PairChunks, random_counter
from wordkit.counts.train import check_counts, metadata_of
from wordkit.embeddings import Embeddings
from wordkit.errors import DivergenceError
from wordkit.runtime import Report, StoppableRun, ThreadPool, thread_count
from wordkit.runtime.threads import unordered_map
from wordkit.storage import GLOVE_CHECKPOINT
from wordkit.storage.checkpoint_file import corrupted_checkpoint
from wordkit.storage.checkpoints import CheckpointKeeper, CheckpointPlan, check_replaceable
from wordkit.text import Corpus

__all__ = ["GloveRun", "iter_train_glove"]

_MAX_LOSS_RATIO = 500  # to the loss of vectors of zeros


def iter_train_glove(
    corpus: Corpus,
    config: GloveConfig | None = None,
    *,
    resume: GloveCheckpoint | None = None,
    memory: int | None = None,
    threads: int | None = None,
    checkpoint: CheckpointPlan | None = None,
) -> GloveRun:
    """Train vectors of the words of a corpus by GloVe.

    The same corpus, settings and seed on one thread give the same vectors, bit for bit, with any
    amount of memory. More threads write to the same vectors without locks, so that no two runs are
    quite the same.

    Args:
        corpus: in memory or memory-mapped.
        config: None: the defaults.
        resume: the checkpoint to resume, of the same corpus and settings; it is counted again.
        memory: bytes that the counts and pairs may take at any moment; None: half of what is
            available. What does not fit goes to temporary files. The vectors come on top: 16
            bytes for each of V·D numbers.
        threads: None: all cores.
        checkpoint: where to write checkpoints, and how often.

    Returns:
        A run, whose vectors so far can be had, that reports the stages ``counting`` (and
        ``merging``, where the memory is small), ``shuffling`` and ``training``: pairs done, each
        order of two words being one, and as figures the ``loss`` (mean over the present epoch of
        f(X)·(w·c + b_w + b_c − log X)²/2, before each step; NaN before the first), the ``epoch``
        (from 1) and the ``epochs`` done, with fractions. Its embeddings are the sums of word and
        context vectors; their metadata have the settings, the fingerprint of the corpus,
        versions, and the last loss.

    Raises:
        VocabularyError: no word is frequent enough.
        ConfigError: the checkpoint is of another corpus or other settings, or the new ones would
            replace another file or an unfinished training.
        ResourceError: there is too little memory.
        TextError: no two words of the corpus occur together (in the run).
        DivergenceError: the vectors grew beyond all bounds (in the run).
        StorageError: there is no place for checkpoints or temporary files. A checkpoint that fails
            later is a warning.
    """
    config = config or GloveConfig()
    if resume is None:
        state = GloveState.initial(config.cut(corpus.vocabulary), config)
    else:
        state = resume.start(corpus, config)
    check_replaceable(checkpoint, read_glove_checkpoint, kind=GLOVE_CHECKPOINT, resumed=state.file)
    checkpointed = GloveCheckpoint(config, state, corpus.record)
    return GloveRun(corpus, checkpointed, checkpoint, memory_limit(memory), thread_count(threads))


class GloveRun(StoppableRun[Embeddings]):
    """The run of a training: iterate over it for reports; it knows the vectors so far."""

    def __init__(
        self,
        corpus: Corpus,
        checkpoint: GloveCheckpoint,
        plan: CheckpointPlan | None,
        memory: int,
        threads: int,
    ) -> None:
        super().__init__(self._train(memory, threads))
        self._corpus, self._checkpoint = corpus, checkpoint
        self._config, self._state = checkpoint.config, checkpoint.state
        V = len(self._state.vocabulary)
        self._arrays = self._state.vectors.reshape(V, -1), self._state.biases
        self._keeper = CheckpointKeeper(plan, self._write, lambda: checkpoint.steps_done)
        if plan is not None:  # fail before the work
            glove_record(checkpoint)
        self._begun = checkpoint.steps_done
        self._has_diverged = False

    def _train(self, memory: int, threads: int) -> Generator[Report, None, Embeddings]:
        """Train to the end."""
        state, epochs = self._state, self._config.epochs
        if state.epoch < epochs:
            chunks = yield from self._pairs(memory, threads)
            limit = _MAX_LOSS_RATIO * max(chunks.untrained_loss, 1.0)
            while state.epoch < epochs:
                yield from self._epoch(chunks, threads, limit)
                state.epoch, state.position = state.epoch + 1, 0
                if state.epoch < epochs:
                    state.loss, state.steps = 0.0, 0
        self._keeper.save_rest()
        return self.best()

    def _pairs(self, memory: int, threads: int) -> Generator[Report, None, PairChunks]:
        """Count the pairs and put them in random order."""
        config, state = self._config, self._state
        counts = yield from iter_count_cooccurrences(
            self._corpus, config.cooccurrence(), vocabulary_size=len(state.vocabulary),
            memory=memory, threads=threads,
        )  # fmt: skip
        check_counts(counts.nnz)
        with ThreadPool(threads) as pool:
            chunks = yield from PairChunks.shuffle(
                counts, config.x_max, config.alpha, config.seed, memory, pool
            )
        if state.file is not None and state.entries != chunks.entries:
            fault = f"it has {state.entries} pairs, and its text {chunks.entries}"
            raise corrupted_checkpoint(state.file, fault)
        state.entries = chunks.entries
        return chunks

    @property
    def has_learnt(self) -> bool:  # noqa: D102 - see StoppableRun
        return self._checkpoint.steps_done > self._begun

    def best(self) -> Embeddings:
        """Return the vectors as they are, of a run that is over or was closed.

        Raises:
            DivergenceError: they are not finite, or soon will not be.
        """
        state, config = self._state, self._config
        if not state.is_bounded:
            raise self._divergence()
        vectors = state.vectors[:, WORD, : config.dim] + state.vectors[:, CONTEXT, : config.dim]
        loss = state.mean_loss if state.steps else None
        training = {"pairs": self._checkpoint.steps_done, "loss": loss}
        metadata = metadata_of("train-glove", self._corpus, config, training=training)
        return Embeddings(state.vocabulary, vectors, metadata=metadata)

    def _epoch(
        self, chunks: PairChunks, threads: int, limit: float
    ) -> Generator[Report, None, None]:
        """Train on the rest of the epoch, with a checkpoint when one is due or it is stopped."""
        from wordkit.counts.glove_kernels import train_pairs

        state, config = self._state, self._config
        order = np.random.default_rng((config.seed, state.epoch)).permutation(len(chunks)).tolist()

        def train(chunk: int) -> tuple[float, int]:
            counter = random_counter(config.seed, state.epoch, chunk)
            loss, steps = train_pairs(*chunks[chunk], *self._arrays, config.lr, counter)
            return float(loss), int(steps)

        def record(chunk: int, result: tuple[float, int]) -> None:
            loss, steps = result
            state.loss, state.steps = state.loss + loss, state.steps + steps
            self._has_diverged |= not loss <= limit * max(steps, 1)  # True for NaN

        try:
            yield self._report()
            while state.position < len(order):
                began, before = time.monotonic(), state.seconds
                running = unordered_map(train, self._next(order), record, threads, "wordkit-glove")
                with contextlib.closing(running):
                    for _ in running:
                        state.seconds = before + time.monotonic() - began
                        yield self._report()
                if self._has_diverged:
                    raise self._divergence()
                if self._keeper.is_due():
                    self._keeper.save()
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            self._keeper.save_rest()
            raise

    def _next(self, order: list[int]) -> Iterator[int]:
        """Yield the chunks left of the epoch, until a checkpoint is due or training diverges."""
        state = self._state
        while state.position < len(order) and not self._keeper.is_due() and not self._has_diverged:
            state.position += 1
            yield order[state.position - 1]

    def _divergence(self) -> DivergenceError:
        return DivergenceError(
            f"the training diverged in epoch {self._state.epoch + 1}, at learning rate "
            f"{self._config.lr:.4g}: the vectors grew beyond all bounds; lower lr, to "
            f"{min(self._config.lr / 4, 0.05):.2g} say"
        )

    def _report(self) -> Report:
        state, epochs, done = self._state, self._config.epochs, self._checkpoint.steps_done
        figures = {
            "loss": state.mean_loss,
            "epoch": min(state.epoch + 1, epochs),
            "epochs": done / state.entries,
        }
        return Report("training", done, epochs * state.entries, "pairs", figures)

    def _write(self, path: str | os.PathLike[str]) -> None:
        save_glove_checkpoint(path, self._checkpoint)
