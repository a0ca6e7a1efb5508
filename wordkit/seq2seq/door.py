"""The training of a sequence model by one function: pairs in, settings as keywords, a model out."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, TextError, missing_hint
from wordkit.keywords import FILE_SETTINGS, checkpoint_plan, loaded, split_settings
from wordkit.runtime.progress_bar import finish
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.examples import PAIRS
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.pairs import Pair, read_pairs, read_texts
from wordkit.seq2seq.training import iter_train_texts
from wordkit.storage import SEQ2SEQ_CHECKPOINT
from wordkit.storage.checkpoints import CheckpointPlan, resumed_checkpoint
from wordkit.training.config import check_validation
from wordkit.training.run import TrainingRun
from wordkit_corpora import Text, iter_open_lines

__all__ = ["train_seq2seq"]


def train_seq2seq(
    pairs: Text | Iterable[tuple[str, str]],
    model: Seq2SeqConfig | None = None,
    config: Seq2SeqTrainingConfig | None = None,
    *,
    valid: Text | Iterable[tuple[str, str]] | None = None,
    hold_out: float | None = None,
    preset: str | None = None,
    init: Seq2SeqModel | str | os.PathLike[str] | None = None,
    source_embeddings: Embeddings | str | os.PathLike[str] | None = None,
    target_embeddings: Embeddings | str | os.PathLike[str] | None = None,
    separator: str = "\t",
    resume: bool = False,
    checkpoint: str | os.PathLike[str] | CheckpointPlan | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Seq2SeqModel:
    """Train a sequence-to-sequence model on pairs of texts.

    Settings that are not given are fitted to the pairs: to their unit, their lengths, and how often
    the training sees them.

    Args:
        pairs: pairs of strings, source and target; or a text, a pair a line; with ``autoencode``
            any text, whose lines are learnt.
        model, config: settings of the model and of the training; those that are given as keywords
            replace their own.
        valid: pairs to validate on; the best model by them is the one returned.
        hold_out: the fraction of the sources to validate on without ``valid`` (0.1).
        preset: a name of ``wordkit.seq2seq.PRESETS``; None: fitted settings.
        init: a model to fine-tune, or its file: its units stay, those of the pairs join them.
        source_embeddings, target_embeddings: vectors to start from, or their files.
        separator: what stands between source and target in a line.
        resume: resume the training of ``checkpoint``, where there is one already.
        checkpoint: a file for the state of the training, written every five minutes.
        device, threads: as for :func:`wordkit.seq2seq.iter_train_seq2seq`.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.seq2seq.Seq2SeqConfig`, such as ``unit`` ("char",
            "word" or "bpe"), ``hidden`` (256), ``attention``, ``directions``, ``reverse``; of
            :class:`wordkit.seq2seq.Seq2SeqTrainingConfig`, such as ``epochs``, ``max_minutes``,
            ``batch``, ``lr``, ``seed``; and ``encoding``, ``errors``, ``data_dir`` of files. There
            is no tokenizer: words are separated by white space.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        TextError: a text cannot be read, or a line is no pair.
        WordkitError: as :func:`wordkit.seq2seq.iter_train_seq2seq` says.
    """
    reading, of_model, of_training = split_settings(
        train_seq2seq,
        settings,
        (Seq2SeqConfig, model),
        (Seq2SeqTrainingConfig, config),
        text=FILE_SETTINGS,
    )
    writing = checkpoint_plan(checkpoint)
    resumed, _ = resumed_checkpoint(
        writing, PAIRS.read_checkpoint, kind=SEQ2SEQ_CHECKPOINT, resume=resume
    )
    check_validation(of_training, valid=valid is not None, hold_out=hold_out)
    vectors = {"source_embeddings": source_embeddings, "target_embeddings": target_embeddings}
    run: TrainingRun[Seq2SeqModel] = iter_train_texts(
        PAIRS, partial(_pairs, separator=separator, reading=reading), pairs, of_model, of_training,
        valid=valid, hold_out=0.1 if hold_out is None else hold_out, preset=preset,
        init=None if init is None else loaded("init", init, Seq2SeqModel),
        embeddings=[
            None if given is None else loaded(name, given, Embeddings)
            for name, given in vectors.items()
        ],
        device=device, threads=threads, checkpoint=writing, resume=resumed,
    )  # fmt: skip
    return finish(run, progress)


def _pairs(
    pairs: Text | Iterable[tuple[str, str]], autoencode: bool, *, separator: str,
    reading: Mapping[str, Any],
) -> list[Pair]:  # fmt: skip
    """Return pairs of strings, or read those of a text; for an autoencoder, each line twice."""
    if autoencode:
        return [*read_texts(iter_open_lines(pairs, **reading).result().source)]
    if isinstance(pairs, Mapping) or hasattr(pairs, "columns"):
        raise ConfigError(f"pairs must be a file or pairs of strings, not a {type(pairs).__name__}")
    if not isinstance(pairs, str | os.PathLike) and isinstance(pairs, Iterable):
        listed: list[Any] = list(pairs)
        in_lines = listed and isinstance(listed[0], str | bytes | os.PathLike | io.IOBase)
        if listed and not in_lines:
            return [_pair(pair, number) for number, pair in enumerate(listed, 1)]
        pairs = listed
    source = iter_open_lines(pairs, **reading).result().source
    return [Pair(*pair) for pair in read_pairs(source, separator)]


def _pair(pair: Any, number: int) -> Pair:
    texts = [] if isinstance(pair, str | bytes) or not isinstance(pair, Iterable) else [*pair]
    if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
        raise TextError(
            f"pair {number} must be a source and a target, strings, not {pair!r:.60}"
            f"{missing_hint(*texts)}"
        )
    return Pair(*(text.strip() for text in texts))
