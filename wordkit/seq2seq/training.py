"""The training of a sequence to sequence model: pairs in batches, the decoder led by the target.

Letters: S units of the source, T of the target, B pairs side by side.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from wordkit.recurrent.answering import answering
from wordkit.runtime import Report
from wordkit.seq2seq.batches import (
    EncodedPairs,
    Ids,
    PairBatch,
    batch_of,
    encode,
    epoch_batches,
    in_order_batches,
)
from wordkit.seq2seq.config import Seq2SeqTrainingConfig
from wordkit.seq2seq.decoding import DecodingConfig
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.network import Seq2SeqNetwork
from wordkit.seq2seq.pairs import Pair, Unit, units_of
from wordkit.seq2seq.transforming import write_all
from wordkit.text import Vocabulary
from wordkit.text.vocabulary import UNK
from wordkit.training.loop import TrainingLoop
from wordkit.training.optimizers import Updater
from wordkit.training.processes import Processes

__all__ = ["PairMaterial", "Seq2SeqTraining", "fingerprint"]

_WRITTEN = 10_000  # pairs that a validation writes, to tell the share of exact matches
_VALIDATION_COST = 0.5  # times that of training, for a pair: no gradients, but some are written


@dataclass(frozen=True)
class PairMaterial:
    """What a model is trained and measured on."""

    unit: Unit
    source_vocabulary: Vocabulary
    target_vocabulary: Vocabulary
    train: Sequence[Pair]
    valid: Sequence[Pair] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    """For the metadata of the model."""

    @cached_property
    def encoded_train(self) -> EncodedPairs:
        """The training pairs as ids."""
        return self._encoded(self.train)

    @cached_property
    def encoded_valid(self) -> EncodedPairs:
        """The pairs to validate on as ids."""
        return self._encoded(self.valid)

    @cached_property
    def encoded_sample(self) -> EncodedPairs:
        """The first of those, which a validation writes."""
        return self._encoded(self.valid[:_WRITTEN])

    def _encoded(self, pairs: Sequence[Pair]) -> EncodedPairs:
        return encode(pairs, self.source_vocabulary, self.target_vocabulary, self.unit)


def fingerprint(pairs: Sequence[Pair]) -> str:
    """A hexadecimal digest of pairs, in their order."""
    digest = hashlib.sha256()
    for pair in pairs:  # as JSON, so that it is plain where each text ends
        digest.update(json.dumps(pair).encode())
    return digest.hexdigest()


class Seq2SeqTraining(TrainingLoop[Seq2SeqModel]):
    """A sequence to sequence model on its way through pairs.

    Args:
        network: on its device, with its starting weights.
        material: the pairs.
        config: the settings, in which nothing is ``auto`` any more.
        processes: one.
        seconds: that the training has taken already.
    """

    unit = "pairs"

    def __init__(
        self,
        network: Seq2SeqNetwork,
        material: PairMaterial,
        config: Seq2SeqTrainingConfig,
        processes: Processes | None = None,
        seconds: float = 0.0,
    ) -> None:
        updater = Updater(network, config, by_rows=False)
        super().__init__(network, config, updater, processes=processes, seconds=seconds)
        self.model, self.material, self.config = network, material, config
        self.draws = torch.Generator().manual_seed(config.seed)
        self._epoch, self._batches = 0, self._drawn(0)

    def _drawn(self, epoch: int) -> list[Ids]:
        """The rows of each batch of an epoch."""
        config = self.config
        return epoch_batches(
            self.material.encoded_train,
            config.batch,
            seed=config.seed,
            epoch=epoch,
            bucket=config.bucket,
        )

    def generators(self) -> dict[str, torch.Generator]:
        """What random numbers come from, by name."""
        return {"dropout": self.generator, "forcing": self.draws}

    @property
    def epoch_length(self) -> int:
        """Batches of an epoch."""
        return len(self._batches)

    @property
    def epoch_size(self) -> int:
        """Training pairs."""
        return len(self.material.train)

    def take_batch(self, share: float) -> None:
        """Train on the next pairs."""
        state, encoded = self.state, self.material.encoded_train
        if self._epoch != state.epoch:
            self._epoch, self._batches = state.epoch, self._drawn(state.epoch)
        batch = batch_of(encoded, self._batches[state.position], reverse=self.model.config.reverse)
        self._train_on(batch, self.rate(share))
        state.position += 1
        state.seen += len(batch.rows)

    def _train_on(self, batch: PairBatch, rate: float) -> None:
        network, smoothing = self.model, self.config.label_smoothing
        network.train()
        network.precision, network.generator = self.config.precision, self.generator
        self.updater.clear()
        sources, inputs, targets = self._on_device(batch)
        if self.config.teacher_forcing < 1:
            inputs = self._led_less(sources, inputs)
        features = network.decode(inputs, network.start(sources)).features
        loss = network.loss(features, targets, smoothing)
        exact = loss.detach()
        if smoothing:
            with torch.no_grad():
                exact = network.loss(features.detach(), targets)
        self.step(loss / batch.tokens, rate, exact, batch.tokens)

    def _on_device(self, batch: PairBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Sources (S, B), inputs and targets (T, B)."""
        ids = (batch.sources, batch.inputs, batch.targets)
        sources, inputs, targets = (torch.from_numpy(part).to(self.device) for part in ids)
        return sources, inputs, targets

    def _led_less(self, sources: Tensor, inputs: Tensor) -> Tensor:
        """Inputs, (T, B), some of which are what the model would have written at the step before.

        What it writes has no gradient, so it can be found beforehand; then all steps are trained on
        together, as with the true target.
        """
        is_led = torch.rand(inputs.shape, generator=self.draws) < self.config.teacher_forcing
        is_led = is_led.to(inputs.device)
        network, unk = self.model, self.material.target_vocabulary.id(UNK)
        mixed = inputs.clone()
        with answering(network):
            state = network.start(sources)
            for step in range(len(inputs) - 1):
                decoded = network.decode(mixed[step : step + 1], state)
                state = decoded.state
                log_p = network.log_probabilities(decoded.features)
                log_p[:, unk] = -torch.inf  # which is never written
                written = log_p.argmax(1)
                mixed[step + 1] = torch.where(is_led[step + 1], inputs[step + 1], written)
        return mixed

    # --- validation, and what comes of it ------------------------------------------------------

    @property
    def validation_cost(self) -> float:
        """Pairs to validate on, each with what it costs in relation to one in training."""
        return _VALIDATION_COST * len(self.material.valid)

    def validation_loss(self) -> Generator[Report, None, float] | None:
        """Nats a unit of the targets that are validated on."""
        return self._validation() if self.material.valid else None

    def _validation(self) -> Generator[Report, None, float]:
        encoded, network = self.material.encoded_valid, self.model
        loss, tokens, seen = 0.0, 0, 0
        for rows in in_order_batches(encoded, self.config.batch):
            yield Report("validating", seen, len(encoded), "pairs")
            batch = batch_of(encoded, rows, reverse=network.config.reverse)
            sources, inputs, targets = self._on_device(batch)
            with answering(network):
                features = network.decode(inputs, network.start(sources)).features
                loss += float(network.loss(features, targets))
            tokens, seen = tokens + batch.tokens, seen + len(rows)
        self.figures["valid_exact"] = self._share_right()
        yield Report("validating", len(encoded), len(encoded), "pairs")
        return loss / tokens

    def _share_right(self) -> float:
        """Share of the pairs, of the first to validate on, whose target is written exactly."""
        pairs, unit = self.material.valid[:_WRITTEN], self.material.unit
        written = write_all(self.finished(), self.material.encoded_sample, DecodingConfig())
        decode = self.material.target_vocabulary.decode
        right = 0
        for pair, [answer] in zip(pairs, written, strict=True):
            right += list(decode(answer.ids)) == units_of(pair.target, unit)
        return right / len(pairs)

    def finished(self) -> Seq2SeqModel:
        """The model with the weights as they are."""
        self.model.precision = "fp32"
        longest = int(self.material.encoded_train.targets.lengths.max())
        return Seq2SeqModel(
            self.model,
            self.material.source_vocabulary,
            self.material.target_vocabulary,
            longest,
            {**self.material.about, "training": self.summary()},
        )
