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

_TILE = 1 << 17  # sums of a query and a key that are made at a time, on the CPU


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
    """score · tanh(query + key), (B, T, S), a step of some sequences at a time.

    All T·S sums of a query and a key would be A times as large as the scores. Those of one step
    stay in the cache, and are computed again for the gradients: with d for those of the scores,
    d_key = score · Σ_t d (1 − tanh²), and d_query the same summed over the source.
    """

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, score: Tensor) -> Tensor:
        ctx.save_for_backward(queries, keys, score)
        scores = queries.new_empty(*queries.shape[:2], keys.shape[1])
        for rows in _tiles(keys):
            tanh = torch.empty_like(keys[rows])
            for step, query in enumerate(queries[rows].unbind(1)):
                torch.add(keys[rows], query.unsqueeze(1), out=tanh).tanh_()
                scores[rows, step] = tanh @ score
        return scores

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        queries, keys, score = ctx.saved_tensors
        d_keys = d_scores.sum(1).unsqueeze(2).expand_as(keys).clone()
        d_queries = d_scores.sum(2).unsqueeze(2).expand_as(queries).clone()
        d_score = torch.zeros_like(score)
        for rows in _tiles(keys):
            tanh = torch.empty_like(keys[rows])
            for step, query in enumerate(queries[rows].unbind(1)):
                d = d_scores[rows, step]  # (B, S)
                torch.add(keys[rows], query.unsqueeze(1), out=tanh).tanh_()
                d_score += d.reshape(-1) @ tanh.flatten(0, 1)
                tanh.square_()
                d_keys[rows].addcmul_(tanh, d.unsqueeze(2), value=-1)
                d_queries[rows, step] -= torch.bmm(d.unsqueeze(1), tanh).squeeze(1)
        return d_queries.mul_(score), d_keys.mul_(score), d_score


def _tiles(keys: Tensor) -> list[slice]:
    """Return slices of the sequences whose keys, (B, S, A), stay in the cache of a CPU."""
    B, S, A = keys.shape
    size = max(_TILE // max(S * A, 1), 1) if keys.device.type == "cpu" else max(B, 1)
    return [slice(start, start + size) for start in range(0, B, size)]
