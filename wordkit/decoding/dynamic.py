"""Dynamic evaluation: a network learns from the text that it reads (Krause et al. 2018).

After each segment the weights θ take a step down the gradient g of its mean loss, and go back a
little towards the trained weights θ₀:

    θ ← θ − η g / (r + ε r̄) + λ (θ₀ − θ),

where r is the root of the mean squared gradient, and r̄ its mean over all weights. As the training
text is not at hand, r is measured on text that the network itself writes, as the diagonal of the
Fisher information is; on the Penn Treebank that was within 5 % of r on the training text.

Notation: T words of a segment, η the learning rate, λ the decay, V words.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wordkit.decoding.scoring import (
    NO_NUMBERS,
    Ids,
    Stream,
    measure_perplexity,
    stream_pieces,
)
from wordkit.errors import DivergenceError
from wordkit.nn.network import State, detach, device_of
from wordkit.runtime import Report, Run

__all__ = [
    "USUAL_DECAY", "USUAL_LR", "DynamicEvaluation", "measure_gradients", "tune_dynamic",
]  # fmt: skip

USUAL_LR, USUAL_DECAY = 2e-4, 1e-3
"""η and λ where there is no text to choose them on."""

_EPS = 0.3  # ε
_TINY = 1e-30  # where all gradients are 0
_TEXTS, _WORDS = 20, 100  # that the network writes
_TUNING_TOKENS = 10_000  # that each choice of η or λ is measured on


def measure_gradients(
    network: nn.Module, *, first: int, steps: int
) -> Generator[Report, None, list[Tensor]]:
    """Return r of each parameter, from text that the network writes; reports the texts read.

    Args:
        network: with its trained weights.
        first: the word before each text.
        steps: T.

    Raises:
        DivergenceError: the network gives no numbers.
    """
    copied: Any = copy.deepcopy(network)
    weights = [weight.requires_grad_() for weight in copied.eval().parameters()]
    squares, segments = [torch.zeros_like(weight) for weight in weights], 0
    for number, ids in enumerate(_written(copied, first)):
        state = copied.initial_state(1)
        for inputs, targets in stream_pieces(ids, first, steps):
            gradients, state = _gradients(copied, weights, inputs, targets, state)
            for square, gradient in zip(squares, gradients, strict=True):
                square.addcmul_(gradient, gradient)
            segments += 1
        yield Report("measuring gradients", number + 1, _TEXTS)
    return [square.div_(segments).sqrt_() for square in squares]


@torch.no_grad()
def _written(network: Any, first: int) -> Ids:
    """Return texts that the network writes, drawn word by word."""
    generator, state = torch.Generator().manual_seed(1), network.initial_state(_TEXTS)
    ids, columns = torch.full((1, _TEXTS), first), []
    for _ in range(_WORDS):
        features, state = network(ids.to(device_of(network)), state)
        p = network.output.log_probs(features)[0].exp().cpu()
        if not bool(p.isfinite().all()):
            raise DivergenceError(NO_NUMBERS)
        ids = torch.multinomial(p, 1, generator=generator).T
        columns.append(ids[0].numpy())
    return np.stack(columns, 1)


def _gradients(
    network: Any, weights: Sequence[Tensor], inputs: Ids, targets: Ids, state: State
) -> tuple[list[Tensor], State]:
    """Return the gradients of the mean loss of a segment, and the state after it."""
    device = device_of(network)
    ids, following = (torch.from_numpy(part).to(device) for part in (inputs, targets))
    with torch.enable_grad():
        features, after = network(ids, state)
        loss = network.output.loss(features, following) / len(ids)
        found = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
    return list(found), detach(after)


class DynamicEvaluation:
    """A copy of a network, which learns; the network stays as it is.

    Args:
        network: with its trained weights.
        scales: r of each parameter, see :func:`measure_gradients`.
        lr: η.
        decay: λ, from 0 to 1.
    """

    def __init__(
        self, network: nn.Module, scales: Sequence[Tensor], *, lr: float, decay: float
    ) -> None:
        copied: Any = copy.deepcopy(network)
        self.network = copied.eval()
        """The adapted network, in evaluation mode: without dropout."""
        self.decay = decay
        self._weights = [weight.requires_grad_() for weight in copied.parameters()]
        self._trained = [weight.detach() for weight in network.parameters()]
        mean = sum(float(r.sum()) for r in scales) / sum(r.numel() for r in scales)
        self._rates = [lr / (r + max(_EPS * mean, _TINY)) for r in scales]
        self._state = copied.initial_state(1)

    def __call__(self, inputs: Ids, targets: Ids) -> None:
        """Learn from the next segment of the text.

        Args:
            inputs: the word before each target, shape (T, 1).
            targets: shape (T, 1).
        """
        gradients, self._state = _gradients(
            self.network, self._weights, inputs, targets, self._state
        )
        parts = (self._weights, self._trained, self._rates, gradients)
        with torch.no_grad():
            for weight, trained, rate, gradient in zip(*parts, strict=True):
                if self.decay:
                    weight.lerp_(trained, self.decay)
                weight.addcmul_(gradient, rate, value=-1)


def tune_dynamic(
    network: nn.Module,
    scales: Sequence[Tensor],
    stream: Stream,
    *,
    first: int,
    steps: int,
    lr: float | None = None,
    decay: float | None = None,
) -> Generator[Report, None, tuple[float, float]]:
    """Find the learning rate η and the decay λ that predict the beginning of a text best.

    Each is doubled, or halved, as long as that is better. Reports the tokens read.

    Args:
        network: with its trained weights.
        scales: r of each parameter.
        stream: the text, at least one token.
        first: the word before the first token.
        steps: T.
        lr, decay: where they are known already.
    """
    ids = stream[: min(len(stream), _TUNING_TOKENS)]

    def measure(settings: Mapping[str, float]) -> Generator[Report, None, float]:
        learner = DynamicEvaluation(network, scales, **settings)
        scoring = Run(
            measure_perplexity(learner.network, ids, first=first, steps=steps, learn=learner)
        )
        try:
            for report in scoring:
                yield replace(report, stage="tuning", figures={**report.figures, **settings})
        except DivergenceError:
            return math.inf
        return scoring.result().cross_entropy

    free = [name for name, value in (("lr", lr), ("decay", decay)) if value is None]
    best = {"lr": USUAL_LR if lr is None else lr, "decay": USUAL_DECAY if decay is None else decay}
    lowest = yield from measure(best)
    for name in free:
        start = best[name]
        for factor in (2.0, 0.5):
            while best[name] * factor <= 1 and (best[name] - start) * (factor - 1) >= 0:
                tried = {**best, name: best[name] * factor}
                loss = yield from measure(tried)
                if loss >= lowest:
                    break
                best, lowest = tried, loss
    return best["lr"], best["decay"]
