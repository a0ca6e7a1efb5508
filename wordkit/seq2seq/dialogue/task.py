"""The training of a dialogue model: every turn but the first is written from those before.

Each dialogue of a batch is read once, and all its next turns are trained on together.

Notation: T steps of a turn, M next turns of a batch, F features.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from wordkit.decoding.steps import Hypothesis
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, TextError, WordkitWarning
from wordkit.nn.initialization import check_dimensions, set_embeddings
from wordkit.nn.network import select
from wordkit.runtime import Report, choose_device
from wordkit.runtime.processes import Processes
from wordkit.seq2seq.batches import EncodedPairs, Ids, PairBatch, epoch_batches
from wordkit.seq2seq.config import DecodingConfig, check_latent
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.dialogue.batches import (
    DialogueBatch,
    EncodedDialogues,
    encode_dialogues,
    pad_dialogues,
)
from wordkit.seq2seq.dialogue.chat import decode_turns
from wordkit.seq2seq.dialogue.config import DialogueConfig, DialogueTrainingConfig
from wordkit.seq2seq.dialogue.dialogues import Dialogue, normalized_dialogues
from wordkit.seq2seq.dialogue.model import DialogueModel
from wordkit.seq2seq.dialogue.network import DialogueNetwork
from wordkit.seq2seq.memory import GRADIENT_FACTOR, batch_bytes
from wordkit.seq2seq.network import initialize
from wordkit.seq2seq.pairs import fingerprint, learn_pieces, vocabulary_of
from wordkit.seq2seq.task import Seq2SeqTask, without_padding
from wordkit.storage import DIALOGUE_CHECKPOINT
from wordkit.storage.checkpoints import CheckpointPlan, check_replaceable
from wordkit.text import Vocabulary
from wordkit.text.bpe import BytePairEncoding
from wordkit.training.checkpoint import (
    TrainingCheckpoint,
    as_decided,
    check_resumption,
    read_training,
)
from wordkit.training.finetuning import (
    check_shape,
    copy_weights,
    join_vocabularies,
    share_unk_bias,
)
from wordkit.training.run import (
    TrainingRun,
    check_network_memory,
    chosen_precision,
    versions,
)

__all__ = ["DialogueCheckpoint", "DialogueTask", "iter_train_dialogue", "read_dialogue_checkpoint"]

_SAMPLE = 1000  # next turns that a validation decodes, to count exact matches
_VALIDATION_COST = 0.5  # times that of training, for a turn
_COLUMNS = 32  # next turns of similar lengths that are written together

DialogueCheckpoint = TrainingCheckpoint[DialogueConfig, DialogueTrainingConfig]


class DialogueTask(Seq2SeqTask):
    """A dialogue model and its dialogues, as the trainer sees them.

    Args:
        network: on its device, with its initial weights.
        vocabulary: of the turns.
        train: the dialogues to train on.
        valid: those to validate on, which may be none.
        config: the settings, in which nothing is ``auto`` any more.
        metadata: of the model.
        processes: that train together.
    """

    unit, checkpoint_kind = "turns", DIALOGUE_CHECKPOINT

    def __init__(
        self,
        network: DialogueNetwork,
        vocabulary: Vocabulary,
        train: EncodedDialogues,
        valid: EncodedDialogues,
        config: DialogueTrainingConfig,
        metadata: Mapping[str, Any],
        processes: Processes | None = None,
    ) -> None:
        super().__init__(network, (vocabulary, vocabulary), train, (), config, metadata, processes)
        self.vocabularies = {"": vocabulary}
        self.dialogues, self._valid = train, valid
        self.validation_cost = _VALIDATION_COST * len(valid)

    def _rows(self, epoch: int) -> list[Ids]:
        config = self.config
        found = epoch_batches(
            self.dialogues.wholes, config.batch, seed=config.seed, epoch=epoch,
            bucket=config.bucket, tokens=config.batch_tokens,
        )  # fmt: skip
        return [self.dialogues.pairs_of(dialogues) for dialogues in found]

    def _own(self, rows: Ids) -> Ids:
        _, number = np.unique(self.dialogues.firsts[rows], return_inverse=True)
        return np.flatnonzero(number % self.processes.count == self.processes.rank)

    def _pad(self, encoded: EncodedPairs, rows: Ids) -> PairBatch:
        shape: DialogueConfig = self.network.config  # type: ignore[assignment]
        return pad_dialogues(
            cast("EncodedDialogues", encoded), rows, reverse=shape.reverse,
            context_turns=shape.window,
        )  # fmt: skip

    def _encode(self, pairs: PairBatch) -> DecoderState:
        network, batch = cast("DialogueNetwork", self.network), cast("DialogueBatch", pairs)
        return network.encode_dialogues(
            batch.sources.to(self._device), batch.lengths, batch.history
        )

    def _features(
        self, inputs: Tensor, targets: Tensor, state: DecoderState
    ) -> tuple[Tensor, Tensor]:
        """Return the features, (1, N, F), of turns that are written with others of their length."""
        lengths, columns = (targets >= 0).sum(0).sort(descending=True)
        size = _COLUMNS if self._device.type == "cpu" else len(columns)
        features, found = [], []
        for start in range(0, len(columns), size):
            part, steps = columns[start : start + size], max(int(lengths[start]), 1)
            written, _ = self.network(inputs[:steps, part], select(state, part))
            kept = without_padding(written, targets[:steps, part])
            features.append(kept[0])
            found.append(kept[1])
        return torch.cat(features, 1), torch.cat(found, 1)

    def _valid_rows(self) -> Iterable[Ids]:
        return cast("EncodedDialogues", self._valid).batches(self.config.batch)

    def _answers(self) -> list[list[Hypothesis]]:
        rows = np.arange(min(len(self._valid), _SAMPLE))
        valid = cast("EncodedDialogues", self._valid)
        return decode_turns(self.model(self.network, {}), valid, rows, DecodingConfig())

    def model(self, network: nn.Module, summary: Mapping[str, Any]) -> DialogueModel:  # type: ignore[override]
        """Return the model with this network."""
        metadata = {**self.metadata, "training": dict(summary)}
        longest = max(self._train.targets.longest, 1)
        return DialogueModel(network, self.target, longest, metadata)  # type: ignore[arg-type]


def read_dialogue_checkpoint(path: str | os.PathLike[str]) -> DialogueCheckpoint:
    """Read a checkpoint, and check all of it.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, of another kind, or of an older version.
    """
    return read_training(
        path, DialogueConfig, DialogueTrainingConfig, kind=DIALOGUE_CHECKPOINT, unit="turn"
    )


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

    Reproducible as :func:`wordkit.seq2seq.iter_train_seq2seq`, whose trainer this is.

    Args:
        dialogues: to train on, of two turns at least each; the vocabulary is made from them alone,
            and of the units of ``init``.
        model: the shape of the model; None: the defaults, or that of ``init``.
        config: how it is trained; None: the defaults.
        valid: dialogues to validate on, after each epoch; the best model by them is kept. None of
            them: the model is kept as it is in the end.
        init: a model to start from, of the same shape: its units stay, and those of the dialogues
            join them.
        embeddings: input embeddings to start from, of the model's dimensions, matched by unit.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: of the CPU; None: all cores, but fewer while other processes keep them busy.
        checkpoint: where to keep the state of the training, and how often.
        resume: a checkpoint of a training on the same dialogues with the same settings.

    Returns:
        A run that reports as that of :func:`wordkit.seq2seq.iter_train_seq2seq`, in turns instead
        of pairs.

    Raises:
        TextError: there is no dialogue, or a turn is empty.
        ConfigError: a setting is invalid, or differs from that of ``resume``, or the checkpoints
            would replace another file or an unfinished training.
        ResourceError: there is too little memory, or no such device.
        DivergenceError: the loss is no finite number any more (in the run).
        StorageError: a checkpoint cannot be written.
    """
    model = model or (DialogueConfig() if init is None else init.config)
    config = config or DialogueTrainingConfig()
    check_latent(model.latent, config)
    if init is not None:
        check_shape(init.config, asdict(model))
        if embeddings is not None:
            raise ConfigError("init and embeddings both say what to start from; give one")
    if embeddings is not None:
        check_dimensions(embeddings, model.dim)
    resumed = None if resume is None else resume.file.path
    check_replaceable(
        checkpoint, read_dialogue_checkpoint, kind=DIALOGUE_CHECKPOINT, resumed=resumed
    )
    device = choose_device(device)
    if not any(len(dialogue) > 1 for dialogue in dialogues):
        raise TextError("there is no dialogue of two turns to train on; give one at least")
    dialogues, valid = (normalized_dialogues(each, model.normalize) for each in (dialogues, valid))
    config = as_decided(config, resume)
    config = replace(config, precision=chosen_precision(config.precision, device))
    turns = [turn for dialogue in dialogues for turn in dialogue]
    vocabulary, bpe = _units(turns, model, config, init, resume)
    train, encoded_valid = (
        encode_dialogues(each, vocabulary, model.unit, bpe) for each in (dialogues, valid)
    )
    _warn_of_unseen(encoded_valid)
    metadata = _metadata(dialogues, valid, config)
    if bpe is not None:
        metadata["bpe"] = bpe.record()
    if init is not None:
        known = len(init.vocabulary)
        metadata["init"] = {"words": known, "new_words": len(vocabulary) - known}
    if resume is not None:
        texts = {name: metadata[name] for name in ("dialogues", "valid")}
        check_resumption(resume, model, config, texts)
        metadata |= {name: resume.about[name] for name in ("embeddings", "init")
                     if name in resume.about}  # fmt: skip
    _check_memory(model, len(vocabulary), train, encoded_valid, config)

    def make_task(processes: Processes) -> Generator[Report, None, DialogueTask]:
        network = DialogueNetwork(model, len(vocabulary))
        if resume is None and init is not None:
            rows = dict.fromkeys(
                ("encoder.embedding", "output.weight", "output.bias"),
                (init.vocabulary, vocabulary),
            )
            copy_weights(network, init.network, rows)
            found = vocabulary_of(turns, model.unit, bpe=bpe)
            share_unk_bias(network.output.bias, init.vocabulary, vocabulary, found)
        elif resume is None:
            initialize(network, torch.Generator().manual_seed(config.seed))
            if embeddings is not None:
                count = set_embeddings(network.encoder.embedding, vocabulary, embeddings)
                metadata["embeddings"] = {"known": count, "words": len(vocabulary)}
        yield Report("training", 0, None, "turns")
        return DialogueTask(
            network.to(device), vocabulary, train, encoded_valid, config, metadata, processes
        )

    return TrainingRun(make_task, device, threads, checkpoints=checkpoint, resume=resume)


