"""Recurrent layers: torch's LSTM, GRU and RNN on every device, and an LSTM with peepholes.

Notation: T steps, B sequences of a batch, D input size, H hidden size, G gates of the cell. Gates
lie one after the other in torch's order: i, f, g, o (LSTM) and r, z, n (GRU).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from operator import neg
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.nn.config import NetworkConfig
from wordkit.nn.dropout import Dropout
from wordkit.nn.initialization import initialize_matrix, orthogonal, uniform_
from wordkit.nn.network import linear, uses_bf16

__all__ = ["GATES", "RecurrentLayer", "RecurrentStack", "reversed_in_time"]

LayerState = tuple[Tensor, ...]
"""(h,), or (h, c) for LSTMs, each of shape (B, H)."""

GATES = {"rnn-tanh": 1, "rnn-relu": 1, "lstm": 4, "gru": 3, "peephole": 4}
"""G, by the name of the cell."""

_FUNCTIONS: dict[str, Any] = {
    "rnn-tanh": torch.rnn_tanh, "rnn-relu": torch.rnn_relu, "lstm": torch.lstm, "gru": torch.gru,
}  # fmt: skip
_SINGLE_STEPS: dict[str, Any] = {
    "rnn-tanh": torch.rnn_tanh_cell, "rnn-relu": torch.rnn_relu_cell, "lstm": torch.lstm_cell,
    "gru": torch.gru_cell,
}  # fmt: skip
_AT_PADDING = {"lstm": (-1e9, 1e9, 0.0, 0.0), "rnn-relu": (-1e9,)}
"""Weights of a further input that is 1 at padding, by gate: the cell state is kept exactly, as
i = 0 and f = 1; and a hidden state of ReLUs, which could grow without limit, is 0."""

_CALL_STEPS = 2  # steps of all sequences that take as long as a call by itself
_TILE = 16  # sequences: their products are made for so many at a time


class RecurrentLayer(nn.Module):
    """One recurrent layer in one direction.

    Args:
        cell: ``rnn-tanh`` (Elman 1990), ``rnn-relu`` (Le, Jaitly and Hinton 2015), ``lstm``
            (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000), ``gru``
            (Cho et al. 2014, with the reset gate after the product, as in cuDNN) or ``peephole``
            (Gers and Schmidhuber 2000).
        input_size: D.
        hidden_size: H.
        weight_drop: fraction of the recurrent weights set to 0 in training, drawn for each call
            (Merity et al. 2018).
    """

    def __init__(
        self, cell: str, input_size: int, hidden_size: int, *, weight_drop: float = 0.0
    ) -> None:
        super().__init__()
        self.cell, self.hidden_size = cell, hidden_size
        rows = GATES[cell] * hidden_size
        self.weight_input = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hidden = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias = nn.Parameter(torch.zeros(rows))
        if cell == "gru":
            self.recurrent_bias = nn.Parameter(torch.zeros(hidden_size))
            """Bias of the hidden state in the candidate; the other gates need no second one."""
        if cell == "peephole":
            self.peephole_weights = nn.Parameter(torch.zeros(3, hidden_size))
            """Weights from c to i, f and o."""
        self.weight_drop = Dropout(weight_drop)

    @torch.no_grad()
    def initialize(self, config: NetworkConfig, generator: torch.Generator) -> None:
        """Draw the weights as the settings say."""
        H = self.hidden_size
        for matrix in (self.weight_input, self.weight_hidden):
            initialize_matrix(matrix, H, config, generator)
        if config.orthogonal:
            for gate in self.weight_hidden.chunk(GATES[self.cell]):
                gate.copy_(orthogonal(H, generator))
        if config.start_weights == "uniform" and config.start_scale is not None:
            uniform_(self.bias, config.start_scale, generator)
        if self.cell in ("lstm", "peephole") and config.forget_bias:
            self.bias[H : 2 * H] = config.forget_bias

    def initial_state(self, batch: int) -> LayerState:
        """Return zeros."""
        zeros = self.bias.new_zeros(batch, self.hidden_size)
        return (zeros,) * (2 if self.cell in ("lstm", "peephole") else 1)

    def forward(
        self, x: Tensor, state: LayerState, lengths: Tensor | None = None
    ) -> tuple[Tensor, LayerState]:
        """Return the outputs, (T, B, H), and the state after the last step of each sequence.

        Args:
            x: shape (T, B, D).
            state: before the first step.
            lengths: steps of each sequence, from 1 on, shape (B,), int64; what is after them is
                padding, where outputs are 0. None: T for all.
        """
        if self.cell == "peephole":
            states = self.states(x, state)
            if lengths is None:
                return states[0], tuple(part[-1] for part in states)
            is_padding = torch.arange(len(x)).unsqueeze(1) >= lengths.cpu()
            outputs = states[0].masked_fill(is_padding.unsqueeze(2).to(x.device), 0)
            last = lengths.to(x.device) - 1, torch.arange(x.shape[1], device=x.device)
            return outputs, tuple(part[last] for part in states)
        if lengths is not None:
            return self._padded(x, state, lengths)
        return self._run(x, state, self.weight_input)

    def _padded(self, x: Tensor, state: LayerState, lengths: Tensor) -> tuple[Tensor, LayerState]:
        """Do :meth:`forward` with padding; packed sequences took up to 5 times as long."""
        T, B, _ = x.shape
        is_padding = (torch.arange(T).unsqueeze(1) >= lengths.cpu()).unsqueeze(2).to(x.device)
        weight: Tensor = self.weight_input
        if self.cell in _AT_PADDING:
            column = weight.new_tensor(_AT_PADDING[self.cell]).repeat_interleave(self.hidden_size)
            weight = torch.cat([weight, column.unsqueeze(1)], 1)
            x = torch.cat([x, is_padding.to(x.dtype)], 2)
        outputs, finals = [], []
        for steps, rows in _pieces(lengths, T, x.device):
            finals.append([part[rows:] for part in state])
            piece, state = self._run(x[steps, :rows], tuple(part[:rows] for part in state), weight)
            outputs.append(F.pad(piece, (0, 0, 0, B - rows)))
        finals.append([*state])
        joined = torch.cat(outputs)
        h = joined[lengths.to(x.device) - 1, torch.arange(B, device=x.device)]
        others = (torch.cat(parts[::-1]) for parts in [*zip(*finals, strict=True)][1:])
        return joined * ~is_padding, (h, *others)

    def _run(self, x: Tensor, state: LayerState, weight_input: Tensor) -> tuple[Tensor, LayerState]:
        dtype = torch.bfloat16 if uses_bf16(x) else x.dtype
        parameters = [weight_input, *self._further_parameters()]
        if len(x) == 1 and dtype == x.dtype and not torch.is_grad_enabled():
            # a word at a time, as in generation: torch's layers would reorder all weights for each
            hx = state if len(state) == 2 else state[0]
            made = _SINGLE_STEPS[self.cell](x[0], hx, *parameters)
            final = made if isinstance(made, tuple) else (made,)
            return final[0].unsqueeze(0), final
        before = [part.to(dtype).unsqueeze(0) for part in state]
        outputs, *after = _FUNCTIONS[self.cell](
            x.to(dtype), before if self.cell == "lstm" else before[0],
            [part.to(dtype) for part in parameters],
            True, 1, 0.0, torch.is_grad_enabled(), False, False,
        )  # fmt: skip
        return outputs.to(x.dtype), tuple(part.squeeze(0).to(x.dtype) for part in after)

    def _further_parameters(self) -> list[Tensor]:
        """Return the recurrent weights and two biases, as torch's functions take them."""
        second = torch.zeros_like(self.bias)
        if self.cell == "gru":
            second = torch.cat([second[: 2 * self.hidden_size], self.recurrent_bias])
        return [self.weight_drop(self.weight_hidden), self.bias, second]

    def states(self, x: Tensor, state: LayerState) -> LayerState:
        """Return the states after each step, (T, B, H) each.

        Args:
            x, state: as for :meth:`forward`.
        """
        if len(state) == 1:
            return (self._run(x, state, self.weight_input)[0],)
        # torch's LSTM has no peepholes, and returns the last cell state alone
        h, c = state
        weight, found = self.weight_drop(self.weight_hidden), []
        has_peepholes = self.cell == "peephole"
        to_i, to_f, to_o = self.peephole_weights if has_peepholes else self.bias.new_zeros(3, 1)
        for projected in linear(x, self.weight_input, self.bias):
            i, f, g, o = (projected + linear(h, weight)).chunk(4, 1)
            c = torch.sigmoid(f + to_f * c) * c + torch.sigmoid(i + to_i * c) * torch.tanh(g)
            h = torch.sigmoid(o + to_o * c) * torch.tanh(c)
            found.append((h, c))
        return tuple(map(torch.stack, zip(*found, strict=True)))


