"""The settings that all recurrent networks share. This module does not load torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wordkit.config import Settings, setting

__all__ = ["Activation", "CellName", "RecurrentConfig", "StartWeights", "full_name"]

CellName = Literal["rnn", "lstm", "gru", "peephole"]
Activation = Literal["tanh", "relu"]
StartWeights = Literal["uniform", "xavier", "he"]

MAX_WIDTH = 100_000


@dataclass(frozen=True)
class RecurrentConfig(Settings):
    """The shape of a recurrent network."""

    cell: CellName = setting(
        "lstm",
        "Recurrent cell. rnn: Elman 1990; lstm: Hochreiter and Schmidhuber 1997, with the forget "
        "gate of Gers et al. 2000; gru: Cho et al. 2014; peephole: an LSTM whose gates see the "
        "cell state, Gers and Schmidhuber 2000.",
        main=True,
    )
    activation: Activation = setting(
        "tanh", "Activation function of the cell rnn.", only_with={"cell": ("rnn",)}
    )
    hidden: int = setting(
        200, "Hidden units per layer (H).", at_least=1, at_most=MAX_WIDTH, main=True
    )
    layers: int = setting(1, "Recurrent layers.", at_least=1, at_most=32, main=True)
    tied: bool = setting(
        True,
        "Share one matrix between input and output embeddings. Press and Wolf 2017; with a "
        "projection where the last layer has another width.",
        group="Output layer",
    )
    residual: bool = setting(
        False, "Add the input of each layer to its output, where the widths are the same."
    )
    dropout: float = setting(
        0.0,
        "Dropout probability before, between and after the layers. Never along time.",
        at_least=0,
        below=1,
        group="Regularization",
        main=True,
    )
    start_weights: StartWeights = setting(
        "uniform",
        "Distribution of the initial weights. uniform: from -start_scale to start_scale; xavier: "
        "Glorot and Bengio 2010; he: He et al. 2015.",
    )
    start_scale: float | None = setting(
        None,
        "Range of uniform initial weights.",
        none="1/sqrt(H), for embeddings of a language model 0.1",
        above=0,
    )
    orthogonal: bool = setting(
        False, "Start with orthogonal recurrent matrices, one per gate. Saxe et al. 2014."
    )
    forget_bias: float = setting(
        0.0,
        "Initial bias of the forget gate. 1 in Jozefowicz et al. 2015.",
        only_with={"cell": ("lstm", "peephole")},
    )


def full_name(cell: CellName, activation: Activation) -> str:
    """Return the name of a cell with its activation function: lstm, rnn-tanh, rnn-relu."""
    return f"rnn-{activation}" if cell == "rnn" else cell
