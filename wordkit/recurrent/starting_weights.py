"""How the weights of a recurrent layer are drawn before training.

D inputs, H width of the layer, G gates.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from wordkit.nn.config import RecurrentConfig
from wordkit.recurrent.layer import RecurrentLayer

__all__ = ["draw_evenly", "start_layer", "start_matrix"]


def start_layer(layer: RecurrentLayer, config: RecurrentConfig, generator: torch.Generator) -> None:
    """Draw the weights of a layer."""
    H = layer.hidden
    with torch.no_grad():
        for matrix in (layer.weight_input, layer.weight_hidden):
            start_matrix(matrix, H, config, generator)
        if config.orthogonal:
            for gate in layer.weight_hidden.chunk(layer.cell.gates):
                gate.copy_(_orthogonal(H, generator))
        if config.start_weights == "uniform" and config.start_scale is not None:
            draw_evenly(layer.bias, config.start_scale, generator)
        if layer.cell.states == 2 and config.forget_bias:  # an LSTM, whose second gate it is
            layer.bias[H : 2 * H] = config.forget_bias


def start_matrix(
    matrix: nn.Parameter, hidden: int, config: RecurrentConfig, generator: torch.Generator
) -> None:
    """Draw a matrix of shape (G·H or any, D); each gate counts as a matrix of its own.

    Args:
        matrix: whose values are set.
        hidden: H, the width of what comes out, or of one gate.
        config: how.
        generator: of the random numbers, on the CPU.
    """
    inputs = matrix.shape[1]
    if config.start_weights == "xavier":
        scale = math.sqrt(6 / (inputs + hidden))
    elif config.start_weights == "he":
        scale = math.sqrt(6 / inputs)
    elif config.start_scale is not None:
        scale = config.start_scale
    else:
        scale = 1 / math.sqrt(hidden)
    draw_evenly(matrix, scale, generator)


def draw_evenly(parameter: Tensor, scale: float, generator: torch.Generator) -> None:
    """Draw values from −scale to scale."""
    drawn = torch.empty(parameter.shape).uniform_(-scale, scale, generator=generator)
    with torch.no_grad():
        parameter.copy_(drawn)


def _orthogonal(size: int, generator: torch.Generator) -> Tensor:
    """An orthogonal matrix, drawn evenly: Q of a Gaussian one, with the signs of R's diagonal."""
    drawn = torch.empty(size, size).normal_(generator=generator)
    Q, R = torch.linalg.qr(drawn)
    evenly: Tensor = Q * R.diagonal().sign()
    return evenly
