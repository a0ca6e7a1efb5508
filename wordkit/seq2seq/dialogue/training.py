"""The training of a dialogue model by one function: dialogues in, settings as keywords."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from wordkit.config import change, settings_of
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError
from wordkit.keywords import FILE_SETTINGS, checkpoint_plan, loaded, split_settings
from wordkit.runtime.progress_bar import finish
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.dialogue.config import DialogueConfig, DialogueTrainingConfig
from wordkit.seq2seq.dialogue.dialogues import (
    Dialogue,
    check_dialogues,
    read_dialogues,
    split_dialogues,
    turn_pairs,
)
from wordkit.seq2seq.dialogue.model import DialogueModel
from wordkit.seq2seq.dialogue.task import (
    DialogueCheckpoint,
    iter_train_dialogue,
    read_dialogue_checkpoint,
)
from wordkit.seq2seq.fitting import TrainingPlan, plan_training
from wordkit.seq2seq.presets import Preset
from wordkit.storage import DIALOGUE_CHECKPOINT
from wordkit.storage.checkpoints import CheckpointPlan, resumed_checkpoint
from wordkit.training.config import check_validation
from wordkit_corpora import Text, iter_open_lines

__all__ = ["plan_dialogue_training", "train_dialogue"]


def plan_dialogue_training(
    model: Mapping[str, Any],
    training: Mapping[str, Any],
    *,
    preset: str | None = None,
    resume: DialogueCheckpoint | None = None,
    init: DialogueConfig | None = None,
    embeddings: Sequence[Embeddings] = (),
    update: Callable[..., Any] = change,
) -> TrainingPlan:
    """Check the settings of a training before its dialogues are read.

    Its ``fit`` takes the pairs of a turn and the next one. Settings that are not given are those
    that :func:`wordkit.seq2seq.fit_preset` fits to these pairs.

    Args:
        model, training, preset, resume, init, embeddings, update: as for
            :func:`wordkit.seq2seq.fitting.plan_training`.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect; or there is no such
            preset.
    """
    if preset is None and resume is None and init is None:
        model = {"unit": DialogueConfig.unit, **model}
    return plan_training(
        model, training, preset=preset, resume=cast("Any", resume), init=init,
        embeddings=embeddings, update=update, convert=_of_dialogues,
    )  # fmt: skip


def _of_dialogues(preset: Preset) -> Preset:
    """Return a preset for pairs as one for dialogues."""
    if preset.model.arch == "transformer":
        raise ConfigError("the preset is of a Transformer, and dialogue models are recurrent")
    model = {name: getattr(preset.model, name) for name in settings_of(Seq2SeqConfig)}
    training = vars(preset.training) | {"batch": DialogueTrainingConfig.batch, "bucket": 1}
    del model["arch"]
    return replace(
        preset, model=DialogueConfig(**model), training=DialogueTrainingConfig(**training)
    )


def train_dialogue(
    dialogues: Text | Iterable[Iterable[str]],
    model: DialogueConfig | None = None,
    config: DialogueTrainingConfig | None = None,
    *,
    valid: Text | Iterable[Iterable[str]] | None = None,
    hold_out: float | None = None,
    preset: str | None = None,
    init: DialogueModel | str | os.PathLike[str] | None = None,
    embeddings: Embeddings | str | os.PathLike[str] | None = None,
    resume: bool = False,
    checkpoint: str | os.PathLike[str] | CheckpointPlan | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> DialogueModel:
    """Train a model that answers in dialogues.

    Settings that are not given are fitted to the dialogues.

    Args:
        dialogues: lists of turns; or a text, a turn a line (``speaker<TAB>text`` where speakers
            are named), and a blank line between dialogues.
        model, config: settings of the model and of the training; those that are given as keywords
            replace their own.
        valid: dialogues to validate on; the best model by them is the one returned.
        hold_out: the fraction of the dialogues to validate on without ``valid`` (0.1).
        preset: a name of ``wordkit.seq2seq.PRESETS``, of a recurrent one; None: fitted settings.
        init: a model to fine-tune, or its file: its units stay, those of the dialogues join them.
        embeddings: vectors to start from, or their file.
        resume: resume the training of ``checkpoint``, where there is one already.
        checkpoint: a file for the state of the training, written every five minutes.
        device, threads: as for :func:`wordkit.seq2seq.dialogue.iter_train_dialogue`.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.seq2seq.dialogue.DialogueConfig`, such as ``arch``
            ("hred", "vhred" or "seq2seq"), ``unit`` ("word", "char" or "bpe"), ``hidden``,
            ``context_turns``; of :class:`wordkit.seq2seq.dialogue.DialogueTrainingConfig`, such as
            ``epochs``, ``max_minutes``, ``batch``, ``lr``, ``seed``; and ``encoding``, ``errors``,
            ``data_dir`` of files.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        TextError: a text cannot be read, or holds no dialogue.
        WordkitError: as :func:`wordkit.seq2seq.dialogue.iter_train_dialogue` says.
    """
    reading, of_model, of_training = split_settings(
        train_dialogue, settings, (DialogueConfig, model), (DialogueTrainingConfig, config),
        text=FILE_SETTINGS,
    )  # fmt: skip
    checkpoint = checkpoint_plan(checkpoint)
    resumed, _ = resumed_checkpoint(
        checkpoint, read_dialogue_checkpoint, kind=DIALOGUE_CHECKPOINT, resume=resume
    )
    check_validation(of_training, valid=valid is not None, hold_out=hold_out)
    fraction = 0.1 if hold_out is None else hold_out
    init = None if init is None else loaded("init", init, DialogueModel)
    if embeddings is not None:
        embeddings = loaded("embeddings", embeddings, Embeddings)
    plan = plan_dialogue_training(
        of_model, of_training, preset=preset, resume=resumed,
        init=None if init is None else init.config,
        embeddings=[] if embeddings is None else [embeddings],
    )  # fmt: skip
    train = _read(dialogues, reading)
    held_out: Sequence[Dialogue] = ()
    if valid is not None:
        held_out = _read(valid, reading)
    elif fraction:
        train, held_out = split_dialogues(train, fraction, plan.seed)
    chosen = plan.fit(turn_pairs(train), device)
    run = iter_train_dialogue(
        train,
        cast("DialogueConfig", chosen.model),
        cast("DialogueTrainingConfig", chosen.training),
        valid=held_out,
        init=init,
        embeddings=embeddings,
        device=device,
        threads=threads,
        checkpoint=checkpoint,
        resume=resumed,
    )
    return finish(run, progress)


def _read(dialogues: Any, reading: Mapping[str, Any]) -> list[Dialogue]:
    """Return dialogues that are given as lists of turns, or those of a text."""
    if not isinstance(dialogues, str | os.PathLike) and isinstance(dialogues, Iterable):
        dialogues = [*dialogues]
        if dialogues and isinstance(dialogues[0], list | tuple):
            return check_dialogues(dialogues)
    return read_dialogues(iter_open_lines(dialogues, **reading).result().source)
