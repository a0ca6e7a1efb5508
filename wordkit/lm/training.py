"""The training loop of a language model: truncated back-propagation through time.

T steps, B tracks, V words. After Mikolov et al. (2010), Zaremba, Sutskever and Vinyals (2014) and
Merity, Keskar and Socher (2018), whose settings are presets.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from wordkit.checkpoints import CheckpointKeeper
from wordkit.errors import DivergenceError
from wordkit.interruption import uninterrupted
from wordkit.lm.batches import Tracks, Window
from wordkit.lm.config import USUAL_RATES, TrainingConfig
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.losses import SharedNegatives
from wordkit.lm.model import RecurrentModel, State, detached
from wordkit.lm.optimizers import Updater, WeightAverage, steps_by_rows
from wordkit.lm.pace import Pace
from wordkit.lm.processes import Processes
from wordkit.lm.schedules import learning_rate
from wordkit.lm.scoring import perplexity_of_stream
from wordkit.lm.step import Plan, TrainingStep
from wordkit.lm.stream import TokenStream
from wordkit.lm.training_state import Tally, TrainingState, Validation
from wordkit.runtime import Report, Run
from wordkit.text import Vocabulary

__all__ = ["Material", "Training", "WholeState"]

_MEASURED_EVERY = 50  # windows, where what is trained on is not the exact loss
_SHORTEST = 5  # steps of a window whose length is drawn
_HALVED = 0.05  # share of such windows that are drawn around half of the steps
_VALIDATION_SHARE = 0.05  # of a limited time that validations may take
_MOST_RESERVED = 0.1  # of a limited time, for a last validation whose duration is not yet known
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

    carried: State
    """What the layers carry, of all tracks."""

    dropout: list[Tensor]
    """State of the random numbers for dropout, by process."""


class Training:
    """A model on its way through a text.

    Args:
        model: on its device, with its starting weights.
        material: the texts.
        config: the settings, in which nothing is ``auto`` any more.
        processes: that train together.
        seconds: that the training has taken already.
    """

    def __init__(
        self,
        model: RecurrentModel,
        material: Material,
        config: TrainingConfig,
        processes: Processes | None = None,
        seconds: float = 0.0,
    ) -> None:
        self.model, self.material, self.config = model, material, config
        self.processes = processes or Processes()
        self.state = TrainingState()
        self.pace = Pace(config, seconds)
        self.average: WeightAverage | None = None
        device = model.device
        self.generator = torch.Generator(device).manual_seed(config.seed + self.processes.rank)
        self.draws = torch.Generator().manual_seed(config.seed)
        self.negatives = _negatives(material.vocabulary, config, device)
        self._tracks = Tracks(
            material.train,
            config.batch,
            config.steps,
            rank=self.processes.rank,
            processes=self.processes.count,
        )
        by_rows = self.negatives is not None and steps_by_rows(config)
        self.updater = Updater(model, config, by_rows=by_rows)
        self._step = self._wrapped()
        self.windows = 0
        self.since_validation = Tally()
        self._rate = config.lr
        self._gathered = WholeState((), [])

    def _wrapped(self) -> nn.Module:
        """The step; with several processes, one after which they have their mean gradients."""
        step = TrainingStep(self.model, self.config, self.negatives, self.updater)
        if self.processes.count == 1:
            return step
        by_rows = [rows.parameter for rows in self.updater.rows.values()]
        for parameter in by_rows:  # so that these are left to Updater.share
            parameter.requires_grad_(False)
        # a window without rare words does not use their clusters
        wrapped = nn.parallel.DistributedDataParallel(
            step, find_unused_parameters=self.model.adaptive is not None
        )
        for parameter in by_rows:
            parameter.requires_grad_(True)
        return wrapped

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
    def epochs(self) -> float:
        """Epochs done, in parts."""
        return self.state.epoch + self.state.position / self._tracks.length

    @property
    def share(self) -> float:
        """The share of the training that is done, from 0 to 1, as process 0 sees it."""
        share = self.pace.share(self.epochs, self._validation_seconds)
        if self.config.max_minutes is None:
            return share
        return self.processes.agree(share, self.model.device)

    @property
    def _validation_seconds(self) -> float:
        """What the last validation took, or what the first may, by the speed of training."""
        if self.state.validations_seconds:
            return self.state.validations_seconds[-1]
        if self.material.valid is None or not self.state.words:
            return 0.0
        a_token = self.pace.seconds / self.state.words  # too much at first: all is slow then
        expected = _VALIDATION_COST * self.material.valid.tokens * a_token
        return min(expected, _MOST_RESERVED * 60 * (self.config.max_minutes or math.inf))

    def run(self, keeper: CheckpointKeeper) -> Generator[Report, None, LanguageModel]:
        """Train to the end.

        Args:
            keeper: writes a checkpoint whenever one is due, and at the end.
        """
        share = self.share
        while share < 1:
            # at the start of an epoch, not at the end of one: the checkpoint of a training that is
            # stopped between the two goes on to the same numbers
            if self._is_validation_due():
                yield from self._validate()
            if self._is_stuck():
                break
            with uninterrupted():  # a checkpoint never lies within a window
                self._take_window(share)
                report = self._report(share)
                if self.state.position >= self._tracks.length:
                    self._end_epoch()
            yield report
            if self.processes.agree(keeper.is_due(), self.model.device):
                self._keep(keeper)
            share = self.share
        self.check()
        if self.material.valid is not None and not self._is_validated():
            yield from self._validate()
        self._keep(keeper)
        return self.best()

    def _keep(self, keeper: CheckpointKeeper) -> None:
        """Write a checkpoint: process 0 does it, with what all of them carry."""
        self._gathered = self._gather()
        keeper.save()

    def whole(self) -> WholeState:
        """What differs between processes: as it is now, or, with several, in the last checkpoint.

        They gather it together, so that one alone cannot, as when it is interrupted.
        """
        return self._gather() if self.processes.count == 1 else self._gathered

    def _gather(self) -> WholeState:
        gather, device = self.processes.gather, self.model.device
        carried = tuple(tuple(map(gather, layer)) for layer in self.state.carried)
        if self.processes.count == 1:
            return WholeState(carried, [self.generator.get_state()])
        states = gather(self.generator.get_state().to(device)).chunk(self.processes.count)
        return WholeState(carried, [state.cpu() for state in states])

    def restore_whole(self, whole: WholeState) -> None:
        """Take this process's part of :meth:`whole`, which may be of fewer or more processes."""
        own, device = self.processes.own, self.model.device
        self.state.carried = tuple(
            tuple(own(part).to(device) for part in layer) for layer in whole.carried
        )
        if self.processes.rank < len(whole.dropout):
            self.generator.set_state(whole.dropout[self.processes.rank])

    def _is_stuck(self) -> bool:
        return self.config.patience is not None and self.state.stalls >= self.config.patience

    def _is_validated(self) -> bool:
        """Whether validation has seen the present weights."""
        validations = self.state.validations
        return bool(validations) and validations[-1].epochs == self.epochs

    # --- a window --------------------------------------------------------------------------

    def _take_window(self, share: float) -> None:
        """Train on the next window."""
        state, config = self.state, self.config
        if not state.carried:
            state.carried = self.model.start_state(self._tracks.tracks)
        steps = self._draw_steps()
        window = self._tracks.window(state.position, steps)
        rate = learning_rate(
            config,
            share,
            self.pace.epochs_for_schedule(self.epochs, share),
            plateaus=state.plateaus,
        )
        if config.vary_steps:
            rate *= steps / config.steps
        is_sampled = self.negatives is not None and share < 1 - config.exact_share
        if not is_sampled:
            self.go_dense()
        self._train_on(window, rate, Plan(is_sampled, self.windows % _MEASURED_EVERY == 0))
        self.windows += 1
        state.position += len(window.inputs)
        state.words += window.tokens
        state.seconds = self.pace.seconds
        self._rate = rate

    def _train_on(self, window: Window, rate: float, plan: Plan) -> None:
        model, device = self.model, self.model.device
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
        objective.backward()
        self.updater.share(self.processes)
        norm = self.updater.clip()
        if loss is not None:
            self._tally(loss, window.tokens)
        if not (math.isfinite(float(objective.detach())) and math.isfinite(norm)):
            raise self._diverged(rate)
        self.updater.step(rate)
        if self.average is not None:
            self.average.update()
        self.state.carried = detached(after)

    def _tally(self, loss: Tensor, tokens: int) -> None:
        total = float(self.processes.total(loss.double() if loss.device.type != "mps" else loss))
        self.state.tally = self.state.tally.plus(total, tokens)
        self.since_validation = self.since_validation.plus(total, tokens)

    def _diverged(self, rate: float) -> DivergenceError:
        clip = "" if self.config.clip_norm else ", or clip gradients (clip_norm 1)"
        usual = USUAL_RATES[self.config.optimizer]
        return DivergenceError(
            f"the training diverged after {self.state.words:,} words, in epoch "
            f"{self.state.epoch + 1}, at learning rate {rate:.4g}: the loss is no finite number; "
            f"lower lr, to {min(self.config.lr / 4, usual):.2g} say{clip}"
        )

    def check(self) -> None:
        """Find out whether the last step has led to weights that are no numbers.

        Raises:
            DivergenceError: it has.
        """
        for parameter in self.model.parameters():
            if not bool(torch.isfinite(parameter).all()):
                raise self._diverged(self._rate)

    def _draw_steps(self) -> int:
        """The length of the next window (Merity et al. 2018, section 4.1)."""
        T = self.config.steps
        if not self.config.vary_steps:
            return T
        halved, normal = torch.rand(1, generator=self.draws), torch.randn(1, generator=self.draws)
        around = T / 2 if float(halved) < _HALVED else T
        return max(_SHORTEST, int(around + 5 * float(normal)))

    def _end_epoch(self) -> None:
        self.state.epoch, self.state.position, self.state.carried = self.state.epoch + 1, 0, ()
        self.state.tally = Tally()

    def _report(self, share: float) -> Report:
        """What has been done; the total is what it comes to at this pace."""
        state, epochs = self.state, self.epochs
        at_end = state.words / max(share, 1e-9)
        if self.config.epochs is not None and self.config.max_minutes is None:
            at_end = self.config.epochs * self.material.train.tokens
        figures = {
            "epoch": float(min(state.epoch + 1, math.ceil(epochs) or 1)),
            "loss": state.tally.mean,
            "lr": self._rate,
        }
        if state.validations:
            figures["valid_perplexity"] = _exp(state.validations[-1].loss)
        return Report("training", state.words, max(int(at_end), state.words), "tokens", figures)

    # --- validation ------------------------------------------------------------------------

    def _is_validation_due(self) -> bool:
        """Whether an epoch has ended, and there is a text for a validation, and time."""
        is_at_start = self.state.epoch > 0 and self.state.position == 0
        if not is_at_start or self.material.valid is None or self._is_validated():
            return False
        if self.config.max_minutes is None:
            return True
        spent = sum(self.state.validations_seconds) + self._validation_seconds
        spent = self.processes.agree(spent, self.model.device)
        return spent <= _VALIDATION_SHARE * 60 * self.config.max_minutes

    def _validate(self) -> Generator[Report, None, None]:
        """Measure the model on the validation text, and draw the conclusions."""
        began = time.monotonic()
        with contextlib.nullcontext() if self.average is None else self.average.applied():
            loss = yield from self._validation_loss()
            with uninterrupted():
                self._note(loss)
                self.state.validations_seconds.append(time.monotonic() - began)

    def _validation_loss(self) -> Generator[Report, None, float]:
        """Nats a word of the validation text: of process 0, which alone measures it."""
        loss = math.nan
        if self.processes.rank == 0 and self.material.valid is not None:
            scoring = Run(perplexity_of_stream(self.model, self.material.valid))
            for report in scoring:
                yield Report("validating", report.done, report.total, report.unit)
            score = scoring.result()
            loss = -score.log_likelihood / score.tokens
        return self.processes.agree(loss, self.model.device)

    def _note(self, loss: float) -> None:
        state, config = self.state, self.config
        before = [validation.loss for validation in state.validations]
        state.validations.append(
            Validation(self.epochs, loss, self.since_validation.mean, self.pace.seconds)
        )
        self.since_validation = Tally()
        if loss < state.best_loss:
            state.best_loss, state.best, state.stalls = loss, self._weights(), 0
            return
        state.stalls += 1
        if config.schedule == "plateau":
            state.plateaus += 1
        earlier = before[: -config.averaging_patience]
        if config.optimizer == "asgd" and self.average is None and earlier and loss > min(earlier):
            self.average, state.stalls = WeightAverage(self.model), 0

    # --- what comes of it ------------------------------------------------------------------

    def _weights(self) -> dict[str, Tensor]:
        """The present weights, copied."""
        return {n: p.detach().cpu().clone() for n, p in self.model.named_parameters()}

    def best(self) -> LanguageModel:
        """The model with the best validation, or as it is where there was none."""
        if self.state.best:
            parameters = dict(self.model.named_parameters())
            with torch.no_grad():
                for name, value in self.state.best.items():
                    parameters[name].copy_(value)
        self.model.eval()
        self.model.precision = "fp32"
        return LanguageModel(
            self.model,
            self.material.vocabulary,
            {**self.material.about, "training": self._summary()},
        )

    def _summary(self) -> dict[str, Any]:
        """How it went; equal runs give equal summaries, so without times."""
        state = self.state
        return {
            "device": self.model.device.type,
            "precision": self.config.precision,
            "words": state.words,
            "epochs": round(self.epochs, 3),
            "valid_perplexity": _exp(state.best_loss) if state.best else None,
            "validations": [
                {"epochs": round(v.epochs, 3), "perplexity": _exp(v.loss)}
                for v in state.validations
            ],
        }


def _exp(loss: float) -> float:
    return math.exp(min(loss, 700.0))  # beyond that float64 ends


def _negatives(
    vocabulary: Vocabulary, config: TrainingConfig, device: torch.device
) -> SharedNegatives | None:
    if config.softmax != "sampled":
        return None
    return SharedNegatives(
        vocabulary.counts, samples=config.samples, seed=config.seed, device=device
    )