def _units(
    turns: list[str],
    model: DialogueConfig,
    config: DialogueTrainingConfig,
    init: DialogueModel | None,
    resume: DialogueCheckpoint | None,
) -> tuple[Vocabulary, BytePairEncoding | None]:
    """Return the units of turns, joined with those of the model to start from, and the pieces."""
    bpe = None if init is None else init.bpe
    if resume is not None:
        if model.unit == "bpe":
            bpe = BytePairEncoding.from_record(resume.about.get("bpe"))
        return resume.vocabulary, bpe
    if bpe is None and model.unit == "bpe":
        bpe = learn_pieces([turns], config.max_vocabulary)
    limits: dict[str, Any] = {"min_count": config.min_count, "max_size": config.max_vocabulary}
    if init is None:
        return vocabulary_of(turns, model.unit, bpe=bpe, **limits), bpe
    found = vocabulary_of(turns, model.unit, bpe=bpe)
    return join_vocabularies(init.vocabulary, found, **limits), bpe


def _warn_of_unseen(valid: EncodedDialogues) -> None:
    """Warn of units of the validation dialogues that the training dialogues lack."""
    if valid.targets.unknown:
        named = ", ".join(map(repr, valid.targets.unknown_units))
        warnings.warn(
            f"the turns to validate on hold {valid.targets.unknown:,} units that are <unk> to the "
            f"model, such as {named}",
            WordkitWarning,
            stacklevel=3,
        )


