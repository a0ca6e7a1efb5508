"""One recurrent layer: a matrix product for the input of all steps, then step by step.

T steps, B tracks side by side, D what goes in, H width of the layer, G gates of the cell.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.recurrent.cells import CELLS
from wordkit.recurrent.device_layer import CELLS_OF_DEVICES, device_layer
from wordkit.recurrent.recurrence import recur

__all__ = ["Carried", "RecurrentLayer", "detached", "linear"]

Carried = tuple[tuple[Tensor, ...], ...]
"""For each layer, the tensors of shape (B, H) that it carries from step to step."""


class RecurrentLayer(nn.Module):
    """The weights of one layer.

    Args:
        cell: a name of :data:`wordkit.recurrent.cells.CELLS`.
        width: of what goes in.
        hidden: H.
    """

    def __init__(self, cell: str, width: int, hidden: int) -> None:
        super().__init__()
        self.cell = CELLS[cell]
        G = self.cell.gates
        self.weight_input = nn.Parameter(torch.empty(G * hidden, width))
        self.weight_hidden = nn.Parameter(torch.empty(G * hidden, hidden))
        self.bias = nn.Parameter(torch.zeros(G * hidden))
        shape = self.cell.extra_shape(hidden)
        self.extra = None if shape is None else nn.Parameter(torch.zeros(shape))

    @property
    def hidden(self) -> int:
        """H."""
        return self.weight_hidden.shape[1]

    def forward(
        self, x: Tensor, state: tuple[Tensor, ...], weight_hidden: Tensor, precision: str
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What comes out, (T, B, H), and the state after the last step.

        Args:
            x: shape (T, B, D).
            state: of this layer.
            weight_hidden: the layer's own, or that with some of it dropped.
            precision: ``fp32`` or ``bf16``.
        """
        if x.device.type != "cpu" and self.cell.name in CELLS_OF_DEVICES:
            weights = (self.weight_input, weight_hidden, self.bias, self.extra)
            return device_layer(self.cell.name, x, weights, state, precision)
        projected = linear(x, self.weight_input, self.bias, precision)
        return recur(
            self.cell.name, projected, weight_hidden, state, self.extra, precision=precision
        )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, precision: str) -> Tensor:
    """x · weightᵀ + bias in float32, with the products taken in ``precision``."""
    if precision == "bf16":
        product = F.linear(x.bfloat16(), weight.bfloat16()).float()
        return product if bias is None else product + bias
    return F.linear(x, weight, bias)


def detached(state: Carried) -> Carried:
    """The state as a constant: gradients do not go back beyond it."""
    return tuple(tuple(part.detach() for part in layer) for layer in state)
