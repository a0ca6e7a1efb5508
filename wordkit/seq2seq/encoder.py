"""The encoder: reads the sources, in one direction or in both.

Notation: S steps of the source, B sequences of a batch, V units, E dimensions of an embedding, D
size of a hidden state, both directions together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.nn.config import full_name
from wordkit.nn.dropout import Dropout
from wordkit.nn.recurrent import LayerState, RecurrentStack
from wordkit.seq2seq.config import Seq2SeqConfig

__all__ = ["Encoder"]


class Encoder(nn.Module):
    """Recurrent layers over the embeddings of the source.

    Args:
        config: the shape.
        words: V.
    """

    def __init__(self, config: Seq2SeqConfig, words: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(words, config.dim))
        self.dropout = Dropout(config.dropout)
        self.recurrent = RecurrentStack(
            full_name(config.cell, config.activation),
            [config.dim, *[config.width] * config.layers],
            dropout=self.dropout,
            residual=config.residual,
            directions=config.directions,
        )

    def forward(
        self, sources: Tensor, lengths: Tensor | None
    ) -> tuple[Tensor, tuple[LayerState, ...]]:
        """Return the outputs of the last layer, (S, B, D), and the last state of each layer.

        Args:
            sources: shape (S, B), int64, in the order in which they are read.
            lengths: as for :class:`wordkit.nn.recurrent.RecurrentLayer`.
        """
        vectors = self.dropout(F.embedding(sources, self.embedding))
        state = self.recurrent.initial_state(sources.shape[1])
        found: tuple[Tensor, tuple[LayerState, ...]] = self.recurrent(vectors, state, lengths)
        return found
