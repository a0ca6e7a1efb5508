"""The network of a language model: word vectors → recurrent layers → words.

Letters: T steps, B tracks side by side, V words, D length of a word's vector, H width of a layer,
G gates of the cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.lm.config import ModelConfig
from wordkit.lm.losses import (
    AdaptiveOutput,
    linear_cross_entropy,
    log_probabilities,
    token_log_probabilities,
)
from wordkit.nn.config import full_name
from wordkit.recurrent.dropout import dropped, locked, word_mask
from wordkit.recurrent.layer import Carried, RecurrentLayer, linear
from wordkit.training.row_updates import RowGradients, embedding_lookup

__all__ = ["Features", "RecurrentModel"]


@dataclass(frozen=True)
class Features:
    """What comes out of the recurrent layers."""

    top: Tensor
    """Shape (T, B, H) of the last layer, after dropout."""

    raw: Tensor
    """The same before dropout."""

    state: Carried
    """After the last step."""


class RecurrentModel(nn.Module):
    """The network. Dropout draws from ``generator``, and only in training mode.

    Args:
        config: its shape.
        words: V.
        cutoffs: where the clusters of an adaptive softmax begin; needed for one.
    """

    def __init__(
        self, config: ModelConfig, words: int, cutoffs: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.config, self.words = config, words
        self.precision = "fp32"
        self.generator: torch.Generator | None = None
        cell = full_name(config.cell, config.activation)
        self.embedding = nn.Parameter(torch.empty(words, config.width_in))
        widths = [config.width_in, *config.widths]
        self.layers = nn.ModuleList(
            RecurrentLayer(cell, width, hidden) for width, hidden in pairwise(widths)
        )
        self.projection: nn.Parameter | None = None
        self.adaptive: AdaptiveOutput | None = None
        if config.adaptive:
            self.adaptive = AdaptiveOutput(widths[-1], words, cutoffs)
            return
        if config.tied and config.width_in != widths[-1]:
            self.projection = nn.Parameter(torch.empty(config.width_in, widths[-1]))
        self.output = (
            self.embedding if config.tied else nn.Parameter(torch.empty(words, widths[-1]))
        )
        self.bias = nn.Parameter(torch.zeros(words))

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.embedding.device

    def start_state(self, tracks: int) -> Carried:
        """The state before the first step: zeros."""
        return tuple(
            tuple(
                torch.zeros(tracks, layer.hidden, device=self.device)
                for _ in range(layer.cell.states)
            )
            for layer in self._layers()
        )

    def forward(
        self, ids: Tensor, state: Carried, row_gradients: RowGradients | None = None
    ) -> Features:
        """What the recurrent layers make of words.

        Args:
            ids: shape (T, B), int64.
            state: from :meth:`start_state` or an earlier call.
            row_gradients: where the gradient of the word vectors goes; None: to ``.grad``.
        """
        x = self._enter(self._vectors(ids, row_gradients))
        after: list[tuple[Tensor, ...]] = []
        layers = self._layers()
        for number, (layer, before) in enumerate(zip(layers, state, strict=True)):
            weight = self._dropped(layer.weight_hidden, self.config.weight_drop)
            raw, final = layer(x, before, weight, self.precision)
            if self.config.residual and raw.shape == x.shape:
                raw = raw + x
            after.append(final)
            place = "output" if number == len(layers) - 1 else "between"
            x = self._masked(raw, self.config.dropout_at(place))  # type: ignore[arg-type]
        return Features(x, raw, tuple(after))

    def outgoing(self, top: Tensor) -> Tensor:
        """What the words that come out are compared with, shape (T·B, ·), from (T, B, H)."""
        flat = top.reshape(-1, top.shape[-1])
        if self.projection is None:
            return flat
        return linear(flat, self.projection, None, self.precision)

    def loss(self, top: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """The sum of −log p of the targets, in nats, by the exact (or adaptive) softmax.

        Args:
            top: shape (T, B, H).
            targets: shape (T, B), int64; −1 where there is none.
            label_smoothing: share of the probability given to all words alike.
        """
        flat = targets.reshape(-1)
        if self.adaptive is not None:
            return self.adaptive.loss(self.outgoing(top), flat)
        return linear_cross_entropy(
            self.outgoing(top),
            self.output,
            self.bias,
            flat,
            precision=self.precision,
            label_smoothing=label_smoothing,
        )

    def token_log_probabilities(self, top: Tensor, targets: Tensor) -> Tensor:
        """log p of each target, shape (T·B,), natural; without gradients."""
        flat = targets.reshape(-1)
        if self.adaptive is not None:
            return self.adaptive.token_log_probabilities(self.outgoing(top), flat)
        return token_log_probabilities(self.outgoing(top), self.output, self.bias, flat)

    def log_probabilities(self, top: Tensor) -> Tensor:
        """log p of every word, shape (T·B, V), natural; without gradients."""
        if self.adaptive is not None:
            return self.adaptive.log_probabilities(self.outgoing(top))
        return log_probabilities(self.outgoing(top), self.output, self.bias)

    def _layers(self) -> list[RecurrentLayer]:
        return list(self.layers)  # type: ignore[arg-type]

    def _vectors(self, ids: Tensor, row_gradients: RowGradients | None) -> Tensor:
        """The vectors of words, (T, B, D), some words dropped."""
        if row_gradients is None:
            vectors = F.embedding(ids, self.embedding)
        else:
            vectors = embedding_lookup(self.embedding, ids, row_gradients)
        if self.training and self.config.word_dropout:
            mask = word_mask(self.words, self.config.word_dropout, self.device, self.generator)
            vectors = vectors * mask[ids].unsqueeze(-1)
        return vectors

    def _enter(self, vectors: Tensor) -> Tensor:
        return self._masked(vectors, self.config.dropout_at("input"))

    def _masked(self, x: Tensor, share: float) -> Tensor:
        """(T, B, ·) with this share of it dropped, in training."""
        if not self.training or not share:
            return x
        drop = locked if self.config.locked_dropout else dropped
        return drop(x, share, self.generator)

    def _dropped(self, weight: Tensor, share: float) -> Tensor:
        if not self.training or not share:
            return weight
        return dropped(weight, share, self.generator)
