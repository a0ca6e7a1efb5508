"""Transformer layers: multi-head attention with rotary positions, layer norms before each part.

Notation: T steps, C cached steps before them, N the most that are cached, B sequences of a batch,
H width of the model, A heads, D = H/A size of a head, S steps of a source.
"""

from __future__ import annotations

import functools
import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.nn.config import NetworkConfig
from wordkit.nn.dropout import Dropout
from wordkit.nn.initialization import initialize_matrix
from wordkit.nn.network import uses_bf16
from wordkit.nn.rotary import rotate, rotated_heads, rotations

__all__ = ["LayerState", "TransformerLayer", "TransformerStack", "padding_mask"]

LayerState = tuple[Tensor, ...]
"""Keys, not yet rotated, and values of the last C steps, (B, C, H) each; in a decoder then those of
the source, (B, S, H) each, and without gradients the weights of the last step, (B, A, S)."""

_MAX_DENSE_SCORES = 1 << 26


class TransformerLayer(nn.Module):
    """Attention to the steps before, to a source where there is one, and a feed-forward network.

    After Vaswani et al. (2017), with the layer norms before each part (Xiong et al. 2020), queries
    and keys rotated by their positions (Su et al. 2021), GELUs, and no biases.

    Args:
        width: H.
        heads: A.
        feed_forward: hidden units of the feed-forward network.
        dropout: of what each part adds to its input.
        has_source: whether it attends to a source.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        feed_forward: int,
        *,
        dropout: Dropout | None = None,
        has_source: bool = False,
    ) -> None:
        super().__init__()

        def matrix(rows: int, columns: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(rows, columns))

        self.heads, self.dropout = heads, dropout or Dropout(0.0)
        self.norm = nn.Parameter(torch.ones(width))
        self.qkv, self.projection = matrix(3 * width, width), matrix(width, width)
        if has_source:
            self.source_norm = nn.Parameter(torch.ones(width))
            self.source_query, self.source_kv = matrix(width, width), matrix(2 * width, width)
            self.source_projection = matrix(width, width)
        self.feed_forward_norm = nn.Parameter(torch.ones(width))
        self.up, self.down = matrix(feed_forward, width), matrix(width, feed_forward)

    @torch.no_grad()
    def initialize(self, config: NetworkConfig, generator: torch.Generator) -> None:
        """Draw the weights as the settings say; less is added the more parts there are (GPT-2)."""
        H = len(self.norm)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1:
                parameter.fill_(1.0)
                continue
            size = H if name in ("qkv", "source_kv") else len(parameter)
            initialize_matrix(parameter, size, config, generator)
            if name in ("projection", "source_projection", "down"):
                parameter.mul_((2 * config.layers) ** -0.5)

    def forward(
        self,
        x: Tensor,
        state: LayerState = (),
        *,
        memory: int | None = None,
        mask: Tensor | None = None,
        is_causal: bool = False,
        source_mask: Tensor | None = None,
    ) -> tuple[Tensor, LayerState]:
        """Return the outputs, (B, T, H), and the state after the last step.

        Args:
            x: shape (B, T, H).
            state: before the first step; empty: none is wanted.
            memory: N; None: no limit.
            mask: what is added to the scores, (T, C + T) or (B, 1, 1, T).
            is_causal: whether each of the T steps attends to itself and those before it.
            source_mask: the same for the source, (B, 1, 1, S).
        """
        B, T, H = x.shape
        qkv = F.linear(_normalized(x, self.norm), self.qkv).view(B, T, 3, self.heads, -1)
        cached = tuple(part.to(qkv.dtype) for part in state[:2])
        C = cached[0].shape[1] if cached else 0
        cos, sin = rotations(C + T, H // self.heads, qkv.dtype, qkv.device)
        q, k, v = rotated_heads(qkv, cos[C:], sin[C:])
        if C:
            past_k, past_v = (_heads(part, self.heads) for part in cached)
            k = torch.cat([rotate(past_k, cos[:C], sin[:C]), k], 2)
            v = torch.cat([past_v, v], 2)
        attended = self._attend(q, k, v, mask, is_causal)
        x = x + self._dropped(F.linear(attended, self.projection))
        after = [_last(past, qkv[:, :, n].flatten(2), memory) for n, past in enumerate(cached, 1)]
        if len(state) > 2:
            keys, values = state[2:4]
            x, weights = self._attend_to_source(x, keys, values, source_mask)
            after += [keys, values, *weights]
        hidden = F.gelu(F.linear(_normalized(x, self.feed_forward_norm), self.up))
        return x + self._dropped(F.linear(hidden, self.down)), tuple(after)

    def _attend_to_source(
        self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the outputs, and the weights of the last step, (B, A, S), without gradients."""
        query = F.linear(_normalized(x, self.source_norm), self.source_query)
        q, k, v = (_heads(part, self.heads) for part in (query, keys, values))
        k, v, weights = k.to(q.dtype), v.to(q.dtype), list[Tensor]()
        if not torch.is_grad_enabled():
            scores = (q[:, :, -1:] @ k.transpose(2, 3)) / math.sqrt(q.shape[-1])
            scores = scores if mask is None else scores + mask
            weights = [scores.softmax(-1).squeeze(2)]
        if keys.shape[1]:
            attended = self._attend(q, k, v, mask, is_causal=False)
            x = x + self._dropped(F.linear(attended, self.source_projection))
        return x, weights

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, is_causal: bool
    ) -> Tensor:
        """Return the means of values, (B, T, H), by queries, keys and values, (B, A, ·, D)."""
        if _is_dense(q, k):
            scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(2, 3)
            scores = scores if mask is None else scores + mask
            means = scores.softmax(-1, dtype=torch.float32).to(v.dtype) @ v
        else:
            means = F.scaled_dot_product_attention(q, k, v, mask, is_causal=is_causal)
        return means.transpose(1, 2).flatten(2)

    def _dropped(self, x: Tensor) -> Tensor:
        """Apply dropout, whose mask may be the same at all steps."""
        return cast("Tensor", self.dropout(x.transpose(0, 1))).transpose(0, 1)


