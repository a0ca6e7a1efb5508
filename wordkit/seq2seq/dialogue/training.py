"""The training of a dialogue model: of a run, or by one function with settings as keywords."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from wordkit.embeddings import Embeddings
from wordkit.keywords import FILE_SETTINGS, checkpoint_plan, loaded, split_settings
from wordkit.runtime.progress_bar import finish
from wordkit.seq2seq import presets
from wordkit.seq2seq.dialogue.batches import encode_dialogues
from wordkit.seq2seq.dialogue.config import DialogueConfig, DialogueTrainingConfig
from wordkit.seq2seq.dialogue.dialogues import (
    Dialogue,
    check_dialogues,
    normalized_dialogues,
    read_dialogues,
    split_dialogues,
    turn_pairs,
)
from wordkit.seq2seq.dialogue.model import DialogueModel
from wordkit.seq2seq.dialogue.task import DialogueTask
from wordkit.seq2seq.examples import ExampleKind
from wordkit.seq2seq.presets import Preset
from wordkit.seq2seq.training import iter_train, iter_train_texts
from wordkit.storage import DIALOGUE_CHECKPOINT
from wordkit.storage.checkpoints import CheckpointPlan, resumed_checkpoint
from wordkit.training.checkpoint import TrainingCheckpoint
from wordkit.training.config import check_validation
from wordkit.training.run import TrainingRun
from wordkit_corpora import Text, iter_open_lines

__all__ = [
    "DIALOGUES", "DialogueCheckpoint", "get_preset", "iter_train_dialogue",
    "read_dialogue_checkpoint", "train_dialogue",
]  # fmt: skip

DialogueCheckpoint = TrainingCheckpoint[DialogueConfig, DialogueTrainingConfig]


def get_preset(name: str) -> Preset:
    """Return the preset of a name, for dialogues.

    Raises:
        ConfigError: there is none, or it is of a Transformer.
    """
    return presets.get_preset(name, DialogueConfig)


DIALOGUES = ExampleKind(
    "dialogues", "dialogue of two turns", DialogueTask, DialogueTrainingConfig, encode_dialogues,
    normalized_dialogues, split_dialogues, turn_pairs,
)  # fmt: skip


def read_dialogue_checkpoint(path: str | os.PathLike[str]) -> DialogueCheckpoint:
    """Read a checkpoint, and check all of it.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, of another kind, or of an older version.
    """
    return DIALOGUES.read_checkpoint(path)


def iter_train_dialogue(
    dialogues: Sequence[Dialogue],
    model: DialogueConfig | None = None,
    config: DialogueTrainingConfig | None = None,
    *,
    valid: Sequence[Dialogue] = (),
    init: DialogueModel | None = None,
    embeddings: Embeddings | None = None,
    device: str = "auto",
    threads: int | None = None,
    checkpoint: CheckpointPlan | None = None,
    resume: DialogueCheckpoint | None = None,
) -> TrainingRun[DialogueModel]:
    """Train a model that answers: that writes each turn of dialogues from the turns before.

    Args:
        dialogues: to train on, of two turns at least each; the vocabulary is made from them alone,
            and of the units of ``init``.
        model, config, valid, init: as for :func:`wordkit.seq2seq.iter_train_seq2seq`.
        embeddings: input embeddings to start from, of the model's dimensions, matched by unit.
        device, threads, checkpoint, resume: as for :func:`wordkit.seq2seq.iter_train_seq2seq`.

    Returns:
        A run that reports as that of :func:`wordkit.seq2seq.iter_train_seq2seq`, in turns instead
        of pairs.

    Raises:
        TextError: there is no dialogue, or a turn is empty.
        WordkitError: as :func:`wordkit.seq2seq.iter_train_seq2seq` says.
    """
    return iter_train(
        DIALOGUES, dialogues, model, config, valid=valid, init=init, embeddings=(embeddings,),
        device=device, threads=threads, checkpoint=checkpoint, resume=resume,
    )  # fmt: skip


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
        checkpoint, DIALOGUES.read_checkpoint, kind=DIALOGUE_CHECKPOINT, resume=resume
    )
    check_validation(of_training, valid=valid is not None, hold_out=hold_out)
    init = None if init is None else loaded("init", init, DialogueModel)
    if embeddings is not None:
        embeddings = loaded("embeddings", embeddings, Embeddings)
    run: TrainingRun[DialogueModel] = iter_train_texts(
        DIALOGUES, partial(_read, reading=reading), dialogues, of_model, of_training, valid=valid,
        hold_out=0.1 if hold_out is None else hold_out, preset=preset, init=init,
        embeddings=(embeddings,), device=device, threads=threads, checkpoint=checkpoint,
        resume=resumed,
    )  # fmt: skip
    return finish(run, progress)


def _read(dialogues: Any, _: bool, reading: Mapping[str, Any]) -> list[Dialogue]:
    """Return dialogues that are given as lists of turns, or those of a text."""
    if not isinstance(dialogues, str | os.PathLike) and isinstance(dialogues, Iterable):
        dialogues = [*dialogues]
        if dialogues and isinstance(dialogues[0], list | tuple):
            return check_dialogues(dialogues)
    return read_dialogues(iter_open_lines(dialogues, **reading).result().source)
