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
_FEW = 64  # numbers in a product

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
        weight_input: Tensor = self.weight_input
        bias: Tensor | None = self.bias
        if padding is not None:
            x, weight_input = self._told_of_padding(x, padding)
            bias = None
        if x.device.type != "cpu" and self.cell.name in CELLS_OF_DEVICES:
            if constant is not None:
                x = torch.cat([x, constant.expand(len(x), *constant.shape)], -1)
            return self._on_device(x, weight_input, bias, state, weight_hidden, precision)
        if constant is None:
            projected = linear(x, weight_input, bias, precision)
        else:
            width = x.shape[-1]
            projected = linear(x, weight_input[:, :width], bias, precision)
            projected += linear(constant, weight_input[:, width:], None, precision)
        return recur(
            self.cell.name, projected, weight_hidden, state, self.extra, precision=precision
        )

    def table(self, embedding: Tensor, precision: str) -> Tensor:
        """What each row of an embedding, (V, D − C), is when projected, (V + 1, G·H).

        The last row is what padding is. Where there are fewer rows than places that they stand at,
        to look a place up in it takes less time than to multiply there.
        """
        width = embedding.shape[1]
        rows = linear(embedding, self.weight_input[:, :width], self.bias, precision)
        return torch.cat([rows, self._still().unsqueeze(0)])

    def from_table(
        self,
        ids: Tensor,
        table: Tensor,
        state: tuple[Tensor, ...],
        precision: str,
        *,
        constant: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """As :meth:`forward`, for rows of an embedding.

        Args:
            ids: shape (T, B), int64; −1 for padding.
            table: of :meth:`table`.
            state, precision, constant: as there.
        """
        padding = len(table) - 1
        projected = F.embedding(torch.where(ids < 0, padding, ids), table)
        if constant is not None:
            width = self.weight_input.shape[1] - constant.shape[1]
            projected += linear(constant, self.weight_input[:, width:], None, precision)
        return recur(
            self.cell.name, projected, self.weight_hidden, state, self.extra, precision=precision
        )

    def _still(self) -> Tensor:
        """A projected input, (G·H,), that leaves a state of zeros as it is.

        It is zero for the cells that add a candidate, which is tanh(0). The GRU's has a bias of its
        own, so its update gate is shut: σ(30) is 1 in float32.
        """
        still = torch.zeros_like(self.bias)
        if self.cell.name == "gru":
            still[self.hidden : 2 * self.hidden] = _SHUT
        return still

    def _told_of_padding(self, x: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """x, (T, B, D + 2), and its weights, (G·H, D + 2), that leave a state of zeros as it is.

        Two more inputs take the place of the bias: one, 1 where there is no padding, brings it; the
        other brings what keeps the state.
        """
        mark = padding.unsqueeze(-1)
        x = torch.cat([x.masked_fill(mark, 0), mark.logical_not().to(x), mark.to(x)], -1)
        return x, torch.cat([self.weight_input, torch.stack([self.bias, self._still()], 1)], 1)

    def _on_device(
        self,
        x: Tensor,
        weight_input: Tensor,
        bias: Tensor | None,
        state: tuple[Tensor, ...],
        weight_hidden: Tensor,
        precision: str,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The same by the layers of devices, which take the input as it is."""
        bias = torch.zeros_like(self.bias) if bias is None else bias
        weights = (weight_input, weight_hidden, bias, self.extra)
        return device_layer(self.cell.name, x, weights, state, precision)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, precision: str) -> Tensor:
    """x · weightᵀ + bias in float32, with the products taken in ``precision``.

    Those of few numbers are taken in float32 in any case: to round them takes longer.
    """
    if precision == "bf16" and x.shape[-1] >= _FEW:
        product = F.linear(x.bfloat16(), weight.bfloat16()).float()
        return product if bias is None else product + bias
    return F.linear(x, weight, bias)


def detached(state: Carried) -> Carried:
    """The state as a constant: gradients do not go back beyond it."""
    return tuple(tuple(part.detach() for part in layer) for layer in state)