def _metadata(
    dialogues: Sequence[Dialogue], valid: Sequence[Dialogue], config: DialogueTrainingConfig
) -> dict[str, Any]:
    """The metadata of the model: the same for equal runs, so without times."""

    def record(texts: Sequence[Dialogue]) -> dict[str, Any]:
        turns = sum(map(len, texts))
        return {"fingerprint": fingerprint(texts), "dialogues": len(texts), "turns": turns}

    return {
        "made_by": "wordkit train-dialogue",
        "settings": asdict(config),
        "dialogues": record(dialogues),
        "valid": record(valid) if valid else None,
        "versions": versions(),
    }


def _check_memory(
    model: DialogueConfig, words: int, train: EncodedDialogues, valid: EncodedDialogues,
    config: DialogueTrainingConfig,
) -> None:  # fmt: skip
    """Raise before the work if the model cannot be trained in the free memory."""
    needed, longest, turns = max(
        (factor * batch_bytes(model, S, S, M) + 4 * M * K * model.width, S, M)
        for encoded, factor in ((train, GRADIENT_FACTOR), (valid, 1))
        for counts in [np.sort(np.diff(encoded.starts))[::-1]]
        for S in [max(encoded.sources.longest, encoded.targets.longest)]
        for M in [int(counts[: config.batch].sum())]
        for K in [0 if model.attention_to == "turn" else int(counts.max(initial=0))]
    )
    check_network_memory(
        f"a model for turns of up to {longest:,} units, {turns:,} in a batch,",
        lambda: DialogueNetwork(model, words),
        "leave out the longest turns, or lower batch or hidden",
        extra=needed,
    )
