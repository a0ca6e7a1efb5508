"""Attention: how much each step of the decoder looks at each place of the source.

Letters: S places of the source, T steps of the target, B pairs, D width, A width of the additive
form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

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
            scores = _AdditiveScores.apply(  # type: ignore[no-untyped-call]
                queries, memory.keys, self.score
            )
        else:
            scores = queries @ memory.keys.transpose(1, 2)
        if memory.padding is not None:
            scores = scores.masked_fill(memory.padding, -torch.inf)
        weights = scores.softmax(-1)
        return (weights @ memory.values).transpose(0, 1), weights


class _AdditiveScores(torch.autograd.Function):
    """score · tanh(query + key), (B, T, S), a step at a time.

    All T·S sums of a query and a key would be A times as much as what comes of them. Those of one
    step stay in the cache, and are made once more for the gradients.
    """

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, score: Tensor) -> Tensor:
        ctx.save_for_backward(queries, keys, score)
        inner = torch.empty_like(keys)
        scores = [
            torch.add(keys, query.unsqueeze(1), out=inner).tanh_() @ score
            for query in queries.unbind(1)
        ]
        return torch.stack(scores, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        queries, keys, score = ctx.saved_tensors
        d_queries, d_keys, d_score = map(torch.zeros_like, (queries, keys, score))
        inner, d_inner = torch.empty_like(keys), torch.empty_like(keys)
        for step, query in enumerate(queries.unbind(1)):
            torch.add(keys, query.unsqueeze(1), out=inner).tanh_()
            d_step = d_scores[:, step]  # (B, S)
            d_score += d_step.reshape(-1) @ inner.flatten(0, 1)
            torch.mul(d_step.unsqueeze(2), score, out=d_inner)
            d_inner.addcmul_(d_inner, inner.square_(), value=-1)  # times 1 − tanh²
            d_keys += d_inner
            torch.sum(d_inner, 1, out=d_queries[:, step])
        return d_queries, d_keys, d_score
