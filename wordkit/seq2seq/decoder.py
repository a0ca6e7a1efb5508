"""The decoder: writes the target, looking back at the source.

Notation: S steps of the source, T steps of the target, B sequences of a batch, V units, E
dimensions of an embedding, D size of a hidden state, F features.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.nn.attention import Attention
from wordkit.nn.config import full_name
from wordkit.nn.dropout import Dropout
from wordkit.nn.recurrent import LayerState, RecurrentStack
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.latent import Gaussian

__all__ = ["Decoder", "DecoderState"]


class DecoderState(NamedTuple):
    """The state of the decoder, and what it knows of the source."""

    layers: tuple[LayerState, ...]
    """(h,) or (h, c) of each layer, each of shape (B, D); of a Transformer keys and values, see
    ``wordkit.nn.transformer``."""

    values: Tensor | None = None
    """Outputs of the encoder, (B, S, D); None without attention."""

    keys: Tensor | None = None
    """Keys of the attention; None: the values."""

    mask: Tensor | None = None
    """Padding of the sources, (B, S), true where there is any; None: nowhere."""

    peek: Tensor | None = None
    """The last hidden state of the encoder, (B, D), of a peeky decoder."""

    context: Tensor | None = None
    """Attention context of the step before, (B, D), where it is input of the next one."""

    weights: Tensor | None = None
    """Attention weights of the last step, (B, S); of a Transformer those of each head in the last
    layer, (B, A, S)."""

    latent: Tensor | None = None
    """The latent variable, (B, Z): input of every step; of a new state the mean of
    ``distribution``."""

    distribution: Gaussian | None = None
    """Of the latent variable, given what was read."""


class Decoder(nn.Module):
    """Recurrent layers over the embeddings of the target so far, and attention.

    Args:
        config: the shape.
        words: V.
    """

    def __init__(self, config: Seq2SeqConfig, words: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(torch.empty(words, config.dim))
        self.dropout = Dropout(config.dropout)
        self.recurrent = RecurrentStack(
            full_name(config.cell, config.activation),
            [config.width_in, *[config.width] * config.layers],
            dropout=self.dropout,
            residual=config.residual,
        )
        self.attention: Attention | None = None
        if config.attention != "none":
            self.attention = Attention(config.attention, config.width, config.width_of_attention)

    def initial_state(
        self, outputs: Tensor, layers: tuple[LayerState, ...], mask: Tensor | None
    ) -> DecoderState:
        """Return the state before the first step.

        Args:
            outputs: of the encoder, shape (S, B, D).
            layers: the last state of each of its layers.
            mask: of the sources' padding, shape (B, S).
        """
        state, last = DecoderState(layers), layers[-1][0]
        if self.config.peeky:
            state = state._replace(peek=last)
        if self.attention is not None:
            values = outputs.transpose(0, 1).contiguous()
            state = state._replace(values=values, keys=self.attention.keys(values), mask=mask)
            if self.config.context_to == "input":
                state = state._replace(context=torch.zeros_like(last))
        return state

    def forward(self, ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Return the features of the steps, (T, B, F), and the state after the last.

        Args:
            ids: what was written at the step before each, shape (T, B), int64.
            state: from :meth:`initial_state` or an earlier call.
        """
        vectors = self.dropout(F.embedding(ids, self.embedding))
        if state.context is None:
            return self._steps(vectors, state)
        features = []
        for vector in vectors.split(1):  # each step needs the context of the one before
            found, state = self._steps(vector, state)
            features.append(found)
        return torch.cat(features), state

    def _steps(self, x: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        steps = len(x)
        parts = (state.context, state.peek, state.latent)
        inputs = [part.expand(steps, -1, -1) for part in parts if part is not None]
        hidden, layers = self.recurrent(_joined([x, *inputs]), state.layers)
        state, features = state._replace(layers=layers), [self.dropout(hidden)]
        if self.attention is not None and state.values is not None:
            contexts, weights = self.attention(hidden, state.keys, state.values, state.mask)
            state = state._replace(weights=weights[:, -1])
            if state.context is None:
                features.append(self.dropout(contexts))
            else:
                state = state._replace(context=contexts[-1])
        if state.peek is not None:
            features.append(state.peek.expand(steps, -1, -1))
        return _joined(features), state


def _joined(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts, -1) if len(parts) > 1 else parts[0]
