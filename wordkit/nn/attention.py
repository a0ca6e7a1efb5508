"""Attention of each step of a decoder to the steps of the source.

Notation: S steps of the source, T steps of the target, B sequences of a batch, D size of a hidden
state, A size of the additive form.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from wordkit.nn.network import linear

__all__ = ["Attention"]


class Attention(nn.Module):
    """Weights of the steps of the source, and the mean of their values by these.

    Args:
        kind: ``dot`` or ``general`` (Luong et al. 2015, section 3.1), or ``additive`` (Bahdanau et
            al. 2015, appendix A.1.2).
        size: D.
        additive_size: A.
    """

    def __init__(self, kind: str, size: int, additive_size: int) -> None:
        super().__init__()
        self.kind = kind
        if kind == "general":
            self.weight = nn.Parameter(torch.empty(size, size))
        elif kind == "additive":
            self.query = nn.Parameter(torch.empty(additive_size, size))
            self.key = nn.Parameter(torch.empty(additive_size, size))
            self.score = nn.Parameter(torch.empty(additive_size))

    def keys(self, values: Tensor) -> Tensor | None:
        """Return what queries are compared with, (B, S, D or A); None: the values themselves.

        Args:
            values: outputs of the encoder, shape (B, S, D).
        """
        if self.kind == "dot":
            return None
        return linear(values, self.weight if self.kind == "general" else self.key)

    def forward(
        self, queries: Tensor, keys: Tensor | None, values: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the context of each step, (T, B, D), and the weights, (B, T, S), which sum to 1.

        Args:
            queries: outputs of the decoder, shape (T, B, D).
            keys: from :meth:`keys`.
            values: shape (B, S, D).
            mask: shape (B, S), true at padding; None: there is none.
        """
        x, keys = queries.transpose(0, 1), values if keys is None else keys
        if self.kind == "additive":
            x = linear(x, self.query)
        with torch.autocast(x.device.type, enabled=False):  # scores need more bits than bfloat16
            if self.kind == "additive":
                scores = _AdditiveScores.apply(x, keys, self.score)  # type: ignore[no-untyped-call]
            else:
                scores = x @ keys.transpose(1, 2)
            if mask is not None:
                scores = scores.masked_fill(mask.unsqueeze(1), -torch.inf)
            weights = scores.softmax(-1)
            return (weights @ values).transpose(0, 1), weights


class _AdditiveScores(torch.autograd.Function):
    """score · tanh(query + key), (B, T, S), a step at a time.

    All T·S sums of a query and a key would be A times as large as the scores. Those of one
    step stay in the cache, and are computed again for the gradients.
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
