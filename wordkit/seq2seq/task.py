"""The training of a sequence-to-sequence model: from pairs of texts to a model.

Notation: S units of the source, T units of the target, B pairs of a batch. The decoder is given the
true target so far (teacher forcing), or in part its own predictions (Bengio et al. 2015).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wordkit.config import from_record
from wordkit.decoding.steps import next_log_probs
from wordkit.errors import TextError, WordkitWarning
from wordkit.nn.network import device_of, inference
from wordkit.runtime import Report, choose_device
from wordkit.seq2seq.batches import (
    EncodedPairs,
    Ids,
    PairBatch,
    encode,
    epoch_batches,
    pad,
    sorted_batches,
)
from wordkit.seq2seq.config import DecodingConfig, Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.model import Seq2SeqModel, read_vocabularies, vocabulary_arrays
from wordkit.seq2seq.network import Seq2SeqNetwork, initialize
from wordkit.seq2seq.pairs import Pair, units_of, vocabulary_of
from wordkit.seq2seq.transformation import answer_bytes, decode_all
from wordkit.storage import SEQ2SEQ_CHECKPOINT, check_writable
from wordkit.storage.checkpoints import CheckpointPlan, check_same_settings, check_same_texts
from wordkit.text import Vocabulary
from wordkit.text.vocabulary import UNK
from wordkit.training.checkpoint import SavedTraining, as_format_error, read_training, save_training
from wordkit.training.distributed import Processes
from wordkit.training.run import (
    FREE_TO_CHANGE,
    TrainingRun,
    as_decided,
    check_memory,
    chosen_precision,
    versions,
)
from wordkit.training.state import LoopState
from wordkit.training.task import BatchLoss, Metrics
from wordkit.training.trainer import Trainer

__all__ = ["Seq2SeqCheckpoint", "Seq2SeqTask", "iter_train_seq2seq", "read_checkpoint"]

_SAMPLE = 10_000  # pairs that a validation decodes, to count exact matches
_VALIDATION_COST = 0.5  # times that of training, for a pair: no gradients, but some are decoded
_GRADIENT_FACTOR = 3  # times the memory that is taken without gradients


@dataclass(frozen=True)
class TrainingBatch:
    """The part of a batch that this process trains on."""

    pairs: PairBatch

    forced: Tensor | None
    """Steps that are given the true target, (T, B); None: all."""

    tokens: int
    """Targets of all processes, each ``<eos>`` among them."""

    size: int
    """Pairs of all processes."""


class Seq2SeqTask:
    """A sequence-to-sequence model and its pairs, as the trainer sees them.

    Args:
        network: on its device, with its initial weights.
        vocabularies: of the sources, and of the targets.
        train: the pairs to train on, as ids.
        valid: those to validate on, which may be none.
        config: the settings, in which nothing is ``auto`` any more.
        metadata: of the model.
        processes: that train together.
    """

    unit = "pairs"
    leaves_unused = False

    def __init__(
        self,
        network: Seq2SeqNetwork,
        vocabularies: tuple[Vocabulary, Vocabulary],
        train: EncodedPairs,
        valid: Sequence[Pair],
        config: Seq2SeqTrainingConfig,
        metadata: Mapping[str, Any],
        processes: Processes | None = None,
    ) -> None:
        self.network, self.vocabularies, self.config = network, vocabularies, config
        self.metadata, self.processes = metadata, processes or Processes()
        self.size, self.validation_cost = len(train), _VALIDATION_COST * len(valid)
        unit = network.config.unit
        self._train, self._valid = train, encode(valid, *vocabularies, unit)
        self._sample = encode(valid[:_SAMPLE], *vocabularies, unit)
        self._sample_units = [units_of(pair.target, unit) for pair in valid[:_SAMPLE]]
        self._device = device_of(network)

    def batches(self, epoch: int, start: int) -> Iterator[TrainingBatch]:
        """Yield the batches of an epoch, from one on: the part of this process of each."""
        config, lengths = self.config, self._train.targets.lengths
        all_rows = epoch_batches(
            self._train, config.batch, seed=config.seed, epoch=epoch, bucket=config.bucket
        )
        for number, rows in enumerate(all_rows[start:], start):
            own = np.arange(self.processes.rank, len(rows), self.processes.count)
            columns = own if len(own) else np.array([0])
            pairs = self._pad(self._train, rows[columns])
            if not len(own):  # of more processes than pairs: nothing to predict
                pairs.targets.fill_(-1)
            forced = None
            if config.teacher_forcing < 1:
                # drawn for the pairs of all processes, so that their number changes nothing
                random = np.random.default_rng([config.seed, epoch, number])
                draws = random.random((int(lengths[rows].max()) + 1, len(rows)))
                is_forced = draws[: len(pairs.targets), columns] < config.teacher_forcing
                forced = torch.from_numpy(is_forced)
            yield TrainingBatch(pairs, forced, int(lengths[rows].sum()) + len(rows), len(rows))

    def _pad(self, encoded: EncodedPairs, rows: Ids) -> PairBatch:
        return pad(encoded, rows, reverse=self.network.config.reverse)

    def loss(self, batch: TrainingBatch, fraction: float) -> BatchLoss:
        """Return the loss of a batch."""
        network, smoothing = self.network, self.config.label_smoothing
        inputs, targets = (part.to(self._device, non_blocking=True)
                           for part in (batch.pairs.inputs, batch.pairs.targets))  # fmt: skip
        if batch.forced is not None:
            with inference(network):
                inputs = self._predicted_inputs(self._encode(batch.pairs), inputs, batch.forced)
        features, _ = network(inputs, self._encode(batch.pairs))
        loss = network.output.loss(features, targets, smoothing)
        exact = loss.detach()
        if smoothing:
            with torch.no_grad():
                exact = network.output.loss(features.detach(), targets)
        # DistributedDataParallel takes the mean over the processes, not the sum
        objective = loss * (self.processes.count / batch.tokens)
        return BatchLoss(objective, exact, tokens=batch.tokens, units=batch.size)

    def _encode(self, pairs: PairBatch) -> DecoderState:
        return self.network.encode(pairs.sources.to(self._device), pairs.lengths)

    def _predicted_inputs(self, state: Any, inputs: Tensor, forced: Tensor) -> Tensor:
        """Return inputs, (T, B), some of which are the prediction of the step before.

        A prediction has no gradient, so it can be made beforehand; then all steps are trained on
        together, as with the true target.
        """
        banned = torch.tensor([self.vocabularies[1].id(UNK)], device=self._device)
        mixed, forced = inputs.clone(), forced.to(self._device)
        for step in range(len(inputs) - 1):
            log_p, state = next_log_probs(self.network, mixed[step : step + 1], state, banned)
            mixed[step + 1] = torch.where(forced[step + 1], inputs[step + 1], log_p.argmax(1))
        return mixed

    def validate(self) -> Generator[Report, None, Metrics]:
        """Measure the loss on all validation pairs, and the exact matches among the first ones."""
        network, encoded = self.network, self._valid
        loss, tokens, seen = 0.0, 0, 0
        for rows in sorted_batches(encoded, self.config.batch):
            yield Report("validating", seen, len(encoded), "pairs")
            pairs = self._pad(encoded, rows)
            with inference(network):
                features, _ = network(pairs.inputs.to(self._device), self._encode(pairs))
                loss += float(network.output.loss(features, pairs.targets.to(self._device)))
            tokens, seen = tokens + int((pairs.targets >= 0).sum()), seen + len(rows)
        decode = self.vocabularies[1].decode
        answers = decode_all(self.model(network, {}), self._sample, DecodingConfig())
        right = sum(
            list(decode(np.array(answer.ids, int))) == units
            for [answer], units in zip(answers, self._sample_units, strict=True)
        )
        yield Report("validating", len(encoded), len(encoded), "pairs")
        return Metrics(loss / tokens, {"valid_exact": right / len(answers)})

    def model(self, network: nn.Module, summary: Mapping[str, Any]) -> Seq2SeqModel:
        """Return the model with this network."""
        metadata = {**self.metadata, "training": dict(summary)}
        longest = self._train.targets.longest
        return Seq2SeqModel(network, *self.vocabularies, longest, metadata)  # type: ignore[arg-type]

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: all random numbers follow from the seed and the number of the batch."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""


@dataclass(frozen=True)
class Seq2SeqCheckpoint:
    """A training that can be resumed."""

    source_vocabulary: Vocabulary
    target_vocabulary: Vocabulary
    model: Seq2SeqConfig
    training: Seq2SeqTrainingConfig
    about: Mapping[str, Any]
    """The pairs of the training, as in the metadata of the model."""

    saved: SavedTraining

    @property
    def state(self) -> LoopState:
        """The state of the loop."""
        return self.saved.loop


def read_checkpoint(path: str | os.PathLike[str]) -> Seq2SeqCheckpoint:
    """Read a checkpoint, and check all of it.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, of another kind, or of an older version.
    """
    saved = read_training(path, kind=SEQ2SEQ_CHECKPOINT)
    with as_format_error(saved.file):
        return Seq2SeqCheckpoint(
            *read_vocabularies(saved.file),
            from_record(Seq2SeqConfig, saved.about["model"]),
            from_record(Seq2SeqTrainingConfig, saved.about["config"]),
            dict(saved.about["about"]),
            saved,
        )


def iter_train_seq2seq(
    pairs: Sequence[Pair],
    model: Seq2SeqConfig | None = None,
    config: Seq2SeqTrainingConfig | None = None,
    *,
    valid: Sequence[Pair] = (),
    device: str = "auto",
    threads: int | None = None,
    checkpoint: CheckpointPlan | None = None,
    resume: Seq2SeqCheckpoint | None = None,
) -> TrainingRun[Seq2SeqModel]:
    """Train a model that writes the targets of pairs.

    The same pairs, settings and seed on one machine give the same model, unless the clock ends the
    training (``config.max_minutes``).

    Args:
        pairs: to train on; the vocabularies are made from them alone.
        model: the shape of the model; None: the defaults.
        config: how it is trained; None: the defaults.
        valid: pairs to validate on, after each epoch; the best model by them is the one kept. None
            of them: the model is kept as it is in the end.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: of the CPU; None: all cores.
        checkpoint: where to keep the state of the training, and how often.
        resume: a checkpoint of a training on the same pairs with the same settings.

    Returns:
        A run that reports the stages ``training`` (pairs done; as figures the ``epoch``, the
        ``epochs`` done, the ``loss`` in nats a unit over this epoch, the ``lr`` and, once known,
        the ``valid_perplexity`` and ``valid_exact``, the fraction of the validation pairs, of the
        first ten thousand, whose target is written exactly) and ``validating``, whose last report
        has the same figures anew.

    Raises:
        TextError: there is no pair, or a source is empty.
        ConfigError: a setting is invalid, or differs from that of ``resume``.
        ResourceError: there is too little memory, or no such device.
        DivergenceError: the loss is no finite number any more (in the run).
        StorageError: a checkpoint cannot be written.
    """
    model, config = model or Seq2SeqConfig(), config or Seq2SeqTrainingConfig()
    device = choose_device(device)
    if not pairs:
        raise TextError("there is no pair to train on; give one at least")
    if resume is not None:
        config = as_decided(config, resume.training)
    config = replace(config, precision=chosen_precision(config.precision, device))
    source, target = (
        vocabulary_of(texts, model.unit, min_count=config.min_count, max_size=config.max_vocabulary)
        for texts in ([pair.source for pair in pairs], [pair.target for pair in pairs])
    )
    train, encoded_valid = (encode(each, source, target, model.unit) for each in (pairs, valid))
    _warn_of_unknown(encoded_valid)
    about = _about(pairs, valid, config)
    if resume is not None:
        check_same_texts(resume.about, {name: about[name] for name in ("pairs", "valid")})
        check_same_settings(
            {**asdict(resume.model), **asdict(resume.training)},
            {**asdict(model), **asdict(config)},
            may_change=FREE_TO_CHANGE,
        )
    _check_memory(model, (len(source), len(target)), train, encoded_valid, config.batch)
    if checkpoint is not None:
        check_writable(checkpoint.path)

    def prepare(processes: Processes) -> Generator[Report, None, Trainer[Seq2SeqModel]]:
        began = time.monotonic()
        network = Seq2SeqNetwork(model, len(source), len(target))
        if resume is None:
            initialize(network, torch.Generator().manual_seed(config.seed))
        yield Report("training", 0, None, "pairs")
        task = Seq2SeqTask(
            network.to(device), (source, target), train, valid, config, about, processes
        )
        trainer: Trainer[Seq2SeqModel] = Trainer(
            task,
            config,
            processes=processes,
            checkpoints=checkpoint,
            save=partial(
                save_training,
                kind=SEQ2SEQ_CHECKPOINT,
                about={"model": asdict(model), "config": asdict(config), "about": about},
                arrays=vocabulary_arrays(source, target),
            ),
            seconds=time.monotonic() - began,
        )
        if resume is not None:
            trainer.resume(resume.saved)
        return trainer

    return TrainingRun(prepare, device, threads)


def _warn_of_unknown(valid: EncodedPairs) -> None:
    """Warn of units of the validation pairs that the training pairs lack."""
    for side, texts in (("sources", valid.sources), ("targets", valid.targets)):
        if texts.unknown:
            named = ", ".join(map(repr, texts.unknown_units))
            warnings.warn(
                f"the {side} to validate on hold {texts.unknown:,} units that are <unk> to the "
                f"model, such as {named}",
                WordkitWarning,
                stacklevel=3,
            )


def _about(
    pairs: Sequence[Pair], valid: Sequence[Pair], config: Seq2SeqTrainingConfig
) -> dict[str, Any]:
    """The metadata of the model: the same for equal runs, so without times."""
    return {
        "made_by": "wordkit train-seq2seq",
        "settings": asdict(config),
        "pairs": {"fingerprint": _fingerprint(pairs), "pairs": len(pairs)},
        "valid": {"fingerprint": _fingerprint(valid), "pairs": len(valid)} if valid else None,
        "versions": versions(),
    }


def _fingerprint(pairs: Sequence[Pair]) -> str:
    digest = hashlib.sha256()
    for pair in pairs:  # as JSON, so that it is plain where each text ends
        digest.update(json.dumps(pair).encode())
    return digest.hexdigest()


def _check_memory(
    model: Seq2SeqConfig, words: tuple[int, int], train: EncodedPairs, valid: EncodedPairs,
    batch: int,
) -> None:  # fmt: skip
    """Raise before the work if the model cannot be trained in the free memory."""
    with torch.device("meta"):
        size = sum(p.numel() for p in Seq2SeqNetwork(model, *words).parameters())
    needed, S, T, B = max(
        (factor * _batch_bytes(model, *shape), *shape)
        for encoded, factor in ((train, _GRADIENT_FACTOR), (valid, 1))
        for shape in [(encoded.sources.longest, encoded.targets.longest, min(batch, len(encoded)))]
    )
    check_memory(
        f"a model for texts of up to {S:,} and {T:,} units, in batches of {B},",
        size,
        "leave out the longest texts, or lower batch or hidden",
        extra=needed,
    )


def _batch_bytes(model: Seq2SeqConfig, S: int, T: int, B: int) -> int:
    """Return the bytes that a batch takes, without gradients."""
    needed = B * model.layers * answer_bytes(model, S + T)
    if model.attention != "none":
        needed += 4 * B * S * T * (model.width_of_attention if model.attention == "additive" else 1)
    return needed
