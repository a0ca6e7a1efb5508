"""Initialization of weights.

D input size, H hidden size, G gates.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from wordkit.nn.config import RecurrentConfig

__all__ = ["initialize_layers", "initialize_matrix", "orthogonal", "uniform_"]


def initialize_layers(
    network: nn.Module, config: RecurrentConfig, generator: torch.Generator
) -> None:
    """Draw the weights of all layers of a network that have a method ``initialize``."""
    for module in network.modules():
        if hasattr(module, "initialize"):
            module.initialize(config, generator)  # type: ignore[operator]


def initialize_matrix(
    matrix: Tensor, size: int, config: RecurrentConfig, generator: torch.Generator
) -> None:
    """Draw a matrix of shape (G·size or any, D); each gate counts as a matrix of its own.

    Args:
        matrix: whose values are set.
        size: of the output, or of one gate.
        config: how.
        generator: of the random numbers, on the CPU.
    """
    inputs = matrix.shape[1]
    if config.start_weights == "xavier":
        scale = math.sqrt(6 / (inputs + size))
    elif config.start_weights == "he":
        scale = math.sqrt(6 / inputs)
    elif config.start_scale is not None:
        scale = config.start_scale
    else:
        scale = 1 / math.sqrt(size)
    uniform_(matrix, scale, generator)


@torch.no_grad()
def uniform_(parameter: Tensor, scale: float, generator: torch.Generator) -> None:
    """Draw values from −scale to scale."""
    parameter.copy_(torch.empty(parameter.shape).uniform_(-scale, scale, generator=generator))


def orthogonal(size: int, generator: torch.Generator) -> Tensor:
    """Return an orthogonal matrix, uniformly drawn: Q of a Gaussian one, with the signs of R."""
    Q, R = torch.linalg.qr(torch.empty(size, size).normal_(generator=generator))
    drawn: Tensor = Q * R.diagonal().sign()
    return drawn
