"""The training of word2vec by one function: a text in, settings as keywords, vectors out."""

from __future__ import annotations

import os
from typing import Any

from wordkit.embeddings import Embeddings
from wordkit.keywords import checkpoint_plan, split_settings
from wordkit.runtime.progress_bar import finish
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.word2vec.beginning import begin_training
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.train import iter_train_word2vec
from wordkit_corpora import Text, iter_read_corpus

__all__ = ["train_word2vec"]


def train_word2vec(
    text: Text = (),
    config: Word2VecConfig | None = None,
    *,
    init: Embeddings | str | os.PathLike[str] | None = None,
    resume: Embeddings | str | os.PathLike[str] | bool = False,
    checkpoint: str | os.PathLike[str] | CheckpointPlan | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Embeddings:
    """Train word vectors by word2vec.

    Args:
        text: what :func:`prepare` takes, or a corpus.
        config: settings; those that are given as keywords replace its own.
        init: vectors to start from, or their file; not used where a checkpoint is resumed.
        resume: a model whose training is resumed on this text, which new words join, or its file;
            True: the training of ``checkpoint``, where there is one already.
        checkpoint: a file for the state of the training, written every five minutes.
        device, threads: as for :func:`wordkit.word2vec.iter_train_word2vec`.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.word2vec.Word2VecConfig`, such as ``dim`` (100),
            ``epochs`` (5), ``window`` (5), ``min_count`` (5), ``negative`` (5), ``sample`` (1e-3),
            ``arch`` ("cbow" or "skipgram"), ``loss`` ("ns", "hs" or "softmax"), ``lr``, ``seed``;
            and of the text: ``tokenizer``, ``numbers``, ``normalize``, ``case``, ``encoding``,
            ``errors`` and ``data_dir``.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        WordkitError: as :func:`prepare` and :func:`wordkit.word2vec.iter_train_word2vec` say.
    """
    reading, given = split_settings(train_word2vec, settings, (Word2VecConfig, config))
    plan = checkpoint_plan(checkpoint)
    beginning = begin_training(given, init=init, resume=resume, checkpoint=plan)
    corpus = finish(iter_read_corpus(text, threads=threads, **reading), progress)
    run = iter_train_word2vec(
        corpus, beginning.config, start=beginning.start(corpus), device=device, threads=threads,
        checkpoint=plan,
    )  # fmt: skip
    return finish(run, progress)
