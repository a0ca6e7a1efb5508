"""Initialization of the weights of recurrent layers and of matrices.

D input size, H hidden size, G gates.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from wordkit.nn.config import RecurrentConfig
from wordkit.nn.recurrent import GATES, RecurrentLayer

__all__ = ["initialize_layers", "initialize_matrix", "uniform_"]


def initialize_layers(
    network: nn.Module, config: RecurrentConfig, generator: torch.Generator
) -> None:
    """Draw the weights of all recurrent layers of a network."""
    for layer in network.modules():
        if isinstance(layer, RecurrentLayer):
            _initialize_layer(layer, config, generator)


@torch.no_grad()
def _initialize_layer(
    layer: RecurrentLayer, config: RecurrentConfig, generator: torch.Generator
) -> None:
    H = layer.hidden_size
    for matrix in (layer.weight_input, layer.weight_hidden):
        initialize_matrix(matrix, H, config, generator)
    if config.orthogonal:
        for gate in layer.weight_hidden.chunk(GATES[layer.cell]):
            gate.copy_(_orthogonal(H, generator))
    if config.start_weights == "uniform" and config.start_scale is not None:
        uniform_(layer.bias, config.start_scale, generator)
    if layer.cell in ("lstm", "peephole") and config.forget_bias:
        layer.bias[H : 2 * H] = config.forget_bias


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


def _orthogonal(size: int, generator: torch.Generator) -> Tensor:
    """Return an orthogonal matrix, uniformly drawn: Q of a Gaussian one, with the signs of R."""
    Q, R = torch.linalg.qr(torch.empty(size, size).normal_(generator=generator))
    drawn: Tensor = Q * R.diagonal().sign()
    return drawn
