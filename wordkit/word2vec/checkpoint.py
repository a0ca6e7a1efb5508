"""Checkpoint files of word2vec, and how a training resumes from one.

V is the number of words, R of rows of the input matrix, O of the output matrix, D of dimensions.
The file is a safetensors container with ``input`` (R, D) and ``output`` (O, D) as float32,
``words`` and ``counts`` as in a file of vectors, the rest as JSON, and a digest of all of it.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.config import from_record
from wordkit.errors import ConfigError, DivergenceError, VocabularyError, counted
from wordkit.storage import WORD2VEC_CHECKPOINT, kind_of, to_json
from wordkit.storage.checkpoint_file import (
    MAX_FLOAT,
    check_same_settings,
    check_same_texts,
    corrupted_checkpoint,
    read_checkpoint_file,
    record_entry,
    write_checkpoint_file,
)
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec.components import components_of
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.state import LossSum, TrainingState
from wordkit.word2vec.weights import Weights, check_weights_memory, compact, expand, output_rows

__all__ = [
    "Checkpoint",
    "checkpoint_record",
    "is_checkpoint",
    "read_checkpoint",
    "save_checkpoint",
    "start_from_checkpoint",
]


@dataclass(frozen=True)
class Checkpoint:
    """A training that can resume."""

    config: Word2VecConfig
    """The settings."""

    state: TrainingState
    """Weights that were read from a file are mapped from it, read-only and without padding."""

    corpus: Mapping[str, Any]
    """The training data: its ``fingerprint``, ``tokens``, ``sentences`` and ``settings``."""

    @property
    def words_done(self) -> int:
        """Words of the corpus trained on, over all epochs."""
        return self.state.epoch * int(self.corpus["tokens"]) + self.state.position

    @property
    def fraction_done(self) -> float:
        """The fraction of the training that is done, from 0 to 1."""
        return self.words_done / max(self.config.epochs * int(self.corpus["tokens"]), 1)

    @property
    def is_finished(self) -> bool:
        """True if the training had ended."""
        return self.fraction_done >= 1

    @property
    def progress(self) -> str:
        """Progress of the training, for messages: ``at 25%``."""
        return f"at {self.fraction_done:.0%}"


def start_from_checkpoint(
    corpus: Corpus, config: Word2VecConfig, checkpoint: Checkpoint
) -> TrainingState:
    """Resume where a training was when it wrote a checkpoint.

    Args:
        corpus: the same as then.
        config: the same as then, but for ``vectors``, which matters at the end alone.
        checkpoint: what :func:`read_checkpoint` returned.

    Raises:
        ConfigError: the corpus or a setting is another one.
        ResourceError: there is too little memory.
    """
    check_same_texts({"corpus": checkpoint.corpus}, {"corpus": corpus.record})
    state = checkpoint.state
    then, now = checkpoint.config.record(), config.with_stable_lr(state.vocabulary.counts).record()
    check_same_settings(then, now, may_change={"vectors"})
    inputs = None if state.components is None else state.components.input_rows
    check_weights_memory(len(state.vocabulary), config, inputs)
    return replace(state, weights=Weights.copied(state.weights.input, state.weights.output))


# --- writing -------------------------------------------------------------------------------------


def save_checkpoint(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write a checkpoint, atomically.

    The weights are not copied: while they are written they are compacted in their own memory, and
    nobody may use them meanwhile.

    Raises:
        DivergenceError: the weights are not finite, or soon will not be. Nothing is written.
        ConfigError: the settings of the corpus cannot be written as JSON.
        StorageError: the file cannot be written.
    """
    state = checkpoint.state
    if not (state.weights.are_bounded and math.isfinite(state.loss_sum.loss)):
        done = counted(checkpoint.words_done, "word")
        rate = checkpoint.config.learning_rate(checkpoint.fraction_done)
        raise DivergenceError(
            f"the vectors have grown beyond all bounds after {done}, at "
            f"a learning rate of {rate:.4g}; lower lr. {path} is left as it was"
        )
    record = checkpoint_record(checkpoint)
    with _compacted(state.weights) as matrices:
        tensors = {**matrices, **state.vocabulary.to_arrays()}
        write_checkpoint_file(path, record, tensors, kind=WORD2VEC_CHECKPOINT)


