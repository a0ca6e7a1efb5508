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

_SHUT = 30.0

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
        self,
        x: Tensor,
        state: tuple[Tensor, ...],
        weight_hidden: Tensor,
        precision: str,
        *,
        constant: Tensor | None = None,
        padding: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What comes out, (T, B, H), and the state after the last step.

        Args:
            x: shape (T, B, D), or, with a constant, (T, B, D − C).
            state: of this layer.
            weight_hidden: the layer's own, or that with some of it dropped.
            precision: ``fp32`` or ``bf16``.
            constant: shape (B, C), which enters every step behind x.
            padding: shape (T, B), true at the steps in front of a track's first one; a state of
                zeros stays as it is there, exactly.
        """
        if x.device.type != "cpu" and self.cell.name in CELLS_OF_DEVICES:
            return self._on_device(x, state, weight_hidden, precision, constant, padding)
        if constant is None:
            projected = linear(x, self.weight_input, self.bias, precision)
        else:
            width = x.shape[-1]
            projected = linear(x, self.weight_input[:, :width], self.bias, precision)
            projected += linear(constant, self.weight_input[:, width:], None, precision)
        if padding is not None:
            projected = torch.where(padding.unsqueeze(-1), self._still(), projected)
        return recur(
            self.cell.name, projected, weight_hidden, state, self.extra, precision=precision
        )

    def _still(self) -> Tensor:
        """A projected input, (G·H,), that leaves a state of zeros as it is.

        The candidate is tanh(0) for the cells that add it. The GRU's has a bias of its own, so its
        update gate is shut: σ(30) is 1 in float32.
        """
        still = torch.zeros_like(self.bias)
        if self.cell.name == "gru":
            still[self.hidden : 2 * self.hidden] = _SHUT
        return still

    def _on_device(
        self,
        x: Tensor,
        state: tuple[Tensor, ...],
        weight_hidden: Tensor,
        precision: str,
        constant: Tensor | None,
        padding: Tensor | None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The same by the layers of devices, which take the input as it is.

        They are told of the padding by one more input: its weights take the bias away again.
        """
        weight_input: Tensor = self.weight_input
        if constant is not None:
            x = torch.cat([x, constant.expand(len(x), *constant.shape)], -1)
        if padding is not None:
            mark = padding.unsqueeze(-1)
            x = torch.cat([x.masked_fill(mark, 0), mark.to(x)], -1)
            rest = (self._still() - self.bias).unsqueeze(1)
            weight_input = torch.cat([weight_input, rest], 1)
        weights = (weight_input, weight_hidden, self.bias, self.extra)
        return device_layer(self.cell.name, x, weights, state, precision)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, precision: str) -> Tensor:
    """x · weightᵀ + bias in float32, with the products taken in ``precision``."""
    if precision == "bf16":
        product = F.linear(x.bfloat16(), weight.bfloat16()).float()
        return product if bias is None else product + bias
    return F.linear(x, weight, bias)


def detached(state: Carried) -> Carried:
    """The state as a constant: gradients do not go back beyond it."""
    return tuple(tuple(part.detach() for part in layer) for layer in state)