class TransformerStack(nn.Module):
    """Transformer layers one above the other, with a layer norm at the end.

    Args:
        size: of the input; where it is not H, it is projected.
        width: H.
        layers: how many.
        heads, feed_forward: as for :class:`TransformerLayer`.
        dropout: as for :class:`TransformerLayer`.
        memory: N, steps before each one that it attends to; None: no limit.
        is_causal: whether steps attend to those before alone; else to all.
        has_source: as for :class:`TransformerLayer`.
    """

    def __init__(
        self,
        size: int,
        width: int,
        layers: int,
        heads: int,
        feed_forward: int,
        *,
        dropout: Dropout | None = None,
        memory: int | None = None,
        is_causal: bool = True,
        has_source: bool = False,
    ) -> None:
        super().__init__()
        self.memory, self.is_causal = memory, is_causal
        self.input = None if size == width else nn.Parameter(torch.empty(width, size))
        self.layers = nn.ModuleList(
            TransformerLayer(width, heads, feed_forward, dropout=dropout, has_source=has_source)
            for _ in range(layers)
        )
        self.norm = nn.Parameter(torch.ones(width))

    @torch.no_grad()
    def initialize(self, config: NetworkConfig, generator: torch.Generator) -> None:
        """Draw the weights as the settings say; those of the layers draw theirs themselves."""
        self.norm.fill_(1.0)
        if self.input is not None:
            initialize_matrix(self.input, len(self.norm), config, generator)

    def initial_state(self, batch: int) -> tuple[LayerState, ...]:
        """Return a state without any steps, for each layer."""
        empty = self.norm.new_empty(batch, 0, len(self.norm))
        return ((empty, empty),) * len(self.layers)

    def with_source(self, source: Tensor) -> tuple[LayerState, ...]:
        """Return the state of a decoder before its first step.

        Args:
            source: outputs of the encoder, shape (S, B, H).
        """
        source, state = source.transpose(0, 1), self.initial_state(source.shape[1])
        weights = (cast("TransformerLayer", layer).source_kv for layer in self.layers)
        pairs = (F.linear(source, weight).chunk(2, 2) for weight in weights)
        return tuple((*empty, *pair) for empty, pair in zip(state, pairs, strict=True))

    def forward(
        self,
        x: Tensor,
        state: tuple[LayerState, ...] = (),
        lengths: Tensor | None = None,
        source_mask: Tensor | None = None,
    ) -> tuple[Tensor, tuple[LayerState, ...]]:
        """Return the outputs, (T, B, H), and the state of each layer.

        Args:
            x: shape (T, B, ·).
            state: of each layer before the first step; empty: none is wanted.
            lengths: steps of each sequence, shape (B,); what is after them is padding. For layers
                that are not causal; None: T for all.
            source_mask: of the padding of the source, shape (B, S).
        """
        x = x if self.input is None else F.linear(x, self.input).to(x.dtype)
        T, dtype = len(x), torch.bfloat16 if uses_bf16(x) else x.dtype
        x = x.transpose(0, 1).contiguous()
        options: dict[str, Any] = {"memory": self.memory}
        if self.is_causal and T > 1:  # one step attends to all that is cached
            cached = state[0][0].shape[1] if state else 0
            is_far = self.memory is not None and self.memory < T - 1
            options["is_causal"] = not (cached or is_far or dtype == torch.bfloat16)
            if not options["is_causal"]:
                options["mask"] = _band(T, cached, self.memory, dtype, x.device)
        elif lengths is not None:
            options["mask"] = _added(padding_mask(lengths, T, x.device), dtype)
        if source_mask is not None:
            options["source_mask"] = _added(source_mask, dtype)
        after = []
        for layer, before in zip(self.layers, state or ((),) * len(self.layers), strict=True):
            x, final = layer(x, before, **options)
            after.append(final)
        return _normalized(x, self.norm).transpose(0, 1), tuple(after)


