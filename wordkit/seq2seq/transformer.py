"""The encoder and decoder of a Transformer: attention to the source in every layer.

Notation: S steps of the source, T steps of the target, B sequences of a batch, H width of the
model, A heads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.nn.config import NetworkConfig
from wordkit.nn.dropout import Dropout
from wordkit.nn.initialization import uniform_
from wordkit.nn.transformer import LayerState, TransformerStack
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.decoder import DecoderState

__all__ = ["TransformerDecoder", "TransformerEncoder"]


class TransformerEncoder(nn.Module):
    """Transformer layers over the embeddings of the source, whose steps attend to all.

    A vector stands before the source: else steps that know of distances alone could not tell how
    often a unit is repeated. It has no output.

    Args:
        config: the shape.
        words: V.
    """

    def __init__(self, config: Seq2SeqConfig, words: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(words, config.dim))
        self.start = nn.Parameter(torch.empty(config.dim))
        self.dropout = Dropout(config.dropout)
        self.transformer = _stack(config, self.dropout, is_causal=False)

    def initialize(self, config: NetworkConfig, generator: torch.Generator) -> None:
        """Draw the vector before the source; the layers draw their weights themselves."""
        uniform_(self.start, len(self.start) ** -0.5, generator)

    def forward(
        self, sources: Tensor, lengths: Tensor | None
    ) -> tuple[Tensor, tuple[LayerState, ...]]:
        """Return the outputs of the last layer, (S, B, H), and no state.

        Args:
            sources: shape (S, B), int64, in the order in which they are read.
            lengths: steps of each source, shape (B,), int64; None: S for all.
        """
        vectors = F.embedding(sources, self.embedding)
        vectors = torch.cat([self.start.expand(1, vectors.shape[1], -1), vectors])
        lengths = None if lengths is None else lengths + 1
        outputs, _ = self.transformer(self.dropout(vectors), lengths=lengths)
        return outputs[1:], ()


class TransformerDecoder(nn.Module):
    """Transformer layers over the embeddings of the target so far, which attend to the source too.

    Args:
        config: the shape.
        words: V.
    """

    attention = None
    """Its layers have their own."""

    def __init__(self, config: Seq2SeqConfig, words: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(words, config.dim))
        self.dropout = Dropout(config.dropout)
        self.transformer = _stack(config, self.dropout, has_source=True)

    def initial_state(
        self, outputs: Tensor, layers: tuple[LayerState, ...], mask: Tensor | None
    ) -> DecoderState:
        """Return the state before the first step: keys and values of the source, for each layer.

        Args:
            outputs: of the encoder, shape (S, B, H).
            layers: not used.
            mask: of the sources' padding, shape (B, S).
        """
        return DecoderState(self.transformer.with_source(outputs), mask=mask)

    def forward(self, ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Return the features of the steps, (T, B, H), and the state after the last.

        Without gradients the state has the attention weights of the last step and layer too.

        Args:
            ids: what was written at the step before each, shape (T, B), int64.
            state: from :meth:`initial_state` or an earlier call.
        """
        vectors = self.dropout(F.embedding(ids, self.embedding))
        hidden, after = self.transformer(vectors, state.layers, source_mask=state.mask)
        layers, weights = tuple(layer[:4] for layer in after), after[-1][4:]
        state = state._replace(layers=layers, weights=weights[0] if weights else None)
        return self.dropout(hidden), state


def _stack(config: Seq2SeqConfig, dropout: Dropout, **options: bool) -> TransformerStack:
    return TransformerStack(
        config.dim, config.hidden, config.layers, config.heads, config.width_feed_forward,
        dropout=dropout, **options,
    )  # fmt: skip
