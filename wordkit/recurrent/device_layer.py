"""A recurrent layer over all steps of a window as a device computes it: cuDNN, MPS.

T steps, B tracks, D what goes in, H width of the layer, G gates of the cell.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["CELLS_OF_DEVICES", "device_layer"]

_FUNCTIONS = {"gru": torch.gru, "rnn-tanh": torch.rnn_tanh, "rnn-relu": torch.rnn_relu}

CELLS_OF_DEVICES = ("lstm", *_FUNCTIONS)
"""The cells that torch has such layers for."""


def device_layer(
    cell: str,
    x: Tensor,
    weights: tuple[Tensor, Tensor, Tensor, Tensor | None],
    state: tuple[Tensor, ...],
    precision: str,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """What comes out at each step, (T, B, H), and the state after the last; both float32.

    Args:
        cell: one of :data:`CELLS_OF_DEVICES`.
        x: shape (T, B, D).
        weights: of the input (G·H, D), of the state (G·H, H), the bias (G·H,), and for the gru
            the bias of the candidate's part of the state (H,), else None.
        state: before the first step, each of shape (B, H).
        precision: ``fp32`` or ``bf16``.
    """
    weight_input, weight_hidden, bias, extra = weights
    second = torch.zeros_like(bias)
    if extra is not None:
        second = torch.cat([second[: -len(extra)], extra])
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    parameters = [p.to(dtype) for p in (weight_input, weight_hidden, bias, second)]
    before = [part.to(dtype).unsqueeze(0) for part in state]
    options = (True, 1, 0.0, torch.is_grad_enabled(), False, False)
    if cell == "lstm":
        outputs, *after = torch.lstm(x.to(dtype), before, parameters, *options)
    else:
        outputs, *after = _FUNCTIONS[cell](x.to(dtype), before[0], parameters, *options)
    return outputs.float(), tuple(part.squeeze(0).float() for part in after)