class RecurrentStack(nn.Module):
    """Recurrent layers one above the other, with dropout between.

    Args:
        cell: as for :class:`RecurrentLayer`.
        sizes: the input size, and the hidden size of each layer.
        dropout: between the layers; not below the first, nor above the last.
        weight_drop: as for :class:`RecurrentLayer`.
        residual: whether each layer adds its input to its output, where the sizes are the same.
        directions: ``one``; or two (Schuster and Paliwal 1997), whose outputs and states are
            joined by ``concat``, each with half of a layer's hidden size, or by ``sum``.
    """

    def __init__(
        self,
        cell: str,
        sizes: Sequence[int],
        *,
        dropout: Dropout | None = None,
        weight_drop: float = 0.0,
        residual: bool = False,
        directions: str = "one",
    ) -> None:
        super().__init__()

        def stack() -> nn.ModuleList:
            return nn.ModuleList(
                RecurrentLayer(
                    cell, size, width // 2 if directions == "concat" else width,
                    weight_drop=weight_drop,
                )
                for size, width in pairwise(sizes)
            )  # fmt: skip

        self.layers = stack()
        self.backward_layers = None if directions == "one" else stack()
        self.dropout = dropout or Dropout(0.0)
        self.residual, self.directions = residual, directions

    def initial_state(self, batch: int) -> tuple[LayerState, ...]:
        """Return zeros, for each layer."""
        return tuple(_layer(self.layers, i).initial_state(batch) for i in range(len(self.layers)))

    def forward(
        self, x: Tensor, state: tuple[LayerState, ...], lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[LayerState, ...]]:
        """Return the outputs of the last layer, (T, B, H), and the state of each.

        Args:
            x: shape (T, B, D).
            state: of each layer before the first step; with two directions, of both.
            lengths: as for :class:`RecurrentLayer`.
        """
        after = []
        for number, before in enumerate(state):
            if number:
                x = self.dropout(x)
            outputs, final = self._both(number, x, before, lengths)
            x = outputs + x if self.residual and outputs.shape == x.shape else outputs
            after.append(final)
        return x, tuple(after)

    def states(self, x: Tensor, state: tuple[LayerState, ...]) -> tuple[LayerState, ...]:
        """Return the states of each layer after each step, (T, B, H) each, in one direction.

        Args:
            x, state: as for :meth:`forward`.
        """
        found: list[LayerState] = []
        for number, before in enumerate(state):
            inputs = self.dropout(found[-1][0]) if number else x
            found.append(_layer(self.layers, number).states(inputs, before))
        return tuple(found)

    def _both(
        self, number: int, x: Tensor, state: LayerState, lengths: Tensor | None
    ) -> tuple[Tensor, LayerState]:
        outputs, final = _layer(self.layers, number)(x, state, lengths)
        if self.backward_layers is None:
            return outputs, final
        backward, last = _layer(self.backward_layers, number)(
            reversed_in_time(x, lengths), state, lengths
        )
        backward = reversed_in_time(backward, lengths)
        states = zip(final, last, strict=True)
        return self._joined(outputs, backward), tuple(self._joined(*pair) for pair in states)

    def _joined(self, forward: Tensor, backward: Tensor) -> Tensor:
        return (
            forward + backward if self.directions == "sum" else torch.cat([forward, backward], -1)
        )


