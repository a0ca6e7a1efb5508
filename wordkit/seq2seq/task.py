"""The training of a sequence-to-sequence model: from pairs of texts to a model.

Notation: S units of the source, T units of the target, B pairs of a batch. The decoder is given the
true target so far (teacher forcing), or in part its own predictions (Bengio et al. 2015).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.decoding.steps import Hypothesis, next_log_probs
from wordkit.nn.network import device_of, inference
from wordkit.runtime import Report
from wordkit.runtime.processes import Processes
from wordkit.seq2seq.batches import (
    EncodedPairs,
    Ids,
    PairBatch,
    epoch_batches,
    pad,
    sorted_batches,
)
from wordkit.seq2seq.config import DecodingConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.decoding import decode_all
from wordkit.seq2seq.latent import kl_divergence, kl_penalty
from wordkit.seq2seq.model import Seq2SeqModel, SequenceModel
from wordkit.seq2seq.network import Seq2SeqNetwork
from wordkit.storage import SEQ2SEQ_CHECKPOINT
from wordkit.text import Vocabulary
from wordkit.text.vocabulary import UNK
from wordkit.training.task import BatchLoss, Metrics

__all__ = ["Seq2SeqTask", "without_padding"]

_SAMPLE = 10_000  # pairs that a validation decodes, to count exact matches
_MEASURED_EVERY = 50  # batches, where what is minimized is not the exact loss
_MANY_UNITS = 256  # from which the softmax is most of the work
_ROWS = 128
_VALIDATION_COST = 0.5  # times that of training, for a pair: no gradients, but some are decoded


@dataclass(frozen=True)
class TrainingBatch:
    """The part of a batch that this process trains on."""

    pairs: PairBatch

    forced: Tensor | None
    """Steps that are given the true target, (T, B); None: all."""

    noise: Tensor | None
    """Standard normal numbers for the latent variable, (B, Z); None: there is none."""

    tokens: int
    """Targets of all processes, each ``<eos>`` among them."""

    size: int
    """Pairs of all processes."""

    number: int
    """Batches of the epoch before this one."""


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

    unit, checkpoint_kind = "pairs", SEQ2SEQ_CHECKPOINT
    model_type: ClassVar[type[SequenceModel]] = Seq2SeqModel

    def __init__(
        self,
        network: Seq2SeqNetwork,
        vocabularies: Sequence[Vocabulary],
        train: EncodedPairs,
        valid: EncodedPairs,
        config: Seq2SeqTrainingConfig,
        metadata: Mapping[str, Any],
        processes: Processes | None = None,
    ) -> None:
        self.network, self.config = network, config
        self.target = vocabularies[-1]
        self.vocabularies = dict(zip(self.model_type.PREFIXES, vocabularies, strict=True))
        self.metadata, self.processes = metadata, processes or Processes()
        self._train, self._valid = train, valid
        self.size, self.validation_cost = len(train), _VALIDATION_COST * len(valid)
        self._device = device_of(network)
        self.leaves_unused = network.config.latent is not None and not config.bag_of_words

    def batches(self, epoch: int, start: int) -> Iterator[TrainingBatch]:
        """Yield the batches of an epoch, from one on: the part of this process of each."""
        config, lengths = self.config, self._train.targets.lengths
        for number, rows in enumerate(self._rows(epoch)[start:], start):
            own = self._own(rows)
            columns = own if len(own) else np.array([0])
            pairs = self._pad(self._train, rows[columns])
            if not len(own):  # of more processes than pairs: nothing to predict
                pairs.targets.fill_(-1)
            # drawn for the pairs of all processes, so that their number changes nothing
            random = np.random.default_rng([config.seed, epoch, number])
            steps, own_steps = int(lengths[rows].max()) + 1, len(pairs.targets)
            forced = noise = None
            if config.teacher_forcing < 1:
                draws = random.random((steps, len(rows)))[:own_steps, columns]
                forced = torch.from_numpy(draws < config.teacher_forcing)
            if (latent := self.network.config.latent) is not None:
                noise = _normal(random, len(rows), latent)[columns]
                dropped = random.random((steps, len(rows)))[1:own_steps, columns]
                is_dropped = torch.from_numpy(dropped < config.word_dropout)
                pairs.inputs[1:].masked_fill_(is_dropped, self.target.id(UNK))
            tokens = int(lengths[rows].sum()) + len(rows)
            yield TrainingBatch(pairs, forced, noise, tokens, len(rows), number)

    def _rows(self, epoch: int) -> list[Ids]:
        """Return the pairs of each batch of an epoch."""
        config = self.config
        return epoch_batches(
            self._train, config.batch, seed=config.seed, epoch=epoch, bucket=config.bucket,
            tokens=config.batch_tokens,
        )  # fmt: skip

    def _own(self, rows: Ids) -> Ids:
        """Return the indices of the pairs of a batch that this process trains on."""
        return np.arange(self.processes.rank, len(rows), self.processes.count)

    def _pad(self, encoded: EncodedPairs, rows: Ids) -> PairBatch:
        return pad(encoded, rows, reverse=self.network.config.reverse)

    def loss(self, batch: TrainingBatch, fraction: float) -> BatchLoss:
        """Return the loss of a batch."""
        network, smoothing = self.network, self.config.label_smoothing
        inputs, targets = (part.to(self._device, non_blocking=True)
                           for part in (batch.pairs.inputs, batch.pairs.targets))  # fmt: skip
        state, kl, penalty = self._encode(batch.pairs), None, torch.zeros((), device=self._device)
        if batch.noise is not None:
            state, kl = self._with_latent(state, targets, batch.noise)
            penalty = kl_penalty(kl, self.config, fraction)
            if self.config.bag_of_words:
                penalty = penalty + self.config.bag_of_words * network.bag_loss(state, targets)
        if batch.forced is not None:
            with inference(network):
                before = self._encode(batch.pairs)._replace(latent=state.latent)
                inputs = self._predicted_inputs(before, inputs, batch.forced)
        features, targets = self._features(inputs, targets, state)
        loss = network.output.loss(features, targets, smoothing)
        exact: Tensor | None = None if smoothing else loss.detach()
        if smoothing and batch.number % _MEASURED_EVERY == 0:
            with torch.no_grad():
                exact = network.output.loss(features.detach(), targets)
        if exact is not None and kl is not None:
            exact = exact + kl.detach().sum()
        # DistributedDataParallel takes the mean over the processes, not the sum
        objective = (loss + penalty) * (self.processes.count / batch.tokens)
        return BatchLoss(objective, exact, tokens=batch.tokens, units=batch.size)

    def _features(
        self, inputs: Tensor, targets: Tensor, state: DecoderState
    ) -> tuple[Tensor, Tensor]:
        """Return the features of a batch, and the targets that belong to them."""
        features, _ = self.network(inputs, state)
        if len(self.target) < _MANY_UNITS:
            return features, targets
        return without_padding(features, targets)

    def _with_latent(
        self, state: DecoderState, targets: Tensor, noise: Tensor
    ) -> tuple[DecoderState, Tensor]:
        """Return the state with a draw from the posterior, and its KL divergences, (B, Z)."""
        posterior, prior = self.network.distributions(state, targets)
        has_target = (targets >= 0).any(0).unsqueeze(1)
        z = posterior.sample(noise.to(self._device))
        state = state._replace(latent=z, distribution=None)
        return state, kl_divergence(posterior, prior) * has_target

    def _encode(self, pairs: PairBatch) -> DecoderState:
        return self.network.encode(pairs.sources.to(self._device), pairs.lengths)

    def _predicted_inputs(self, state: Any, inputs: Tensor, forced: Tensor) -> Tensor:
        """Return inputs, (T, B), some of which are the prediction of the step before.

        A prediction has no gradient, so it can be made beforehand; then all steps are trained on
        together, as with the true target.
        """
        banned = torch.tensor([self.target.id(UNK)], device=self._device)
        mixed, forced = inputs.clone(), forced.to(self._device)
        for step in range(len(inputs) - 1):
            log_p, state = next_log_probs(self.network, mixed[step : step + 1], state, banned)
            mixed[step + 1] = torch.where(forced[step + 1], inputs[step + 1], log_p.argmax(1))
        return mixed

    def validate(self) -> Generator[Report, None, Metrics]:
        """Measure the loss on all validation pairs, and the exact matches among the first ones.

        With a latent variable the loss is the negative ELBO, with one draw from each posterior.
        """
        network, encoded, latent = self.network, self._valid, self.network.config.latent
        loss, kl, tokens, seen = 0.0, 0.0, 0, 0
        random = np.random.default_rng(self.config.seed)
        for rows in self._valid_rows():
            yield Report("validating", seen, len(encoded), self.unit)
            pairs = self._pad(encoded, rows)
            inputs, targets = (part.to(self._device) for part in (pairs.inputs, pairs.targets))
            with inference(network):
                state = self._encode(pairs)
                if latent is not None:
                    noise = _normal(random, len(rows), latent)
                    state, divergences = self._with_latent(state, targets, noise)
                    kl += float(divergences.sum())
                loss += float(network.output.loss(*self._features(inputs, targets, state)))
            tokens, seen = tokens + int((pairs.targets >= 0).sum()), seen + len(rows)
        answers = self._answers()
        right = sum(
            list(answer.ids) == encoded.targets[row].tolist()
            for row, [answer] in enumerate(answers)
        )
        yield Report("validating", len(encoded), len(encoded), self.unit)
        figures = {"valid_exact": right / len(answers)}
        if latent is not None:
            figures |= {"valid_elbo": -(loss + kl) / seen, "valid_kl": kl / seen}
        return Metrics((loss + kl) / tokens, figures)

    def _valid_rows(self) -> Iterable[Ids]:
        """Return the pairs of each batch of a validation."""
        return sorted_batches(self._valid, self.config.batch)

    def _answers(self) -> list[list[Hypothesis]]:
        """Return the answers to the first pairs of the validation."""
        model = self.model(self.network, {})
        return decode_all(model, self._valid, DecodingConfig(), count=_SAMPLE)

    def model(self, network: nn.Module, summary: Mapping[str, Any]) -> Any:
        """Return the model with this network."""
        metadata = {**self.metadata, "training": dict(summary)}
        longest = max(self._train.targets.longest, 1)
        vocabularies = self.vocabularies.values()
        return self.model_type(network, *vocabularies, longest, metadata)  # type: ignore[call-arg]

    def record(self) -> dict[str, Any]:
        """Return settings and texts, for a checkpoint."""
        settings = {"model": asdict(self.network.config), "config": asdict(self.config)}
        return {**settings, "about": dict(self.metadata)}

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: all random numbers follow from the seed and the number of the batch."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""


def _normal(random: np.random.Generator, batch: int, latent: int) -> Tensor:
    """Return standard normal numbers, (B, Z)."""
    return torch.from_numpy(random.standard_normal((batch, latent), np.float32))


def without_padding(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the features and targets, (1, N, ·), of steps with a target, for the softmax.

    N is a multiple of ``_ROWS``: products of a size that is new take longer, on the CPU.
    """
    rows = (targets.flatten() >= 0).nonzero()[:, 0]
    more = -len(rows) % _ROWS
    features = features.flatten(0, 1)[F.pad(rows, (0, more))]  # the first row again
    return features.unsqueeze(0), F.pad(targets.flatten()[rows], (0, more), value=-1).unsqueeze(0)
