"""An ensemble: the mean of the probabilities of several networks.

Notation: T steps, B sequences of a batch, F features of all networks together, V words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from wordkit.nn.network import State

__all__ = ["Ensemble"]


class Ensemble(nn.Module):
    """A :class:`wordkit.nn.network.SequenceNetwork` of several, over the same words.

    Its features are theirs, one after the other; its state is the tuple of theirs.

    Args:
        networks: on one device.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.output = EnsembleOutput([network.output for network in networks])

    def initial_state(self, batch: int) -> State:
        """Return the state of each network."""
        return tuple(network.initial_state(batch) for network in self.networks)  # type: ignore[operator]

    def forward(self, ids: Tensor, state: tuple[State, ...]) -> tuple[Tensor, State]:
        """Return the features, (T, B, F), of ids, (T, B), and the state after the last step."""
        parts = [network(ids, own) for network, own in zip(self.networks, state, strict=True)]
        self.output.widths = [features.shape[-1] for features, _ in parts]
        return torch.cat([features for features, _ in parts], -1), tuple(own for _, own in parts)


class EnsembleOutput:
    """The output layers of an ensemble; ``widths`` are the features of each, which F is split to.

    Args:
        outputs: of each network.
    """

    def __init__(self, outputs: Sequence[Any]) -> None:
        self.outputs, self.widths = outputs, list[int]()

    def target_log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return log p of each target, (T, B), without gradients; 0 where it is −1."""
        return self._mean(features, lambda output, part: output.target_log_probs(part, targets))

    def log_probs(self, features: Tensor) -> Tensor:
        """Return log p of every word, (T, B, V), without gradients."""
        return self._mean(features, lambda output, part: output.log_probs(part))

    def _mean(self, features: Tensor, log_p: Callable[[Any, Tensor], Tensor]) -> Tensor:
        parts = zip(self.outputs, torch.split(features, self.widths, -1), strict=True)
        each = torch.stack([log_p(output, part) for output, part in parts])
        return each.logsumexp(0) - math.log(len(each))
