"""The training of a language model: truncated back-propagation through time.

T steps, B tracks, V words. After Mikolov et al. (2010), Zaremba, Sutskever and Vinyals (2014) and
Merity, Keskar and Socher (2018), whose settings are presets.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from wordkit.lm.batches import Tracks, Window
from wordkit.lm.config import TrainingConfig
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.losses import SharedNegatives
from wordkit.lm.model import RecurrentModel
from wordkit.lm.scoring import perplexity_of_stream
from wordkit.lm.step import Plan, TrainingStep
from wordkit.lm.stream import TokenStream
from wordkit.recurrent.layer import Carried, detached
from wordkit.runtime import Report, Run
from wordkit.storage.checkpoints import CheckpointKeeper
from wordkit.text import Vocabulary
from wordkit.training.loop import TrainingLoop
from wordkit.training.optimizers import Updater, steps_by_rows
from wordkit.training.processes import Processes

__all__ = ["Material", "Training", "WholeState"]

_MEASURED_EVERY = 50  # windows, where what is trained on is not the exact loss
_SHORTEST = 5  # steps of a window whose length is drawn
_HALVED = 0.05  # share of such windows that are drawn around half of the steps
_VALIDATION_COST = 1.5  # times that of training, for a token: one stream, in full precision


@dataclass(frozen=True)
class Material:
    """What a model is trained and measured on."""

    vocabulary: Vocabulary
    train: TokenStream
    valid: TokenStream | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    """For the metadata of the model."""


@dataclass(frozen=True)
class WholeState:
    """What each process has for itself, of all of them."""

    carried: Carried
    """What the layers carry, of all tracks."""

    dropout: list[Tensor]
    """State of the random numbers for dropout, by process."""


class Training(TrainingLoop[LanguageModel]):
    """A language model on its way through a text.

    Args:
        model: on its device, with its starting weights.
        material: the texts.
        config: the settings, in which nothing is ``auto`` any more.
        processes: that train together.
        seconds: that the training has taken already.
    """

    unit = "tokens"

    def __init__(
        self,
        model: RecurrentModel,
        material: Material,
        config: TrainingConfig,
        processes: Processes | None = None,
        seconds: float = 0.0,
    ) -> None:
        self.model, self.material, self.config = model, material, config
        self.negatives = _negatives(material.vocabulary, config, model.device)
        by_rows = self.negatives is not None and steps_by_rows(config)
        updater = Updater(model, config, by_rows=by_rows)
        super().__init__(model, config, updater, processes=processes, seconds=seconds)
        self.draws = torch.Generator().manual_seed(config.seed)
        self._tracks = Tracks(
            material.train,
            config.batch,
            config.steps,
            rank=self.processes.rank,
            processes=self.processes.count,
        )
        self._own_step = TrainingStep(model, config, self.negatives, updater)
        self._step = self._wrapped()
        self.windows = 0
        self._gathered = WholeState((), [])

    def _wrapped(self) -> nn.Module:
        """The step; with several processes, one after which they have their mean gradients."""
        if self.processes.count == 1:
            return self._own_step
        by_rows = [rows.parameter for rows in self.updater.rows.values()]
        for parameter in by_rows:  # so that these are left to Updater.share
            parameter.requires_grad_(False)
        # a window without rare words does not use their clusters
        wrapped = nn.parallel.DistributedDataParallel(
            self._own_step, find_unused_parameters=self.model.adaptive is not None
        )
        for parameter in by_rows:
            parameter.requires_grad_(True)
        return wrapped

    def end_steps(self) -> None:
        """Let go of DistributedDataParallel, which keeps the processes together."""
        self._step = self._own_step

    def go_dense(self) -> None:
        """Take the gradients of the word matrices whole from now on."""
        if self.updater.by_rows:
            self.updater.go_dense()
            self._step = self._wrapped()

    def generators(self) -> dict[str, torch.Generator]:
        """What the random numbers that are the same in all processes come from, by name."""
        known = {"steps": self.draws}
        if self.negatives is not None:
            known["negatives"] = self.negatives.generator
        return known

    @property
    def epoch_length(self) -> int:
        """Steps of an epoch."""
        return self._tracks.length

    @property
    def epoch_size(self) -> int:
        """Tokens of the training text."""
        return self.material.train.tokens

    # --- what several processes share ------------------------------------------------------

    def keep(self, keeper: CheckpointKeeper) -> None:
        """Write a checkpoint: process 0 does it, with what all of them carry."""
        self._gathered = self._gather()
        super().keep(keeper)

    def whole(self) -> WholeState:
        """What differs between processes: as it is now, or, with several, in the last checkpoint.

        They gather it together, so that one alone cannot, as when it is interrupted.
        """
        return self._gather() if self.processes.count == 1 else self._gathered

    def _gather(self) -> WholeState:
        gather = self.processes.gather
        carried = tuple(tuple(map(gather, layer)) for layer in self.state.carried)
        if self.processes.count == 1:
            return WholeState(carried, [self.generator.get_state()])
        states = gather(self.generator.get_state().to(self.device)).chunk(self.processes.count)
        return WholeState(carried, [state.cpu() for state in states])

    def restore_whole(self, whole: WholeState) -> None:
        """Take this process's part of :meth:`whole`, which may be of fewer or more processes."""
        own = self.processes.own
        self.state.carried = tuple(
            tuple(own(part).to(self.device) for part in layer) for layer in whole.carried
        )
        if self.processes.rank < len(whole.dropout):
            self.generator.set_state(whole.dropout[self.processes.rank])

    # --- a window --------------------------------------------------------------------------

    def take_batch(self, share: float) -> None:
        """Train on the next window."""
        state, config = self.state, self.config
        if not state.carried:
            state.carried = self.model.start_state(self._tracks.tracks)
        steps = self._draw_steps()
        window = self._tracks.window(state.position, steps)
        rate = self.rate(share)
        if config.vary_steps:
            rate *= steps / config.steps
        is_sampled = self.negatives is not None and share < 1 - config.exact_fraction
        if not is_sampled:
            self.go_dense()
        self._train_on(window, rate, Plan(is_sampled, self.windows % _MEASURED_EVERY == 0))
        self.windows += 1
        state.position += len(window.inputs)
        state.seen += window.tokens

    def _train_on(self, window: Window, rate: float, plan: Plan) -> None:
        model, device = self.model, self.device
        model.train()
        model.precision, model.generator = self.config.precision, self.generator
        self.updater.clear()
        objective, loss, after = self._step(
            window.inputs.to(device, non_blocking=True),
            window.targets.to(device, non_blocking=True),
            self.state.carried,
            self.processes.count / window.tokens,
            plan,
        )
        self.step(objective, rate, loss, window.tokens)
        self.state.carried = detached(after)

    def _draw_steps(self) -> int:
        """The length of the next window (Merity et al. 2018, section 4.1)."""
        T = self.config.steps
        if not self.config.vary_steps:
            return T
        halved, normal = torch.rand(1, generator=self.draws), torch.randn(1, generator=self.draws)
        around = T / 2 if float(halved) < _HALVED else T
        return max(_SHORTEST, int(around + 5 * float(normal)))

    # --- validation, and what comes of it --------------------------------------------------

    @property
    def validation_cost(self) -> float:
        """Tokens to validate on, each with what it costs more than one in training."""
        valid = self.material.valid
        return 0.0 if valid is None else _VALIDATION_COST * valid.tokens

    def validation_loss(self) -> Generator[Report, None, float] | None:
        """Nats a word of the validation text: of process 0, which alone measures it."""
        return None if self.material.valid is None else self._loss_of(self.material.valid)

    def _loss_of(self, valid: TokenStream) -> Generator[Report, None, float]:
        loss = math.nan
        if self.processes.rank == 0:
            scoring = Run(perplexity_of_stream(self.model, valid))
            for report in scoring:
                yield Report("validating", report.done, report.total, report.unit)
            score = scoring.result()
            loss = -score.log_likelihood / score.tokens
        return self.processes.agree(loss, self.device)

    def finished(self) -> LanguageModel:
        """The model with the weights as they are."""
        self.model.precision = "fp32"
        return LanguageModel(
            self.model,
            self.material.vocabulary,
            {**self.material.about, "training": self.summary()},
        )


def _negatives(
    vocabulary: Vocabulary, config: TrainingConfig, device: torch.device
) -> SharedNegatives | None:
    if config.softmax != "sampled":
        return None
    return SharedNegatives(
        vocabulary.counts, samples=config.samples, seed=config.seed, device=device
    )
