"""One window through the model: the loss that is trained on, and the one that is reported.

T steps, B tracks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from wordkit.lm.config import TrainingConfig
from wordkit.lm.losses import SharedNegatives, sampled_cross_entropy
from wordkit.lm.model import Features, RecurrentModel
from wordkit.recurrent.layer import Carried
from wordkit.training.optimizers import Updater

__all__ = ["Plan", "TrainingStep"]


@dataclass(frozen=True)
class Plan:
    """How a window is trained on."""

    is_sampled: bool
    """Words are compared with a few others, not with all."""

    is_measured: bool
    """The exact loss is wanted, also where another one is trained on."""


class TrainingStep(nn.Module):
    """The objective of a window; a module, so that DistributedDataParallel can wrap it.

    Args:
        model: the network.
        config: penalties and smoothing.
        negatives: draws words for the sampled softmax; None: there is none.
        updater: takes gradients by rows where it says so; None: all gradients go to ``.grad``.
    """

    def __init__(
        self,
        model: RecurrentModel,
        config: TrainingConfig,
        negatives: SharedNegatives | None = None,
        updater: Updater | None = None,
    ) -> None:
        super().__init__()
        self.model, self.config = model, config
        self._negatives, self._updater = negatives, updater

    def forward(
        self, inputs: Tensor, targets: Tensor, state: Carried, factor: float, plan: Plan
    ) -> tuple[Tensor, Tensor | None, Carried]:
        """What is minimised, the exact sum of the losses of the words, the state after the window.

        Args:
            inputs, targets: shape (T, B).
            state: carried from the window before, detached.
            factor: what the sum of the losses is multiplied by: 1 / targets in all processes.
            plan: what the words are compared with, and whether the exact loss is wanted too; it is
                None where it is not, and not known anyway.
        """
        rows = {} if self._updater is None else self._updater.rows
        features = self.model(inputs, state, rows.get("embedding"))
        smoothing = self.config.label_smoothing
        exact: Tensor | None = None
        if plan.is_sampled:
            loss = self._sampled(features, targets)
        else:
            loss = self.model.loss(features.top, targets, smoothing)
            exact = None if smoothing else loss.detach()
        if exact is None and plan.is_measured:
            with torch.no_grad():
                exact = self.model.loss(features.top.detach(), targets)
        return loss * factor + self._penalties(features), exact, features.state

    def _sampled(self, features: Features, targets: Tensor) -> Tensor:
        """The loss against words drawn anew, the same for all of the window."""
        if self._negatives is None:
            raise ValueError("a sampled softmax needs negatives")
        model, flat = self.model, targets.reshape(-1)
        negatives, log_expected = self._negatives.draw()
        rows = {} if self._updater is None else self._updater.rows
        return sampled_cross_entropy(
            model.outgoing(features.top),
            model.output,
            model.bias,
            flat,
            negatives,
            self._negatives.log_expected(flat.clamp(min=0)),
            log_expected,
            precision=model.precision,
            weight_rows=rows.get("embedding" if model.config.tied else "output"),
            bias_rows=rows.get("bias"),
        )

    def _penalties(self, features: Features) -> Tensor | float:
        """Of activations and of their changes (Merity et al. 2017)."""
        penalty: Tensor | float = 0.0
        if self.config.activation_penalty:
            penalty = penalty + self.config.activation_penalty * features.top.square().mean()
        if self.config.temporal_penalty and len(features.raw) > 1:
            change = features.raw[1:] - features.raw[:-1]
            penalty = penalty + self.config.temporal_penalty * change.square().mean()
        return penalty
