"""The decoder: writes the target, looking back at the source.

Letters: S places of the source, T steps of the target, B pairs, V characters or words, E length of
a vector, D width of a layer, F what goes into the output layer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.nn.config import full_name
from wordkit.recurrent.layer import Carried, RecurrentLayer
from wordkit.seq2seq.attention import Attention, Memory
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.encoder import Encoded, looks_up, masked

__all__ = ["Decoded", "Decoder", "DecoderState"]


@dataclass(frozen=True)
class DecoderState:
    """What the decoder carries from step to step, and what it looks back at."""

    carried: Carried
    """Of each layer, tensors of shape (B, D)."""

    memory: Memory | None
    """What attention looks at; None without attention."""

    peek: Tensor | None
    """The encoder's last state, (B, D), for a peeky decoder."""

    context: Tensor | None
    """What the step before looked at, (B, D), where that goes into the next one."""

    def take(self, pairs: Tensor) -> DecoderState:
        """That of some pairs, by number; one may be taken more than once."""

        def taken(part: Tensor | None) -> Tensor | None:
            return None if part is None else part.index_select(0, pairs)

        return DecoderState(
            tuple(tuple(p.index_select(0, pairs) for p in layer) for layer in self.carried),
            None if self.memory is None else self.memory.take(pairs),
            taken(self.peek),
            taken(self.context),
        )


@dataclass(frozen=True)
class Decoded:
    """What some steps of the decoder have made."""

    features: Tensor
    """What goes into the output layer, shape (T, B, F)."""

    weights: Tensor | None
    """Of attention, shape (B, T, S); None without attention."""

    state: DecoderState
    """After the last step."""


class Decoder(nn.Module):
    """Recurrent layers over the vectors of the target so far, and attention.

    Args:
        config: the shape.
        words: V.
    """

    def __init__(self, config: Seq2SeqConfig, words: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(torch.empty(words, config.dim))
        cell = full_name(config.cell, config.activation)
        widths = [config.width_in, *[config.width] * (config.layers - 1)]
        self.layers = nn.ModuleList(RecurrentLayer(cell, width, config.width) for width in widths)
        self.attention: Attention | None = None
        if config.attention != "none":
            self.attention = Attention(config.attention, config.width, config.width_of_attention)

    @property
    def feeds_context(self) -> bool:
        """Whether what a step looked at goes into the next one."""
        return self.attention is not None and self.config.context_to == "input"

    def start(self, encoded: Encoded, precision: str) -> DecoderState:
        """The state before the first step."""
        memory = context = None
        if self.attention is not None:
            memory = self.attention.remember(encoded.outputs, encoded.padding, precision)
        peek = encoded.state[-1][0]
        if self.feeds_context:
            context = torch.zeros_like(peek)
        return DecoderState(encoded.state, memory, peek if self.config.peeky else None, context)

    def forward(
        self,
        inputs: Tensor,
        state: DecoderState,
        precision: str,
        generator: torch.Generator | None = None,
    ) -> Decoded:
        """What the layers make of the target so far.

        Args:
            inputs: shape (T, B), int64: at each step what was written at the one before.
            state: from :meth:`start` or an earlier call.
            precision: ``fp32`` or ``bf16``.
            generator: of the random numbers for dropout.
        """
        adds = self.config.residual and self.config.width_in == self.config.width
        if looks_up(self, inputs) and not (self.feeds_context or adds):
            return self._steps(inputs, state, precision, generator)
        vectors = masked(self, F.embedding(inputs, self.embedding), generator)
        if not self.feeds_context:
            return self._steps(vectors, state, precision, generator)
        features, weights = [], []
        for vector in torch.split(vectors, 1):  # each step needs what the one before looked at
            done = self._steps(vector, state, precision, generator)
            state = done.state
            features.append(done.features)
            weights.append(done.weights)
        return Decoded(torch.cat(features), torch.cat(weights, 1), state)  # type: ignore[arg-type]

    def _steps(
        self, x: Tensor, state: DecoderState, precision: str, generator: torch.Generator | None
    ) -> Decoded:
        """Some steps together, from their inputs, (T, B), or the vectors of these, (T, B, E)."""
        if state.context is not None:
            x = torch.cat([x, state.context.unsqueeze(0)], -1)
        carried = []
        for number, layer in enumerate(cast("Iterable[RecurrentLayer]", self.layers)):
            constant = state.peek if number == 0 else None
            before = state.carried[number]
            if x.ndim == 2:
                table = layer.table(self.embedding, precision)
                raw, after = layer.from_table(x, table, before, precision, constant=constant)
            else:
                raw, after = layer(x, before, layer.weight_hidden, precision, constant=constant)
            if self.config.residual and constant is None and raw.shape == x.shape:
                raw = raw + x
            carried.append(after)
            x = masked(self, raw, generator)
        features, weights, context = [x], None, state.context
        if self.attention is not None and state.memory is not None:
            seen, weights = self.attention(raw, state.memory, precision)
            if self.feeds_context:
                context = seen[-1]
            else:
                features.append(masked(self, seen, generator))
        if state.peek is not None:
            features.append(state.peek.expand(len(x), *state.peek.shape))
        joined = torch.cat(features, -1) if len(features) > 1 else x
        after_all = DecoderState(tuple(carried), state.memory, state.peek, context)
        return Decoded(joined, weights, after_all)
