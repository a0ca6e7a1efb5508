"""Counting and GloVe by one function each: a text in, settings as keywords, vectors out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from wordkit.config import change
from wordkit.counts.config import CountsConfig, GloveConfig
from wordkit.counts.glove import iter_train_glove
from wordkit.counts.glove_checkpoint import begin_glove
from wordkit.counts.train import iter_train_counts
from wordkit.embeddings import Embeddings
from wordkit.keywords import checkpoint_plan, split_settings
from wordkit.runtime.progress_bar import finish
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit_corpora import Text, iter_read_corpus

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["train_counts", "train_glove"]


def train_counts(
    text: Text,
    config: CountsConfig | None = None,
    *,
    memory: int | None = None,
    threads: int | None = None,
    client: Client | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Embeddings:
    """Make word vectors by counting: co-occurrence, PPMI, truncated SVD.

    Args:
        text: what :func:`prepare` takes, or a corpus.
        config: settings; those that are given as keywords replace its own.
        memory, threads, client: as for :func:`wordkit.counts.iter_train_counts`.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.counts.CountsConfig`, such as ``dim`` (100), ``window``
            (10), ``min_count`` (5), ``weighting`` ("harmonic"), ``shift`` (1), ``smoothing`` (1),
            ``seed``; and of the text, as for :func:`train_word2vec`.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        WordkitError: as :func:`prepare` and :func:`wordkit.counts.iter_train_counts` say.
    """
    reading, given = split_settings(train_counts, settings, (CountsConfig, config))
    config = change(CountsConfig(), **given)
    reader = iter_read_corpus(text, threads=threads, client=client, **reading)
    corpus = finish(reader, progress)
    run = iter_train_counts(corpus, config, memory=memory, threads=threads, client=client)
    return finish(run, progress)


def train_glove(
    text: Text,
    config: GloveConfig | None = None,
    *,
    resume: bool = False,
    checkpoint: str | os.PathLike[str] | CheckpointPlan | None = None,
    memory: int | None = None,
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Embeddings:
    """Train word vectors by GloVe: least squares on the logarithms of co-occurrence.

    Args:
        text: what :func:`prepare` takes, or a corpus.
        config: settings; those that are given as keywords replace its own.
        resume: resume the training of ``checkpoint``, where there is one already.
        checkpoint: a file for the state of the training, written every five minutes.
        memory, threads: as for :func:`wordkit.counts.iter_train_glove`.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.counts.GloveConfig`, such as ``dim`` (100), ``window``
            (15), ``epochs`` (25), ``x_max`` (10), ``alpha`` (0.75), ``min_count`` (5), ``lr``,
            ``seed``; and of the text, as for :func:`train_word2vec`.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        WordkitError: as :func:`prepare` and :func:`wordkit.counts.iter_train_glove` say.
    """
    reading, given = split_settings(train_glove, settings, (GloveConfig, config))
    plan = checkpoint_plan(checkpoint)
    chosen, resumed, _ = begin_glove(given, resume=resume, checkpoint=plan)
    corpus = finish(iter_read_corpus(text, threads=threads, **reading), progress)
    run = iter_train_glove(
        corpus, chosen, resume=resumed, memory=memory, threads=threads, checkpoint=plan
    )
    return finish(run, progress)
