"""Attention: how much each step of the decoder looks at each place of the source.

Letters: S places of the source, T steps of the target, B pairs, D width, A width of the additive
form.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from wordkit.recurrent.layer import linear
from wordkit.seq2seq.config import AttentionKind

__all__ = ["Attention", "Memory"]


@dataclass(frozen=True)
class Memory:
    """What the encoder has made of the sources, as attention wants it."""

    values: Tensor
    """What leaves its last layer, shape (B, S, D)."""

    keys: Tensor
    """What the decoder's state is compared with, shape (B, S, D or A)."""

    padding: Tensor | None
    """Shape (B, 1, S), true where there is no source; None: nowhere."""

    def take(self, pairs: Tensor) -> Memory:
        """That of some pairs, by number; one may be taken more than once."""
        padding = None if self.padding is None else self.padding.index_select(0, pairs)
        values = self.values.index_select(0, pairs)
        same = self.keys is self.values
        return Memory(values, values if same else self.keys.index_select(0, pairs), padding)


class Attention(nn.Module):
    """Weights for the places of the source, and the mean of what stands there by them.

    Args:
        kind: ``dot`` or ``general`` (Luong et al. 2015, section 3.1), or ``additive`` (Bahdanau et
            al. 2015, appendix A.1.2).
        width: D.
        width_inside: A.
    """

    def __init__(self, kind: AttentionKind, width: int, width_inside: int) -> None:
        super().__init__()
        self.kind = kind
        if kind == "general":
            self.weight = nn.Parameter(torch.empty(width, width))
        elif kind == "additive":
            self.query = nn.Parameter(torch.empty(width_inside, width))
            self.key = nn.Parameter(torch.empty(width_inside, width))
            self.score = nn.Parameter(torch.empty(width_inside))

    def remember(self, outputs: Tensor, padding: Tensor | None, precision: str) -> Memory:
        """What is needed of the sources, made once for all steps.

        Args:
            outputs: of the encoder's last layer, shape (S, B, D).
            padding: shape (S, B), true where there is no source; None: nowhere.
            precision: ``fp32`` or ``bf16``.
        """
        values = outputs.transpose(0, 1).contiguous()
        keys = values
        if self.kind == "general":
            keys = linear(values, self.weight, None, precision)
        elif self.kind == "additive":
            keys = linear(values, self.key, None, precision)
        return Memory(values, keys, None if padding is None else padding.t().unsqueeze(1))

    def forward(self, top: Tensor, memory: Memory, precision: str) -> tuple[Tensor, Tensor]:
        """The context of each step, (T, B, D), and the weights, (B, T, S), which sum to 1.

        Args:
            top: what leaves the decoder's last layer, shape (T, B, D).
            memory: from :meth:`remember`.
            precision: ``fp32`` or ``bf16``.
        """
        queries = top.transpose(0, 1)
        if self.kind == "additive":
            queries = linear(queries, self.query, None, precision)
            # (B, T, 1, A) + (B, 1, S, A)
            scores = torch.tanh(queries.unsqueeze(2) + memory.keys.unsqueeze(1)) @ self.score
        else:
            scores = queries @ memory.keys.transpose(1, 2)
        if memory.padding is not None:
            scores = scores.masked_fill(memory.padding, -torch.inf)
        weights = scores.softmax(-1)
        return (weights @ memory.values).transpose(0, 1), weights
