"""The recurrent cells: what each carries from step to step, and one step of each in plain torch.

Letters: T steps, B tracks side by side, H width of the layer, G gates of the cell. Gates lie one
after the other in torch's order: i, f, g, o (LSTM) and r, z, n (GRU).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["CELLS", "Cell", "unrolled"]

State = tuple[Tensor, ...]
Step = Callable[[Tensor, Tensor, State, "Tensor | None"], State]


@dataclass(frozen=True)
class Cell:
    """What there is to know of a recurrent cell."""

    name: str

    gates: int
    """G: how many times H its projected input is wide."""

    states: int
    """Tensors carried from step to step: 1 (h) or 2 (h and c)."""

    extras: int | None
    """Rows of H weights that it has besides its matrices; 0: a plain vector; None: none."""

    step: Step
    """The next state, from the projected input (B, G·H), weight_hidden, the state and the extra."""

    def extra_shape(self, hidden: int) -> tuple[int, ...] | None:
        """The shape of its extra parameter, None where it has none."""
        if self.extras is None:
            return None
        return (self.extras, hidden) if self.extras else (hidden,)


def unrolled(
    cell: str, projected: Tensor, weight_hidden: Tensor, state: State, extra: Tensor | None = None
) -> tuple[Tensor, State]:
    """As :func:`wordkit.recurrent.recurrence.recur`, one step after the other, on any device."""
    step = CELLS[cell].step
    outputs = []
    for x in projected.unbind(0):
        state = step(x, weight_hidden, state, extra)
        outputs.append(state[0])
    return torch.stack(outputs), state


def _tanh(x: Tensor, weight: Tensor, state: State, extra: Tensor | None) -> State:
    """Elman (1990), "Finding structure in time"."""
    return (torch.tanh(x + state[0] @ weight.T),)


def _relu(x: Tensor, weight: Tensor, state: State, extra: Tensor | None) -> State:
    """The same with rectified units: Le, Jaitly and Hinton (2015)."""
    return (torch.relu(x + state[0] @ weight.T),)


def _lstm(x: Tensor, weight: Tensor, state: State, extra: Tensor | None) -> State:
    """Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000)."""
    h, c = state
    i, f, g, o = (x + h @ weight.T).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _peephole(x: Tensor, weight: Tensor, state: State, extra: Tensor | None) -> State:
    """Gers and Schmidhuber (2000): i and f see the cell before the step, o the cell after it."""
    h, c = state
    to_i, to_f, to_o = extra.unbind(0)  # type: ignore[union-attr]
    i, f, g, o = (x + h @ weight.T).chunk(4, 1)
    before = c
    c = torch.sigmoid(f + to_f * before) * before + torch.sigmoid(i + to_i * before) * torch.tanh(g)
    return torch.sigmoid(o + to_o * c) * torch.tanh(c), c


def _gru(x: Tensor, weight: Tensor, state: State, extra: Tensor | None) -> State:
    """Cho et al. (2014), with the reset gate behind the matrix product, as in cuDNN and torch."""
    (h,) = state
    r, z, n = x.chunk(3, 1)
    from_r, from_z, from_n = (h @ weight.T).chunk(3, 1)
    r, z = torch.sigmoid(r + from_r), torch.sigmoid(z + from_z)
    n = torch.tanh(n + r * (from_n + extra))  # type: ignore[operator]
    return ((1 - z) * n + z * h,)


CELLS = {
    cell.name: cell
    for cell in (
        Cell("rnn-tanh", gates=1, states=1, extras=None, step=_tanh),
        Cell("rnn-relu", gates=1, states=1, extras=None, step=_relu),
        Cell("lstm", gates=4, states=2, extras=None, step=_lstm),
        Cell("gru", gates=3, states=1, extras=0, step=_gru),
        Cell("peephole", gates=4, states=2, extras=3, step=_peephole),
    )
}
"""The cells, by name."""
