"""Settings that all recurrent networks share; they can be asked for without torch."""

from __future__ import annotations

from typing import Literal, Protocol

__all__ = ["Activation", "CellName", "StartSettings", "StartWeights", "full_name"]

CellName = Literal["rnn", "lstm", "gru", "peephole"]
Activation = Literal["tanh", "relu"]
StartWeights = Literal["uniform", "xavier", "he"]


class StartSettings(Protocol):
    """The fields of a model's configuration that say how its weights start."""

    @property
    def start_weights(self) -> StartWeights:
        """``uniform``, ``xavier`` or ``he``."""

    @property
    def start_scale(self) -> float | None:
        """Range of ``uniform`` weights; None: 1/√H."""

    @property
    def orthogonal(self) -> bool:
        """Whether the recurrent matrix of each gate starts as an orthogonal one."""

    @property
    def forget_bias(self) -> float:
        """The bias that the forget gates of an LSTM start with."""


def full_name(cell: CellName, activation: Activation) -> str:
    """The name of a cell in :data:`wordkit.recurrent.cells.CELLS`."""
    return f"rnn-{activation}" if cell == "rnn" else cell
