"""The network of a language model: embeddings → layers → output layer.

Notation: T steps, B sequences of a batch, V words, D dimensions of an embedding, H hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.lm.config import ModelConfig
from wordkit.nn.config import full_name
from wordkit.nn.dropout import Dropout
from wordkit.nn.mixture import MixtureOutputLayer
from wordkit.nn.output import AdaptiveOutputLayer, OutputLayer
from wordkit.nn.recurrent import LayerState, RecurrentStack
from wordkit.nn.transformer import TransformerStack

__all__ = ["LanguageModelNetwork", "LanguageModelState"]

LanguageModelState = tuple[LayerState, ...]
"""For each layer, (h,) or (h, c) of shape (B, H) each, or the cached keys and values."""


def _recurrent(config: ModelConfig, dropout: Dropout) -> nn.Module:
    return RecurrentStack(
        full_name(config.cell, config.activation),
        [config.width_in, *config.widths],
        dropout=dropout,
        weight_drop=config.weight_drop,
        residual=config.residual,
    )


def _transformer(config: ModelConfig, dropout: Dropout) -> nn.Module:
    return TransformerStack(
        config.width_in, config.hidden, config.layers, config.heads, config.width_feed_forward,
        dropout=dropout, memory=config.memory_length,
    )  # fmt: skip


_LAYERS = {"recurrent": _recurrent, "transformer": _transformer}
"""The constructor of the layers, by architecture."""


class LanguageModelNetwork(nn.Module):
    """A :class:`wordkit.nn.network.SequenceNetwork` of the layers of an architecture.

    Args:
        config: its shape.
        words: V.
        cutoffs: where the clusters of an adaptive softmax begin; None: by Zipf's law.
    """

    def __init__(
        self, config: ModelConfig, words: int, cutoffs: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.config, self.words = config, words
        self.sparse_gradients = False
        """True if the gradient of the embeddings is a sparse tensor."""
        self.embedding = nn.Parameter(torch.empty(words, config.width_in))

        def dropout(position: Literal["input", "between", "output"]) -> Dropout:
            return Dropout(config.dropout_at(position), locked=config.locked_dropout)

        self.word_dropout = Dropout(config.word_dropout)
        self.input_dropout, self.output_dropout = dropout("input"), dropout("output")
        self.add_module(config.arch, _LAYERS[config.arch](config, dropout("between")))
        self.output: OutputLayer
        tied = self.embedding if config.tied else None
        if config.adaptive:
            self.output = AdaptiveOutputLayer(config.widths[-1], words, cutoffs)
        elif config.softmaxes > 1:
            self.output = MixtureOutputLayer(config.widths[-1], words, config.softmaxes, tied)
        else:
            self.output = OutputLayer(config.widths[-1], words, tied)

    @property
    def layers(self) -> RecurrentStack | TransformerStack:
        """The layers, whose tensors have the name of the architecture in files."""
        return cast("RecurrentStack | TransformerStack", getattr(self, self.config.arch))

    def initial_state(self, batch: int) -> LanguageModelState:
        """Return the state before the first step."""
        return self.layers.initial_state(batch)

    def forward(self, ids: Tensor, state: LanguageModelState) -> tuple[Tensor, LanguageModelState]:
        """Return the features of words, (T, B, H), and the state after the last step.

        Args:
            ids: shape (T, B), int64.
            state: from :meth:`initial_state` or an earlier call.
        """
        hidden, state = self.hidden(ids, state)
        return self.output_dropout(hidden), state

    def hidden(self, ids: Tensor, state: LanguageModelState) -> tuple[Tensor, LanguageModelState]:
        """Return what :meth:`forward` does, before the dropout of the output."""
        vectors = F.embedding(ids, self.embedding, sparse=self.sparse_gradients)
        if self.training and self.word_dropout.p:
            mask = self.word_dropout(vectors.new_ones(self.words, 1))
            vectors = vectors * mask[ids]
        hidden: tuple[Tensor, LanguageModelState] = self.layers(self.input_dropout(vectors), state)
        return hidden
