"""The settings that all networks share. This module does not load torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wordkit.config import Settings, setting
from wordkit.errors import ConfigError

__all__ = ["Activation", "Architecture", "CellName", "NetworkConfig", "StartWeights", "full_name"]

Architecture = Literal["recurrent", "transformer"]
CellName = Literal["rnn", "lstm", "gru", "peephole"]
Activation = Literal["tanh", "relu"]
StartWeights = Literal["uniform", "xavier", "he"]

MAX_WIDTH = 100_000

RECURRENT = {"arch": ("recurrent",)}
TRANSFORMER = {"arch": ("transformer",)}
"""The architectures with which a setting has an effect."""


@dataclass(frozen=True)
class NetworkConfig(Settings):
    """The shape of a network: its architecture, layers and width."""

    arch: Architecture = setting(
        "recurrent",
        "Architecture. recurrent: layers of recurrent cells; transformer: Vaswani et al. 2017, "
        "with layer norms before each part, Xiong et al. 2020, and rotary positions, Su et al. "
        "2021.",
        main=True,
    )
    cell: CellName = setting(
        "lstm",
        "Recurrent cell. rnn: Elman 1990; lstm: Hochreiter and Schmidhuber 1997, with the forget "
        "gate of Gers et al. 2000; gru: Cho et al. 2014; peephole: an LSTM whose gates see the "
        "cell state, Gers and Schmidhuber 2000.",
        only_with=RECURRENT,
        main=True,
    )
    activation: Activation = setting(
        "tanh", "Activation function of the cell rnn.", only_with={**RECURRENT, "cell": ("rnn",)}
    )
    hidden: int = setting(
        200,
        "Hidden units per layer; of a Transformer, the width of the model (H).",
        at_least=1,
        at_most=MAX_WIDTH,
        main=True,
    )
    layers: int = setting(1, "Layers.", at_least=1, at_most=32, main=True)
    heads: int = setting(
        4,
        "Heads of each attention; they divide hidden into even parts.",
        at_least=1,
        only_with=TRANSFORMER,
    )
    feed_forward: int | None = setting(
        None,
        "Hidden units of the feed-forward network of each layer.",
        none="4 * hidden",
        at_least=1,
        at_most=MAX_WIDTH,
        only_with=TRANSFORMER,
    )
    tied: bool = setting(
        True,
        "Share one matrix between input and output embeddings. Press and Wolf 2017; with a "
        "projection where the last layer has another width.",
        group="Output layer",
    )
    residual: bool = setting(
        False,
        "Add the input of each layer to its output, where the widths are the same.",
        only_with=RECURRENT,
    )
    dropout: float = setting(
        0.0,
        "Dropout probability before, between and after the layers, or the parts of those of a "
        "Transformer. Never along time.",
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
        False,
        "Start with orthogonal recurrent matrices, one per gate. Saxe et al. 2014.",
        only_with=RECURRENT,
    )
    forget_bias: float = setting(
        0.0,
        "Initial bias of the forget gate. 1 in Jozefowicz et al. 2015.",
        only_with={**RECURRENT, "cell": ("lstm", "peephole")},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.arch == "transformer" and self.hidden % (2 * self.heads):
            raise ConfigError(
                f"hidden must be a multiple of {2 * self.heads}, so that {self.heads} heads divide "
                f"it into even parts, not {self.hidden}; choose another, or other heads"
            )

    @property
    def width_feed_forward(self) -> int:
        """Hidden units of the feed-forward network of a layer."""
        return 4 * self.hidden if self.feed_forward is None else self.feed_forward


def full_name(cell: CellName, activation: Activation) -> str:
    """Return the name of a cell with its activation function: lstm, rnn-tanh, rnn-relu."""
    return f"rnn-{activation}" if cell == "rnn" else cell