def checkpoint_record(checkpoint: Checkpoint) -> str:
    """Everything but the arrays, as JSON.

    Raises:
        ConfigError: JSON cannot hold it.
    """
    state = checkpoint.state
    record = {
        "config": checkpoint.config.record(),
        "corpus": dict(checkpoint.corpus),
        "epoch": state.epoch,
        "position": state.position,
        "loss": float(state.loss_sum.loss),
        "predictions": int(state.loss_sum.predictions),
        "seconds": float(state.seconds),
        "kept": state.kept,
        "joined": state.joined,
    }
    return to_json(record)


@contextlib.contextmanager
def _compacted(weights: Weights) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
    with contextlib.ExitStack() as undo:
        matrices = {}
        for name, padded in (("input", weights.padded_input), ("output", weights.padded_output)):
            matrices[name] = compact(padded, weights.dim)
            undo.callback(expand, matrices[name], padded)
        yield matrices


# --- reading -------------------------------------------------------------------------------------


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is a checkpoint, by its first bytes."""
    return kind_of(path) == WORD2VEC_CHECKPOINT


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint, and check all of it once.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, or something else.
    """
    path = Path(path)
    file, record = read_checkpoint_file(path, kind=WORD2VEC_CHECKPOINT)
    vocabulary = Vocabulary.from_file(file)
    matrices = (file.tensor(name, np.float32, 2) for name in ("input", "output"))
    try:
        config = from_record(Word2VecConfig, record.get("config"))
        _ = "" in vocabulary  # builds the word table, which finds duplicates
    except (ConfigError, VocabularyError) as error:
        raise corrupted_checkpoint(path, str(error)) from error
    weights = Weights(config.dim, *matrices)
    corpus = record_entry(path, record, "corpus", dict)
    tokens = record_entry(path, corpus, "tokens", int)
    epoch = record_entry(path, record, "epoch", int, at_most=config.epochs)
    state = TrainingState(
        vocabulary,
        weights,
        record_entry(path, record, "kept", int),
        record_entry(path, record, "joined", int),
        epoch,
        record_entry(
            path, record, "position", int, at_most=0 if epoch == config.epochs else tokens
        ),
        LossSum(
            record_entry(path, record, "loss", float, at_least=-MAX_FLOAT),
            record_entry(path, record, "predictions", int),
        ),
        record_entry(path, record, "seconds", float),
        path,
        components_of(vocabulary.words, config),
    )
    _check_state(path, state, config)
    kinds = {"fingerprint": str, "tokens": int, "sentences": int, "settings": dict}
    about = {name: record_entry(path, corpus, name, kind) for name, kind in kinds.items()}
    return Checkpoint(config, state, about)


def _check_state(path: Path, state: TrainingState, config: Word2VecConfig) -> None:
    V, weights = len(state.vocabulary), state.weights
    inputs = V if state.components is None else state.components.input_rows
    expected = (inputs, config.dim), (output_rows(V, config), config.dim)
    found = weights.padded_input.shape, weights.padded_output.shape
    counts = state.vocabulary.counts
    fault = None
    if found != expected:
        fault = f"its matrices should have the shapes {expected}, not {found}"
    elif V < 2 or np.any(counts[1:] > counts[:-1]):
        fault = "its words are fewer than two, or not in the order of their counts"
    elif not weights.are_bounded:
        fault = "some of its weights are not finite, or far too large"
    elif state.kept + state.joined != V:
        fault = f"{state.kept} words kept and {state.joined} joined are not {V}"
    if fault is not None:
        raise corrupted_checkpoint(path, fault)
