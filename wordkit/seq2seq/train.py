"""Train a sequence to sequence model, from pairs of texts to a model."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch

from wordkit.errors import ConfigError, TextError, WordkitWarning
from wordkit.runtime import Report, choose_device
from wordkit.seq2seq.batches import EncodedPairs, Longest, longest
from wordkit.seq2seq.checkpoint import Seq2SeqCheckpoint, save_checkpoint
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.network import Seq2SeqNetwork, start_weights
from wordkit.seq2seq.pairs import Pair, vocabulary_of
from wordkit.seq2seq.training import PairMaterial, Seq2SeqTraining, fingerprint
from wordkit.seq2seq.transforming import answer_bytes
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.training.processes import Processes
from wordkit.training.run import (
    TrainingJob,
    TrainingRun,
    as_decided,
    check_memory,
    check_same_settings,
    check_same_texts,
    chosen_precision,
    versions,
)

__all__ = ["train_seq2seq"]

_FOR_GRADIENTS = 3  # times what is kept without them


def train_seq2seq(
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
    """A model that writes the targets of pairs.

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
        resume: a checkpoint of a training on the same pairs with the same settings, to go on from.

    Returns:
        A run that reports the stages ``training`` (pairs done; as figures the ``epoch``, the
        ``epochs`` done, in parts, the ``loss`` in nats a unit over this epoch, the ``lr`` and,
        once known, the ``valid_perplexity`` and ``valid_exact``, the share of validation pairs,
        of the first ten thousand, whose target is written exactly) and ``validating``, whose last
        report has the same figures anew.

    Raises:
        TextError: there is no pair, or a source is empty.
        ConfigError: a setting does not fit, or is another one than that of ``resume``.
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
    source_vocabulary, target_vocabulary = (
        vocabulary_of(texts, model.unit, min_count=config.min_count, max_size=config.max_vocabulary)
        for texts in ([p.source for p in pairs], [p.target for p in pairs])
    )
    material = PairMaterial(
        model.unit,
        source_vocabulary,
        target_vocabulary,
        pairs,
        valid,
        _about(pairs, valid, config),
    )
    _tell_unknown(material)
    if resume is not None:
        check_same_texts(resume.about, material.about, "pairs", "valid")
        check_same_settings(
            {**asdict(resume.model), **asdict(resume.training)}, {**asdict(model), **asdict(config)}
        )
    _check_memory(model, config, material)
    return TrainingRun(_Job(material, model, config, resume, (device, threads, checkpoint)))


def _tell_unknown(material: PairMaterial) -> None:
    """Warn of what the training pairs do not hold and those to validate on do."""
    encoded = material.encoded_valid
    for side, texts in (("sources", encoded.sources), ("targets", encoded.targets)):
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
    """How the model is made: the same for equal runs, so without times."""
    return {
        "made_by": "wordkit train-seq2seq",
        "settings": asdict(config),
        "pairs": {"fingerprint": fingerprint(pairs), "pairs": len(pairs)},
        "valid": {"fingerprint": fingerprint(valid), "pairs": len(valid)} if valid else None,
        "versions": versions(),
    }


def _check_memory(
    model: Seq2SeqConfig, config: Seq2SeqTrainingConfig, material: PairMaterial
) -> None:
    """Find out before the work whether the model can be trained in the memory that is free."""
    words = len(material.source_vocabulary), len(material.target_vocabulary)
    with torch.device("meta"):
        size = sum(p.numel() for p in Seq2SeqNetwork(model, *words).parameters())
    texts = ((material.encoded_train, _FOR_GRADIENTS), (material.encoded_valid, 1))
    kept, most, B = max(_kept(model, encoded, config.batch, times) for encoded, times in texts)
    check_memory(
        f"a model for texts of up to {most.source:,} and {most.target:,} units, {B} side by side,",
        size,
        "leave out the longest texts, or lower batch or hidden",
        more=kept,
    )


def _kept(
    model: Seq2SeqConfig, encoded: EncodedPairs, batch: int, times: int
) -> tuple[int, Longest, int]:
    """The bytes that the longest of these pairs may take, their lengths, and how many there are.

    Args:
        model: the shape.
        encoded: all pairs.
        batch: pairs side by side.
        times: what is kept of each step, 1 without gradients.
    """
    most, B = longest(encoded), min(batch, len(encoded))
    kept = B * model.layers * answer_bytes(model, most.source + most.target)
    if model.attention != "none":
        width = model.width_of_attention if model.attention == "additive" else 1
        kept += 4 * B * most.source * most.target * width
    return kept * times, most, B


class _Job(TrainingJob[Seq2SeqModel]):
    """From settings to a sequence to sequence model that is trained.

    Args:
        material: the pairs.
        model, config: the settings, with nothing ``auto`` in them.
        resume: to go on from.
        machine: device, threads and checkpoints, see :class:`wordkit.training.run.TrainingJob`.
    """

    def __init__(
        self,
        material: PairMaterial,
        model: Seq2SeqConfig,
        config: Seq2SeqTrainingConfig,
        resume: Seq2SeqCheckpoint | None,
        machine: tuple[str, int | None, CheckpointPlan | None],
    ) -> None:
        super().__init__(*machine)
        self.material, self.model, self.config, self.resume = material, model, config, resume
        self.training: Seq2SeqTraining | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint."""
        if self.training is not None:
            save_checkpoint(path, self.training)

    def prepare(self, processes: Processes) -> Generator[Report, None, Seq2SeqTraining]:
        """A training at its start, or where its checkpoint was."""
        if processes.count > 1:
            raise ConfigError(
                "sequence models are trained by one process; start it without torchrun"
            )
        began = time.monotonic()
        material = self.material
        network = Seq2SeqNetwork(
            self.model, len(material.source_vocabulary), len(material.target_vocabulary)
        )
        if self.resume is None:
            start_weights(network, torch.Generator().manual_seed(self.config.seed))
        network.to(self.device)
        yield Report("training", 0, None, "pairs")
        spent = self.resume.state.seconds if self.resume else time.monotonic() - began
        self.training = Seq2SeqTraining(network, material, self.config, processes, spent)
        if self.resume is not None:
            self.resume.restore(self.training)
        return self.training
