"""The training of a language model by one function: texts in, settings as keywords, a model out."""

from __future__ import annotations

import os
from typing import Any

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError
from wordkit.keywords import checkpoint_plan, loaded, split_settings
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.data import hold_out as split_corpus
from wordkit.lm.fitting import plan_training
from wordkit.lm.model import LanguageModel
from wordkit.lm.task import iter_train_language_model, read_checkpoint
from wordkit.runtime.progress_bar import finish
from wordkit.storage import LANGUAGE_MODEL_CHECKPOINT
from wordkit.storage.checkpoints import CheckpointPlan, resumed_checkpoint
from wordkit.text import Corpus
from wordkit.text.corpus import UNTOLD
from wordkit.training.config import check_validation
from wordkit_corpora import Text, iter_read_corpus

__all__ = ["train_language_model"]


def train_language_model(
    text: Text,
    model: ModelConfig | None = None,
    config: TrainingConfig | None = None,
    *,
    valid: Text | None = None,
    hold_out: float | None = None,
    preset: str | None = None,
    embeddings: Embeddings | str | os.PathLike[str] | None = None,
    init: LanguageModel | str | os.PathLike[str] | None = None,
    resume: bool = False,
    checkpoint: str | os.PathLike[str] | CheckpointPlan | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> LanguageModel:
    """Train a language model: RNN, LSTM, GRU or Transformer.

    Without ``preset``, ``epochs`` or ``max_minutes`` the training takes five minutes, and the
    model is the one that learns most in them.

    Args:
        text: what :func:`prepare` takes, or a corpus.
        model, config: settings of the model and of the training; those that are given as keywords
            replace their own.
        valid: a text to validate on; the best model by it is the one returned.
        hold_out: the fraction of ``text``, its end, to validate on without ``valid`` (0.05).
        preset: a name of ``wordkit.lm.PRESETS``; None: settings fitted to the text and the time.
        embeddings: word vectors to start from, or their file.
        init: a language model to fine-tune, or its file: its words stay, those of the text join
            them, and the text is tokenized as its own was.
        resume: resume the training of ``checkpoint``, where there is one already.
        checkpoint: a file for the state of the training, written every five minutes.
        device, threads: as for :func:`wordkit.lm.iter_train_language_model`.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.lm.ModelConfig`, such as ``arch`` ("recurrent"),
            ``cell`` ("lstm"), ``hidden``, ``layers`` (1), ``dropout``, ``tied``; of
            :class:`wordkit.lm.TrainingConfig`, such as ``epochs``, ``max_minutes``, ``batch``,
            ``steps``, ``lr``, ``optimizer``, ``patience``, ``max_vocabulary``, ``seed``; and of the
            text, as for :func:`train_word2vec`.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        WordkitError: as :func:`prepare` and :func:`wordkit.lm.iter_train_language_model` say.
    """
    reading, of_model, of_training = split_settings(
        train_language_model, settings, (ModelConfig, model), (TrainingConfig, config)
    )
    vectors = None if embeddings is None else loaded("embeddings", embeddings, Embeddings)
    check_validation(of_training, valid=valid is not None, hold_out=hold_out)
    fraction = 0.05 if hold_out is None else hold_out
    writing = checkpoint_plan(checkpoint)
    resumed, _ = resumed_checkpoint(
        writing, read_checkpoint, kind=LANGUAGE_MODEL_CHECKPOINT, resume=resume
    )
    start = None if init is None else loaded("init", init, LanguageModel)
    plan = plan_training(
        of_model, of_training, preset=preset, resume=resumed, embeddings=vectors,
        init=None if start is None else start.config,
    )  # fmt: skip
    words = dict[str, Any]()
    if start is not None:
        words = {"like": start.text_settings}
        for name in UNTOLD.keys() & reading.keys():
            if isinstance(reading[name], str) and reading[name] != words["like"][name]:
                raise ConfigError(
                    f"{name} has no effect with init: the text is read as the model's own text "
                    "was; leave it out"
                )
    elif reading.get("tokenizer") == "bpe":  # it learns from what is trained on
        words = {"max_size": of_training.get("max_vocabulary")}
        words["learnt_fraction"] = 1.0 if valid is not None else 1 - fraction
    train = finish(iter_read_corpus(text, eos=True, threads=threads, **reading, **words), progress)
    validation: Corpus | None = None
    if valid is not None:
        like = {**UNTOLD, **train.settings, **reading}
        files = {name: value for name, value in reading.items() if name not in UNTOLD}
        validation = finish(
            iter_read_corpus(valid, eos=True, threads=threads, like=like, **files), progress
        )
    elif fraction:
        train, validation = split_corpus(train, fraction)
    chosen = finish(plan.iter_fit(train, device=device, threads=threads), progress)
    run = iter_train_language_model(
        train, chosen.model, chosen.training, valid=validation, embeddings=vectors, init=start,
        device=device, threads=threads, checkpoint=writing, resume=resumed,
    )  # fmt: skip
    return finish(run, progress)