def _layer(layers: nn.ModuleList, number: int) -> RecurrentLayer:
    return cast("RecurrentLayer", layers[number])


def _pieces(lengths: Tensor, steps: int, device: torch.device) -> list[tuple[slice, int]]:
    """Return pieces of all steps, and how many sequences, the first ones, have not ended by each.

    So most of the padding costs nothing where the longest sequences come first. Where they do not,
    or on a device, which computes all at once, there is one piece.
    """
    ends, B = lengths.tolist(), len(lengths)
    pieces = [(slice(0, steps), B)]
    if device.type != "cpu" or ends != sorted(ends, reverse=True):
        return pieces
    for start in sorted({*ends}):
        longer = bisect_left(ends, -start, key=neg)
        rows = min(-(-longer // _TILE) * _TILE, B)
        if (pieces[-1][1] - rows) * (steps - start) >= _CALL_STEPS * B:
            pieces[-1] = slice(pieces[-1][0].start, start), pieces[-1][1]
            pieces.append((slice(start, steps), rows))
    return pieces


def reversed_in_time(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Return x, (T, B, …), with the steps of each sequence reversed; padding stays at the end."""
    if lengths is None:
        return x.flip(0)
    steps, ends = torch.arange(len(x), device=x.device).unsqueeze(1), lengths.to(x.device)
    indices = torch.where(steps < ends, ends - 1 - steps, steps)
    rows = indices * x.shape[1] + torch.arange(x.shape[1], device=x.device)
    return x.flatten(0, 1).index_select(0, rows.flatten()).view_as(x)  # quicker than x[indices, …]