def padding_mask(lengths: Tensor, steps: int, device: torch.device) -> Tensor:
    """Return a mask, (B, T), that is true after the end of each sequence."""
    return torch.arange(steps, device=device) >= lengths.to(device).unsqueeze(1)


@functools.lru_cache(maxsize=4)
def _band(
    steps: int, cached: int, memory: int | None, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return what is added to the scores, (T, C + T): 0 for a step and the N before it."""
    before = torch.arange(cached, cached + steps).unsqueeze(1) - torch.arange(cached + steps)
    return _hidden((before < 0) | (before > (memory or math.inf)), dtype).to(device)


def _added(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what is added to the scores of all heads and steps, (B, 1, 1, S), by a mask (B, S)."""
    return _hidden(mask[:, None, None], dtype)


def _hidden(mask: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(mask, -torch.inf)


def _heads(x: Tensor, heads: int) -> Tensor:
    """Return the values of each head, (B, A, T, D), of (B, T, H)."""
    return x.view(*x.shape[:2], heads, x.shape[2] // heads).transpose(1, 2)


def _is_dense(q: Tensor, k: Tensor) -> bool:
    """Return whether all scores are computed at once, which is faster in bfloat16 on the CPU.

    The gradient of torch's attention took 3 to 10 times as long there (torch 2.13, AVX-512).
    """
    is_small = q.numel() // q.shape[-1] * k.shape[2] <= _MAX_DENSE_SCORES
    return q.dtype == torch.bfloat16 and q.device.type == "cpu" and is_small


def _last(past: Tensor, new: Tensor, memory: int | None) -> Tensor:
    """Return the last N steps, (B, ·, H), of those before and the new ones."""
    if past.shape[1] and (memory is None or new.shape[1] < memory):
        new = torch.cat([past, new], 1)
    return new if memory is None else new[:, -memory:]


def _normalized(x: Tensor, weight: Tensor) -> Tensor:
    return F.layer_norm(x, weight.shape, weight)
